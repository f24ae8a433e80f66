internal import ArmFormats
package import Bits
internal import Designs
package import GIC
package import Machine
internal import SMMU

// The words of a journey's stops.

extension DescriptorRead {
  /// An STE and a CD have four words that mean something.
  var shownWords: Int { wordCount > 1 ? 4 : 1 }

  var meaning: String {
    let output = PA(value & lowBits(48) & ~lowBits(12))
    switch step {
    case .streamTable:
      return "leaf at \(PA(StreamTableDescriptor(rawValue: value).tableAddress))"
    case .streamEntry:
      let entry = StreamTableEntry(words: (0..<8).map { words[$0] })
      return "\(entry[.config]); VMID \(entry[.vmid]), CD at \(IPA(entry.contextAddress)), "
        + "S2TTB \(PA(entry.stage2TableAddress))"
    case .context:
      let context = ContextDescriptor(words: (0..<8).map { words[$0] })
      return "ASID \(context[.asid]), TTB0 \(IPA(context.table0Address))"
    case .stage1, .stage2:
      let kind = value & 1 == 0 ? "invalid" : isLeaf ? "-> \(output)" : "table at \(output)"
      return "\(kind) (\(purposeText))"
    case .contextTable, .cachedPage, .cachedTable, .cachedStreamEntry, .cachedContext:
      return "-> \(output)"
    }
  }

  /// Whether the descriptor maps a page or a block.
  private var isLeaf: Bool {
    switch step {
    case .stage1(3), .stage2(3): true
    default: value & 2 == 0
    }
  }

  private var purposeText: String {
    switch purpose {
    case .none: "IOVA \(IOVA(input))"
    case .context: "of the CD, IPA \(IPA(input))"
    case .stage1(let level): "of the S1 L\(level) descriptor, IPA \(IPA(input))"
    case .output: "of the output, IPA \(IPA(input))"
    }
  }
}

extension ITSTableRead.Meaning {
  var table: Journey.ITSTable {
    switch self {
    case .levelOne: .levelOne
    case .device: .device
    case .interrupt, .virtualInterrupt, .interruptInvalid: .interrupt
    case .collection: .collection
    case .virtualPE: .virtualPE
    case .configuration: .configuration
    case .pending: .pending
    case .virtualConfiguration: .virtualConfiguration
    case .virtualPending: .virtualPending
    case .cached: .cache
    }
  }

  var text: String {
    switch self {
    case .levelOne(_, let valid, let table): valid ? "second level at \(table)" : "invalid"
    case .device(let id, let valid, let bits, let table):
      "DeviceID \(hex(UInt64(id))): "
        + (valid ? "ITT at \(table), \(bits) EventID bits" : "unmapped")
    case .interrupt(let event, let lpi, let collection):
      "EventID \(event) -> LPI \(lpi), ICID \(collection)"
    case .virtualInterrupt(let event, let lpi, let vPE, let doorbell):
      "EventID \(event) -> vLPI \(lpi) of vPE \(vPE), doorbell \(doorbell)"
    case .interruptInvalid(let event): "EventID \(event): unmapped"
    case .collection(let id, let valid, let target):
      "ICID \(id): " + (valid ? "redistributor \(target)" : "unmapped")
    case .virtualPE(let id, let valid, let target, let table):
      "vPE \(id): " + (valid ? "redistributor \(target), VPT at \(table)" : "unmapped")
    case .configuration(let lpi, let priority, let enabled):
      "LPI \(lpi): priority \(hex(UInt64(priority))), \(enabled ? "enabled" : "disabled")"
    case .pending(let lpi, let was): "LPI \(lpi): \(was ? "was pending already" : "now pending")"
    case .virtualConfiguration(let lpi, let priority, let enabled):
      "vLPI \(lpi): priority \(hex(UInt64(priority))), \(enabled ? "enabled" : "disabled")"
    case .virtualPending(let lpi, let was):
      "vLPI \(lpi): \(was ? "was pending already" : "now pending")"
    case .cached(let lpi, let target): "LPI \(lpi), redistributor \(target)"
    }
  }
}

extension WriteOutcome {
  /// The address at which the write ended; `nil` where the SMMU ended it.
  package var address: PA? {
    switch self {
    case .message(let place, _), .memory(let place), .register(let place),
      .externalAbort(let place), .spi(let place, _, _):
      place
    case .aborted, .fault, .stalled: nil
    }
  }

  var end: Journey.WriteEnd {
    switch self {
    case .message: .doorbell
    case .spi: .messageFrame
    case .memory: .memory
    case .register: .register
    case .externalAbort: .externalAbort
    case .aborted: .smmuAbort
    case .fault: .event
    case .stalled: .stall
    }
  }

  /// The end in words.
  package var meaning: String {
    switch self {
    case .message(_, .dropped(let reason)):
      "GITS_TRANSLATER; dropped: \(reason.explanation)"
    case .message: "GITS_TRANSLATER"
    case .spi(_, let spi, let wasPending):
      "MSI_SETSPI_NS: SPI \(spi) \(wasPending ? "was pending already" : "now pending"), whoever wrote"
    case .memory: "overwritten"
    case .register: "no doorbell"
    case .externalAbort: "nothing answers"
    case .aborted: "terminated without an event"
    case .fault(let event, let recording): "\(event[.kind]), \(recording)"
    case .stalled: "held"
    }
  }
}

extension DropReason {
  /// The reason in words.
  package var explanation: String {
    switch self {
    case .itsDisabled: "the ITS is off"
    case .noDeviceID: "the write carries no DeviceID"
    case .notADoorbell: "not the doorbell"
    case .deviceOutOfRange: "the DeviceID lies beyond the device table"
    case .deviceUnmapped: "the DeviceID is not mapped"
    case .eventOutOfRange: "the EventID lies beyond the translation table"
    case .eventUnmapped: "the EventID is not mapped"
    case .collectionOutOfRange: "the ICID lies beyond the collection table"
    case .collectionUnmapped: "the collection is not mapped"
    case .virtualPEOutOfRange: "the vPE lies beyond the vPE table"
    case .virtualPEUnmapped: "the vPE is not mapped"
    case .lpisDisabled: "LPIs are off at the redistributor"
    case .intidOutOfRange: "the INTID is no LPI of the redistributor"
    case .tableAbort: "a table is not in memory"
    }
  }
}
