/// A language whose sources are read.
package enum SourceLanguage: Sendable {
  case c, rust

  /// By a file's name; `nil` for what is neither.
  package init?(path: String) {
    if path.hasSuffix(".c") || path.hasSuffix(".h") || path.hasSuffix(".S") {
      self = .c
    } else if path.hasSuffix(".rs") {
      self = .rust
    } else {
      return nil
    }
  }
}

/// A word, number, text or sign of a source, as a number that stands for its spelling.
package struct SourceToken: Equatable, Sendable {
  package let word: Int32
  /// Counted from 1.
  package let line: Int32
}

/// The spellings of tokens, each once. Numbers are spelled alike whatever their base and suffix:
/// `0x10UL` is `16`.
package struct SourceWords: Sendable {
  private var numbers: [ArraySlice<UInt8>: Int32] = [:]
  private var spellings: [String] = []

  package init() {}

  mutating func word(_ spelling: ArraySlice<UInt8>) -> Int32 {
    if let known = numbers[spelling] { return known }
    let number = Int32(truncatingIfNeeded: spellings.count)
    numbers[ArraySlice(Array(spelling))] = number
    spellings.append(String(decoding: spelling, as: UTF8.self))
    return number
  }

  mutating func word(_ spelling: String) -> Int32 { word(ArraySlice(Array(spelling.utf8))) }

  package func spelling(_ word: Int32) -> String {
    spellings.indices.contains(Int(word)) ? spellings[Int(word)] : ""
  }

  func text(_ tokens: some Sequence<SourceToken>) -> String {
    tokens.map { spelling($0.word) }.joined(separator: " ")
  }
}

/// Takes a source of C or Rust apart: comments and blanks go, lines of the preprocessor are kept
/// apart. It reads no included file and expands no macro; of `#if` it reads both sides.
struct SourceLexer {
  private let bytes: [UInt8]
  private let language: SourceLanguage
  private var position = 0
  private var line: Int32 = 1
  /// The tokens outside lines of the preprocessor.
  private(set) var tokens: [SourceToken] = []
  /// The tokens of each `#define`, the name first.
  private(set) var definitions: [[SourceToken]] = []

  static func read(
    _ bytes: [UInt8], _ language: SourceLanguage, words: inout SourceWords
  ) -> SourceLexer {
    var lexer = SourceLexer(bytes: bytes, language: language)
    lexer.tokens.reserveCapacity(bytes.count / 5)
    lexer.run(&words)
    return lexer
  }

  private init(bytes: [UInt8], language: SourceLanguage) {
    self.bytes = bytes
    self.language = language
  }

  private func peek(_ distance: Int = 0) -> UInt8 {
    let index = position + distance
    return index < bytes.count ? bytes[index] : 0
  }

  private mutating func run(_ words: inout SourceWords) {
    var isLineStart = true
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case 0x0a:
        line &+= 1
        position += 1
        isLineStart = true
        continue
      case 0x20, 0x09, 0x0d, 0x0c:
        position += 1
        continue
      case 0x2f where peek(1) == 0x2f || peek(1) == 0x2a:
        skipComment()
        continue
      case 0x23 where isLineStart && language == .c:
        directive(&words)
        continue
      default: break
      }
      isLineStart = false
      if let token = token(&words) { tokens.append(token) }
    }
  }

  private mutating func skipComment() {
    if peek(1) == 0x2f {
      while position < bytes.count, bytes[position] != 0x0a { position += 1 }
      return
    }
    var depth = 0
    while position < bytes.count {
      if peek() == 0x2f && peek(1) == 0x2a && (depth == 0 || language == .rust) {
        depth += 1
        position += 2
      } else if peek() == 0x2a && peek(1) == 0x2f {
        depth -= 1
        position += 2
        if depth == 0 { return }
      } else {
        if peek() == 0x0a { line &+= 1 }
        position += 1
      }
    }
  }

  /// A line of the preprocessor with those that continue it; a `#define` is kept.
  private mutating func directive(_ words: inout SourceWords) {
    position += 1
    var found: [SourceToken] = []
    while position < bytes.count {
      let byte = bytes[position]
      if byte == 0x5c && (peek(1) == 0x0a || (peek(1) == 0x0d && peek(2) == 0x0a)) {
        position += peek(1) == 0x0a ? 2 : 3
        line &+= 1
      } else if byte == 0x0a {
        break
      } else if byte == 0x20 || byte == 0x09 || byte == 0x0d {
        position += 1
      } else if byte == 0x2f && (peek(1) == 0x2f || peek(1) == 0x2a) {
        skipComment()
      } else if let token = token(&words) {
        found.append(token)
      }
    }
    guard let first = found.first, words.spelling(first.word) == "define", found.count > 1 else {
      return
    }
    definitions.append(Array(found.dropFirst()))
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte)
      || byte == 0x5f || byte >= 0x80
  }

  private mutating func token(_ words: inout SourceWords) -> SourceToken? {
    let start = position
    let startLine = line
    let byte = bytes[position]
    if (0x30...0x39).contains(byte) { return number(&words) }
    if byte == 0x22 || byte == 0x27 {
      quoted(byte)
    } else if Self.isWord(byte) {
      while position < bytes.count, Self.isWord(bytes[position]) { position += 1 }
      // r"...", r#"..."#, b"..." of Rust, L"..." of C.
      if position - start <= 2, peek() == 0x22 || (peek() == 0x23 && language == .rust) {
        rawOrQuoted(from: start)
      }
    } else {
      position += 1
      // Two signs that are one: the arrow alone matters for reading sequences.
      if (byte == 0x2d && peek() == 0x3e) || (byte == 0x3a && peek() == 0x3a) { position += 1 }
    }
    return SourceToken(word: words.word(bytes[start..<position]), line: startLine)
  }

  private mutating func quoted(_ quote: UInt8) {
    position += 1
    // A lifetime of Rust has no end: 'a followed by no quote.
    if quote == 0x27 && language == .rust && peek() != 0x5c && peek(1) != 0x27 {
      while position < bytes.count, Self.isWord(bytes[position]) { position += 1 }
      return
    }
    while position < bytes.count, bytes[position] != quote {
      if bytes[position] == 0x5c { position += 1 }
      if peek() == 0x0a {
        if quote == 0x27 || language == .c { return }
        line &+= 1
      }
      position += 1
    }
    position = min(position + 1, bytes.count)
  }

  private mutating func rawOrQuoted(from start: Int) {
    guard bytes[start] == 0x72 || (bytes[start] == 0x62 && peek(-1) == 0x72) else {
      if peek() == 0x22 { quoted(0x22) }
      return
    }
    var hashes = 0
    while peek(hashes) == 0x23 { hashes += 1 }
    guard peek(hashes) == 0x22 else { return }
    position += hashes + 1
    while position < bytes.count {
      if bytes[position] == 0x22, (0..<hashes).allSatisfy({ peek(1 + $0) == 0x23 }) {
        position += hashes + 1
        return
      }
      if bytes[position] == 0x0a { line &+= 1 }
      position += 1
    }
  }

  private mutating func number(_ words: inout SourceWords) -> SourceToken {
    let start = position
    while position < bytes.count, Self.isWord(bytes[position]) || isFraction { position += 1 }
    let spelling = bytes[start..<position]
    guard let value = Self.value(spelling) else {
      return SourceToken(word: words.word(spelling), line: line)
    }
    return SourceToken(word: words.word("\(value)"), line: line)
  }

  private var isFraction: Bool { bytes[position] == 0x2e && (0x30...0x39).contains(peek(1)) }

  /// An integer's value without separators and suffixes.
  static func value(_ spelling: some Sequence<UInt8>) -> UInt64? {
    var text = String(decoding: spelling.filter { $0 != 0x5f }, as: UTF8.self).lowercased()
    let isHex = text.hasPrefix("0x")
    let radix = isHex ? 16 : text.hasPrefix("0b") ? 2 : text.hasPrefix("0o") ? 8 : 10
    if radix != 10 { text = String(text.dropFirst(2)) }
    for suffix in ["usize", "isize", "u64", "u32", "u16", "u8", "i64", "i32", "i16", "i8"]
    where text.hasSuffix(suffix) && (!isHex || suffix.hasPrefix("u") || suffix.hasPrefix("i")) {
      text = String(text.dropLast(suffix.count))
      break
    }
    while let last = text.last, last == "u" || last == "l" { text.removeLast() }
    if radix == 10, text.count > 1, text.hasPrefix("0") { return UInt64(text, radix: 8) }
    return UInt64(text, radix: radix)
  }
}
