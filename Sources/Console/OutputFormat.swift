package import ArgumentParser
package import Reports

/// The forms of results that have no rows to compare, which CSV and Markdown would need.
package enum OutputFormat: String, CaseIterable, ExpressibleByArgument { case table, json }

extension ReportFormat: ExpressibleByArgument {}
