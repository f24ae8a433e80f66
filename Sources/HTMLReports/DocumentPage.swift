package import Attacks
import Designs
package import Files
import Foundation
package import Scenarios

/// A report of any command as a page in the style of the comparison's: tables that can be filtered
/// and sorted, texts as they are printed, links to other pages.
package struct DocumentPage: Sendable {
  /// A table whose first column names its rows.
  package struct Table: Sendable {
    let heading: String
    let caption: String
    let columns: [String]
    let rows: [[String]]

    package init(_ heading: String, caption: String = "", columns: [String], rows: [[String]]) {
      self.heading = heading
      self.caption = caption
      self.columns = columns
      self.rows = rows
    }

    /// A table of what `text` holds as CSV, the titles in its first line. What is the same in all
    /// rows stands in the caption instead, and numbers have the digits that count.
    package init(_ heading: String, caption: String = "", csv text: String) {
      let lines = Self.lines(ofCSV: text)
      let titles = lines.first ?? []
      let rows = lines.dropFirst().filter { $0.count == titles.count }
      let same = titles.indices.filter { column in
        rows.count > 1 && rows.allSatisfy { $0[column] == rows[0][column] }
      }
      let constants = same.filter { !rows[0][$0].isEmpty }.map { "\(titles[$0]) \(rows[0][$0])" }
      let shown = titles.indices.filter { !same.contains($0) }
      self.init(
        heading, caption: ([caption] + constants).filter { !$0.isEmpty }.joined(separator: "; "),
        columns: shown.map { titles[$0].replacing("_", with: " ") },
        rows: rows.map { row in shown.map { Self.brief(row[$0]) } })
    }

    /// A number with many digits with those that count; any other text as it is.
    private static func brief(_ text: String) -> String {
      guard text.count > 7, text.contains("."), let number = Double(text) else { return text }
      return Files.brief(number)
    }

    /// The fields of each line of a CSV text (RFC 4180).
    static func lines(ofCSV text: String) -> [[String]] {
      var lines: [[String]] = []
      var fields: [String] = []
      var field = ""
      var isQuoted = false
      var wasQuote = false
      for scalar in text.unicodeScalars {
        switch scalar {
        case "\"" where isQuoted:
          isQuoted = false
          wasQuote = true
          continue
        case "\"":
          if wasQuote { field.unicodeScalars.append(scalar) }
          isQuoted = true
        case "," where !isQuoted:
          fields.append(field)
          field = ""
        case "\n" where !isQuoted:
          lines.append(fields + [field])
          fields = []
          field = ""
        case "\r" where !isQuoted: break
        default: field.unicodeScalars.append(scalar)
        }
        wasQuote = false
      }
      return lines
    }
  }

  /// A text as it is printed, under a heading.
  package struct Text: Sendable {
    let heading: String
    let text: String

    package init(_ heading: String, _ text: String) {
      self.heading = heading
      self.text = text
    }
  }

  /// Another page beside this one.
  package struct Link: Sendable {
    let name: String
    let target: String
    let text: String

    package init(_ name: String, to target: String, _ text: String) {
      self.name = name
      self.target = target
      self.text = text
    }
  }

  package var title: String
  package var purpose: String
  package var tables: [Table] = []
  package var sections: [ReportSection] = []
  package var texts: [Text] = []
  package var links: [Link] = []
  /// The results of attacks, as a table and what shows each.
  package var findings: [IsolationFinding] = []
  /// Runs with a journey each: set-up, maps and journey of every design are shown.
  package var explained: Comparison?
  let facts: PageFacts

  package init(_ title: String, purpose: String, facts: PageFacts) {
    self.title = title
    self.purpose = purpose
    self.facts = facts
  }

  /// The title of a page that this program wrote; `nil` for any other file.
  package static func title(ofFile path: String) -> String? {
    guard let file = FileHandle(forReadingAtPath: path),
      let start = try? file.read(upToCount: 4096)
    else { return nil }
    let text = String(decoding: start, as: UTF8.self)
    return text.firstMatch(of: /<title>([^<]*) - Doorbell [^<]*<\/title>/).map {
      String($0.1).replacing("&lt;", with: "<").replacing("&gt;", with: ">")
        .replacing("&quot;", with: "\"").replacing("&#39;", with: "'").replacing("&amp;", with: "&")
    }
  }

  /// The page, which is XML, too.
  package var html: String { HTMLReport.render(DocumentModel(self), "document") }
}

/// Model of a document, for its template.
struct DocumentModel {
  struct Table {
    let identifier: String
    let heading: String
    let caption: String
    let columns: [String]
    let rows: [Row]
    /// Whether the page's filter stands above it.
    let isFiltered: Bool
  }

  struct Row {
    let name: String
    let cells: [Cell]
  }

  struct Cell {
    let text: String
    let style: String
  }

  struct Text {
    let identifier: String
    let heading: String
    let text: String
  }

  struct Link {
    let identifier: String
    let name: String
    let target: String
    let text: String
  }

  struct Entry {
    let target: String
    let name: String
  }

  let title: String
  let purpose: String
  let style = HTMLReport.style
  let script = HTMLReport.script
  let version: String
  let command: String
  let inputs: String
  let contents: [Entry]
  let hasContents: Bool
  /// Whether anything on the page was run by the models, so that its times are theirs.
  let hasTimes: Bool
  let tables: [Table]
  let sections: [SectionModel]
  let texts: [Text]
  let links: [Link]
  let isolation: IsolationModel?
  let designs: [DesignModel]

  init(_ page: DocumentPage) {
    var names = UniqueNames()
    title = page.title
    purpose = page.purpose
    version = page.facts.version
    command = page.facts.command
    inputs = page.facts.inputs
    tables = page.tables.enumerated().map { number, table in
      Table(
        identifier: names.name("table.\(table.heading)"), heading: table.heading,
        caption: table.caption.isEmpty ? table.heading : table.caption, columns: table.columns,
        rows: table.rows.map { row in
          Row(
            name: row.first ?? "",
            cells: row.dropFirst().map {
              Cell(text: $0, style: Double($0) == nil ? "prose-or-word" : "number")
            })
        }, isFiltered: number == 0)
    }
    texts = page.texts.map {
      Text(identifier: names.name("text.\($0.heading)"), heading: $0.heading, text: $0.text)
    }
    links = page.links.map {
      Link(
        identifier: names.name("page.\($0.name)"), name: $0.name, target: $0.target, text: $0.text)
    }
    isolation = IsolationModel(page.findings)
    sections = page.sections.map { SectionModel($0, &names) }
    designs =
      page.explained.map { explained in
        explained.results.map { result in
          let name = names.name("design.\(result.design.name)")
          return DesignModel(result, conditions: explained.scenario, identifier: name)
        }
      } ?? []
    contents =
      sections.map { Entry(target: "#\($0.identifier)", name: $0.heading) }
      + designs.map { Entry(target: "#\($0.identifier)", name: $0.name) }
      + tables.map { Entry(target: "#\($0.identifier)", name: $0.heading) }
      + (isolation == nil ? [] : [Entry(target: "#isolation", name: "Isolation")])
      + texts.map { Entry(target: "#\($0.identifier)", name: $0.heading) }
    hasContents = contents.count > 1
    hasTimes = !(tables.isEmpty && designs.isEmpty && isolation == nil)
  }
}
