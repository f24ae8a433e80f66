package import GIC
package import SMMU

/// Counts table reads, for what they cost, and keeps those of a journey that is recorded.
package struct ReadCounter: TranslationObserver, ITSObserver {
  package static var isOn: Bool { true }
  package private(set) var reads: UInt64 = 0
  package var keepsReads = false
  package private(set) var descriptors: [DescriptorRead] = []
  package private(set) var tables: [ITSTableRead] = []

  package init() {}

  package mutating func didRead(_ read: DescriptorRead) {
    switch read.step {
    case .cachedPage, .cachedTable, .cachedStreamEntry, .cachedContext: break
    default: reads &+= 1
    }
    if keepsReads { descriptors.append(read) }
  }

  package mutating func didRead(_ step: ITSTableRead) {
    if case .cached = step.meaning { return }
    reads &+= 1
    if keepsReads { tables.append(step) }
  }
}
