import Testing

@testable import HTMLReports

@Suite("SequenceDrawing")
struct SequenceDrawingTests {
  private static func drawing(_ entries: [(String, String)]) -> SequenceDrawing {
    SequenceDrawing(
      identifier: "d", title: "t", description: "d", parties: ["a", "b", "c"],
      entries: entries.map { .init(party: $0.0, label: $0.1) })
  }

  @Test("a party without a part in it has no lifeline")
  func lifelines() {
    let drawing = Self.drawing([("a", "x"), ("c", "y")])
    #expect(drawing.lifelines.map(\.name) == ["a", "c"])
  }

  @Test("an arrow leads from the last party to the next, and none within one")
  func arrows() {
    let drawing = Self.drawing([("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")])
    let directions = drawing.acts.map { act in act.arrow.map { $0.toX > $0.fromX } }
    #expect(directions == [nil, nil, true, false])
  }

  @Test("labels never leave the drawing, and acts never lie over each other")
  func room() {
    let long = String(repeating: "word ", count: 60) + String(repeating: "x", count: 300)
    let drawing = Self.drawing([("a", long), ("b", long), ("c", long)])
    var end = 0
    for act in drawing.acts {
      #expect(act.y >= end)
      end = act.y + act.boxHeight
      for line in act.lines {
        let width = Int(Double(line.text.count) * 7.3)
        #expect(line.anchor == "start" ? line.x + width <= drawing.width : line.x - width >= 0)
        #expect(line.y <= drawing.height)
      }
    }
  }
}
