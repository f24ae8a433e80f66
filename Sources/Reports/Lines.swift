/// A line of CSV (RFC 4180), with its line break.
package func csvLine(_ fields: [String]) -> String {
  fields.map { field in
    field.contains(where: { "\",\r\n".contains($0) })
      ? "\"\(field.replacing("\"", with: "\"\""))\"" : field
  }.joined(separator: ",") + "\r\n"
}

/// A row of a Markdown table, with its line break.
package func markdownLine(_ fields: [String]) -> String {
  "| "
    + fields.map { $0.replacing("|", with: "\\|").replacing("\n", with: " ") }.joined(
      separator: " | ") + " |\n"
}
