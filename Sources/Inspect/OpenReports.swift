/// Report that a context has begun to print.
struct OpenReports: Sendable {
  enum Kind: Equatable, Sendable {
    /// With the type that the heading announces.
    case event(UInt64?)
    case command
  }

  var kind: Kind?
  var words: [UInt64?] = []
  /// Whether the dump gets no more words.
  var isDumped = false
  var described: DescribedEvent?
  var line = 0
  var time: UInt64?
  var text = ""
  var torn = 0
  /// Whether each line stands twice in the log.
  var isDoubled = false
  var lastText: [UInt8] = []

  var waitsForWords: Bool { kind != nil && !isDumped && words.count < wordCount }
  var isComplete: Bool { kind != nil && words.count == wordCount }
  private var wordCount: Int { kind == .command ? 2 : 4 }

  mutating func begin(_ kind: Kind, _ line: KernelLogLine, number: Int) {
    self.kind = kind
    words = []
    isDumped = false
    lastText = line.bytes
    start(line, number)
  }

  mutating func describe(_ event: DescribedEvent, _ line: KernelLogLine, number: Int) {
    described = event
    if kind == nil { start(line, number) }
  }

  mutating func endDump() {
    kind = nil
    words = []
  }

  private mutating func start(_ line: KernelLogLine, _ number: Int) {
    self.line = number
    time = line.time
    text = line.text
  }
}
