internal import ArmFormats
internal import Bits
internal import Designs
internal import Engine
internal import Guest
internal import HostKernel
internal import Machine
internal import Memory
internal import SMMU
internal import Software
internal import VMM

// What a guest may try with the commands and the entries that its virtual SMMU passes on.
extension Attack {
  static let commandAttacks: [Attack] = [
    Attack(
      name: "foreign-vmid", actor: .guest,
      action: "The guest invalidates translations of another VM's VMID, and all of them.",
      breach: "a translation that the other VM's device uses leaves the TLB",
      source: "arm-smmu-v3-iommufd.c arm_vsmmu_convert_user_cmd", carryOut: invalidateForeign),
    Attack(
      name: "foreign-stream", actor: .guest,
      action: "The guest invalidates the context descriptor of another VM's StreamID.",
      breach: "the descriptor that the other VM's device uses leaves the cache",
      source: "arm-smmu-v3-iommufd.c arm_vsmmu_vsid_to_sid", carryOut: invalidateForeignContext),
    Attack(
      name: "illegal-commands", actor: .guest,
      action: "The guest queues the commands of stage 2 and of EL2.",
      breach: "one of them reaches the physical queue",
      source: "smmuv3.c smmuv3_cmdq_consume; arm_vsmmu_convert_user_cmd",
      carryOut: queueIllegalCommands),
    Attack(
      name: "forged-entry", actor: .guest,
      action: "The guest writes an STE with a stage 2 of its own: another VM's VMID and table.",
      breach: "the physical STE takes any of it",
      source: "arm-smmu-v3-iommufd.c arm_smmu_validate_vste", carryOut: forgeEntry),
  ]

  private static func requireVirtualSMMU(
    _ specification: RunSpecification
  ) throws(AttackFailure) {
    guard specification.design.iommu == .nested else {
      throw .notApplicable("the guest has no SMMU to command")
    }
  }

  /// A guest with an SMMU to command, beside a neighbour whose buffer only the TLB still answers
  /// for.
  private static func beforeCachedNeighbour(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackedSystem {
    try requireVirtualSMMU(specification)
    var system = try AttackedSystem.besideNeighbour(specification, caches: true)
    try system.neighbourAccess()
    system.engine.machine.memory.store64(try system.other.bufferDescriptor, 0)
    return system
  }

  private static func invalidateForeign(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try beforeCachedNeighbour(specification)
    var commands: [SMMUCommand] = []
    for opcode: SMMUOpcode in [
      .tlbiNHVA, .tlbiNHVAA, .tlbiNHASID, .tlbiNHAll,
      .tlbiNSNHAll,
    ] {
      var command = SMMUCommand(opcode)
      command[.vmid] = try system.other.vmid
      if [.tlbiNHVA, .tlbiNHASID].contains(opcode) { command[.asid] = 2 }
      if [.tlbiNHVA, .tlbiNHVAA].contains(opcode) {
        command[.page] = NeighbourVM.buffer.rawValue >> 12
      }
      commands.append(command)
    }
    let refusals = system.guestSends(commands)
    let isKept = try system.neighbourAccess() == system.neighbourBuffer
    let measures: [IsolationFinding.Measure] = [
      .init("commands", commands.count), .init("refused", refusals.count),
      .init("neighbour's translations lost", isKept ? 0 : 1),
    ]
    guard isKept else {
      return .breach(
        of: .neighbour, "an invalidation of the guest's takes the neighbour's translation away",
        measures)
    }
    return .contained(
      "the host sends each with the guest's own VMID; the neighbour's translation stays", measures)
  }

  private static func invalidateForeignContext(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    try requireVirtualSMMU(specification)
    var system = try AttackedSystem.besideNeighbour(specification, caches: true)
    try system.neighbourAccess()
    let victim = try system.other
    // Only the cache can answer from here on.
    system.engine.machine.memory.store64(victim.contextDescriptor, 0)
    var refusals: [String] = []
    for opcode: SMMUOpcode in [.invalidateContext, .invalidateContexts] {
      var command = SMMUCommand(opcode)
      command[.stream] = victim.stream
      refusals += system.guestSends([command])
    }
    let isKept = try system.neighbourAccess() == system.neighbourBuffer
    let measures: [IsolationFinding.Measure] = [
      .init("commands", 2), .init("refused", refusals.count),
    ]
    guard isKept else {
      return .breach(
        of: .neighbour, "the neighbour's context descriptor was dropped from the cache", measures)
    }
    return .contained(refusals.first ?? "the neighbour's descriptor stays cached", measures)
  }

  private static func queueIllegalCommands(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try beforeCachedNeighbour(specification)
    let before = system.physicalCommands().smmu
    var refusals: [String] = []
    let opcodes: [SMMUOpcode] = [
      .tlbiS12VMAll, .tlbiS2IPA, .tlbiEL2All, .tlbiEL2VA,
    ]
    for opcode in opcodes {
      var command = SMMUCommand(opcode)
      command[.vmid] = try system.other.vmid
      let told = system.guestSends([command])
      refusals += told.filter { !refusals.contains($0) }
    }
    let sent = Int((system.physicalCommands().smmu &- before) & 0x1ff)
    let isKept = try system.neighbourAccess() == system.neighbourBuffer
    let measures: [IsolationFinding.Measure] = [
      .init("commands", opcodes.count), .init("physical commands", sent),
    ]
    guard isKept, sent == 0 else {
      return .breach(
        of: isKept ? .host : .neighbour, "\(sent) commands reach the physical queue", measures)
    }
    return .contained(
      refusals.first ?? "the virtual SMMU's queue stands still after the first", measures)
  }

  private static func forgeEntry(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    try requireVirtualSMMU(specification)
    var system = try AttackedSystem.besideNeighbour(specification)
    guard let place = system.engine.host.streamEntryAddress(of: .first),
      case let theirs = system.engine.host.entry(of: try system.other.device)
    else { throw .notApplicable("the device has no STE") }
    // The neighbour's STE to the letter: nested, its VMID, its stage 2 table.
    let refusals = system.guestInstalls(
      theirs, of: system.engine.specification.workload.device.guestID)
    let entry = system.engine.machine.memory.load(StreamTableEntry.self, at: place)
    let vmid = try system.other.vmid
    let access = system.write(0, to: NeighbourVM.buffer)
    if entry?[.vmid] == vmid
      || access.outcome.address.map({ system.owner(of: $0) }) == .neighbourRAM
    {
      return .breach(
        of: .neighbour, "the physical STE has the neighbour's stage 2", stations: access.stations)
    }
    let state = entry.map { "\($0[.config])" } ?? "unknown"
    return .contained(
      "\(refusals.first ?? "the entry is not taken"); the physical STE: \(state)",
      [.init("refused", refusals.count)], stations: access.stations)
  }
}
