extension CostModel {
  /// A kind of work. `name` is its name in files and reports, `meaning` says which work it is.
  @frozen
  public enum Item: UInt8, CaseIterable, Sendable {
    case exitToKernel
    case exitToVMM
    case hypercall
    case softwareStep
    case systemCall
    case interconnectHop
    case translationHit
    case walkCacheHit
    case tableRead
    case smmuCommand
    case smmuSync
    case itsLookup
    case itsCommand
    case itsMoveVPE
    case hostInterruptEntry
    case irqfdInjection
    case uncachedInjection
    case injectionLock
    case listRegister
    case kick
    case contextSwitch
    case migration
    case directInjection
    case residency
    case guestHandler
  }
}

extension CostModel.Item {
  /// The item with this name in files; `nil` for none.
  public init?(named name: String) {
    guard let item = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = item
  }

  /// The name in files and reports: lower case, words joined by hyphens.
  public var name: String { text.name }

  /// One sentence: the work, from where to where.
  public var meaning: String { text.meaning }

  /// The item's place among all items, from 0.
  @inlinable
  var ordinal: Int { Int(rawValue) }

  private var text: (name: String, meaning: String) {
    switch self {
    case .exitToKernel:
      ("exit-to-kernel", "A guest exit that KVM handles in the kernel, there and back.")
    case .exitToVMM: ("exit-to-vmm", "A guest exit that the VMM handles, there and back.")
    case .hypercall: ("hypercall", "The shortest exit of a guest, there and back.")
    case .softwareStep: ("software-step", "One software step of a kernel or of the VMM.")
    case .systemCall: ("system-call", "One system call of the VMM.")
    case .interconnectHop:
      ("interconnect-hop", "A posted write from the device to the SMMU, or from there on.")
    case .translationHit: ("translation-hit", "A translation that hits the SMMU's TLB.")
    case .walkCacheHit:
      ("walk-cache-hit", "A look-up in the SMMU's walk caches after a TLB miss.")
    case .tableRead: ("table-read", "One read of a table by the SMMU or the ITS.")
    case .smmuCommand: ("smmu-command", "One command that the SMMU takes from its queue.")
    case .smmuSync:
      ("smmu-sync", "From a CMD_SYNC at the head of the queue to its completion.")
    case .itsLookup: ("its-lookup", "A message whose route the ITS has in its caches.")
    case .itsCommand: ("its-command", "One command that the ITS takes from its queue.")
    case .itsMoveVPE:
      ("its-vmovp", "One VMOVP, which all ITSs carry out one after the other.")
    case .hostInterruptEntry:
      ("host-interrupt-entry", "From the physical LPI to the host's handler.")
    case .irqfdInjection:
      (
        "irqfd-injection",
        "From the eventfd signal to the virtual interrupt's injection, route cached."
      )
    case .uncachedInjection:
      (
        "uncached-injection",
        "The same when KVM walks the virtual ITS's tables under its lock."
      )
    case .injectionLock:
      (
        "injection-lock",
        "The part of an injection that one virtual CPU takes from one CPU at a time."
      )
    case .listRegister:
      ("list-register", "Writing one list register on the way into the guest.")
    case .kick:
      ("kick", "From the injection to the guest's acknowledge, with the virtual CPU's kick.")
    case .contextSwitch:
      ("context-switch", "The host's scheduler puts a virtual CPU on a physical one.")
    case .migration:
      ("migration", "What a virtual CPU loses when it goes on on another physical one.")
    case .directInjection:
      (
        "direct-injection",
        "From the ITS's look-up to the acknowledge of a resident virtual CPU, with GICv4."
      )
    case .residency:
      (
        "residency",
        "Making a vPE resident, until its redistributor has read the pending table."
      )
    case .guestHandler:
      ("guest-handler", "The guest's acknowledge, handler entry and EOI, none of which trap.")
    }
  }
}
