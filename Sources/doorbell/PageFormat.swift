import ArgumentParser
import Console
import Files
import HTMLReports
import Reports

/// The forms of a result that has rows: those of all tables, and a page.
enum PageFormat: String, CaseIterable, ResultForm {
  case table
  case json
  case csv
  case markdown
  case html

  /// `nil` for the page.
  var tabular: ReportFormat? { ReportFormat(rawValue: rawValue) }
}

/// The forms of a result that has no rows to compare.
enum TextPageFormat: String, CaseIterable, ResultForm {
  case table
  case json
  case html
}

extension PageFacts {
  /// Of a page that this run of the program makes.
  static var current: PageFacts {
    PageFacts(
      version: Version.text, command: commandLine(Array(CommandLine.arguments.dropFirst())),
      inputs: FilesInUse.summary)
  }
}

extension ResultOptions where Form == PageFormat {
  /// Writes a report that comes in every form of a table. A page has its rows, and its text below.
  func write(
    page title: String, purpose: String, _ report: (ReportFormat, Terminal) -> String
  ) throws {
    guard let tabular = format.tabular else {
      var page = DocumentPage(title, purpose: purpose, facts: .current)
      page.tables = [.init("Rows", caption: title, csv: report(.csv, Terminal()))]
      page.texts = [.init("As text", report(.table, Terminal(width: 120)))]
      return try write(page.html)
    }
    try write(report(tabular, terminal))
  }
}

extension ResultOptions where Form == TextPageFormat {
  /// Writes a report that is a text, a JSON value or a page.
  ///
  /// - Parameter fill: puts onto the page what the report has.
  func write(
    page title: String, purpose: String = "", text: (Terminal) -> String,
    json: @autoclosure () -> JSONValue, fill: (inout DocumentPage) -> Void
  ) throws {
    switch format {
    case .table: try write(fitted(text(terminal)))
    case .json: try write(json().indentedText + "\n")
    case .html:
      var page = DocumentPage(title, purpose: purpose, facts: .current)
      fill(&page)
      try write(page.html)
    }
  }
}
