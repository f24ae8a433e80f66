import Files
import Foundation
import Testing

@testable import Facts

/// A source tree in memory.
private struct MemoryTree: SourceTree {
  var files: [String: String]

  func bytes(_ path: String) -> [UInt8]? { files[path].map { Array($0.utf8) } }
  func sources(under folder: String) -> [String] {
    files.keys.filter { $0.hasPrefix(folder + "/") && SourceLanguage(path: $0) != nil }.sorted()
  }
}

@Suite("FactCheck")
struct FactCheckTests {
  private static let makefile = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 95\nEXTRAVERSION =\n"

  private static let order = Fact(
    "order", "a/b/x.c", .function("go"), .holds(["first()", "second", "return -EINVAL"]), "m",
    usedBy: ["A.B"], scenarios: ["s.yaml"])

  private func result(_ fact: Fact, _ files: [String: String]) -> FactResult {
    var check = FactCheck(MemoryTree(files: ["Makefile": Self.makefile].merging(files) { $1 }))
    return check.result(fact)
  }

  @Test("a fact that stands where it should holds, with its line")
  func holds() {
    let found = result(
      Self.order, ["a/b/x.c": "\nint go(void) { first(); if (x) second(1); return -EINVAL; }"])
    #expect(found.status == .holds)
    #expect(found.line == 2)
  }

  @Test("another order is a change, and says what is missing and where")
  func changed() {
    let found = result(
      Self.order, ["a/b/x.c": "int go(void)\n{\n second(1);\n first();\n return -EINVAL; }"])
    #expect(found.status == .changed)
    #expect(found.line == 4)
    #expect(found.found.contains("'second'"))
  }

  @Test("a fact is looked for in the files around")
  func moved() {
    let body = "int go(void) { first(); second(1); return -EINVAL; }"
    #expect(result(Self.order, ["a/b/y.c": body]).status == .moved)
    let found = result(Self.order, ["a/c/y.c": body, "a/b/x.c": "int other;"])
    #expect(found.status == .moved)
    #expect(found.file == "a/c/y.c")
    let different = result(Self.order, ["a/c/y.c": "int go(void) { return 0; }"])
    #expect(different.status == .changed)
    #expect(different.file == "a/c/y.c")
  }

  @Test("what is nowhere is gone")
  func gone() {
    #expect(result(Self.order, ["a/b/x.c": "int other(void) { }"]).status == .gone)
    #expect(result(Self.order, [:]).status == .gone)
  }

  @Test("values are compared as numbers and as expressions")
  func values() {
    func fact(_ scope: Fact.Scope, _ value: String) -> Fact {
      Fact("v", "x.h", scope, .value(value), "m", usedBy: [])
    }
    let text = """
      #define BASE 0x08000000UL
      #define FLAG (1UL << 3)
      #define FIELD GENMASK_ULL(3, 1)
      enum { FIRST = 0x80, SECOND, };
      """
    for (scope, value) in [
      (.macro("BASE"), "0x8000000"), (.macro("FLAG"), "1 << 3"),
      (.macro("FIELD"), "GENMASK_ULL(3,1)"),
      (.enumerator("SECOND"), "0x81"),
    ] as [(Fact.Scope, String)] {
      #expect(result(fact(scope, value), ["x.h": text]).status == .holds, "\(value)")
    }
    let found = result(fact(.macro("BASE"), "0x9000000"), ["x.h": text])
    #expect(found.status == .changed)
    #expect(found.found == "134217728")
    #expect(result(fact(.enumerator("SECOND"), "0x82"), ["x.h": text]).found == "129")
  }

  @Test("of conditional parts one is enough")
  func conditional() {
    let fact = Fact("v", "x.h", .macro("A"), .value("2"), "m", usedBy: [])
    let text = "#ifdef X\n#define A 1\n#else\n#define A 2\n#endif"
    #expect(result(fact, ["x.h": text]).status == .holds)
  }

  @Test("lacks is about what must not stand there")
  func lacks() {
    let fact = Fact("l", "x.c", .function("f"), .lacks("LIMIT"), "m", usedBy: [])
    #expect(result(fact, ["x.c": "int f(void) { return 1; }"]).status == .holds)
    let found = result(fact, ["x.c": "int f(void)\n{\n return LIMIT; }"])
    #expect(found.status == .changed)
    #expect(found.line == 3)
  }

  @Test(
    "a fact of other releases is not looked for, and is a change where it stands all the same",
    arguments: [
      (nil, nil, [], true), ("6.13", nil, [], false), ("6.12", nil, [], true),
      (nil, "6.11", [], false), (nil, "6.12", [], true), ("7.0", nil, ["6.12.40"], true),
      ("7.0", nil, ["6.12.99"], false), ("7.0", nil, ["6.18.1"], false),
    ] as [(String?, String?, [String], Bool)])
  func releases(first: String?, last: String?, backports: [String], isDue: Bool) {
    let fact = Fact(
      "r", "x.c", .function("f"), .exists, "m", from: first.flatMap { Release($0) },
      until: last.flatMap { Release($0) }, backports: backports.compactMap { Release($0) },
      usedBy: [])
    let present = result(fact, ["x.c": "int f(void) { }"])
    #expect(present.status == (isDue ? .holds : .changed))
    let absent = result(fact, ["x.c": "int g(void) { }"])
    #expect(absent.status == (isDue ? .gone : .absent))
  }

  @Test("projects and releases are read from the trees")
  func identity() {
    func tree(_ files: [String: String]) -> (Fact.Project?, String?) {
      let check = FactCheck(MemoryTree(files: files))
      return (check.project, check.release?.description)
    }
    #expect(tree(["Makefile": Self.makefile]) == (.linux, "6.12.95"))
    #expect(tree(["Makefile": "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\n"]) == (.linux, "7.3"))
    #expect(tree(["VERSION": "10.2.2\n", "hw/arm/smmuv3.c": ""]) == (.qemu, "10.2.2"))
    #expect(
      tree([
        "cloud-hypervisor/Cargo.toml":
          "[package]\nname = \"cloud-hypervisor\"\nversion = \"48.0.0\"\n"
      ])
        == (.cloudHypervisor, "48.0.0"))
    #expect(tree(["openvmm/openvmm/Cargo.toml": ""]) == (.openvmm, nil))
    #expect(tree(["drivers/iommu/iommu.c": ""]) == (.linux, nil))
    #expect(tree(["Makefile": "all:\n"]) == (nil, nil))
  }

  @Test("a fact of another project is not in the tree")
  func otherProject() {
    let fact = Fact("q", in: .qemu, "x.c", .function("f"), .exists, "m", usedBy: [])
    #expect(result(fact, ["x.c": "int f(void) { }"]).status == .absent)
  }

  @Test("without a release a fact with bounds that does not stand is no contradiction")
  func unknownRelease() {
    var check = FactCheck(MemoryTree(files: ["drivers/iommu/iommu.c": ""]))
    let bounded = Fact(
      "u", "drivers/iommu/iommu.c", .function("f"), .exists, "m", from: "6.15", usedBy: [])
    #expect(check.result(bounded).status == .absent)
    let always = Fact("u", "drivers/iommu/iommu.c", .function("f"), .exists, "m", usedBy: [])
    #expect(check.result(always).status == .gone)
  }

  @Test("the report names what changed and the scenarios that rest on it")
  func report() throws {
    var check = FactCheck(
      MemoryTree(files: [
        "Makefile": Self.makefile, "a/b/x.c": "int go(void) { return 0; }",
        "x.h": "#define A 1",
      ]))
    let facts = [
      Self.order, Fact("a", "x.h", .macro("A"), .value("1"), "m", usedBy: [], releaseSwitch: "s"),
    ]
    let results = facts.map { check.result($0) }
    let report = FactReport(trees: [.init(name: "t", check: check, results: results)])
    #expect(report.hasBroken)
    let text = report.text(all: false)
    for line in [
      "t: linux 6.12.95", "  changed order  a/b/x.c:1", "    s: on",
      "  2 facts: 1 holds, 0 moved, 1 changed, 0 gone, 0 not in this tree",
      "  The tree changes 1 fact; these 1 scenarios rest on them: s.yaml",
    ] {
      #expect(text.contains(line), "\(line)")
    }
    let json = report.json.compactText
    #expect(json.contains("\"touchedScenarios\":[\"s.yaml\"]"))
    #expect(try JSONValue(parsing: Array(json.utf8)) != .null)
  }

  @Test("a switch that shows in another place in each range of releases has one state")
  func switchInRanges() {
    for (sources, state) in [
      (["old.c": "int f(void) { return 0; }"], "on"),
      (["old.c": "int g;", "new.c": "int g;"], "off"),
    ] {
      var files = sources
      files["Makefile"] = Self.makefile
      var check = FactCheck(MemoryTree(files: files))
      let isDue = state == "on"
      let results = [
        Fact(
          "old", "old.c", .function("f"), .exists, "m", from: isDue ? nil : "6.15", usedBy: [],
          releaseSwitch: "s"),
        Fact(
          "new", "new.c", .function("f"), .exists, "m", from: "6.15", usedBy: [], releaseSwitch: "s"
        ),
      ].map { check.result($0) }
      let text = FactReport(trees: [.init(name: "t", check: check, results: results)])
        .text(all: false)
      #expect(text.components(separatedBy: "    s: ").count == 2, "\(text)")
      #expect(text.contains("    s: \(state)\n"), "\(text)")
    }
  }
}

@Suite("Fact catalogue")
struct FactCatalogueTests {
  private static let checkout = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  @Test("there are enough facts, each with a name of its own and a meaning")
  func names() {
    #expect(Fact.all.count >= 150)
    #expect(Set(Fact.all.map(\.name)).count == Fact.all.count)
    for fact in Fact.all {
      #expect(!fact.meaning.isEmpty && !fact.usedBy.isEmpty, "\(fact.name)")
      #expect(SourceLanguage(path: fact.file) != nil, "\(fact.name)")
    }
  }

  @Test("every place that uses a fact exists in the sources")
  func users() throws {
    var texts: [String: String] = [:]
    for use in Set(Fact.all.flatMap(\.usedBy)).sorted() {
      let parts = use.split(separator: ".").map(String.init)
      guard parts.count == 2 else {
        Issue.record("'\(use)' is no Target.Symbol")
        continue
      }
      let text = try texts[parts[0]] ?? sources(of: parts[0])
      texts[parts[0]] = text
      #expect(text.contains(parts[1]), "no \(parts[1]) in Sources/\(parts[0])")
    }
  }

  private func sources(of target: String) throws -> String {
    let folder = Self.checkout.appendingPathComponent("Sources/\(target)")
    let files =
      FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    return try files.filter { $0.hasSuffix(".swift") }.map {
      try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)
    }.joined()
  }

  @Test("every scenario that rests on a fact exists")
  func scenarios() {
    for scenario in Set(Fact.all.flatMap(\.scenarios)).sorted() {
      let path = Self.checkout.appendingPathComponent("scenarios/\(scenario)").path
      #expect(FileManager.default.fileExists(atPath: path), "\(scenario)")
    }
  }

  @Test("pieces of source are read to something")
  func pieces() {
    var words = SourceWords()
    for fact in Fact.all {
      let pieces: [String] =
        switch fact.claim {
        case .exists: []
        case .value(let value): [value]
        case .holds(let pieces): pieces
        case .lacks(let piece): [piece]
        }
      for piece in pieces {
        #expect(
          !SourceLexer.read(Array(piece.utf8), .c, words: &words).tokens.isEmpty, "\(fact.name)")
      }
    }
  }
}
