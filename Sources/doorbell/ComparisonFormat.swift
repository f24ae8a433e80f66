import ArgumentParser
import Reports

/// The forms in which a comparison can be printed: those of all tables, and a page.
enum ComparisonFormat: String, CaseIterable, ExpressibleByArgument {
  case table
  case json
  case csv
  case markdown
  case html

  /// `nil` for the page.
  var tabular: ReportFormat? { ReportFormat(rawValue: rawValue) }
}
