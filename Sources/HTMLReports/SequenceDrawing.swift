/// A sequence diagram as numbers and texts, for the template that draws it.
struct SequenceDrawing {
  /// A party with its line of life.
  struct Lifeline {
    let name: String
    let x: Int
  }

  /// Something that a party does.
  struct Act {
    let y: Int
    let boxX: Int
    let boxHeight: Int
    let lines: [Line]
    /// From whom it was handed over; `nil` where the same party goes on.
    let arrow: Arrow?
  }

  struct Arrow {
    let fromX: Int
    let toX: Int
    let y: Int
    /// The corners of the head.
    let head: String
  }

  struct Line {
    let x: Int
    let y: Int
    let anchor: String
    let style: String
    let text: String
  }

  /// Content of an act that is drawn.
  struct Entry {
    let party: String
    let label: String
    /// Belief of the party from then on, or the outcome.
    var note: String?
  }

  let identifier: String
  let title: String
  let description: String
  let width = Self.width
  let height: Int
  let lifeEnd: Int
  let lifelines: [Lifeline]
  let acts: [Act]

  private static let width = 1000
  private static let margin = 90
  private static let top = 40
  private static let lineHeight = 15
  private static let gap = 9
  /// The width of a letter of the labels' font.
  private static let letter = 7.3
  private static let halfBox = 5

  /// - Parameter parties: the lifelines from left to right; entries of others are left out.
  init(
    identifier: String, title: String, description: String, parties: [String], entries: [Entry]
  ) {
    let used = parties.filter { party in entries.contains { $0.party == party } }
    let step = (Self.width - 2 * Self.margin) / max(used.count - 1, 1)
    let lifelines = used.enumerated().map { Lifeline(name: $1, x: Self.margin + $0 * step) }
    var acts: [Act] = []
    var y = Self.top
    var last: Int?
    for entry in entries {
      guard let x = lifelines.first(where: { $0.name == entry.party })?.x else { continue }
      let act = Self.act(entry, x: x, y: y, from: last == x ? nil : last)
      y += act.boxHeight + Self.gap
      last = x
      acts.append(act)
    }
    self.identifier = identifier
    self.title = title
    self.description = description
    self.lifelines = lifelines
    self.acts = acts
    lifeEnd = y
    height = y + 12
  }

  private static func act(_ entry: Entry, x: Int, y: Int, from origin: Int?) -> Act {
    let right = width - x - halfBox - 6
    let left = x - halfBox - 6
    let isRight = right >= left
    // The arrow comes in above the label.
    let drop = origin == nil ? 0 : 9
    let room = Int(Double(max(right, left)) / letter)
    let texts =
      wrapped(entry.label, room).map { ("label", $0) }
      + (entry.note.map { wrapped($0, room).map { ("note", $0) } } ?? [])
    let lines = texts.enumerated().map { number, text in
      Line(
        x: isRight ? x + halfBox + 5 : x - halfBox - 5, y: y + 11 + drop + number * lineHeight,
        anchor: isRight ? "start" : "end", style: text.0, text: text.1)
    }
    let height = max(lines.count * lineHeight, 16) + drop
    let arrow = origin.map { origin in
      let direction = origin < x ? 1 : -1
      let tip = x - direction * halfBox
      let lineY = y + 3
      return Arrow(
        fromX: origin + direction * halfBox, toX: tip, y: lineY,
        head: "\(tip),\(lineY) \(tip - direction * 8),\(lineY - 4) "
          + "\(tip - direction * 8),\(lineY + 4)")
    }
    return Act(y: y, boxX: x - halfBox, boxHeight: height, lines: lines, arrow: arrow)
  }

  /// `text` in lines of at most `width` letters, words that are longer broken.
  private static func wrapped(_ text: String, _ width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      var word = word
      if !line.isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      while word.count > width {
        lines.append(String(word.prefix(width)))
        word = word.dropFirst(width)
      }
      line += line.isEmpty ? String(word) : " \(word)"
    }
    return line.isEmpty ? lines : lines + [line]
  }
}
