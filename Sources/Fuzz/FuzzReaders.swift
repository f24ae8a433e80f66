internal import Replay

/// Random bytes for everything that reads a recorded machine's files.
package enum FuzzReaders {
  /// Bytes of input that one run uses at most.
  package static let longestInput = 1 << 16

  /// Reads `bytes` as a file of every kind.
  ///
  /// - Returns: whether each line was accounted for.
  package static func run(_ bytes: [UInt8]) -> Bool {
    AnyReader.read(Array(bytes.prefix(longestInput))).allSatisfy { $0.lines == $0.accounted }
  }
}
