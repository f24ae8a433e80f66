/// Result of checking a fact against a source tree.
package struct FactResult: Equatable, Sendable {
  package enum Status: String, CaseIterable, Sendable {
    /// It stands where the fact says.
    case holds
    /// It stands in another file.
    case moved
    /// The place is there and says something else, or says it in a release that should not.
    case changed
    /// The place is not there.
    case gone
    /// The tree is of another project, or of a release that the fact is not about.
    case absent = "not in this tree"

    /// The status as a name in JSON.
    package var key: String { self == .absent ? "notInThisTree" : rawValue }
  }

  package let fact: Fact
  package let status: Status
  /// The file, from the top of the tree, and the line, where there is one.
  package var file: String?
  package var line: Int?
  /// Source found there instead, or the reason why the fact is not looked for.
  package var found = ""

  /// Whether the tree contradicts the fact.
  package var isBroken: Bool { status == .changed || status == .gone }
}

/// The files of a tree.
package protocol SourceTree {
  /// The bytes of a file; `nil` where there is none.
  func bytes(_ path: String) -> [UInt8]?
  /// The sources below a folder, in order.
  func sources(under folder: String) -> [String]
}

/// Reads a tree's sources and compares facts with them.
package struct FactCheck {
  private let tree: any SourceTree
  /// `nil` where the tree does not tell.
  package let project: Fact.Project?
  package let release: Release?
  private var words = SourceWords()
  private var files: [String: SourceFile] = [:]

  package init(_ tree: any SourceTree) {
    self.tree = tree
    (project, release) = Self.identify(tree)
  }

  /// Bytes of one source that are read.
  private static let sizeLimit = 8 << 20

  // MARK: Whose tree it is

  private static func identify(_ tree: any SourceTree) -> (Fact.Project?, Release?) {
    func text(_ path: String) -> String? {
      tree.bytes(path).map { String(decoding: $0.prefix(1 << 16), as: UTF8.self) }
    }
    func value(_ text: String, _ name: String) -> Int? {
      text.split(separator: "\n").first { $0.hasPrefix("\(name) = ") }.flatMap {
        Int($0.dropFirst(name.count + 3).prefix { $0.isNumber })
      }
    }
    if let makefile = text("Makefile"), let version = value(makefile, "VERSION"),
      let patch = value(makefile, "PATCHLEVEL")
    {
      let numbers = [version, patch] + [value(makefile, "SUBLEVEL") ?? 0]
      return (.linux, Release(numbers: numbers.last == 0 ? Array(numbers.prefix(2)) : numbers))
    }
    if tree.bytes("hw/arm/smmuv3.c") != nil || tree.bytes("hw/vfio/pci.c") != nil {
      return (.qemu, text("VERSION").flatMap { Release($0) })
    }
    if tree.bytes("vm/devices/pci/pcie/Cargo.toml") != nil
      || tree.bytes("openvmm/openvmm/Cargo.toml") != nil
    {
      return (.openvmm, nil)
    }
    if let cargo = text("cloud-hypervisor/Cargo.toml") ?? text("Cargo.toml"),
      cargo.contains("cloud-hypervisor")
    {
      let line = cargo.split(separator: "\n").first { $0.hasPrefix("version = \"") }
      return (.cloudHypervisor, line.flatMap { Release(String($0.dropFirst(11))) })
    }
    // Parts of a kernel without its Makefile.
    let kernel = [
      "drivers/iommu/iommu.c", "drivers/irqchip/irq-gic-v3-its.c", "include/linux/msi.h",
      "drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c", "include/uapi/linux/iommufd.h",
    ]
    return (kernel.contains { tree.bytes($0) != nil } ? .linux : nil, nil)
  }

  // MARK: One fact

  package mutating func result(_ fact: Fact) -> FactResult {
    guard fact.project == project else {
      return FactResult(
        fact: fact, status: .absent, found: "this is no tree of \(fact.project.rawValue)")
    }
    let isDue = release.map { fact.releases.contains($0) } ?? true
    let here = evaluate(fact, in: fact.file)
    if case .holds(let line) = here {
      return isDue
        ? FactResult(fact: fact, status: .holds, file: fact.file, line: line)
        : FactResult(
          fact: fact, status: .changed, file: fact.file, line: line,
          found: "stands in \(release?.description ?? "this release"), and the fact is "
            + fact.releases.description)
    }
    if !isDue || (release == nil && fact.releases != .all) {
      return FactResult(
        fact: fact, status: .absent, found: "the fact is \(fact.releases.description)")
    }
    if case .differs(let line, let found) = here {
      return FactResult(fact: fact, status: .changed, file: fact.file, line: line, found: found)
    }
    return elsewhere(fact)
  }

  /// Looks for a fact in the other sources near the file that it names.
  private mutating func elsewhere(_ fact: Fact) -> FactResult {
    guard let name = fact.scope.name else {
      return FactResult(fact: fact, status: .gone, found: "no file \(fact.file)")
    }
    let needle = Array(name.utf8)
    var folder = fact.file
    var differing: FactResult?
    var seen: Set<String> = [fact.file]
    // The folder of the file, and those above it as far as they are not the whole tree.
    for _ in 0..<3 {
      guard let slash = folder.lastIndex(of: "/") else { break }
      folder = String(folder[..<slash])
      for path in tree.sources(under: folder) where seen.insert(path).inserted {
        guard let bytes = tree.bytes(path), contains(bytes, needle) else { continue }
        switch evaluate(fact, in: path) {
        case .holds(let line):
          return FactResult(fact: fact, status: .moved, file: path, line: line)
        case .differs(let line, let found):
          differing =
            differing
            ?? FactResult(fact: fact, status: .changed, file: path, line: line, found: found)
        case .missing: break
        }
      }
    }
    return differing
      ?? FactResult(
        fact: fact, status: .gone,
        found: files[fact.file] == nil ? "no file \(fact.file)" : "no \(fact.scope.description)")
  }

  private func contains(_ bytes: [UInt8], _ needle: [UInt8]) -> Bool {
    guard let first = needle.first, bytes.count >= needle.count else { return false }
    var index = 0
    while let next = bytes[index...].firstIndex(of: first), next + needle.count <= bytes.count {
      if bytes[next..<(next + needle.count)].elementsEqual(needle) { return true }
      index = next + 1
    }
    return false
  }

  private enum Evaluation {
    case holds(line: Int)
    case differs(line: Int, found: String)
    case missing
  }

  private mutating func file(_ path: String) -> SourceFile? {
    if let known = files[path] { return known }
    guard let language = SourceLanguage(path: path), let bytes = tree.bytes(path),
      bytes.count <= Self.sizeLimit
    else { return nil }
    let file = SourceFile(bytes, language, words: &words)
    files[path] = file
    return file
  }

  private mutating func evaluate(_ fact: Fact, in path: String) -> Evaluation {
    guard let file = file(path) else { return .missing }
    let parts = parts(of: fact.scope, in: file)
    guard !parts.isEmpty else { return .missing }
    var first: Evaluation?
    // One of several definitions will do: they stand on both sides of an #if.
    for part in parts {
      let evaluation = evaluate(fact.claim, in: part, value: value(of: fact.scope, in: file))
      if case .holds = evaluation { return evaluation }
      first = first ?? evaluation
    }
    return first ?? .missing
  }

  private mutating func parts(of scope: Fact.Scope, in file: SourceFile) -> [SourceFile.Part] {
    switch scope {
    case .file: [SourceFile.Part(line: 1, tokens: file.tokens[...])]
    case .function(let name): file.functions[words.word(name)] ?? []
    case .macro(let name): file.macros[words.word(name)] ?? []
    case .structure(let name): file.structures[words.word(name)] ?? []
    case .constant(let name): file.constants[words.word(name)] ?? []
    case .enumerator(let name):
      file.enumerators[words.word(name)].map {
        [SourceFile.Part(line: $0.line, tokens: $0.tokens)]
      } ?? []
    }
  }

  private mutating func value(of scope: Fact.Scope, in file: SourceFile) -> Int64? {
    guard case .enumerator(let name) = scope else { return nil }
    return file.enumerators[words.word(name)]?.value
  }

  private mutating func evaluate(
    _ claim: Fact.Claim, in part: SourceFile.Part, value: Int64?
  ) -> Evaluation {
    let line = Int(part.line)
    switch claim {
    case .exists: return .holds(line: line)
    case .value(let text):
      let wanted = stripped(
        tokens(text).map { SourceToken(word: $0, line: 0) }[...]
      ).map(\.word)
      if let value, wanted.count == 1, words.spelling(wanted[0]) == "\(value)" {
        return .holds(line: line)
      }
      if stripped(part.tokens).map(\.word) == wanted { return .holds(line: line) }
      return .differs(
        line: line, found: value.map { "\($0)" } ?? short(words.text(part.tokens.prefix(24))))
    case .holds(let pieces):
      var start = part.tokens.startIndex
      var at = line
      for piece in pieces {
        guard let found = find(tokens(piece), in: part.tokens[start...]) else {
          return .differs(
            line: start == part.tokens.startIndex ? line : at,
            found: start == part.tokens.startIndex
              ? "no '\(piece)'" : "no '\(piece)' after line \(at)")
        }
        at = Int(part.tokens[found.lowerBound].line)
        start = found.upperBound
      }
      return .holds(line: line)
    case .lacks(let piece):
      guard let found = find(tokens(piece), in: part.tokens) else { return .holds(line: line) }
      return .differs(
        line: Int(part.tokens[found.lowerBound].line), found: "'\(piece)' stands there")
    }
  }

  private func short(_ text: String) -> String { text.isEmpty ? "nothing" : text }

  /// The words of a piece of source.
  private mutating func tokens(_ text: String) -> [Int32] {
    SourceLexer.read(Array(text.utf8), .c, words: &words).tokens.map(\.word)
  }

  /// A value without the parentheses around it.
  private mutating func stripped(_ tokens: ArraySlice<SourceToken>) -> ArraySlice<SourceToken> {
    let open = words.word("(")
    let close = words.word(")")
    var tokens = tokens
    while let first = tokens.first, let last = tokens.last, tokens.count > 2,
      first.word == open && last.word == close
    {
      // Only where they belong to each other.
      var depth = 0
      var isPair = true
      for token in tokens.dropLast() {
        depth += token.word == open ? 1 : token.word == close ? -1 : 0
        if depth == 0 { isPair = false }
      }
      guard isPair else { break }
      tokens = tokens.dropFirst().dropLast()
    }
    return tokens
  }

  private func find(_ piece: [Int32], in tokens: ArraySlice<SourceToken>) -> Range<Int>? {
    guard let first = piece.first, tokens.count >= piece.count else { return nil }
    var index = tokens.startIndex
    let last = tokens.endIndex - piece.count
    while index <= last {
      if tokens[index].word == first {
        var length = 1
        while length < piece.count, tokens[index + length].word == piece[length] { length += 1 }
        if length == piece.count { return index..<(index + length) }
      }
      index += 1
    }
    return nil
  }
}
