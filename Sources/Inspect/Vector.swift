internal import Bits

/// One test of a vector file: a machine's state, what is done to it, and what a reference
/// implementation answered. `VectorReader` reads the file format.
package struct Vector: Sendable {
  package var id: String
  /// Subject of the vector: `s1`, `s2`, `nested`, `seq`, `cmd`, `its`, `itserr`, `gicv4`, `msi`.
  package var group: String
  /// Choices of the generator, for selection and for messages.
  package var tags: [String]
  /// The SMMU's registers; `nil` where no SMMU is involved.
  package var smmu: SMMUState?
  /// 64-bit words of memory, in the order of the file.
  package var memory: [MemoryWord]
  /// The interrupt controller's registers and tables; `nil` where none is involved.
  package var gic: GICState?
  /// Steps in order, each with its recorded answer.
  package var steps: [VectorStep]
  package var verdict: ArchitectureVerdict
}

/// A vector of either platform.
package enum VectorCase: Sendable {
  case arm(Vector)
  case riscv(RISCVVector)
  case vtd(VTDVector)
  case amd(AMDVector)

  package var group: String {
    switch self {
    case .arm(let vector): vector.group
    case .riscv(let vector): vector.group
    case .vtd(let vector): vector.group
    case .amd(let vector): vector.group
    }
  }

  /// Implementation that gave the recorded answers.
  var recorder: ProofPersonality {
    switch self {
    case .riscv(let vector) where vector.recorder == .referenceModel: .referenceModel
    default: .qemu11
    }
  }
}

/// A 64-bit word at a physical address.
package struct MemoryWord: Equatable, Sendable {
  package var address: UInt64
  package var value: UInt64

  package init(address: UInt64, value: UInt64) {
    self.address = address
    self.value = value
  }
}

/// The registers of the SMMU before the first step.
package struct SMMUState: Equatable, Sendable {
  /// Which stages the SMMU has.
  package enum Stages: String, Sendable {
    case nested
    case stage1 = "1"
    case stage2 = "2"
  }

  package var stages: Stages
  package var streamTableBase: UInt64
  package var streamTableConfig: UInt64
  package var control: UInt64
  package var control1: UInt64
  package var control2: UInt64
  package var globalBypass: UInt64
}

/// The registers and tables of the interrupt controller before the first step.
package struct GICState: Equatable, Sendable {
  /// 3, or 4 for GICv4.0.
  package var version: UInt64
  package var cpuCount: Int
  package var lpiConfigBase: UInt64
  package var lpiPendingBases: [UInt64]
  package var commandBase: UInt64
  /// GITS_BASER0 to 2; zero where the file names none.
  package var tableBases: [UInt64]
  package var control: UInt64
  /// CPUs whose GICR_CTLR.EnableLPIs stays clear.
  package var lpisOff: [Int]
  /// Words written before: the first level of the device table.
  package var tableWords: [MemoryWord]
  /// INTID and configuration byte.
  package var lpiConfigs: [(intid: UInt64, value: UInt8)]
  /// Virtual pending tables: address and length in bytes.
  package var virtualTables: [(address: UInt64, size: UInt64)]

  package static func == (left: Self, right: Self) -> Bool {
    "\(left)" == "\(right)"
  }
}

/// One step and its recorded answer.
package struct VectorStep: Sendable {
  package var action: VectorAction
  package var answer: VectorAnswer
}

/// Action of a step.
package enum VectorAction: Sendable {
  /// A device accesses 4 bytes: Non-secure, unprivileged, data.
  case access(stream: UInt32, address: UInt64, isWrite: Bool)
  /// The CPU changes memory.
  case store([MemoryWord])
  /// Commands put on the SMMU's command queue and consumed.
  case smmuCommands([[UInt64]])
  /// A CPU writes a 32-bit register of the SMMU.
  case smmuRegister(offset: UInt64, value: UInt32)
  /// Commands written at GITS_CWRITER.
  case itsCommands([[UInt64]])
  /// A device sends an MSI.
  case message(device: UInt32, address: UInt64, data: UInt32)
  /// A CPU changes the configuration byte of an LPI.
  case lpiConfig(intid: UInt64, value: UInt8)

  /// The action in a few words.
  package var description: String {
    switch self {
    case .access(let stream, let address, let isWrite):
      "\(isWrite ? "write" : "read") of \(hex(address)) by StreamID \(hex(UInt64(stream)))"
    case .store(let words): "store of \(words.count) words"
    case .smmuCommands(let commands): "\(commands.count) SMMU commands"
    case .smmuRegister(let offset, let value):
      "register \(hex(offset)) = \(hex(UInt64(value)))"
    case .itsCommands(let commands): "\(commands.count) ITS commands"
    case .message(let device, let address, let data):
      "MSI \(hex(UInt64(data))) to \(hex(address)) by DeviceID \(hex(UInt64(device)))"
    case .lpiConfig(let intid, let value): "LPI \(intid) configured as \(hex(UInt64(value)))"
    }
  }
}

/// Answer of a reference implementation in a step; `nil` where the file says nothing.
package struct VectorAnswer: Equatable, Sendable {
  /// `ok`, `bypass`, `abort` or `fault`.
  package var outcome: String?
  package var physicalAddress: UInt64?
  /// Bit 0 read, bit 1 write.
  package var permissions: UInt64?
  /// The event records written since the step before.
  package var events: [[UInt64]] = []
  /// The data that the device wrote were found at `physicalAddress`.
  package var landed: Bool?
  /// Nothing answers at `physicalAddress`.
  package var targetAborts = false
  /// SMMU_CMDQ_CONS, and the active bits of SMMU_GERROR.
  package var commandConsumer: UInt64?
  package var globalErrors: UInt64?
  /// GITS_CREADR without its Stalled bit, and that bit.
  package var commandRead: UInt64?
  package var commandStalled: UInt64?
  /// DeviceID and data that the ITS saw.
  package var translation: DoorbellWrite?
  /// Pending LPIs of every CPU that has any; `nil` as before.
  package var pending: [PendingInterrupts]?
  /// Pending virtual LPIs by address of the virtual pending table; `nil` as before.
  package var virtualPending: [PendingInterrupts]?

  package init() {}
}

/// A write that the ITS saw at GITS_TRANSLATER.
package struct DoorbellWrite: Equatable, Sendable {
  package var device: UInt64
  package var data: UInt64
}

/// Interrupts set in one pending table.
package struct PendingInterrupts: Equatable, Sendable {
  /// The CPU, or the address of the virtual pending table.
  package var owner: UInt64
  package var intids: [UInt64]
}

/// A second opinion on a vector, written from the architecture.
package enum ArchitectureVerdict: Sendable {
  /// The recorded answers are the architecture's, as far as this is judged.
  case agrees
  /// The recorded answers of some accesses differ from the architecture's.
  case deviates([AccessDeviation])
  /// From this step on the pending tables differ from what the architecture says.
  case deviatesPending(step: Int, PendingState)
  /// Nothing is said.
  case unjudged

  package var name: String {
    switch self {
    case .agrees: "agree"
    case .deviates, .deviatesPending: "deviates"
    case .unjudged: "unjudged"
    }
  }
}

/// Expected results of an access in both opinions.
package struct AccessDeviation: Equatable, Sendable {
  package var architecture: AccessSummary
  package var recorded: AccessSummary
}

/// The pending tables of all CPUs and vPEs.
package struct PendingState: Equatable, Sendable {
  package var physical: [PendingInterrupts]
  package var virtual: [PendingInterrupts]
}
