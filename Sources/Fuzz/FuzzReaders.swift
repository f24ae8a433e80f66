internal import Diagnosis
internal import Replay

/// Random bytes for everything that reads a recorded machine's files, or those of a report.
package enum FuzzReaders {
  /// Bytes of input that one run uses at most.
  package static let longestInput = 1 << 16

  /// Reads `bytes` as a file of every kind.
  ///
  /// - Returns: whether each line was accounted for.
  package static func run(_ bytes: [UInt8]) -> Bool {
    AnyReader.read(Array(bytes.prefix(longestInput))).allSatisfy { $0.lines == $0.accounted }
  }

  /// Diagnoses `bytes`: split at zero bytes that follow each other, they are several files.
  ///
  /// - Returns: whether there is an answer, with confidences that never rise.
  package static func diagnose(_ bytes: [UInt8]) -> Bool {
    var files: [(name: String, bytes: [UInt8])] = []
    var rest = bytes.prefix(longestInput)
    while files.count < 4,
      let cut = rest.indices.dropLast().first(where: {
        rest[$0] == 0 && rest[$0 + 1] == 0
      })
    {
      files.append(("\(files.count)", Array(rest[..<cut])))
      rest = rest[(cut + 2)...]
    }
    files.append(("\(files.count)", Array(rest)))
    let diagnosis = Diagnosis(CaseReader.facts(of: files))
    let confidences = diagnosis.causes.map(\.confidence)
    _ = diagnosis.text().count + diagnosis.sections.count + diagnosis.markdown.count
    return !confidences.isEmpty && zip(confidences, confidences.dropFirst()).allSatisfy { $0 >= $1 }
  }
}
