import Files
import Foundation
import ResultFixtures
import Testing

@Suite("OutputFile")
struct OutputFileTests {
  @Test("a file is there as a whole, and nothing lies beside it")
  func whole() throws {
    let folder = try TemporaryFolder()
    let file = OutputFile(folder.path + "/a.txt", of: "--output")
    try file.check()
    try file.write("one\n")
    #expect(try String(contentsOfFile: file.path, encoding: .utf8) == "one\n")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.txt"])
  }

  @Test(
    "a file that was written for one option is refused for another, and may be brought up to date")
  func twice() throws {
    let folder = try TemporaryFolder()
    let file = OutputFile(folder.path + "/a.txt", of: "--junit")
    try file.write("one\n")
    #expect(throws: InputError.self) { try OutputFile(file.path, of: "--tap").write("two\n") }
    #expect(try String(contentsOfFile: file.path, encoding: .utf8) == "one\n")
    try file.write("two\n", isUpdate: true)
    #expect(try String(contentsOfFile: file.path, encoding: .utf8) == "two\n")
  }

  @Test("an input is refused under whatever name")
  func input() throws {
    let folder = try TemporaryFolder(["in.txt": "in"])
    _ = try InputFile(folder.path + "/in.txt").text()
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/link", withDestinationPath: "in.txt")
    for name in ["in.txt", "link"] {
      let error = #expect(throws: InputError.self) {
        try OutputFile("\(folder.path)/\(name)", of: "--output").check()
      }
      #expect(error?.description.contains("found one that this command reads") == true)
    }
  }
}

@Suite("Printable text")
struct PrintableTextTests {
  @Test(
    "what a terminal would obey, or what would show in another order, is spelt out",
    arguments: [
      ("plain text, ± and µ\n\tstay", "plain text, ± and µ\n\tstay"),
      ("\u{1b}[31mred\u{7}", "\\u{1b}[31mred\\u{7}"), ("\u{9b}31m", "\\u{9b}31m"),
      ("a\u{202e}b\u{2066}c", "a\\u{202e}b\\u{2066}c"), ("\u{200f}\u{feff}", "\\u{200f}\\u{feff}"),
      ("\r\u{7f}\u{0}", "\\u{d}\\u{7f}\\u{0}"), ("\u{fffe}", "\\u{fffe}"),
      ("\u{e0041}", "\\u{e0041}"), ("日本語 🔔", "日本語 🔔"),
    ])
  func printable(text: String, shown: String) { #expect(text.printable() == shown) }

  @Test("colours of a report may stay; other sequences never do")
  func color() {
    #expect("\u{1b}[1mx\u{1b}[0m".printable(keepingColor: true) == "\u{1b}[1mx\u{1b}[0m")
    #expect("\u{1b}[2J".printable(keepingColor: true) == "\\u{1b}[2J")
    #expect("\u{1b}]0;x\u{7}".printable(keepingColor: true) == "\\u{1b}]0;x\\u{7}")
  }

  @Test("an error is one line, whatever stands in the file")
  func error() {
    #expect(
      InputError(expected: "x", found: "'\u{1b}[2J\n'", at: Place(file: "a\nb")).description
        == "a\\nb: expected x, found '\\u{1b}[2J\\n'")
  }
}
