extension CostModel {
  /// A kind of work.
  @frozen
  public enum Item: String, CaseIterable, Sendable {
    /// A guest exit that KVM handles in the kernel, there and back.
    case exitToKernel = "exit-to-kernel"
    /// A guest exit that the VMM handles, there and back.
    case exitToVMM = "exit-to-vmm"
    /// The shortest exit of a guest, there and back.
    case hypercall
    /// One software step of a kernel or of the VMM.
    case softwareStep = "software-step"
    /// One system call of the VMM.
    case systemCall = "system-call"
    /// A posted write from the device to the SMMU, or from there on.
    case interconnectHop = "interconnect-hop"
    /// A translation that hits the SMMU's TLB.
    case translationHit = "translation-hit"
    /// A look-up in the SMMU's walk caches after a TLB miss.
    case walkCacheHit = "walk-cache-hit"
    /// One read of a table by the SMMU or the ITS.
    case tableRead = "table-read"
    /// One command that the SMMU takes from its queue.
    case smmuCommand = "smmu-command"
    /// From a CMD_SYNC at the head of the queue to its completion.
    case smmuSync = "smmu-sync"
    /// A message whose route the ITS has in its caches.
    case itsLookup = "its-lookup"
    /// One command that the ITS takes from its queue.
    case itsCommand = "its-command"
    /// One VMOVP, which all ITSs carry out one after the other.
    case itsMoveVPE = "its-vmovp"
    /// From the physical LPI to the host's handler.
    case hostInterruptEntry = "host-interrupt-entry"
    /// From the eventfd signal to the virtual interrupt's injection, route cached.
    case irqfdInjection = "irqfd-injection"
    /// The same when KVM walks the virtual ITS's tables under its lock.
    case uncachedInjection = "uncached-injection"
    /// The part of an injection that one virtual CPU takes from one CPU at a time.
    case injectionLock = "injection-lock"
    /// Writing one list register on the way into the guest.
    case listRegister = "list-register"
    /// From the injection to the guest's acknowledge, with the virtual CPU's kick.
    case kick
    /// The host's scheduler puts a virtual CPU on a physical one.
    case contextSwitch = "context-switch"
    /// What a virtual CPU loses when it goes on on another physical one.
    case migration
    /// From the ITS's look-up to the acknowledge of a resident virtual CPU, with GICv4.
    case directInjection = "direct-injection"
    /// Making a vPE resident, until its redistributor has read the pending table.
    case residency
    /// The guest's acknowledge, handler entry and EOI, none of which trap.
    case guestHandler = "guest-handler"
  }
}

extension CostModel.Item {
  /// The item's place among all items, from 0.
  @inlinable
  public var ordinal: Int {
    switch self {
    case .exitToKernel: 0
    case .exitToVMM: 1
    case .hypercall: 2
    case .softwareStep: 3
    case .systemCall: 4
    case .interconnectHop: 5
    case .translationHit: 6
    case .walkCacheHit: 7
    case .tableRead: 8
    case .smmuCommand: 9
    case .smmuSync: 10
    case .itsLookup: 11
    case .itsCommand: 12
    case .itsMoveVPE: 13
    case .hostInterruptEntry: 14
    case .irqfdInjection: 15
    case .uncachedInjection: 16
    case .injectionLock: 17
    case .listRegister: 18
    case .kick: 19
    case .contextSwitch: 20
    case .migration: 21
    case .directInjection: 22
    case .residency: 23
    case .guestHandler: 24
    }
  }

  /// What the item stands for.
  public var meaning: String {
    switch self {
    case .exitToKernel: "A guest exit that KVM handles in the kernel, there and back."
    case .exitToVMM: "A guest exit that the VMM handles, there and back."
    case .hypercall: "The shortest exit of a guest, there and back."
    case .softwareStep: "One software step of a kernel or of the VMM."
    case .systemCall: "One system call of the VMM."
    case .interconnectHop: "A posted write from the device to the SMMU, or from there on."
    case .translationHit: "A translation that hits the SMMU's TLB."
    case .walkCacheHit: "A look-up in the SMMU's walk caches after a TLB miss."
    case .tableRead: "One read of a table by the SMMU or the ITS."
    case .smmuCommand: "One command that the SMMU takes from its queue."
    case .smmuSync: "From a CMD_SYNC at the head of the queue to its completion."
    case .itsLookup: "A message whose route the ITS has in its caches."
    case .itsCommand: "One command that the ITS takes from its queue."
    case .itsMoveVPE: "One VMOVP, which all ITSs carry out one after the other."
    case .hostInterruptEntry: "From the physical LPI to the host's handler."
    case .irqfdInjection:
      "From the eventfd signal to the virtual interrupt's injection, route cached."
    case .uncachedInjection: "The same when KVM walks the virtual ITS's tables under its lock."
    case .injectionLock:
      "The part of an injection that one virtual CPU takes from one CPU at a time."
    case .listRegister: "Writing one list register on the way into the guest."
    case .kick: "From the injection to the guest's acknowledge, with the virtual CPU's kick."
    case .contextSwitch: "The host's scheduler puts a virtual CPU on a physical one."
    case .migration: "What a virtual CPU loses when it goes on on another physical one."
    case .directInjection:
      "From the ITS's look-up to the acknowledge of a resident virtual CPU, with GICv4."
    case .residency: "Making a vPE resident, until its redistributor has read the pending table."
    case .guestHandler: "The guest's acknowledge, handler entry and EOI, none of which trap."
    }
  }
}
