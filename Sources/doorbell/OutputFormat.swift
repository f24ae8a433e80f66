public import ArgumentParser
public import Reports
public import Vectors

/// The forms of results that have no rows to compare, which CSV and Markdown would need.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument { case table, json }

extension ReportFormat: ExpressibleByArgument {}
extension ProofPersonality: ExpressibleByArgument {}
