/// A source as far as facts look at it: its functions, macros, enumerators, structures and constants,
/// each with the tokens of its definition.
struct SourceFile {
  struct Part {
    /// Of the definition's first token.
    let line: Int32
    /// A function's body, a macro's or constant's value, a structure's members.
    let tokens: ArraySlice<SourceToken>
  }

  let tokens: [SourceToken]
  private(set) var functions: [Int32: [Part]] = [:]
  private(set) var macros: [Int32: [Part]] = [:]
  private(set) var structures: [Int32: [Part]] = [:]
  private(set) var constants: [Int32: [Part]] = [:]
  /// Each with its value, where that is a number or follows from those before it.
  private(set) var enumerators:
    [Int32: (line: Int32, value: Int64?, tokens: ArraySlice<SourceToken>)] =
      [:]

  init(_ bytes: [UInt8], _ language: SourceLanguage, words: inout SourceWords) {
    let lexer = SourceLexer.read(bytes, language, words: &words)
    tokens = lexer.tokens
    let signs = Signs(&words)
    for definition in lexer.definitions { addMacro(definition[...], signs) }
    readScopes(language, signs, words)
  }

  /// Words that structure a source.
  private struct Signs {
    let open, close, brace, unbrace, semicolon, equals, comma, colon, bracket, unbracket: Int32
    let structure, union, enumeration, function, constant, statics, fixed, typedef, shift,
      pipe: Int32
    let less, minus, mutable: Int32

    init(_ words: inout SourceWords) {
      open = words.word("(")
      close = words.word(")")
      brace = words.word("{")
      unbrace = words.word("}")
      semicolon = words.word(";")
      equals = words.word("=")
      comma = words.word(",")
      colon = words.word(":")
      bracket = words.word("[")
      unbracket = words.word("]")
      structure = words.word("struct")
      union = words.word("union")
      enumeration = words.word("enum")
      function = words.word("fn")
      constant = words.word("const")
      statics = words.word("static")
      fixed = words.word("fixed")
      typedef = words.word("typedef")
      shift = words.word("<")
      pipe = words.word("|")
      less = shift
      minus = words.word("-")
      mutable = words.word("mut")
    }
  }

  /// `NAME value` or `NAME(arguments) value`.
  private mutating func addMacro(_ tokens: ArraySlice<SourceToken>, _ signs: Signs) {
    guard let name = tokens.first else { return }
    macros[name.word, default: []].append(Part(line: name.line, tokens: tokens.dropFirst()))
  }

  /// The position of the sign that closes the one at `start`; the end where there is none.
  private func closing(_ start: Int, _ open: Int32, _ close: Int32) -> Int {
    var depth = 0
    var index = start
    while index < tokens.count {
      if tokens[index].word == open { depth += 1 }
      if tokens[index].word == close {
        depth -= 1
        if depth == 0 { return index }
      }
      index += 1
    }
    return tokens.count - 1
  }

  private mutating func readScopes(
    _ language: SourceLanguage, _ signs: Signs, _ words: SourceWords
  ) {
    var index = 0
    while index < tokens.count {
      let word = tokens[index].word
      if word == signs.enumeration {
        index = readEnumeration(at: index, signs, words)
      } else if word == signs.structure || word == signs.union {
        index = readStructure(at: index, signs)
      } else if language == .rust {
        index = readRust(at: index, signs)
      } else {
        index = readC(at: index, signs, words)
      }
    }
  }

  // MARK: Enumerations and structures

  /// Reads what stands in braces after `enum`, and goes on behind the opening brace for Rust's enums
  /// with contents, behind the closing one otherwise.
  private mutating func readEnumeration(at start: Int, _ signs: Signs, _ words: SourceWords) -> Int
  {
    var index = start + 1
    // A name, a type, generics.
    while index < tokens.count, index < start + 12, tokens[index].word != signs.brace {
      if [signs.semicolon, signs.close, signs.equals, signs.comma, signs.open].contains(
        tokens[index].word)
      {
        return start + 1
      }
      index += 1
    }
    guard index < tokens.count, tokens[index].word == signs.brace else { return start + 1 }
    let end = closing(index, signs.brace, signs.unbrace)
    if start + 1 < index {
      structures[tokens[start + 1].word, default: []].append(
        Part(line: tokens[start].line, tokens: tokens[index..<min(end + 1, tokens.count)]))
    }
    var next: Int64? = 0
    index += 1
    while index < end {
      let name = tokens[index]
      var stop = index + 1
      var depth = 0
      while stop < end, depth > 0 || tokens[stop].word != signs.comma {
        let word = tokens[stop].word
        if word == signs.open || word == signs.brace || word == signs.bracket { depth += 1 }
        if word == signs.close || word == signs.unbrace || word == signs.unbracket { depth -= 1 }
        stop += 1
      }
      let rest = tokens[(index + 1)..<stop]
      if rest.first?.word == signs.equals { next = value(rest.dropFirst(), signs, words) }
      enumerators[name.word] = (name.line, next, rest.dropFirst())
      next = next.flatMap { $0 == .max ? nil : $0 + 1 }
      index = stop + 1
    }
    return end + 1
  }

  /// The value of numbers and known enumerators, shifted (`1 << 2`) or joined (`|`); `nil` for others.
  private func value(
    _ tokens: ArraySlice<SourceToken>, _ signs: Signs, _ words: SourceWords
  ) -> Int64? {
    let inner = tokens.filter { $0.word != signs.open && $0.word != signs.close }
    func number(_ token: SourceToken) -> Int64? {
      Int64(words.spelling(token.word)) ?? enumerators[token.word]?.value
    }
    switch inner.count {
    case 1: return number(inner[0])
    case 2 where inner[0].word == signs.minus: return number(inner[1]).map { -$0 }
    case 3 where inner[1].word == signs.pipe:
      guard let one = number(inner[0]), let two = number(inner[2]) else { return nil }
      return one | two
    case 4 where inner[1].word == signs.shift && inner[2].word == signs.shift:
      guard let one = number(inner[0]), let two = number(inner[3]), (0..<63).contains(two) else {
        return nil
      }
      return one << two
    default: return nil
    }
  }

  private mutating func readStructure(at start: Int, _ signs: Signs) -> Int {
    guard start + 2 < tokens.count else { return start + 1 }
    let name = tokens[start + 1]
    var open = start + 2
    // Generics and attributes may stand between.
    while open < tokens.count, open < start + 14, tokens[open].word != signs.brace {
      let word = tokens[open].word
      if word == signs.semicolon || word == signs.equals || word == signs.close
        || word == signs.comma || word == signs.open
      {
        return start + 1
      }
      open += 1
    }
    guard open < tokens.count, tokens[open].word == signs.brace else { return start + 1 }
    // `struct name {` and not `struct name *function() {`.
    let end = closing(open, signs.brace, signs.unbrace)
    structures[name.word, default: []].append(
      Part(line: tokens[start].line, tokens: tokens[open...end]))
    return open + 1
  }

  // MARK: Functions and constants

  /// A function of C: a name, parentheses and braces at the level of the file.
  private mutating func readC(at start: Int, _ signs: Signs, _ words: SourceWords) -> Int {
    let word = tokens[start].word
    if word == signs.equals {
      // An initialiser: `type name = value;`.
      guard start > 0 else { return start + 1 }
      let end = statementEnd(from: start, signs)
      var name = start - 1
      // Past `[SIZE]` and attributes such as `__initdata`.
      while name > 0 {
        if tokens[name].word == signs.unbracket {
          while name > 0, tokens[name].word != signs.bracket { name -= 1 }
        } else if !words.spelling(tokens[name].word).hasPrefix("__") {
          break
        }
        name -= 1
      }
      if name >= 0 {
        constants[tokens[name].word, default: []].append(
          Part(line: tokens[name].line, tokens: tokens[(start + 1)..<end]))
      }
      return end
    }
    guard word == signs.open, start > 0 else { return start + 1 }
    let close = closing(start, signs.open, signs.close)
    guard close + 1 < tokens.count else { return close + 1 }
    // Attributes with parentheses may follow, such as `__acquires(lock)`.
    var open = close + 1
    while open < tokens.count, open < close + 8, tokens[open].word != signs.brace {
      if tokens[open].word == signs.semicolon || tokens[open].word == signs.equals { break }
      open = tokens[open].word == signs.open ? closing(open, signs.open, signs.close) + 1 : open + 1
    }
    guard open < tokens.count, tokens[open].word == signs.brace else { return close + 1 }
    let end = closing(open, signs.brace, signs.unbrace)
    functions[tokens[start - 1].word, default: []].append(
      Part(line: tokens[start - 1].line, tokens: tokens[open...end]))
    return end + 1
  }

  /// The position of the semicolon that ends a statement, past braces.
  private func statementEnd(from start: Int, _ signs: Signs) -> Int {
    var index = start
    while index < tokens.count, tokens[index].word != signs.semicolon {
      index =
        tokens[index].word == signs.brace
        ? closing(index, signs.brace, signs.unbrace) + 1 : index + 1
    }
    return min(index, tokens.count)
  }

  /// `fn name(...) {` and `const NAME: T = value;` at any depth.
  private mutating func readRust(at start: Int, _ signs: Signs) -> Int {
    let word = tokens[start].word
    guard start + 1 < tokens.count else { return start + 1 }
    let name = tokens[start + 1]
    if word == signs.function {
      var open = start + 2
      while open < tokens.count, tokens[open].word != signs.brace {
        if tokens[open].word == signs.semicolon { return open }
        open =
          tokens[open].word == signs.open ? closing(open, signs.open, signs.close) + 1 : open + 1
      }
      guard open < tokens.count else { return tokens.count }
      let end = closing(open, signs.brace, signs.unbrace)
      functions[name.word, default: []].append(Part(line: name.line, tokens: tokens[open...end]))
      return open + 1
    }
    if word == signs.constant || word == signs.statics {
      var equals = start + 2
      while equals < tokens.count, tokens[equals].word != signs.equals {
        let word = tokens[equals].word
        if word == signs.semicolon || word == signs.brace || word == signs.comma
          || word == signs.close
        {
          return start + 1
        }
        equals += 1
      }
      guard equals < tokens.count else { return tokens.count }
      let end = statementEnd(from: equals, signs)
      constants[name.word, default: []].append(
        Part(line: name.line, tokens: tokens[(equals + 1)..<end]))
      return equals + 1
    }
    return start + 1
  }
}
