import Foundation

/// The public declarations of a source file, as its text has them.
///
/// It knows as much of Swift as finds them: comments and texts, braces, and what a declaration begins
/// with. A declaration is told by its type's name, its own name and all that a caller sees: parameters
/// and results, but no bodies and no values.
struct PublicSymbols {
  /// One declaration, such as `SMMU.TranslationCache: public func lookup(...) -> Entry?`.
  private(set) var lines: [String] = []

  private struct Scope {
    /// The name of the type; `nil` for a body.
    let name: String?
    /// Whether members are public without saying so: those of a protocol or a public extension.
    let isOpen: Bool
    /// Whether cases are public.
    let hasCases: Bool
  }

  private let module: String
  private var scopes: [Scope] = []

  init(_ source: String, module: String) {
    self.module = module
    var statement = ""
    var depth = 0
    let text = Array(Self.plain(source))
    var index = 0
    while index < text.count {
      let character = text[index]
      index += 1
      switch character {
      case "(", "[":
        depth += 1
        statement.append(character)
      case ")", "]":
        depth -= 1
        statement.append(character)
      case "{" where depth <= 0:
        open(statement)
        statement = ""
      case "}" where depth <= 0:
        close(statement)
        statement = ""
      case "\n" where depth <= 0 && !Self.goesOn(statement, text[index...]), ";" where depth <= 0:
        take(statement)
        statement = ""
      case "\n": statement.append(" ")
      default: statement.append(character)
      }
    }
  }

  // MARK: Scopes

  private mutating func open(_ statement: String) {
    take(statement)
    let words = Self.words(statement)
    let kinds: Set = ["struct", "enum", "class", "protocol", "extension", "actor"]
    guard let place = words.firstIndex(where: kinds.contains), place + 1 < words.count,
      !words[..<place].contains("case"), !words[..<place].contains("func")
    else {
      scopes.append(Scope(name: nil, isOpen: false, hasCases: false))
      return
    }
    let isPublic = words[..<place].contains("public") || scopes.last?.isOpen == true
    let kind = words[place]
    scopes.append(
      Scope(
        name: String(words[place + 1].prefix { !"<:".contains($0) })
          + (words.firstIndex(of: "where").map {
            " " + words[$0...].joined(separator: " ").replacing(": ", with: ":")
          } ?? ""),
        isOpen: isPublic && (kind == "protocol" || kind == "extension"),
        hasCases: isPublic && kind == "enum"))
  }

  private mutating func close(_ statement: String) {
    take(statement)
    _ = scopes.popLast()
  }

  // MARK: Declarations

  private mutating func take(_ statement: String) {
    let words = Self.words(statement)
    guard let first = words.first, scopes.allSatisfy({ $0.name != nil }) else { return }
    let isCase = first == "case" || words.starts(with: ["indirect", "case"])
    let isDeclared =
      words.contains("public") && !words.contains("import")
      || scopes.last?.hasCases == true && isCase
      || scopes.last?.isOpen == true
        && words.contains { ["func", "var", "init", "subscript", "associatedtype"].contains($0) }
    guard isDeclared, !words.contains("extension") else { return }
    let whole = words.filter { !$0.hasPrefix("@") }.joined(separator: " ")
    let text = isCase ? whole : Self.withoutValue(whole)
    let path = ([module] + scopes.compactMap(\.name)).joined(separator: ".")
    lines.append("\(path): \(text)")
  }

  /// What a reader of the change log finds a declaration by: `Module.Type.name`.
  static func name(of line: String) -> String {
    let parts = line.split(separator: ": ", maxSplits: 1)
    let words = (parts.last ?? "").split { " (:<,".contains($0) }
    let kinds: Set<Substring> = [
      "func", "var", "let", "case", "struct", "enum", "class", "protocol", "typealias", "actor",
      "associatedtype",
    ]
    let path = parts.first.map(String.init) ?? ""
    guard let kind = words.firstIndex(where: kinds.contains), kind + 1 < words.count else {
      return path + (words.contains("subscript") ? ".subscript" : ".init")
    }
    return "\(path).\(words[kind + 1])"
  }

  // MARK: Text

  /// A declaration without the value that it is given; values of parameters stay.
  private static func withoutValue(_ text: String) -> String {
    var depth = 0
    for index in text.indices {
      switch text[index] {
      case "(", "[": depth += 1
      case ")", "]": depth -= 1
      case " " where depth == 0 && text[index...].hasPrefix(" = "): return String(text[..<index])
      default: continue
      }
    }
    return text
  }

  private static func words(_ statement: String) -> [String] {
    statement.split(whereSeparator: \.isWhitespace).map(String.init)
  }

  /// Whether the next line belongs to the statement.
  private static func goesOn(_ statement: String, _ rest: ArraySlice<Character>) -> Bool {
    guard let last = statement.last(where: { !$0.isWhitespace }) else { return true }
    if ",:=&|>".contains(last) && !statement.hasSuffix(">") { return true }
    // An attribute stands before what it is about.
    if words(statement).allSatisfy({ $0.hasPrefix("@") }) { return true }
    let next = rest.drop { $0.isWhitespace }
    return ["->", "where ", "throws", "async", "{", ".", ":", "?", "&&", "||", "= "].contains {
      next.starts(with: Array($0))
    }
  }

  /// The source without comments, and with empty texts.
  private static func plain(_ source: String) -> String {
    source
      .replacing(#/"""[\s\S]*?"""/#, with: "\"\"")
      .replacing(#/\/\*[\s\S]*?\*\//#, with: "")
      .split(separator: "\n", omittingEmptySubsequences: false)
      .map {
        $0.replacing(#/"(\\.|[^"\\])*"/#, with: "\"\"").replacing(#/\/\/.*/#, with: "")
      }
      .joined(separator: "\n")
  }
}

extension PublicSymbols {
  /// The public declarations of the library product, in order.
  static func ofLibrary(in repository: String) throws -> [String] {
    let manifest = try String(contentsOfFile: "\(repository)/Package.swift", encoding: .utf8)
    let product = /name: "DoorbellModels",\s*targets: \[([^\]]*)\]/
    let modules =
      manifest.firstMatch(of: product)?.1.matches(of: /"(\w+)"/).map { String($0.1) } ?? []
    return try modules.flatMap { module -> [String] in
      let folder = "\(repository)/Sources/\(module)"
      return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        .filter { $0.hasSuffix(".swift") }.flatMap { file in
          let source = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
          return PublicSymbols(source, module: module).lines
        }
    }.sorted()
  }
}
