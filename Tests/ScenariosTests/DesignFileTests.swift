import Designs
import ResultFixtures
import Scenarios
import Testing
import VMM

@Suite("Design files")
struct DesignFileTests {
  @Test("a design is named after its file")
  func named() throws {
    let (_files, folder) = try TextFixtures.folder()
    let design = try folder.design(named: "one")
    #expect(design.name == "one")
    #expect(design.msixEntry == .replaced)
    #expect(try folder.design(named: "\(_files.path)/designs/one.yaml") == design)
  }

  @Test(
    "each mistake is one line that names the place, what was expected and what was found",
    arguments: [
      (
        "title: A title.", "titel: A title.",
        "designs/one.yaml:1:1: field 'titel': expected title, source, advertise, stage2, msix, "
          + "eventID, delivery, iommu, controller, vits, route or override, found an unknown field; "
          + "did you mean 'title'?"
      ),
      (
        "delivery: irqfd", "",
        "designs/one.yaml:1:1: field 'delivery': expected irqfd, gicv4 or gicv4.1, found nothing: "
          + "the field is missing"
      ),
      (
        "delivery: irqfd", "delivery: gicv5",
        "designs/one.yaml:7:11: field 'delivery': expected irqfd, gicv4 or gicv4.1, found 'gicv5'"
      ),
      (
        "delivery: irqfd", "delivery: [irqfd]",
        "designs/one.yaml:7:11: field 'delivery': expected irqfd, gicv4 or gicv4.1, found a list"
      ),
      (
        "title: A title.", "title:",
        "designs/one.yaml:1:7: field 'title': expected a text, found nothing"
      ),
      (
        "title: A title.", "title: A title.\ntitle: Twice.",
        "designs/one.yaml:2:1: expected each name once, found 'title' twice"
      ),
      (
        "title: A title.", "title: 'A title.",
        "designs/one.yaml:7:16: expected YAML: found unexpected end of stream"
      ),
      (
        "eventID: host", "eventID: guest",
        "designs/one.yaml:5:7: field 'msix': expected choices that can stand together: a trapped "
          + "MSI-X entry gets the host's EventID, so eventID must be 'host'"
      ),
    ] as [(String, String, String)])
  func mistakes(text: String, replacement: String, expected: String) throws {
    let (files, folder) = try TextFixtures.folder()
    try files.write(
      TextFixtures.design.replacing(text, with: replacement), to: "designs/one.yaml")
    #expect(message(in: files) { _ = try folder.design(named: "one") } == expected)
  }

  @Test(
    "a file that is no mapping is refused whole",
    arguments: [
      (
        "",
        "expected a mapping with title, source, advertise, stage2, msix, eventID, delivery, "
          + "found an empty file"
      ),
      (
        "- a\n",
        "expected a mapping with title, source, advertise, stage2, msix, eventID, "
          + "delivery, found a list"
      ),
      ("a: 1\n---\nb: 2\n", "expected one document, found another behind it"),
    ] as [(String, String)])
  func whole(text: String, expected: String) throws {
    let (files, folder) = try TextFixtures.folder()
    try files.write(text, to: "designs/one.yaml")
    let found = message(in: files) { _ = try folder.design(named: "one") }
    #expect(found.hasPrefix("designs/one.yaml:"))
    #expect(found.hasSuffix(expected))
  }

  @Test("an unknown name lists the known ones and the nearest")
  func unknown() throws {
    let (files, folder) = try TextFixtures.folder()
    #expect(
      message(in: files) { _ = try folder.design(named: "ome") }
        == "expected a design (a path, or one), found 'ome'; did you mean 'one'?")
    #expect(
      message(in: files) { _ = try folder.design(named: "no/such.yaml") }
        == "no/such.yaml: no such file")
    #expect(
      message(in: files) { _ = try folder.design(named: files.path + "/designs/") }
        == "designs/: no such file")
  }

  @Test("deeply nested and cyclic files are refused, not followed")
  func hostile() throws {
    let (files, folder) = try TextFixtures.folder()
    let deep = String(repeating: "[", count: 100_000)
    for text in [deep, "title: &a [*a]", "\u{0}", "%", "title: *nowhere"] {
      try files.write(text, to: "designs/one.yaml")
      #expect(
        message(in: files) { _ = try folder.design(named: "one") }.hasPrefix("designs/one.yaml:"))
    }
  }
}
