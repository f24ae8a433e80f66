internal import AMDIOMMU
internal import ArmFormats
internal import Bits
internal import VTD

// The records of Intel's and AMD's IOMMUs, taken apart.
extension RootEntry {
  func decoded() -> DecodedRecord {
    DecodedRecord(
      self, title: "VT-d root entry",
      summary: self[.lowerPresent]
        ? "context table at \(hex(self[.lowerTable] &<< 12))" : "not present: fault 0x1 or 0x39",
      fields: Self.fields
    ) { name, value in name.hasSuffix("CTP") ? hex(value &<< 12) : "" }
  }
}

extension ContextEntry {
  func decoded() -> DecodedRecord {
    DecodedRecord(
      self, title: "VT-d context entry",
      summary: self[.present] ? "domain \(self[.domain])" : "not present: fault 0x2",
      fields: Self.fields
    ) { name, value in
      switch name {
      case "FPD": flag(value, "faults are not recorded", "faults are recorded")
      case "TT": choice(value, ["second stage", "second stage, device TLBs", "pass-through"])
      case "SSPTPTR": hex(value &<< 12)
      case "AW": choice(value, ["reserved", "39 bits", "48 bits", "57 bits"])
      default: ""
      }
    }
  }
}

extension PASIDTableEntry {
  func decoded() -> DecodedRecord {
    DecodedRecord(
      self, title: "VT-d PASID table entry",
      summary: self[.present] ? "domain \(self[.domain])" : "not present: fault 0x59",
      fields: Self.fields
    ) { name, value in
      switch name {
      case "FPD": flag(value, "faults are not recorded", "faults are recorded")
      case "AW": choice(value, ["reserved", "39 bits", "48 bits", "57 bits"])
      case "PGTT":
        choice(value, ["reserved", "first stage", "second stage", "nested", "pass-through"])
      case "SSPTPTR", "FSPTPTR": hex(value &<< 12)
      default: ""
      }
    }
  }
}

extension InterruptEntry {
  func decoded() -> DecodedRecord {
    let isPosted = self[.isPosted]
    let hidden: Set<String> = isPosted ? ["DM", "RH", "TM", "DLM", "DST"] : ["URG"]
    let summary =
      !self[.present]
      ? "not present: fault 0x22"
      : isPosted
        ? "vector \(self[.vector]) is recorded in the descriptor at \(hex(descriptor))"
        : "vector \(self[.vector]) goes to destination \(hex(UInt64(self[.destination])))"
    var record = DecodedRecord(
      self, title: "VT-d interrupt remapping entry", summary: summary,
      fields: Self.fields.filter { !hidden.contains($0.name) } + (isPosted ? Self.address : []),
      meaning: meaning)
    if self[.sourceValidation] == 0, self[.present] {
      record.notes.append("SVT 0: any requester may use the entry")
    }
    return record
  }

  /// Where a posted entry has the address of its descriptor.
  private static var address: [FieldDescription<Self>] {
    [
      .init("PDA[31:6]", BitField<Self, UInt64>(63, 38)),
      .init("PDA[63:32]", BitField<Self, UInt64>(word: 1, 63, 32)),
    ]
  }

  private func meaning(_ name: String, _ value: UInt64) -> String {
    switch name {
    case "FPD": flag(value, "faults are not recorded", "faults are recorded")
    case "DM": flag(value, "logical", "physical")
    case "TM": flag(value, "level", "edge")
    case "DLM":
      choice(
        value, ["fixed", "lowest priority", "SMI", "reserved", "NMI", "INIT", "reserved", "ExtINT"])
    case "URG": flag(value, "notified at once", "notified unless suppressed")
    case "IM": flag(value, "posted", "remapped")
    case "SQ":
      choice(
        value,
        [
          "all bits of the requester ID are compared", "all but bit 2", "all but bits 2:1",
          "all but bits 2:0",
        ])
    case "SVT":
      choice(value, ["no check", "requester ID against SID", "bus within SID [15:8] to [7:0]"])
    case "DST": "in xAPIC mode \(value >> 8 & 0xff)"
    default: ""
    }
  }
}

extension VTD.FaultRecord {
  func decoded() -> DecodedRecord {
    let isInterrupt = self[.reason].isOfInterrupt
    let text =
      !self[.isValid]
      ? "no fault"
      : "\(self[.reason]), requester \(hex(UInt64(self[.source]))), "
        + (isInterrupt
          ? "index \(self[word: 0] >> 48)"
          : "\(self[.type1] ? "read" : "write") of page \(hex(self[word: 0] & ~0xfff))")
    return DecodedRecord(
      self, title: "VT-d fault record: reason \(hex(UInt64(self[.reason].rawValue)))",
      summary: text,
      fields: Self.fields
    ) { name, value in
      switch name {
      case "FI": isInterrupt ? "index \(value >> 36)" : hex(value &<< 12)
      case "FR": "\(self[.reason])"
      case "F": flag(value, "holds a fault", "free")
      default: ""
      }
    }
  }
}

extension DeviceTableEntry {
  func decoded() -> DecodedRecord {
    DecodedRecord(
      self, title: "AMD device table entry",
      summary: self[.interruptValid]
        ? "interrupts: \(Self.control(UInt64(self[.interruptControl]))), table at "
          + hex(self[.interruptTable] &<< 6)
        : "interrupts pass unmapped", fields: Self.fields
    ) { name, value in
      switch name {
      case "Mode": value == 0 ? "no translation" : value == 7 ? "reserved" : "\(value) levels"
      case "HPTRP": hex(value &<< 12)
      case "IntTabLen": value <= 11 ? "\(1 &<< value) entries" : "reserved"
      case "IntTblPtr": hex(value &<< 6)
      case "IntCtl": Self.control(value)
      default: ""
      }
    }
  }

  private static func control(_ value: UInt64) -> String {
    choice(value, ["target abort", "passed unmapped", "remapped", "reserved"])
  }
}

extension InterruptTableEntry {
  func decoded() -> DecodedRecord {
    let summary =
      !self[.isEnabled]
      ? "not enabled: the interrupt is aborted"
      : self[.isOfGuest]
        ? "vector \(self[.wideVector]) of the guest whose virtual APIC is at "
          + hex(self[.guestPage] &<< 12)
        : "128 bits: vector \(self[.wideVector]); 32 bits: vector \(self[.vector])"
    return DecodedRecord(
      self, title: "AMD interrupt remapping entry", summary: summary, fields: Self.fields
    ) { name, value in
      switch name {
      case "SupIOPF": flag(value, "blocked interrupts are not logged", "they are logged")
      case "IntType": choice(value, ["fixed", "arbitrated"])
      case "DM": self[.isOfGuest] ? "IsRun" : flag(value, "logical", "physical")
      default: ""
      }
    }
  }
}

extension EventLogEntry {
  func decoded() -> DecodedRecord {
    DecodedRecord(
      self, title: "AMD event \(self[.code])",
      summary: "device \(hex(UInt64(self[.device]))), "
        + (self[.isInterrupt] ? "interrupt" : self[.isWrite] ? "write" : "read")
        + " at \(hex(self[.address]))", fields: Self.fields
    ) { name, value in
      switch name {
      case "PR": flag(value, "present, and not permitted", "not present")
      case "EventCode": "\(self[.code])"
      default: ""
      }
    }
  }
}
