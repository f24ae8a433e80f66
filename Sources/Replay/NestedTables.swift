internal import ArmFormats
internal import Bits

/// The tables of a device whose accesses both stages translate, as its walks show them.
///
/// 4 KiB granules and four levels: what is walked otherwise is not kept.
struct NestedTables {
  /// The fetch of a stream's STE and CD.
  struct Configuration: Equatable {
    var line: Int
    var streamTable: StreamTableRead?
    var entry: UInt64
    /// An IPA, and where stage 2 maps it.
    var context: UInt64
    var contextPlace: UInt64
    var rootIPA: UInt64
    var rootPA: UInt64
    var rootLine: Int
    var sizeField: UInt64
    var granuleBits: UInt64
    var outputBits: UInt64
  }

  /// One translation table.
  struct Frame: Hashable {
    var stage: Int
    var level: Int
    /// The start of the span that it covers.
    var span: UInt64
  }

  struct Descriptor: Hashable {
    var stage: Int
    var level: Int
    var address: UInt64
    var value: UInt64
  }

  private(set) var configuration: Configuration?
  private(set) var frames: [Frame: (pa: UInt64, ipa: UInt64?, line: Int)] = [:]
  /// Pages of guest memory, by IPA.
  private(set) var backing: [UInt64: (pa: UInt64, line: Int)] = [:]
  private(set) var descriptors: [Descriptor: (line: Int, time: Int)] = [:]
  static let address: UInt64 = 0xffff_ffff_f000

  /// - Parameter entries: the log from where the guest got the device.
  init(_ entries: ArraySlice<LoggedEvent>, stream: UInt32, _ accesses: [RecordedAccess])
    throws(RecordingGap)
  {
    try findConfiguration(entries, stream)
    guard let configuration else {
      throw RecordingGap("the STE and CD of the device were read before the trace began")
    }
    frames[Frame(stage: 1, level: 0, span: 0)] = (
      configuration.rootPA, configuration.rootIPA, configuration.rootLine
    )
    for access in accesses where access.stage == 3 { try follow(access) }
  }

  // MARK: The configuration

  private mutating func findConfiguration(
    _ entries: ArraySlice<LoggedEvent>, _ stream: UInt32
  ) throws(RecordingGap) {
    var steps: [WalkStep] = []
    var record = AccessRecord()
    var start: Int?
    for entry in entries {
      switch entry.event {
      case .streamLookup(let found):
        start = found == stream ? entry.line : nil
        steps = []
        record = AccessRecord()
      case .descriptor(let fetch):
        if start != nil { steps.append(.read(fetch, line: entry.line)) }
      case .contextTable(let table):
        record.take(entry.event)
        guard let start, table.index == 0 else { continue }
        try configure(start, record, table, steps, entry)
        if configuration != nil { return }
      case .translated, .bypassed, .aborted, .event: start = nil
      default: record.take(entry.event)
      }
    }
  }

  private mutating func configure(
    _ start: Int, _ record: AccessRecord, _ table: ContextTable, _ steps: [WalkStep],
    _ entry: LoggedEvent
  ) throws(RecordingGap) {
    let groups = Self.stageTwoGroups(steps)
    guard groups.count == 2, let streamEntry = record.streamEntry, let context = record.context
    else { return }  // Only stage 1 translates.
    for read in groups.joined() { note(read.fetch, read.line, entry.time) }
    let first = try stageTwo(groups[0])
    let second = try stageTwo(groups[1])
    try RecordingGap.check(
      first.input == context && second.output == table.table,
      "line \(start): the stage 2 walks are not those of the CD and of the stage 1 root")
    configuration = Configuration(
      line: start, streamTable: record.streamTable, entry: streamEntry, context: context,
      contextPlace: first.output, rootIPA: second.input, rootPA: second.output,
      rootLine: entry.line, sizeField: table.sizeField, granuleBits: table.granuleBits,
      outputBits: record.outputBits ?? 44)
  }

  private typealias Read = (fetch: DescriptorFetch, line: Int)

  /// Splits stage 2 reads into walks: each starts at level 0.
  private static func stageTwoGroups(_ steps: [WalkStep]) -> [[Read]] {
    var groups: [[Read]] = []
    for case .read(let fetch, let line) in steps where fetch.stage == 2 {
      if fetch.level == 0 { groups.append([]) }
      guard !groups.isEmpty else { return [] }
      groups[groups.count - 1].append((fetch, line))
    }
    return groups
  }

  // MARK: Walks

  private mutating func note(_ fetch: DescriptorFetch, _ line: Int, _ time: Int) {
    let stage = fetch.stage == 2 ? 2 : 1
    let level = Int(truncatingIfNeeded: fetch.level)
    if stage == 2, level < 4 {
      let span = Self.span(of: fetch.input, level: level)
      frames[Frame(stage: 2, level: level, span: span), default: (fetch.base, nil, line)].pa =
        fetch.base
    }
    let key = Descriptor(stage: stage, level: level, address: fetch.address, value: fetch.value)
    if descriptors[key] == nil { descriptors[key] = (line, time) }
  }

  /// The start of what a table of this level covers.
  private static func span(of input: UInt64, level: Int) -> UInt64 {
    input & ~lowBits(UInt64(48 - 9 * level))
  }

  /// Follows one stage 2 walk to its page.
  private mutating func stageTwo(_ group: [Read]) throws(RecordingGap) -> (
    input: UInt64, output: UInt64
  ) {
    let line = group.first?.line ?? 0
    try RecordingGap.check(
      group.map(\.fetch.level) == [0, 1, 2, 3], "line \(line): a stage 2 walk without four levels")
    for (read, next) in zip(group, group.dropFirst()) {
      try RecordingGap.check(
        read.fetch.value & 3 == 3 && read.fetch.value & Self.address == next.fetch.base,
        "line \(read.line): level \(read.fetch.level) does not lead to the table read next")
    }
    guard let leaf = group.last else { throw RecordingGap("line \(line): an empty walk") }
    let input = group[0].fetch.input
    let output = leaf.fetch.value & Self.address
    backing[input & ~0xfff, default: (output, leaf.line)].pa = output
    return (input, output | input & 0xfff)
  }

  /// Keeps what a walk shows, and checks that it leads from the address to the output.
  private mutating func follow(_ access: RecordedAccess) throws(RecordingGap) {
    guard access.output != nil, !access.reads.isEmpty, let configuration else { return }
    let stageOne = access.reads.filter { $0.fetch.stage != 2 }
    try RecordingGap.check(
      stageOne.map(\.fetch.level) == [0, 1, 2, 3],
      "line \(access.line): a stage 1 walk without four levels")
    var steps = access.steps[...]
    var table = configuration.rootPA
    for read in stageOne {
      guard case .read(let fetch, let line)? = steps.popFirst(), fetch == read.fetch,
        fetch.base == table, fetch.value & 3 == 3
      else {
        throw RecordingGap("line \(read.line): a stage 1 entry is read out of place")
      }
      note(fetch, line, access.time)
      let isLeaf = fetch.level == 3
      let ipa = fetch.value & Self.address | (isLeaf ? access.address & 0xfff : 0)
      table = try stageTwoStep(ipa, &steps, access)
      guard !isLeaf else { continue }
      let shift = UInt64(39 - 9 * Int(fetch.level))
      let frame = Frame(
        stage: 1, level: Int(fetch.level) + 1, span: access.address & ~lowBits(shift))
      if frames[frame] == nil { frames[frame] = (table, ipa, line) }
    }
    try RecordingGap.check(
      steps.isEmpty && table == access.output,
      "line \(access.line): the walk ends at \(hex(table)), the translation says "
        + hex(access.output ?? 0))
  }

  /// Takes the stage 2 walk of `ipa`, or the TLB's hit, off the steps.
  private mutating func stageTwoStep(
    _ ipa: UInt64, _ steps: inout ArraySlice<WalkStep>, _ access: RecordedAccess
  ) throws(RecordingGap) -> UInt64 {
    if case .hit(ipa, _)? = steps.first {
      steps.removeFirst()
      guard let known = backing[ipa & ~0xfff] else {
        throw RecordingGap(
          "line \(access.line): stage 2 of \(hex(ipa)) was walked before the trace began")
      }
      return known.pa | ipa & 0xfff
    }
    var group: [Read] = []
    while group.count < 4, case .read(let fetch, let line)? = steps.first, fetch.stage == 2 {
      group.append((fetch, line))
      note(fetch, line, access.time)
      steps.removeFirst()
    }
    let walked = try stageTwo(group)
    try RecordingGap.check(
      walked.input == ipa, "line \(access.line): expected the stage 2 walk of \(hex(ipa))")
    return walked.output
  }
}
