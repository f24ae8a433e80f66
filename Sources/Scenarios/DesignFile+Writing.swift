package import Designs
package import Files
import Foundation

extension Design {
  /// A design file with the design's choices, each with its question and the other answers.
  package var fileText: String {
    var text = """
      # A design: one choice for each question. 'doorbell compare --matrix --design FILE' shows what
      # the result is; 'doorbell designs show FILE' says what it means.
      title: \(yamlText(title))
      source: \(yamlText(source))

      """
    for axis in DesignAxis.all {
      let width = axis.choices.map(\.word.count).max() ?? 0
      text += "\n# \(axis.question)\n"
      for choice in axis.choices {
        let padding = String(repeating: " ", count: width - choice.word.count)
        text += "#   \(choice.word)\(padding)  \(choice.meaning)\n"
      }
      text += "\(axis.name): \(axis.word(of: self))\n"
    }
    return text
  }

  /// Writes the design file that `name` stands for: `name` itself where it ends in `.yaml`,
  /// otherwise `name.yaml` in the working directory.
  ///
  /// - Returns: the path of the file.
  /// - Throws: `InputError` where there is such a file already, or none can be written.
  package func write(as name: String) throws(InputError) -> String {
    let path = name.hasSuffix(".yaml") ? name : name + ".yaml"
    guard !baseName(path).isEmpty, !name.contains(","), !name.contains("=") else {
      throw InputError(
        expected: "a name for the design without ',' and '=', which name variants",
        found: name.quoted)
    }
    guard !FileManager.default.fileExists(atPath: path) else {
      throw InputError("expected the path of a new file, found a file", at: Place(file: path))
    }
    do {
      try Data(fileText.utf8).write(to: URL(fileURLWithPath: path), options: .withoutOverwriting)
    } catch {
      throw InputError(
        "expected a file that can be written, found '\(error.localizedDescription)'",
        at: Place(file: path))
    }
    return path
  }
}

/// A text as a YAML scalar in single quotes (YAML 1.2.2, 7.3.2), on one line.
private func yamlText(_ text: String) -> String {
  let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
  return "'\(line.replacing("'", with: "''"))'"
}
