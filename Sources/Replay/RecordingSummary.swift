package import Files
internal import Scenarios

/// Contents of a recording file, for people who look at it: the header, and each line of the kinds
/// that they ask for.
package struct RecordingSummary: Sendable {
  private let header: JSONValue
  private var lines: [JSONValue] = []
  private var facts: [String: Int] = [:]
  private var events: [String: Int] = [:]
  private var derived = 0

  /// - Throws: `InputError` when the file is no recording, or is damaged.
  package init(path: String) throws(InputError) {
    // The checks are the same as those of a scenario that uses it.
    _ = try Recording(path: path)
    let file = try InputFile(path)
    guard let header = try file.jsonLine() else {
      throw InputError(expected: "a header", found: "an empty file", at: Place(file: path))
    }
    self.header = header.value
    while let line = try file.jsonLine() { take(line.value) }
  }

  private mutating func take(_ line: JSONValue) {
    lines.append(line)
    if case .string(let source)? = line["from"], source.hasPrefix("derived") { derived += 1 }
    if case .string(let fact)? = line["fact"] {
      facts[fact, default: 0] += 1
    } else if case .string(let agent)? = line["by"], case .string(let action)? = line["do"] {
      events["\(agent) \(action)", default: 0] += 1
    }
  }

  /// A few lines that say what is in it.
  package var text: String {
    var lines: [String] = []
    if case .object(let members) = header {
      for member in members {
        let value = member.value
        let text = if case .string(let text) = value { text } else { value.compactText }
        lines.append("\(member.name): \(text)")
      }
    }
    lines.append(
      "facts: "
        + facts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        .joined(separator: ", "))
    lines.append(
      "events: "
        + events.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        .joined(separator: ", "))
    lines.append("derived: \(derived) of \(self.lines.count) lines")
    return lines.joined(separator: "\n") + "\n"
  }

  /// The events, one a line: time in microseconds, who, what, and the fields.
  package var eventText: String {
    lines.compactMap { line -> String? in
      guard case .object(let members) = line, case .integer(let time)? = line["at"],
        case .string(let agent)? = line["by"], case .string(let action)? = line["do"]
      else { return nil }
      let rest = members.filter { !["at", "by", "do", "from", "walk"].contains($0.name) }.map {
        let value = $0.value
        let text = if case .string(let text) = value { text } else { value.compactText }
        return "\($0.name)=\(text)"
      }
      return "\(time / 1000) us  \(agent) \(action)  \(rest.joined(separator: " "))\n"
    }.joined()
  }

  package var json: JSONValue {
    .object([
      .init("header", header),
      .init(
        "facts",
        .object(facts.sorted { $0.key < $1.key }.map { .init($0.key, .integer($0.value)) })),
      .init(
        "events",
        .object(events.sorted { $0.key < $1.key }.map { .init($0.key, .integer($0.value)) })),
      .init("derivedLines", .integer(derived)), .init("lines", .integer(lines.count)),
    ])
  }
}
