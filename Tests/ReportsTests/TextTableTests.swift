import Reports
import Testing

@Suite("TextTable")
struct TextTableTests {
  /// A table with a number in each of many columns, and one with texts.
  private static let numbers: TextTable = {
    let columns = (1...30).map { (title: "quantity \($0)", alignment: TextTable.Alignment.right) }
    var table = TextTable([(title: "design", alignment: .left)] + columns)
    table.add(
      [TextTable.Cell("rmr-identity")] + (1...30).map { TextTable.Cell("\($0 * 1000)") },
      note: "a note that stands once")
    return table
  }()

  private static let texts: TextTable = {
    var table = TextTable([
      ("what it is", .left), ("n", .right), ("what is said of it", .left),
      ("by", .left),
    ])
    table.add([
      "some words that are long enough to be wrapped", "12",
      "other words, as many as there are, which go on for a while", "iommu_group_claim",
    ])
    return table
  }()

  @Test("no line is wider than the terminal", arguments: [40, 60, 80, 120])
  func width(width: Int) {
    for table in [Self.numbers, Self.texts] {
      let text = table.render(on: Terminal(width: width))
      for line in text.split(separator: "\n") { #expect(line.count <= width, "\(line)") }
    }
  }

  @Test("columns that do not fit follow below, each beside the first, and notes stand once")
  func parts() {
    let text = Self.numbers.render(on: Terminal(width: 80))
    for number in 1...30 { #expect(text.contains(" \(number * 1000)")) }
    let parts = text.split(separator: "\n\n")
    #expect(parts.count > 3)
    for part in parts { #expect(part.contains("rmr-identity")) }
    #expect(text.matches(of: /stands once/).count == 1)
  }

  @Test("words stay whole, and every word is there")
  func words() {
    let text = Self.texts.render(on: Terminal(width: 60))
    for word in ["enough", "wrapped", "which", "iommu_group_claim"] { #expect(text.contains(word)) }
    let wide = Self.texts.render(on: Terminal(width: 200))
    #expect(wide.split(separator: "\n").count == 2)
  }

  @Test("long lines of other text are broken between words, and columns keep their distance")
  func hangingLines() {
    let line = "  name   " + String(repeating: "word ", count: 30) + "end"
    let text = hanging(line + "\nshort", width: 40)
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.allSatisfy { $0.count <= 40 })
    #expect(lines.first?.hasPrefix("  name   word word") == true)
    #expect(lines.dropFirst().dropLast().allSatisfy { $0.hasPrefix("    word") || $0 == "    end" })
    #expect(lines.last == "short")
    #expect(text.split { " \n".contains($0) }.count == 33)
  }

  @Test("commands and words without a gap stay whole")
  func unbreakable() {
    let command = "    doorbell explain " + String(repeating: "--design x ", count: 20)
    let path = String(repeating: "a/", count: 60)
    #expect(hanging(command, width: 40) == command)
    #expect(hanging(path, width: 40) == path)
  }
}
