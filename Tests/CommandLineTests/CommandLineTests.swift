import Foundation
import ResultFixtures
import Testing

@Suite("doorbell")
struct CommandLineTests {
  @Test("every command's help explains, gives the exit status, and fits 80 columns")
  func help() throws {
    let commands = try CommandTree().commands
    #expect(commands.count > 25)
    for command in commands {
      let run = try Run(arguments: command.path + ["--help"])
      #expect(run.status == 0, "\(command.path)")
      #expect(run.error.isEmpty, "\(command.path)")
      #expect(run.output.hasPrefix("OVERVIEW: "), "\(command.path)")
      #expect(run.output.contains("EXIT STATUS"), "\(command.path)")
      #expect(run.output.contains("USAGE: doorbell"), "\(command.path)")
      for line in run.output.split(separator: "\n") {
        #expect(line.count <= 80, "\(command.path): \(line)")
      }
      for word in ["nobody", "somebody", "came to", "takes for", "whoever"] {
        #expect(!run.output.lowercased().contains(word), "\(command.path): \(word)")
      }
    }
  }

  @Test(
    "a mistyped command is told from an unknown one",
    arguments: [
      (["comapre"], "doorbell: error: Unexpected argument 'comapre'; did you mean 'compare'?"),
      (["designs", "shwo"], "doorbell: error: Unexpected argument 'shwo'; did you mean 'show'?"),
      (["costs", "chekc"], "doorbell: error: Unexpected argument 'chekc'; did you mean 'check'?"),
    ])
  func mistyped(arguments: [String], expected: String) throws {
    let run = try Run(arguments: arguments)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(run.error.split(separator: "\n").first.map(String.init) == expected)
  }

  @Test("--version is a semantic version with the commit and the releases that models distinguish")
  func version() throws {
    let run = try Run("--version")
    #expect(run.status == 0)
    let text = run.output.split(separator: "\n").first.map(String.init) ?? ""
    #expect(text.firstMatch(of: /^[0-9]+\.[0-9]+\.[0-9]+/) != nil, "\(text)")
    #expect(run.output.contains("Linux "))
    let changes = try String(contentsOfFile: "\(repository)/CHANGELOG.md", encoding: .utf8)
    let number = text.split(separator: " ").first.map(String.init) ?? ""
    #expect(changes.contains("\n## \(number)\n"), "CHANGELOG.md has no section for \(number)")
  }

  @Test(
    "what commands print as JSON has the schema that 'schema output' prints",
    arguments: [
      ("compare", ["compare", "synthetic-4-vectors"]),
      ("compare", ["compare", "synthetic-4-vectors", "--guest-usage", "vfio"]),
      (
        "compareMatrix",
        [
          "compare", "synthetic-4-vectors", "--matrix", "--axis", "guest-usage=vfio", "--design",
          "cookie",
        ]
      ),
      ("attack", ["attack", "synthetic-4-vectors", "--design", "untrapped"]),
      ("releasesList", ["releases", "list"]),
      ("explain", ["explain", "synthetic-4-vectors"]),
      ("explain", ["explain", "synthetic-4-vectors", "--guest-usage", "vfio", "--setup"]),
      ("explainDiff", ["explain", "synthetic-4-vectors", "--diff", "untrapped"]),
      ("explainScript", ["explain", "scenarios/policy/pre-its-unsafe.yaml"]),
      ("races", ["races", "synthetic-4-vectors", "--design", "untrapped", "--every", "40"]),
      ("policies", ["policies"]), ("policiesSwitches", ["policies", "--switches"]),
      ("designsList", ["designs", "list"]), ("costsList", ["costs", "list"]),
      ("costsShow", ["costs", "show"]), ("costsCheck", ["costs", "check"]),
      ("releasesShow", ["releases", "show", "sw-msi-native"]),
      ("factsList", ["facts", "list", "--project", "qemu"]),
      ("machineList", ["machine", "list"]), ("machineShow", ["machine", "show", "qemu-virt"]),
      ("iort", ["iort", "Tests/FirmwareTests/Fixtures/its-smmu-1cpu", "--rid", "0:0.0"]),
      ("decode", ["decode", "event", "0x10", "0", "0x8000040", "0"]),
      ("recordShow", ["record", "show", "scenarios/recordings/nested-kvm-nvme.jsonl"]),
      (
        "verify",
        ["verify", "Tests/OracleTests/Fixtures/smmu-stage2-only.jsonl.gz", "--only", "nested"]
      ),
      ("replay", ["replay", "Tests/ReplayTests/Fixtures/checks/vfio-stage2.log.gz"]),
      (
        "replayCheck",
        ["replay", "--check", "Tests/ReplayTests/Fixtures/checks/vfio-stage2.log.gz"]
      ),
      ("diagnose", ["diagnose", "Tests/ReplayTests/Fixtures/checks/nested-iommufd.log.gz"]),
    ] as [(String, [String])])
  func outputSchema(name: String, arguments: [String]) throws {
    let printed = try Run("schema", "output").output
    let schema = try JSONSerialization.jsonObject(with: Data(printed.utf8)) as? [String: Any]
    let definitions = try #require(schema?["$defs"] as? [String: [String: Any]])
    let run = try Run(arguments: arguments + ["--format", "json"])
    let value = try JSONSerialization.jsonObject(with: Data(run.output.utf8))
    #expect(SchemaCheck.misnamed(value, definitions[name] ?? [:]) == [])
    #expect(SchemaCheck.complaints(value, try #require(definitions[name])) == [])
  }

  @Test("what is promised and gone or changed has an entry in the change log")
  func promises() throws {
    try Promises.write()
    let log = try ChangeLog()
    let found = Set(try CommandTree().promises + Promises.fields())
    let gone = try Promises.of("Promises.txt").filter { !found.contains($0) && !log.names($0) }
    #expect(
      gone.isEmpty,
      "\(gone.joined(separator: "; ")): gone; name each in CHANGELOG.md, in `backquotes`")
    let symbols = Set(try PublicSymbols.ofLibrary(in: repository))
    let changed = try Promises.of("Symbols.txt")
      .filter { !symbols.contains($0) && !log.names(PublicSymbols.name(of: $0)) }
    #expect(
      changed.isEmpty,
      """
      \(changed.joined(separator: "; ")): gone or changed; name each in CHANGELOG.md, such as \
      `\(changed.first.map(PublicSymbols.name) ?? "")`
      """)
  }

  @Test(
    "the public declarations of a source are found",
    arguments: [
      (
        "public struct A { let b: Int; public let c: Int }",
        ["M: public struct A", "M.A: public let c: Int"]
      ),
      ("struct A { public init(_ a: Int = 3) { public_(a) } }", ["M.A: public init(_ a: Int = 3)"]),
      (
        "public enum E: Int { case a = 1, b\n  func f() {} }",
        ["M: public enum E: Int", "M.E: case a = 1, b"]
      ),
      (
        "public protocol P {\n  func f(\n    a: Int\n  ) -> Int\n}",
        ["M: public protocol P", "M.P: func f( a: Int ) -> Int"]
      ),
      ("@frozen\npublic struct S {} // public let x", ["M: public struct S"]),
      ("public var v: Int { let public_ = 1 }\nlet t = \"public let x\"", ["M: public var v: Int"]),
      (
        "extension A where B: C { public static var d: D { .init(1, 0) } }",
        ["M.A where B:C: public static var d: D"]
      ),
      ("public func f()\n  -> Int\n{ 1 }", ["M: public func f() -> Int"]),
    ] as [(String, [String])])
  func symbols(source: String, expected: [String]) {
    #expect(PublicSymbols(source, module: "M").lines == expected)
  }

  @Test(
    "bad arguments are one line of error, the usage, and status 2",
    arguments: [
      (
        ["compare", "--format", "xml"],
        "doorbell: error: The value 'xml' is invalid for '--format <format>'. Please provide one "
          + "of 'table', 'json', 'csv', 'markdown' or 'html'."
      ),
      (
        ["compare", "--axis", "guest-usage"],
        "doorbell: error: --axis and --why need --matrix"
      ),
      (
        ["compare", "--matrix", "--digest"],
        "doorbell: error: --digest is of no use with --matrix"
      ),
      (["test", "x", "--yes"], "doorbell: error: --yes answers --record, which is not given"),
      (
        ["test", "x", "--record", "--tap", "y"],
        "doorbell: error: --record checks no expectation: it goes without --junit and --tap"
      ),
      (
        ["designs", "explore", "--messages", "0"],
        "doorbell: error: The value '0' is invalid for '--messages <n>': 1 or more"
      ),
      (["compare", "--no-such-flag"], "doorbell: error: Unknown option '--no-such-flag'"),
      (
        ["verify", "x", "--personality", "foo"],
        "doorbell: error: The value 'foo' is invalid for '--personality <personality>'. Please "
          + "provide one of 'architecture', 'qemu-11' or 'riscv-model'."
      ),
      (["test"], "doorbell: error: Missing expected argument '<paths> ...'"),
      (["frobnicate"], "doorbell: error: Unexpected argument 'frobnicate'"),
    ] as [([String], String)])
  func badArguments(arguments: [String], expected: String) throws {
    let run = try Run(arguments: arguments)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(run.error.split(separator: "\n").first.map(String.init) == expected)
    #expect(run.error.contains("\nUsage: doorbell"))
  }

  @Test(
    "bad names and files are one line of error and status 2",
    arguments: [
      (["compare", "defolt"], "found 'defolt'; did you mean 'default'?"),
      (
        ["compare", "--design", "rmr-identiy"], "found 'rmr-identiy'; did you mean 'rmr-identity'?"
      ),
      (
        ["compare", "--matrix", "--axis", "guest-usag"],
        "found 'guest-usag'; did you mean 'guest-usage'?"
      ),
      (["compare", "--guest-kernel", "six"], "--guest-kernel: expected a kernel release such as "),
      (
        ["compare", "--guest-kernel", "5.4"],
        "--guest-kernel: expected a release that the models know, 5.10 to 7.3, found '5.4'"
      ),
      (
        ["explain", "--host-kernel", "7.4"],
        "--host-kernel: expected a release that the models know, 5.10 to 7.3, found '7.4'"
      ),
      (["attack", "--host-kernel", "6.12+sw-msi-natve"], "did you mean 'sw-msi-native'?"),
      (
        ["races", "--host-kernel", "7.3+vfio-msi-iova"],
        "which comes with the choice 'msix: trapped-forwarded'"
      ),
      (["releases", "show", "sw-msi-natve"], "did you mean 'sw-msi-native'?"),
      (
        ["compare", "--matrix", "--axis", "guest-usage=vfoi"],
        "--axis guest-usage: expected dma-api, "
      ),
      (["compare", "no/such.yaml"], "doorbell: error: no/such.yaml: no such file"),
      (["compare", "--costs", "cheap"], "found 'cheap'"),
      (["compare", "scenarios/designs/untrapped.yaml"], "found an unknown field"),
      (
        ["compare", "--scenarios", "Sources"],
        "--scenarios: expected a folder with 'designs' in it, found another at 'Sources'"
      ),
      (["explain", "--vector", "9"], "doorbell: error: --vector: expected 0 to 2, found 9"),
      (
        ["explain", "--message", "28"],
        "doorbell: error: --message: expected 0 to 27 for the MSIs of the device, found 28"
      ),
      (["explain", "--diff", "rmr"], "found 'rmr'"),
      (
        ["explain", "scenarios/policy/pre-its-unsafe.yaml", "--diff", "untrapped"],
        "--diff: expected a scenario with designs, found a script"
      ),
      (["test", "no/such", "--record"], "doorbell: error: no/such: no such file or folder"),
      (["verify", "no/such.jsonl"], "doorbell: error: no/such.jsonl: no such file"),
      (
        ["translate", "--image", "no/such", "--stream", "1", "--iova", "0"],
        "doorbell: error: no/such/regs.json: no such file"
      ),
      (["decode", "event", "x"], "doorbell: error: expected a 64-bit number"),
      (
        ["designs", "new", "x", "--set", "msix=untrapped"],
        "expected choices that can stand together: msix 'untrapped'"
      ),
      (["designs", "new", "x", "--set", "rout=x"], "did you mean 'route'?"),
      (["designs", "new", "README.md/x"], "doorbell: error: README.md/x.yaml: expected a file"),
      (
        ["designs", "explore", "--axis", "guest-usage=dma"], "--axis guest-usage: expected dma-api"
      ),
      (["designs", "show", "Sources"], "found 'Sources'"),
      (["costs", "show", "no"], "found 'no'"),
    ] as [([String], String)])
  func badInput(arguments: [String], expected: String) throws {
    let run = try Run(arguments: arguments)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(run.error.hasPrefix("doorbell: error: "))
    #expect(run.error.split(separator: "\n").count == 1)
    #expect(run.error.contains(expected))
  }

  @Test("a malformed scenario fails a test with status 2 and its place")
  func malformedScenario() throws {
    let files = try TemporaryFolder(["bad.yaml": "purpose: x\nguest: 5\n"])
    let run = try Run("test", files.path)
    #expect(run.status == 2)
    #expect(
      files.relative(run.error)
        == "doorbell: error: bad.yaml:2:8: field 'guest': expected a mapping with kernel, found "
        + "'5'\n")
    #expect(files.relative(run.output) == "ERROR  bad.yaml\n1 scenario: 0 ok, 1 malformed\n")
  }

  @Test("designs, cost models and schemas are listed and shown")
  func catalogue() throws {
    let list = try Run("designs", "list")
    #expect(list.status == 0)
    for name in ["rmr-identity", "forward-address", "untrapped"] {
      #expect(list.output.contains("\n\(name) "))
      #expect(try Run("designs", "show", name).output.hasPrefix("\(name)\n"))
    }
    #expect(try Run("costs", "show").output.contains("assumed"))
    for kind in ["scenario", "design", "costs", "sweep", "published"] {
      let schema = try Run("schema", kind)
      let value = try JSONSerialization.jsonObject(with: Data(schema.output.utf8))
      #expect((value as? [String: Any])?["type"] as? String == "object")
    }
    #expect(try Run("schema").output == Run("schema", "scenario").output)
  }

  @Test("the width follows COLUMNS, and a file gets no colour")
  func width() throws {
    let narrow = try Run("designs", "list", environment: ["COLUMNS": "50"])
    #expect(narrow.output.split(separator: "\n").allSatisfy { $0.count <= 50 })
    #expect(!narrow.output.contains("\u{1B}"))
  }

  @Test("a reader that goes away is no error, a full disk is one")
  func streams() throws {
    let gone = try shell(
      "{ { sleep 0.2; $doorbell schema; echo $? >&3; } | true; } 3>&1")
    #expect(gone.output == "0\n")
    #expect(try shell("$doorbell schema > /dev/full").status == 2)
    let decode = "$doorbell decode event 0x10 0 0 0"
    let left = try shell("{ { sleep 0.2; \(decode); echo $? >&3; } | true; } 3>&1")
    #expect(left.output == "0\n")
    #expect(try shell("\(decode) > /dev/full").status == 2)
  }

  @Test("the README shows what the program prints")
  func readme() throws {
    let text = try String(contentsOfFile: "\(repository)/README.md", encoding: .utf8)
    let blocks = text.matches(of: /<!-- output: (.*) -->\n```text\n((?:.*\n)*?)```/)
    #expect(!blocks.isEmpty)
    for block in blocks {
      let run = try Run(
        arguments: block.1.split(separator: " ").map(String.init),
        environment: ["COLUMNS": "100"])
      #expect(run.output == block.2, "run tools/refresh-readme")
    }
  }

  @Test("the scenarios folder follows DOORBELL_HOME")
  func home() throws {
    let (file, text) = ("scenarios/designs/mine.yaml", "title: x\n")
    let files = try TemporaryFolder([file: text])
    let run = try Run("designs", "show", "mine", environment: ["DOORBELL_HOME": files.path])
    #expect(run.error.contains("field 'source': expected a text, found nothing"))
  }
}
