import Files

/// A line of CSV (RFC 4180), with its line break.
///
/// A spreadsheet would compute a text that begins like a formula: such a text gets an apostrophe in
/// front, numbers stay as they are.
package func csvLine(_ fields: [String]) -> String {
  fields.map { field in
    var text = field.printable()
    if let first = text.first, "=+-@\t".contains(first), text.count > 1, Double(text) == nil {
      text = "'" + text
    }
    return text.contains(where: { "\",\n".contains($0) })
      ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
  }.joined(separator: ",") + "\r\n"
}

/// A row of a Markdown table, with its line break. HTML in a text stays text.
package func markdownLine(_ fields: [String]) -> String {
  "| "
    + fields.map {
      $0.replacing("|", with: "\\|").replacing("<", with: "&lt;").replacing("\n", with: " ")
    }.joined(separator: " | ") + " |\n"
}
