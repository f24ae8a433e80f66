import Bits
import Designs
import SMMU

/// The surroundings of the software MSI window in three views: stage 1 and stage 2 of the device,
/// and what the guest's CPUs see.
struct AddressMapDrawing {
  /// A rectangle with a number that its table explains.
  struct Mark {
    let number: Int
    let x: Int
    let y: Int
    let width: Int
    let style: String
    let labelX: Int
    let labelY: Int
  }

  struct View {
    let name: String
    let space: String
    let labelY: Int
    let baseline: Int
    let marks: [Mark]
    /// Remark that is shown if nothing is drawn.
    let remark: String?
    let remarkY: Int
  }

  struct Tick {
    let x: Int
    let text: String
  }

  /// A row of the table: what has the number.
  struct Row {
    let number: String
    let view: String
    let from: String
    let length: String
    let target: String
    let meaning: String
  }

  let identifier: String
  let design: String
  let width = Self.right + 40
  let height: Int
  let windowX = Self.x(Self.window.lowerBound)
  let windowWidth = Self.x(Self.window.upperBound) - Self.x(Self.window.lowerBound)
  let windowHeight: Int
  let ticks: [Tick]
  let tickY: Int
  let views: [View]
  let rows: [Row]

  static let window: Range<UInt64> = 0x800_0000..<0x810_0000
  private static let domain: Range<UInt64> = 0x7f0_0000..<0x820_0000
  private static let left = 190
  private static let right = 960
  private static let viewHeight = 62

  private static func x(_ address: UInt64) -> Int {
    let clamped = min(max(address, domain.lowerBound), domain.upperBound)
    let share =
      Double(clamped - domain.lowerBound) / Double(domain.upperBound - domain.lowerBound)
    return left + Int(share * Double(right - left))
  }

  /// - Returns: `nil` where the run did not take the mappings down.
  init?(_ result: RunResult, identifier: String) {
    guard let mappings = result.mappings else { return nil }
    let spans = [
      ("S1 of the device", "IOVA to IPA", Span.stage1(mappings, result)),
      ("S2 of the device", "IPA to PA", Span.stage2(mappings, result)),
      ("guest's CPUs", "IPA", Span.processor(result)),
    ]
    var rows: [Row] = []
    var views: [View] = []
    for (place, (name, space, all)) in spans.enumerated() {
      let shown = all.filter { $0.overlaps(Self.domain) }
      let y = 34 + place * Self.viewHeight
      let marks = Self.marks(shown, from: rows.count + 1, y: y)
      rows += zip(marks, shown).map { Row(String($0.number), view: name, $1) }
      views.append(
        View(
          name: name, space: space, labelY: y + 10, baseline: y + 21, marks: marks,
          remark: shown.isEmpty ? Span.remark(place, mappings) : nil, remarkY: y + 14))
    }
    rows += Self.elsewhere(spans.prefix(2).map { ($0.0, $0.2) })
    self.identifier = identifier
    design = result.design.name
    self.views = views
    self.rows = rows
    windowHeight = 14 + spans.count * Self.viewHeight
    tickY = 38 + spans.count * Self.viewHeight
    height = tickY + 10
    ticks = [0x7f0_0000, 0x800_0000, 0x810_0000, 0x820_0000].map {
      Tick(x: Self.x($0), text: hex($0))
    }
  }

  /// Rectangles at least three wide, their numbers far enough apart to be read.
  private static func marks(_ spans: [Span], from first: Int, y: Int) -> [Mark] {
    var free = left
    return spans.enumerated().map { index, span in
      let start = x(span.from)
      let end = max(x(span.from &+ span.length), start + 3)
      let labelX = max((start + end) / 2, free)
      free = labelX + 20
      return Mark(
        number: first + index, x: start, y: y, width: end - start, style: span.style,
        labelX: labelX, labelY: y + 36)
    }
  }

  /// Returns the spans that lead to a doorbell and lie beyond the drawing.
  private static func elsewhere(_ views: [(String, [Span])]) -> [Row] {
    views.flatMap { name, spans in
      spans.filter { !$0.overlaps(domain) && $0.isDoorbell }.map { Row("-", view: name, $0) }
    }
  }
}

extension AddressMapDrawing.Row {
  fileprivate init(_ number: String, view: String, _ span: Span) {
    self.init(
      number: number, view: view, from: hex(span.from), length: hex(span.length),
      target: span.target.map { hex($0) } ?? "-", meaning: span.meaning)
  }
}
