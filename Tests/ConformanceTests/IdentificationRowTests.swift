import ArmFormats
import Bits
import Memory
import SMMU
import SMMUFixtures
import Testing

/// Each bit of the identification registers against what the SMMU does.
@Suite("Arm ACS rows: identification")
struct IdentificationRowTests {
  typealias Profile = SMMUProfile

  /// A feature: what says whether it exists, how to take it away, and a case that passes with it
  /// and fails without.
  struct Feature: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let isAdvertised: @Sendable (Profile) -> Bool
    let clear: @Sendable (inout Profile) -> Void
    let works: @Sendable (Profile) throws -> Bool

    init(
      _ name: String, _ isAdvertised: @escaping @Sendable (Profile) -> Bool,
      clear: @escaping @Sendable (inout Profile) -> Void,
      works: @escaping @Sendable (Profile) throws -> Bool
    ) {
      testDescription = name
      self.isAdvertised = isAdvertised
      self.clear = clear
      self.works = works
    }
  }

  static let shipped: [Profile] = [.full, .full52, .qemu, .qemuStage1, .qemuStage2]

  /// Whether a stream of this configuration, changed a little, still translates 0x5000.
  static func translates(
    _ profile: Profile, _ config: StreamConfig, _ granule: TranslationGranule = .kib4,
    bits: UInt64 = 40, _ change: (inout Stream) -> Void = { _ in }
  ) throws -> Bool {
    let machine = try Machine(profile)
    var stream = Stream(machine, config, granule, stage1Bits: bits, stage2Bits: 40)
    // 0x1_0000 is the start of a page of every granule.
    stream.low.map(0x1_0000, to: config == .nested ? 0x7_0001_0000 : 0x4200_0000, stage1Leaf)
    stream.stage2.map(
      config == .nested ? 0x7_0001_0000 : 0x1_0000, to: 0x4200_0000, stage2Leaf)
    change(&stream)
    stream.install()
    return machine.output(0x1_0000) == 0x4200_0000
  }

  /// A feature of CDs shows in stage 1, of STEs in stage 2: whichever stage there is.
  static func translates(
    _ profile: Profile, context: (inout ContextDescriptor) -> Void,
    entry: (inout StreamTableEntry) -> Void
  ) throws -> Bool {
    var works = true
    if profile.idr0[.stage1] {
      works = try works && translates(profile, .stage1) { context(&$0.context) }
    }
    if profile.idr0[.stage2] {
      works = try works && translates(profile, .stage2) { entry(&$0.entry) }
    }
    return works
  }

  static func accepts(_ profile: Profile, _ command: SMMUCommand) throws -> Bool {
    let machine = try Machine(profile)
    machine.send(command)
    return machine.read(SMMURegister.commandQueueConsumer) == 1
  }

  static func command(_ opcode: SMMUOpcode, _ set: (inout SMMUCommand) -> Void = { _ in })
    -> SMMUCommand
  {
    var command = SMMUCommand(opcode)
    set(&command)
    return command
  }

  static let features: [Feature] = stages + sizes + updates + commands + tables

  static let stages: [Feature] = [
    Feature("IDR0.S2P", { $0.idr0[.stage2] }, clear: { $0.idr0[.stage2] = false }) {
      try translates($0, .stage2)
    },
    Feature("IDR0.S1P", { $0.idr0[.stage1] }, clear: { $0.idr0[.stage1] = false }) {
      try translates($0, .stage1)
    },
    Feature(
      "IDR0.S1P and S2P: nesting", { $0.idr0[.stage1] && $0.idr0[.stage2] },
      clear: { $0.idr0[.stage2] = false }
    ) { try translates($0, .nested) },
  ]

  static let sizes: [Feature] = [
    Feature(
      "IDR0.ASID16", { $0.idr0[.asid16] && $0.idr0[.stage1] }, clear: { $0.idr0[.asid16] = false }
    ) { try translates($0, .stage1) { $0.context[.asid] = 0x100 } },
    Feature(
      "IDR0.VMID16", { $0.idr0[.vmid16] && $0.idr0[.stage2] }, clear: { $0.idr0[.vmid16] = false }
    ) { try translates($0, .stage2) { $0.entry[.vmid] = 0x100 } },
    Feature("IDR5.GRAN4K", { $0.idr5[.kib4] }, clear: { $0.idr5[.kib4] = false }) {
      try translates($0, $0.idr0[.stage1] ? .stage1 : .stage2)
    },
    Feature("IDR5.GRAN16K", { $0.idr5[.kib16] }, clear: { $0.idr5[.kib16] = false }) {
      try translates($0, $0.idr0[.stage1] ? .stage1 : .stage2, .kib16)
    },
    Feature("IDR5.GRAN64K", { $0.idr5[.kib64] }, clear: { $0.idr5[.kib64] = false }) {
      try translates($0, $0.idr0[.stage1] ? .stage1 : .stage2, .kib64)
    },
    Feature(
      "IDR5.OAS of 48 bits or more", { $0.outputBits >= 48 },
      clear: { $0.idr5[.outputSize] = .bits44 }
    ) { profile in
      let machine = try Machine(profile)
      let config: StreamConfig = profile.idr0[.stage1] ? .stage1 : .stage2
      let stream = Stream(machine, config)
      stream.low.map(0x5000, to: 1 << 47, stage1Leaf)
      stream.stage2.map(0x5000, to: 1 << 47, stage2Leaf)
      return machine.output(0x5000) == 1 << 47
    },
    Feature(
      "IDR5.VAX of 52 bits", { $0.idr5[.virtualSize] == 1 && $0.idr0[.stage1] },
      clear: { $0.idr5[.virtualSize] = 0 }
    ) { try translates($0, .stage1, .kib64, bits: 52) },
    Feature(
      "IDR1.SSIDSIZE", { $0.idr1[.substreamBits] > 0 && $0.idr0[.stage1] },
      clear: { $0.idr1[.substreamBits] = 0 }
    ) { profile in
      let machine = try Machine(profile)
      var stream = Stream(machine, .stage1)
      stream.low.map(0x5000, to: 0x4200_0000, stage1Leaf)
      stream.entry[.substreamBits] = 1
      stream.install()
      if case .translated = machine.access(0x5000, substream: 0) { return true }
      return false
    },
  ]

  static let updates: [Feature] = [
    Feature(
      "IDR0.HTTU access flag", { $0.idr0[.hardwareUpdate] >= 1 },
      clear: { $0.idr0[.hardwareUpdate] = 0 }
    ) {
      try translates(
        $0, context: { $0[.hardwareAccess] = true }, entry: { $0[.stage2HardwareAccess] = true })
    },
    Feature(
      "IDR0.HTTU dirty state", { $0.idr0[.hardwareUpdate] == 2 },
      clear: { $0.idr0[.hardwareUpdate] = 1 }
    ) {
      try translates(
        $0,
        context: {
          $0[.hardwareAccess] = true
          $0[.hardwareDirty] = true
        },
        entry: {
          $0[.stage2HardwareAccess] = true
          $0[.stage2HardwareDirty] = true
        })
    },
    Feature(
      "IDR0.TTENDIAN big", { $0.idr0[.tableEndianness] != 2 },
      clear: { $0.idr0[.tableEndianness] = 2 }
    ) { profile in
      let machine = try Machine(profile)
      let config: StreamConfig = profile.idr0[.stage1] ? .stage1 : .stage2
      var stream = Stream(machine, config)
      stream.context[.bigEndian] = true
      stream.entry[.stage2BigEndian] = true
      stream.install()
      _ = machine.access(0x5000)
      // Empty tables are the same in both orders: only the configuration can be refused.
      return machine.events().map { $0[.kind] } == [.translation]
    },
    Feature(
      "IDR0.STALL_MODEL stalls", { $0.idr0[.stallModel] != 1 && $0.idr0[.stage1] },
      clear: { $0.idr0[.stallModel] = 1 }
    ) { try translates($0, .stage1) { $0.context[.stall] = true } },
    Feature(
      "IDR0.TERM_MODEL leaves a choice", { !$0.idr0[.terminateAborts] && $0.idr0[.stage1] },
      clear: { $0.idr0[.terminateAborts] = true }
    ) { try translates($0, .stage1) { $0.context[.abort] = false } },
  ]

  static let commands: [Feature] = [
    Feature("IDR0.ATS", { $0.idr0[.ats] }, clear: { $0.idr0[.ats] = false }) {
      try accepts($0, command(.invalidateDevice))
    },
    Feature("IDR0.PRI", { $0.idr0[.pageRequests] }, clear: { $0.idr0[.pageRequests] = false }) {
      try accepts($0, command(.pageResponse))
    },
    Feature("IDR0.Hyp", { $0.idr0[.hyp] }, clear: { $0.idr0[.hyp] = false }) {
      try accepts($0, command(.tlbiEL2All))
    },
    Feature("IDR0.S2P: TLBI_S12_VMALL", { $0.idr0[.stage2] }, clear: { $0.idr0[.stage2] = false }) {
      try accepts($0, command(.tlbiS12VMAll))
    },
    Feature("IDR0.S1P: TLBI_NH_ALL", { $0.idr0[.stage1] }, clear: { $0.idr0[.stage1] = false }) {
      try accepts($0, command(.tlbiNHAll))
    },
    Feature("IDR0.MSI", { $0.idr0[.messages] }, clear: { $0.idr0[.messages] = false }) { profile in
      let machine = try Machine(profile)
      machine.send(
        command(.sync) {
          $0[.completion] = 1
          $0[.messagePointer] = 0x809_0040 >> 2
        })
      return machine.smmu.nextOutgoingMessage() != nil
    },
    Feature("IDR0.SEV", { $0.idr0[.sendEvent] }, clear: { $0.idr0[.sendEvent] = false }) {
      let machine = try Machine($0)
      machine.send(command(.sync) { $0[.completion] = 2 })
      return machine.smmu.takeInterrupts() == .wakeUp
    },
    Feature(
      "IDR3.RIL", { $0.idr3[.rangeInvalidation] && $0.idr0[.stage1] },
      clear: { $0.idr3[.rangeInvalidation] = false }
    ) { profile in
      guard profile.idr0[.stage1] else { return false }
      let machine = try Machine(profile, caches: .strict)
      let stream = Stream(machine, .stage1)
      for page in [0x5000, 0x6000] as [UInt64] {
        stream.low.map(page, to: 0x4200_0000, stage1Leaf)
        _ = machine.output(page)
        stream.low.map(page, to: 0x4300_0000, stage1Leaf)
      }
      machine.send(
        command(.tlbiNHVA) {
          $0[.asid] = 3
          $0[.vmid] = 7
          $0[.page] = 5
          $0[.granule] = 1
          $0[.rangeCount] = 1
        })
      // Without ranges the command is of one page.
      #expect(machine.output(0x5000) == 0x4300_0000)
      return machine.output(0x6000) == 0x4300_0000
    },
  ]

  static let tables: [Feature] = [
    Feature(
      "IDR0.ST_LEVEL", { $0.idr0[.streamTableLevels] == 1 },
      clear: { $0.idr0[.streamTableLevels] = 0 }
    ) { profile in
      let machine = try Machine(profile)
      machine.write(SMMURegister.cr0, 0)
      machine.write(SMMURegister.streamTableConfig, 1 << 16 | 8 << 6 | 10)
      machine.write(SMMURegister.cr0, 0xd)
      let second = machine.table(14)
      machine.memory.store64(PA(Machine.streamTable + 8), second | 9)
      var entry = StreamTableEntry()
      entry[.valid] = true
      entry[.config] = .bypass
      machine.memory.store(entry, at: PA(second + 64))
      return machine.output(0x5000, stream: 0x101) == 0x5000
    },
    Feature(
      "IDR0.CD2L",
      { $0.idr0[.twoLevelContexts] && $0.idr1[.substreamBits] > 0 && $0.idr0[.stage1] },
      clear: { $0.idr0[.twoLevelContexts] = false }
    ) {
      try translates($0, .stage1) { stream in
        let first = stream.machine.table()
        stream.machine.memory.store64(PA(first), stream.contextPlace | 1)
        stream.entry[.contextPointer] = first >> 6
        stream.entry[.substreamBits] = 8
        stream.entry[.contextTableFormat] = 1
        stream.entry[.defaultSubstream] = .substream0
      }
    },
    Feature(
      "IDR3.HAD", { $0.idr3[.hierarchyDisable] && $0.idr0[.stage1] },
      clear: { $0.idr3[.hierarchyDisable] = false }
    ) { profile in
      guard profile.idr0[.stage1] else { return false }
      let machine = try Machine(profile)
      var stream = Stream(machine, .stage1)
      // APTable[1]: nothing below may be written.
      stream.low.map(0x5000, to: 0x4200_0000, stage1Leaf, tableBits: 1 << 62)
      #expect(machine.output(0x5000, write: true) == nil)
      stream.context[.hierarchyDisabled0] = true
      stream.install()
      return machine.output(0x5000, write: true) == 0x4200_0000
    },
    Feature(
      "IDR3.STT", { $0.idr3[.smallTables] && $0.idr0[.stage1] },
      clear: { $0.idr3[.smallTables] = false }
    ) { try translates($0, .stage1, bits: 20) },
    Feature(
      "IDR3.XNX", { $0.idr3[.executeNeverExtended] && $0.idr0[.stage2] },
      clear: { $0.idr3[.executeNeverExtended] = false }
    ) { profile in
      guard profile.idr0[.stage2] else { return false }
      let machine = try Machine(profile)
      let stream = Stream(machine, .stage2)
      // XN = 1: EL0 may execute, where XN[0] exists; otherwise it is ignored and all may.
      stream.stage2.map(0x5000, to: 0x4200_0000, stage2Leaf | 1 << 53)
      let result = machine.access(0x5000, instruction: true, privileged: true)
      if case .faulted = result { return true }
      return false
    },
    Feature(
      "IDR3.E0PD", { $0.idr3[.unprivilegedDisable] && $0.idr0[.stage1] },
      clear: { $0.idr3[.unprivilegedDisable] = false }
    ) { profile in
      guard profile.idr0[.stage1] else { return false }
      return try !translates(profile, .stage1) { $0.context[.unprivilegedDisabled0] = true }
    },
    Feature(
      "IDR3.FWB", { $0.idr3[.forceWriteBack] && $0.idr0[.stage2] },
      clear: { $0.idr3[.forceWriteBack] = false }
    ) { profile in
      let machine = try Machine(profile)
      var stream = Stream(machine, .stage2)
      // MemAttr 0b0110: write-back with S2FWB; otherwise Normal, non-cacheable outside.
      stream.stage2.map(0x5000, to: 0x4200_0000, 1 << 10 | 3 << 6 | 6 << 2)
      stream.entry[.stage2ForceWriteBack] = true
      stream.install()
      guard case .translated(let page) = machine.access(0x5000) else { return false }
      return page.attributes.type == 0xff
    },
    Feature(
      "IDR1.ATTR_PERMS_OVR", { $0.idr1[.overridesPermissions] },
      clear: { $0.idr1[.overridesPermissions] = false }
    ) { profile in
      let machine = try Machine(profile)
      let config: StreamConfig = profile.idr0[.stage1] ? .stage1 : .stage2
      var stream = Stream(machine, config)
      stream.low.map(0x5000, to: 0x4200_0000, stage1Leaf | 1 << 54)
      stream.stage2.map(0x5000, to: 0x4200_0000, stage2Leaf | 2 << 53)
      stream.entry[.instructionConfig] = .clear
      stream.install()
      // INSTCFG = 2: a fetch counts as a read of data.
      if case .translated = machine.access(0x5000, instruction: true) { return true }
      return false
    },
  ]

  @Test(
    "ACS-15: what a profile advertises works, and what it does not advertise does not",
    arguments: features)
  func consistency(feature: Feature) throws {
    for profile in Self.shipped {
      let name = "IDR0 \(hex(profile.idr0.rawValue)) IDR5 \(hex(profile.idr5.rawValue))"
      #expect(try feature.works(profile) == feature.isAdvertised(profile), "\(name)")
      var without = profile
      feature.clear(&without)
      #expect(try !feature.works(without), "\(name) without it")
    }
  }

  @Test("ACS-15: every feature is advertised by one of the profiles at least")
  func everyFeature() {
    for feature in Self.features {
      #expect(Self.shipped.contains { feature.isAdvertised($0) }, "\(feature)")
    }
  }

  @Test("ACS-15: no profile advertises what the model has not: BTM, DORMHINT, ATOS, VATOS, VMW")
  func absent() {
    for profile in Self.shipped {
      let idr0 = profile.idr0
      #expect(!idr0[.broadcast] && !idr0[.dormantHint] && !idr0[.vmidWildcards])
      #expect(!idr0[.addressOperations] && !idr0[.virtualAddressOperations])
      #expect(!profile.idr1[.extendedQueues] && !profile.idr1[.presetQueues])
      #expect(!profile.idr3[.partitions])
      // VMSAv8-64 alone, coherent table walks, and an architecture of SMMUv3.1 or later.
      #expect(idr0[.tableFormats] == 2 && idr0[.coherent])
      #expect(profile.architecture >= 1)
    }
  }
}
