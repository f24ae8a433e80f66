/// Facts about a page, so that a printed one can be told from another.
package struct PageFacts: Sendable {
  /// The version of the program.
  let version: String
  /// The command that made the page.
  let command: String
  /// The newest date of the files that it was made of, and how many there are; empty where it was
  /// made of none.
  let inputs: String

  package init(version: String, command: String, inputs: String = "") {
    self.version = version
    self.command = command
    self.inputs = inputs
  }
}
