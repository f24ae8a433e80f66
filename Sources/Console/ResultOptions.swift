package import ArgumentParser
package import Files
package import Reports

/// The forms that a command's result can be printed in. One form has one word everywhere.
package protocol ResultForm: CaseIterable, ExpressibleByArgument, RawRepresentable<String> {
  /// The form for people, printed unless another is asked for.
  static var table: Self { get }
}

extension OutputFormat: ResultForm {}
extension ReportFormat: ResultForm {}

/// File that a command writes its result to: the same option in every command.
package struct OutputOption: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write to this file (default: standard output).", valueName: "file"),
    completion: .file())
  package var output: String?

  package init() {}

  package func validate() throws { try file.check() }

  private var file: OutputFile { OutputFile(output ?? "-", of: "--output") }

  /// Writes the result. Control characters that came with a file are spelt out.
  ///
  /// - Parameter isExact: whether the text is written as it is: its form has an escape of its own.
  package func write(_ text: String, isExact: Bool = false) throws(InputError) {
    try file.write(isExact ? text : text.printable(keepingColor: terminal.hasColor))
  }

  /// Terminal that the result is rendered for: a file has no colour.
  package var terminal: Terminal {
    let terminal = Output.terminal
    return output == nil || output == "-" ? terminal : Terminal(width: terminal.width)
  }
}

/// Format and file of a command's result: the same two options in every command.
package struct ResultOptions<Form: ResultForm>: ParsableArguments {
  @Option(
    name: .customLong("format"),
    help: "How to print (default: as the file's name ends, or table).")
  var chosen: Form?

  @OptionGroup package var output: OutputOption

  package init() {}

  /// The words that file names of a form end in.
  private static var suffixes: KeyValuePairs<String, String> {
    [
      "json": "json", "csv": "csv", "md": "markdown", "markdown": "markdown", "html": "html",
      "htm": "html", "svg": "svg", "txt": "table",
    ]
  }

  /// The form that the output file's name asks for, whether this command makes it or not.
  private var named: String? {
    guard let name = output.output?.split(separator: "/").last?.split(separator: "."),
      name.count > 1, let suffix = name.last?.lowercased()
    else { return nil }
    return Self.suffixes.first { $0.key == suffix }?.value
  }

  package func validate() throws {
    guard chosen == nil, let named, Form(rawValue: named) == nil else { return }
    let words = Form.allCases.map(\.rawValue)
    throw ValidationError(
      "The name '\(output.output ?? "")' asks for \(named), which this command does not make: name "
        + "the form with --format (\(words.joined(separator: ", ")))")
  }

  /// The form to print: the one that was asked for, or that of the file's name.
  package var format: Form { chosen ?? named.flatMap(Form.init(rawValue:)) ?? .table }

  package var terminal: Terminal { output.terminal }

  /// A text whose lines fit the width, where there is one.
  package func fitted(_ text: String) -> String {
    Output.hasWidth ? hanging(text, width: terminal.width) : text
  }

  /// Writes the result, which has the form `format`.
  package func write(_ text: String) throws(InputError) {
    if let chosen, let named, named != chosen.rawValue {
      Output.note(
        "doorbell: warning: \(output.output ?? "") gets \(chosen.rawValue), as --format says, though "
          + "its name ends as one of \(named) does")
    }
    // The fields of CSV are spelt out one by one, since its lines end with a carriage return.
    try output.write(text, isExact: format.rawValue == "csv")
  }
}

extension ResultOptions where Form == OutputFormat {
  /// Writes a result that is a text or a JSON value.
  package func write(
    text: @autoclosure () -> String, json: @autoclosure () -> JSONValue
  ) throws(InputError) {
    switch format {
    case .table: try write(fitted(text()))
    case .json: try write(json().indentedText + "\n")
    }
  }
}
