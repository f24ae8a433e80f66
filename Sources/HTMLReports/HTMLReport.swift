package import Attacks
package import Designs
import Mustache
package import Scenarios

/// A comparison as one page of HTML that needs nothing else: no network, and to be read no script
/// and no mouse.
package struct HTMLReport: Sendable {
  let comparison: Comparison
  /// The same runs with a journey and the mappings, whose times are those of cold caches.
  let explained: Comparison
  let matrices: [ComparisonMatrix]
  let outcomes: [MatrixOutcome]
  let findings: [IsolationFinding]
  let facts: PageFacts

  /// - Parameters:
  ///   - explained: the same runs with a journey and with mappings.
  ///   - matrices: matrices before the comparison; may be empty.
  ///   - outcomes: those of the matrices, with their journeys where those were made.
  ///   - findings: the results of attacks on its designs; may be empty.
  ///   - facts: facts about the page.
  package init(
    _ comparison: Comparison, explained: Comparison, matrices: [ComparisonMatrix] = [],
    outcomes: [MatrixOutcome]? = nil, findings: [IsolationFinding] = [], facts: PageFacts
  ) {
    self.comparison = comparison
    self.explained = explained
    self.matrices = matrices
    self.outcomes = outcomes ?? matrices.outcomes
    self.findings = findings
    self.facts = facts
  }

  /// The page, which is XML, too.
  package var text: String { Self.render(PageModel(self), "page") }

  /// Renders a model with a template.
  static func render(_ model: Any, _ template: String) -> String {
    var library = MustacheLibrary()
    do {
      for (name, template) in templates { try library.register(template, named: name) }
    } catch {
      // The templates are constants, and a test renders every one.
      return "a template of the report is malformed: \(error)\n"
    }
    return library.render(model, withTemplate: template) ?? ""
  }
}
