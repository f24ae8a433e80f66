import Designs
import Files
import ResultFixtures
import Scenarios
import Testing
import VMM

@Suite("Variants of designs, and new files")
struct DesignVariantTests {
  @Test("a variant is named after its base and what differs, and every command takes the name")
  func names() throws {
    let folder = DesignTableTests.folder
    let base = try folder.design(named: "rmr-identity")
    let variant = try folder.design(named: "rmr-identity,route=stage1-walk,vits=at-window")
    #expect(variant.name == "rmr-identity,vits=at-window,route=stage1-walk")
    #expect(variant.route == .walk)
    #expect(variant.settings(from: base) == ["vits=at-window", "route=stage1-walk"])
    #expect(try folder.design(named: "rmr-identity,route=machine-doorbell") == base)
  }

  @Test(
    "a variant that does not exist says which axis, choice or combination is wrong",
    arguments: [
      ("one,rout=x", "design 'one,rout=x': expected axis=choice with an axis of "),
      ("one,rout=x", "found 'rout=x'; did you mean 'route'?"),
      ("one,route=walk", "route: expected machine-doorbell, stage1-walk or guest-address, found"),
      ("one,msix=untrapped", "expected choices that can stand together: msix 'untrapped'"),
      ("one,route=stage1-walk,route=stage1-walk", "expected each axis once, found 'route' twice"),
      ("ome,route=stage1-walk", "found 'ome'; did you mean 'one'?"),
    ] as [(String, String)])
  func mistakes(name: String, expected: String) throws {
    let (files, folder) = try TextFixtures.folder()
    let found = message(in: files) { _ = try folder.design(named: name) }
    #expect(found.contains(expected), "\(found)")
  }

  @Test("a written file reads back as the design, whatever its title holds")
  func roundTrip() throws {
    let files = try TemporaryFolder(["designs/x": ""])
    let folder = ScenarioFolder(path: files.path)
    var design = try Fixtures.design.variant(["vits=at-window"])
    for (number, title) in ["Plain.", "It's: a #title", "two\nlines", "- 'x'", "é\t\"q\" \\n"]
      .enumerated()
    {
      design.title = title
      let path = try design.write(as: "\(files.path)/designs/d\(number)")
      #expect(path == "\(files.path)/designs/d\(number).yaml")
      let read = try folder.design(named: "d\(number)")
      #expect(read.settings(from: design).isEmpty)
      #expect(read.title == title.replacing("\n", with: " "))
    }
  }

  @Test("no file is overwritten, and no name that would name a variant is taken")
  func refusals() throws {
    let files = try TemporaryFolder(["mine.yaml": "mine"])
    #expect(
      message(in: files) { _ = try Fixtures.design.write(as: "\(files.path)/mine") }
        == "mine.yaml: expected the path of a new file, found a file")
    #expect(
      message(in: files) { _ = try Fixtures.design.write(as: "\(files.path)/no/mine.yaml") }
        .hasPrefix("no/mine.yaml: expected a file that can be written, found"))
    #expect(
      message(in: files) { _ = try Fixtures.design.write(as: "a,b=c") }
        == "expected a name for the design without ',' and '=', which name variants, "
        + "found 'a,b=c'")
  }
}
