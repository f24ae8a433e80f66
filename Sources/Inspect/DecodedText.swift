internal import Bits
package import Files

extension DecodedRecord {
  /// The record as a block of text: title, words, a line for each field, remarks.
  package var text: String {
    var lines = [summary.isEmpty ? title : "\(title): \(summary)"]
    lines.append("  words  " + words.map { hex($0, digits: 16) }.joined(separator: " "))
    let names = fields.map(\.name.count).max() ?? 0
    let places = fields.map(\.position.count).max() ?? 0
    let values = fields.map { hex($0.value).count }.max() ?? 0
    for field in fields {
      let line =
        "  " + field.name.padded(to: names) + "  " + field.position.padded(to: places) + "  "
        + hex(field.value).padded(to: values) + "  " + field.meaning
      lines.append(line.trimmingTrailingSpace())
    }
    lines += notes.map { "  note: \($0)" }
    lines += next.map { "  next: \($0)" }
    return lines.joined(separator: "\n")
  }

  /// The record as a JSON object with the same content.
  package var json: JSONValue {
    [
      "title": .string(title),
      "summary": .string(summary),
      "words": .array(words.map { .string(hex($0, digits: 16)) }),
      "fields": .array(
        fields.map {
          [
            "name": .string($0.name), "bits": .string($0.position),
            "value": .string(hex($0.value)), "meaning": .string($0.meaning),
          ]
        }),
      "notes": .array(notes.map { .string($0) }),
      "next": .array(next.map { .string($0) }),
    ]
  }
}

extension String {
  /// The text with spaces after it, at least `width` characters.
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
