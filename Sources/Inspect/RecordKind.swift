internal import AMDIOMMU
package import ArmFormats
internal import Bits
internal import RISCVFormats
internal import VTD

/// A kind of record that can be taken apart, by the name that a user types.
package enum RecordKind: String, CaseIterable, Sendable {
  case event
  case ste
  case cd
  case l1std
  case l1cd
  case command
  case descriptor
  case itsCommand = "its-command"
  case dte
  case ite
  case lpiConfig = "lpi-config"
  case riscvDirectory = "riscv-ddt"
  case riscvContext = "riscv-dc"
  case riscvProcess = "riscv-pc"
  case riscvPage = "riscv-pte"
  case riscvMessage = "riscv-msi-pte"
  case riscvFile = "riscv-mrif"
  case riscvFault = "riscv-fault"
  case riscvCommand = "riscv-command"
  case vtdRoot = "vtd-root"
  case vtdContext = "vtd-context"
  case vtdPASID = "vtd-pasid"
  case vtdInterrupt = "vtd-irte"
  case vtdFault = "vtd-fault"
  case amdDevice = "amd-dte"
  case amdInterrupt = "amd-irte"
  case amdEvent = "amd-event"

  /// Number of 64-bit words in a record.
  package var wordCount: Int {
    switch self {
    case .event, .itsCommand, .riscvFault, .amdDevice: 4
    case .ste, .cd, .riscvContext, .vtdPASID: 8
    case .command, .ite, .riscvProcess, .riscvMessage, .riscvCommand, .vtdRoot, .vtdContext,
      .vtdInterrupt, .vtdFault, .amdInterrupt, .amdEvent:
      2
    case .l1std, .l1cd, .descriptor, .dte, .lpiConfig, .riscvDirectory, .riscvPage: 1
    case .riscvFile: 64
    }
  }

  /// Name of the record, for messages.
  package var name: String {
    switch self {
    case .event: "SMMUv3 event record"
    case .ste: "stream table entry"
    case .cd: "context descriptor"
    case .l1std: "level 1 stream table descriptor"
    case .l1cd: "level 1 context descriptor table descriptor"
    case .command: "SMMUv3 command"
    case .descriptor: "VMSAv8-64 translation table descriptor"
    case .itsCommand: "ITS command"
    case .dte: "ITS device table entry"
    case .ite: "ITS interrupt translation entry"
    case .lpiConfig: "LPI configuration byte"
    case .riscvDirectory: "entry of a RISC-V device or process directory table"
    case .riscvContext: "RISC-V device context"
    case .riscvProcess: "RISC-V process context"
    case .riscvPage: "RISC-V page table entry"
    case .riscvMessage: "RISC-V MSI page table entry"
    case .riscvFile: "RISC-V memory-resident interrupt file"
    case .riscvFault: "fault record of a RISC-V IOMMU"
    case .riscvCommand: "command of a RISC-V IOMMU"
    case .vtdRoot: "VT-d root entry"
    case .vtdContext: "VT-d context entry"
    case .vtdPASID: "VT-d PASID table entry"
    case .vtdInterrupt: "VT-d interrupt remapping entry"
    case .vtdFault: "VT-d fault recording register"
    case .amdDevice: "AMD device table entry"
    case .amdInterrupt: "AMD interrupt remapping entry"
    case .amdEvent: "AMD event log entry"
    }
  }
}

/// Context of a record that is taken apart.
package struct DecodeContext: Sendable {
  /// Base addresses of ITSs, to recognise their doorbells (base + 0x10040).
  package var itsBases: [UInt64] = []
  /// The stage that a descriptor belongs to, 1 or 2.
  package var stage = 1
  /// The level that a descriptor stands at, 0 to 3, or `nil` where it is not known.
  package var level: UInt64?
  package var granule = TranslationGranule.kib4
  /// Words that are not known and stand as zero.
  package var missing: [Int] = []

  package init() {}
}

extension RecordKind {
  /// Takes apart the record whose words are `words`; missing words read as zero, and a remark
  /// says so. ITS tables have no architected format: a DTE and an ITE are read in two of them.
  package func decode(_ words: [UInt64], context: DecodeContext = .init()) -> [DecodedRecord] {
    var records: [DecodedRecord]
    switch self {
    case .event: records = [EventRecord(words: words).decoded(context)]
    case .ste: records = [StreamTableEntry(words: words).decoded()]
    case .cd: records = [ContextDescriptor(words: words).decoded()]
    case .l1std: records = [StreamTableDescriptor(words: words).decoded()]
    case .l1cd: records = [ContextTableDescriptor(words: words).decoded()]
    case .command: records = [SMMUCommand(words: words).decoded()]
    case .descriptor: records = [TranslationDescriptor(words: words).decoded(context)]
    case .itsCommand: records = [ITSCommand(words: words).decoded()]
    case .dte:
      records = [
        ITSDeviceEntry(words: words).decoded(), SavedDeviceEntry(words: words).decoded(),
      ]
    case .ite:
      records = [
        ITSInterruptEntry(words: words).decoded(), SavedInterruptEntry(words: words).decoded(),
      ]
    case .lpiConfig: records = [LPIConfiguration(words: words).decoded()]
    default: records = [decodedElsewhere(words)]
    }
    if words.count < wordCount, self != .riscvFile {
      let remark = "\(words.count) of \(wordCount) words given: the others are taken as zero"
      for index in records.indices { records[index].notes.insert(remark, at: 0) }
    }
    return records
  }

  /// Records of platforms beside Arm.
  private func decodedElsewhere(_ words: [UInt64]) -> DecodedRecord {
    switch self {
    case .riscvDirectory: DirectoryEntry(words: words).decoded()
    case .riscvContext: DeviceContext(words: words).decoded()
    case .riscvProcess: ProcessContext(words: words).decoded()
    case .riscvPage: PageTableEntry(words: words).decoded()
    case .riscvMessage: MSIPageTableEntry(words: words).decoded()
    case .riscvFault: RISCVFormats.FaultRecord(words: words).decoded()
    case .riscvCommand: IOMMUCommand(words: words).decoded()
    case .vtdRoot: RootEntry(words: words).decoded()
    case .vtdContext: ContextEntry(words: words).decoded()
    case .vtdPASID: PASIDTableEntry(words: words).decoded()
    case .vtdInterrupt: InterruptEntry(words: words).decoded()
    case .vtdFault: VTD.FaultRecord(words: words).decoded()
    case .amdDevice: DeviceTableEntry(words: words).decoded()
    case .amdInterrupt: InterruptTableEntry(words: words).decoded()
    case .amdEvent: EventLogEntry(words: words).decoded()
    default: decodedResidentFile(words)
    }
  }
}
