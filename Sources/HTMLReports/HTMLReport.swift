package import Designs
import Mustache
import Reports
package import Scenarios

/// A comparison as one page of HTML that needs nothing else: no network, no script, no mouse.
package struct HTMLReport: Sendable {
  /// A matrix with the journey of one MSI in each cell.
  package struct ExplainedMatrix: Sendable {
    package let matrix: ComparisonMatrix
    /// Row by row, as `ComparisonMatrix.journeys` gives them.
    package let journeys: [[Journey?]]

    package init(_ matrix: ComparisonMatrix, journeys: [[Journey?]]) {
      self.matrix = matrix
      self.journeys = journeys
    }
  }

  let comparison: Comparison
  /// The same runs with a journey and the mappings, whose times are those of cold caches.
  let explained: Comparison
  let matrices: [ExplainedMatrix]
  let findings: [IsolationFinding]

  /// - Parameters:
  ///   - explained: the same runs with a journey and with mappings.
  ///   - matrices: what stands before the comparison; may be empty.
  ///   - findings: what attacks on its designs came to; may be empty.
  package init(
    _ comparison: Comparison, explained: Comparison, matrices: [ExplainedMatrix] = [],
    findings: [IsolationFinding] = []
  ) {
    self.comparison = comparison
    self.explained = explained
    self.matrices = matrices
    self.findings = findings
  }

  /// The page, which is XML, too.
  package var text: String {
    var library = MustacheLibrary()
    do {
      for (name, template) in Self.templates { try library.register(template, named: name) }
    } catch {
      // The templates are constants, and a test renders every one.
      return "a template of the report is malformed: \(error)\n"
    }
    return library.render(PageModel(self), withTemplate: "page") ?? ""
  }
}
