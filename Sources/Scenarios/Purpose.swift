package import Files

extension CheckedValue {
  /// Readers and tools find a file's purpose without a YAML parser: it is the first line.
  package func checkPurpose() throws(InputError) {
    let purpose = members.first { $0.name == "purpose" }
    guard let first = members.first, first.name == "purpose", first.place.line == 1 else {
      throw InputError(
        expected: "'purpose:' on the first line of the file",
        found: purpose.map { "it on line \($0.place.line ?? 1)" } ?? "none",
        at: purpose?.place ?? place, field: "purpose")
    }
    if first.value.text.contains("\n") {
      throw first.value.error(expected: "one line")
    }
  }
}
