internal import Files
internal import Inspect
internal import Scenarios
internal import Scripts
internal import Sweeps

/// Random bytes for everything that reads a file which a person or a tool wrote: each must end in a
/// value or in an error.
package enum FuzzFiles {
  /// A kind of reader.
  package enum Kind: UInt8, CaseIterable, Sendable {
    case scenario
    case script
    case design
    case costs
    case recording
    case json
    case elf
    case vector
    case sweep
    case machine
  }

  /// Bytes of input that one run uses at most.
  package static let longestInput = 1 << 16

  /// Reads `bytes` by the reader of that kind.
  ///
  /// - Returns: whether the reader made something of them.
  @discardableResult
  package static func read(_ bytes: [UInt8], as kind: Kind) -> Bool {
    let bytes = Array(bytes.prefix(longestInput))
    let text = String(decoding: bytes, as: UTF8.self)
    let place = Place(file: "input")
    do {
      switch kind {
      case .scenario: _ = try parseYAML(text, as: .scenario, at: place)
      case .script: _ = try parseYAML(text, as: .script, at: place)
      case .design: _ = try parseYAML(text, as: .design, at: place)
      case .costs: _ = try parseYAML(text, as: .costs, at: place)
      case .recording: _ = try Recording(text: text, path: "input")
      case .json: _ = try JSONValue(parsing: bytes).indentedText
      case .elf: _ = try ELFCore(bytes, file: "input")
      case .vector: try run(try VectorReader.vector(parsing: bytes, at: place))
      case .sweep: _ = try parseYAML(text, as: .sweep, at: place)
      case .machine: _ = try parseYAML(text, as: .machineFile, at: place)
      }
      return true
    } catch { return false }
  }

  /// Runs a vector on the models, as either personality answers.
  private static func run(_ vector: VectorCase) throws {
    for personality in ProofPersonality.allCases {
      _ = try VectorRunner(personality).compare(vector, with: personality)
    }
  }

  /// Reads `bytes`, the first of which says by which reader.
  package static func run(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let kinds = Kind.allCases
    read(Array(bytes.dropFirst()), as: kinds[Int(first) % kinds.count])
  }
}
