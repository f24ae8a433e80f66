internal import GIC
internal import SMMU

/// Counts table reads, for what they cost, and keeps them when somebody asks for the journey.
struct ReadCounter: TranslationObserver, ITSObserver {
  static var isOn: Bool { true }
  var reads: UInt64 = 0
  var keepsReads = false
  var descriptors: [DescriptorRead] = []
  var tables: [ITSTableRead] = []

  mutating func didRead(_ read: DescriptorRead) {
    switch read.step {
    case .cachedPage, .cachedTable, .cachedStreamEntry, .cachedContext: break
    default: reads &+= 1
    }
    if keepsReads { descriptors.append(read) }
  }

  mutating func didRead(_ step: ITSTableRead) {
    if case .cached = step.meaning { return }
    reads &+= 1
    if keepsReads { tables.append(step) }
  }
}
