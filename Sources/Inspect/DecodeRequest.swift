internal import ArmFormats
package import Files

/// Input to decode: a record given by its words, or a kernel log.
package enum DecodeRequest: Sendable {
  case record(RecordKind, [UInt64])
  case log(KernelLog)

  /// - Parameters:
  ///   - arguments: the kind and the words, or the text of a log; either may be missing.
  ///   - input: standard input, read only when the arguments hold no words.
  /// - Throws: `InputError` when a word is not a number, when there are too many or
  ///   none, or when a log holds no event.
  package init(arguments: [String], input: () throws(InputError) -> String) throws(InputError) {
    guard let first = arguments.first else {
      self = try Self.log(of: try input())
      return
    }
    // A log may begin with the word "event" too.
    let isLog = arguments.dropFirst(2).first?.hasPrefix("received") == true
    guard !isLog, let kind = RecordKind(rawValue: first) else {
      guard arguments.count > 1 || first.contains(where: \.isWhitespace) else {
        throw InputError(
          "expected a kind of record (\(Self.kinds)) or lines of a log, found \"\(first)\"")
      }
      if let word = arguments.dropFirst().first, UInt64(number: word) != nil,
        UInt64(number: first) == nil,
        arguments.dropFirst().allSatisfy({ UInt64(number: $0) != nil })
      {
        throw InputError("expected a kind of record (\(Self.kinds)), found \"\(first)\"")
      }
      self = try Self.log(of: arguments.joined(separator: " "))
      return
    }
    var words = arguments.dropFirst().flatMap { $0.split(whereSeparator: \.isWhitespace) }
    if words.isEmpty { words = try input().split(whereSeparator: \.isWhitespace) }
    self = .record(kind, try Self.words(words, of: kind))
  }

  private static var kinds: String {
    RecordKind.allCases.map(\.rawValue).joined(separator: ", ")
  }

  private static func log(of text: String) throws(InputError) -> Self {
    let log = KernelLog(text)
    guard !log.reports.isEmpty || !log.remarks.isEmpty else {
      throw InputError(
        "expected a kind of record (\(Self.kinds)), or reports of an SMMU or ITS in a kernel log "
          + "(\"event 0x10 received:\" and four words, \"event: F_... client: ...\", "
          + "\"CMDQ error (cons ...)\", \"Unhandled context fault: ...\"), found none")
    }
    return .log(log)
  }

  private static func words(_ texts: [Substring], of kind: RecordKind) throws(InputError)
    -> [UInt64]
  {
    var words: [UInt64] = []
    for text in texts {
      guard let word = UInt64(number: text) else {
        throw InputError("expected a 64-bit number such as 0x1f, found \"\(text)\"")
      }
      words.append(word)
    }
    guard (1...kind.wordCount).contains(words.count) else {
      throw InputError(
        "\(kind.name): expected \(kind.wordCount) words of 64 bits, found \(words.count)")
    }
    if kind == .lpiConfig, words[0] > 0xff {
      throw InputError("expected a byte, found \(texts[0])")
    }
    return words
  }

  /// Everything that the request decodes to.
  package func decode(_ context: DecodeContext = .init()) -> DecodeResult {
    switch self {
    case .record(let kind, let words):
      DecodeResult(records: kind.decode(words, context: context), notes: [])
    case .log(let log): DecodeResult(records: log.decoded(context), notes: log.notes)
    }
  }
}

/// The records that were decoded, and remarks on the input as a whole.
package struct DecodeResult: Equatable, Sendable {
  package var records: [DecodedRecord]
  package var notes: [String]

  package var text: String {
    (records.map(\.text) + notes.map { "note: \($0)" }).joined(separator: "\n\n")
  }

  package var json: JSONValue {
    [
      "records": .array(records.map(\.json)), "notes": .array(notes.map { .string($0) }),
    ]
  }
}

extension DecodeContext {
  /// - Throws: `InputError` for a value out of range.
  package init(itsBases: [String], stage: Int, level: Int?, granuleKiB: Int)
    throws(InputError)
  {
    self.init()
    for text in itsBases {
      guard let base = UInt64(number: text) else {
        throw InputError("expected an address after --its, found \"\(text)\"")
      }
      self.itsBases.append(base)
    }
    guard stage == 1 || stage == 2 else {
      throw InputError("expected stage 1 or 2, found \(stage)")
    }
    guard level.map((0...3).contains) ?? true else {
      throw InputError("expected a level from 0 to 3, found \(level ?? 0)")
    }
    guard let granule = [4: TranslationGranule.kib4, 16: .kib16, 64: .kib64][granuleKiB] else {
      throw InputError("expected a granule of 4, 16 or 64, found \(granuleKiB)")
    }
    self.stage = stage
    self.level = level.map { UInt64($0) }
    self.granule = granule
  }
}
