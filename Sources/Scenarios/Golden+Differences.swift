extension Golden {
  /// A field of a design that is not what it was.
  package struct Difference: Equatable, Sendable {
    package let design: String
    /// Such as `stage2`.
    package let field: String
    package let lines: [Line]

    package init(design: String, field: String, lines: [Line]) {
      self.design = design
      self.field = field
      self.lines = lines
    }
  }

  /// A line of a difference.
  package enum Line: Equatable, Sendable {
    case removed(String)
    case added(String)
    /// A line that stands beside a change and is the same in both.
    case kept(String)
    /// Number of lines that are the same in both and left out.
    case omitted(Int)

    /// The line after `- `, `+ ` or two spaces.
    package var text: String {
      switch self {
      case .removed(let text): "- \(text)"
      case .added(let text): "+ \(text)"
      case .kept(let text): "  \(text)"
      case .omitted(let count): "  (\(count) alike)"
      }
    }
  }

  /// Returns the differences of `found` from this record, design by design.
  package func differences(in found: Golden) -> [Difference] {
    let names = records.map(\.design)
    let new = found.records.map(\.design).filter { !names.contains($0) }
    return (names + new).flatMap { design -> [Difference] in
      let before = records.first { $0.design == design }
      let after = found.records.first { $0.design == design }
      return Self.fieldNames.compactMap { field in
        let lines = Self.changes(
          from: before?.lines(of: field) ?? [], to: after?.lines(of: field) ?? [])
        return lines.isEmpty ? nil : Difference(design: design, field: field, lines: lines)
      }
    }
  }

  /// The changed lines, each with the line before and after it; none where all are the same.
  static func changes(from old: [String], to new: [String]) -> [Line] {
    guard old != new else { return [] }
    let all = merged(old, new)
    var lines: [Line] = []
    var omitted = 0
    for (index, line) in all.enumerated() {
      let isNearChange = all[max(0, index - 1)...min(index + 1, all.count - 1)].contains {
        if case .kept = $0 { false } else { true }
      }
      if isNearChange {
        if omitted > 0 { lines.append(.omitted(omitted)) }
        omitted = 0
        lines.append(line)
      } else {
        omitted += 1
      }
    }
    return omitted > 0 ? lines + [.omitted(omitted)] : lines
  }

  /// Every line of both, in order.
  private static func merged(_ old: [String], _ new: [String]) -> [Line] {
    var removed: Set<Int> = []
    var added: Set<Int> = []
    for change in new.difference(from: old) {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): added.insert(offset)
      }
    }
    var lines: [Line] = []
    var next = 0
    func takeAdded() {
      while added.contains(next) {
        lines.append(.added(new[next]))
        next += 1
      }
    }
    for (index, line) in old.enumerated() {
      if removed.contains(index) {
        lines.append(.removed(line))
      } else {
        takeAdded()
        lines.append(.kept(line))
        next += 1
      }
    }
    takeAdded()
    return lines
  }
}
