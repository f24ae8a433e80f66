internal import ArmFormats
internal import Bits
internal import SMMU

/// Puts the descriptors of one translation into words.
struct WalkNarrator {
  private var stage1Granule = TranslationGranule.kib4
  private var stage2Granule = TranslationGranule.kib4

  /// Learns the granules from the STE and the CD among `reads`.
  init(_ reads: [DescriptorRead]) {
    for read in reads {
      let words = (0..<read.wordCount).map { read.words[$0] }
      switch read.step {
      case .streamEntry:
        stage2Granule = StreamTableEntry(words: words)[.stage2Granule].granule ?? .kib4
      case .context:
        let context = ContextDescriptor(words: words)
        let high = reads.contains { $0.isStage1Walk && isSet($0.input, bit: 55) }
        stage1Granule =
          (high ? context[.granule1].granule : context[.granule0].granule) ?? .kib4
      default: break
      }
    }
  }

  /// Returns the columns for a read: the structure, its address, its value and its meaning.
  func columns(_ read: DescriptorRead) -> [String] {
    let address = "at \(read.address)"
    let value = hex(read.value, digits: 16)
    let input = hex(read.input)
    switch read.step {
    case .streamTable:
      return ["L1STD of StreamID \(input)", address, value, meaning(.l1std, read)]
    case .streamEntry: return ["STE of StreamID \(input)", address, value, meaning(.ste, read)]
    case .contextTable:
      return ["L1CD of SubstreamID \(input)", address, value, meaning(.l1cd, read)]
    case .context: return ["CD of SubstreamID \(input)", address, value, meaning(.cd, read)]
    case .stage1(let level):
      return ["S1 level \(level) of \(input)", address, value, shape(read, level, stage: 1)]
    case .stage2(let level):
      let what = "S2 level \(level) of IPA \(input)\(purpose(read.purpose))"
      return [what, address, value, shape(read, level, stage: 2)]
    case .cachedPage(let stage2):
      return ["TLB, stage \(stage2 ? 2 : 1)", "", "", "\(input) leads to \(hex(read.value))"]
    case .cachedTable(let stage2, let level):
      return ["walk cache, stage \(stage2 ? 2 : 1)", "", "", "the walk starts at level \(level)"]
    case .cachedStreamEntry: return ["STE of StreamID \(input)", "", "", "cached"]
    case .cachedContext: return ["CD of SubstreamID \(input)", "", "", "cached"]
    }
  }

  private func purpose(_ purpose: DescriptorRead.Purpose) -> String {
    switch purpose {
    case .none: ""
    case .context: " (the CD's)"
    case .stage1(let level): " (the S1 level \(level) descriptor's)"
    case .output: " (the access's)"
    }
  }

  private func meaning(_ kind: RecordKind, _ read: DescriptorRead) -> String {
    let words = (0..<read.wordCount).map { read.words[$0] }
    let decoded = kind.decode(words)[0]
    switch kind {
    case .ste:
      let entry = StreamTableEntry(words: words)
      var text = decoded.summary
      if entry[.config].translatesStage1 { text += ", CD at \(hex(entry.contextAddress))" }
      if entry[.config].translatesStage2 {
        text += ", VMID \(hex(UInt64(entry[.vmid])))"
        text += ", S2TTB \(hex(entry.stage2TableAddress))"
      }
      return text
    case .cd:
      let context = ContextDescriptor(words: words)
      return decoded.summary + ", TTB0 \(hex(context.table0Address))"
    default: return decoded.fields.last?.meaning ?? ""
    }
  }

  private func shape(_ read: DescriptorRead, _ level: Int8, stage: Int) -> String {
    var context = DecodeContext()
    context.stage = stage
    context.level = UInt64(max(level, 0))
    context.granule = stage == 1 ? stage1Granule : stage2Granule
    let decoded = RecordKind.descriptor.decode([read.value], context: context)[0]
    let wanted = ["address", "AP", "S2AP", "AF"]
    let details = decoded.fields.filter { wanted.contains($0.name) }.map(\.meaning)
    return ([decoded.summary] + details).joined(separator: ", ")
  }
}

extension DescriptorRead {
  /// Whether it is a descriptor of stage 1.
  var isStage1Walk: Bool {
    if case .stage1 = step { return true }
    return false
  }
}
