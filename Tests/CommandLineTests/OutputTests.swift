import Foundation
import ResultFixtures
import Testing

/// Where results go: `-o` of every command.
@Suite("doorbell --output")
struct OutputTests {
  /// A command that prints little, and quickly.
  private static let list = "$doorbell designs show untrapped"

  @Test("a regular file is replaced with its mode kept, and a link to it is followed")
  func regular() throws {
    let files = try TemporaryFolder(["old.txt": "old"])
    let run = try shell(
      """
      cd \(files.path) && chmod 640 old.txt && ln -s old.txt link && ln -s absent dangling \
      && \(Self.list) -o link && \(Self.list) -o dangling && \(Self.list) -o new.txt \
      && stat -c %a old.txt && readlink link dangling && cmp old.txt new.txt && cmp absent new.txt \
      && ls -A
      """)
    #expect(run.status == 0)
    #expect(run.output == "640\nold.txt\nabsent\nabsent\ndangling\nlink\nnew.txt\nold.txt\n")
  }

  @Test("FIFOs and devices are written to, and stay what they are")
  func special() throws {
    let files = try TemporaryFolder()
    let run = try shell(
      """
      cd \(files.path) && mkfifo pipe && { cat pipe > got & } && \(Self.list) -o pipe && wait \
      && test -p pipe && test -s got && \(Self.list) -o /dev/null && test -c /dev/null \
      && \(Self.list) -o /dev/stdout > out && cmp out got && echo same
      """)
    #expect(run.output == "same\n")
    #expect(try shell("\(Self.list) -o /dev/full").status == 2)
  }

  @Test("a hard link stays one")
  func hardLink() throws {
    let files = try TemporaryFolder(["one": "x"])
    let run = try shell(
      "cd \(files.path) && ln one two && \(Self.list) -o two && cmp one two && stat -c %h one")
    #expect(run.output == "2\n")
  }

  @Test(
    "what cannot be written is one line of error before anything runs",
    arguments: [
      ("no/such/out.json", "the folder 'no/such' does not exist"),
      ("Sources", "expected a file, found a folder"),
      ("README.md/x", "'README.md' is not a folder"),
    ])
  func unwritable(path: String, expected: String) throws {
    for command in [
      ["compare"], ["attack"], ["designs", "list"], ["trace"], ["record", "options"],
    ] {
      let run = try Run(arguments: command + ["-o", path])
      #expect(run.status == 2)
      #expect(run.output.isEmpty)
      #expect(run.error.contains(expected))
    }
  }

  @Test("an input is never written over, nor one output by another")
  func inputs() throws {
    let text = try String(
      contentsOfFile: "\(repository)/scenarios/synthetic-4-vectors.yaml", encoding: .utf8)
    let files = try TemporaryFolder(["a.yaml": text])
    let scenario = files.path + "/a.yaml"
    for arguments in [
      ["compare", scenario, "-o", scenario, "--format", "table"],
      ["test", scenario, "--junit", scenario],
    ] {
      let run = try Run(arguments: arguments)
      #expect(run.status == 2)
      #expect(run.error.contains("found one that this command reads"), "\(run.error)")
      #expect(try String(contentsOfFile: scenario, encoding: .utf8) == text)
    }
    let both = try Run("test", scenario, "--junit", files.path + "/x", "--tap", files.path + "/x")
    #expect(both.status == 2)
    #expect(!FileManager.default.fileExists(atPath: files.path + "/x"))
  }

  @Test("a recording is not packed over its trace")
  func recording() throws {
    let trace = "\(repository)/Tests/ReplayTests/Fixtures"
    let files = try TemporaryFolder()
    let run = try shell(
      """
      cd \(files.path) && cp \(trace)/checks/passthrough-4cpu.log.gz q.gz && cp q.gz before \
      && $doorbell record pack q.gz -o q.gz; echo $?; cmp q.gz before && echo kept
      """)
    #expect(run.output == "2\nkept\n")
  }

  @Test("the form follows the file's name, and a form that is asked for follows the option")
  func forms() throws {
    let files = try TemporaryFolder()
    let run = try Run(
      "compare", "synthetic-4-vectors", "--design", "untrapped", "-o", files.path + "/a.csv")
    #expect(run.status == 0)
    #expect(run.output.isEmpty && run.error.isEmpty)
    let csv = try String(contentsOfFile: files.path + "/a.csv", encoding: .utf8)
    #expect(csv.hasPrefix("scenario,seed,design,"))
    let warned = try Run(
      "compare", "synthetic-4-vectors", "--design", "untrapped", "--format", "json", "-o",
      files.path + "/b.csv")
    #expect(warned.status == 0)
    #expect(warned.error.contains("warning: "))
    #expect(try String(contentsOfFile: files.path + "/b.csv", encoding: .utf8).hasPrefix("{"))
    let none = try Run("decode", "command", "0x4", "0", "-o", files.path + "/c.html")
    #expect(none.status == 2)
    #expect(none.error.contains("asks for html, which this command does not make"))
  }
}
