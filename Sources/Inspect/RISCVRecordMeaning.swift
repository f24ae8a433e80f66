internal import ArmFormats
internal import Bits
internal import RISCVFormats

// RISC-V's records, taken apart.
extension RISCVFormats.DirectoryEntry {
  func decoded() -> DecodedRecord {
    DecodedRecord(
      self, title: "RISC-V directory table entry",
      summary: self[.valid] ? "table at \(hex(table))" : "not valid", fields: Self.fields
    ) { name, value in name == "PPN" ? "table at \(hex(value &<< 12))" : "" }
  }
}

extension DeviceContext {
  func decoded() -> DecodedRecord {
    var record = DecodedRecord(
      self, title: "RISC-V device context", summary: summary, fields: Self.fields, meaning: meaning)
    if self[.messageTableMode] != .off, self[.secondStageMode] == .bare {
      record.notes.append(
        "an MSI page table needs a second stage: with iohgatp Bare the context is misconfigured "
          + "(cause 259)")
    }
    return record
  }

  private var summary: String {
    guard self[.valid] else { return "not valid: requests are fault 258" }
    let first =
      self[.hasProcessDirectory]
      ? "process directory at \(hex(firstStageTable))"
      : self[.firstStageMode] == .bare ? "no first stage" : "first stage at \(hex(firstStageTable))"
    let second =
      self[.secondStageMode] == .bare
      ? "no second stage" : "second stage at \(hex(secondStageTable))"
    guard self[.messageTableMode] != .off else { return "\(first), \(second), no MSI page table" }
    return "\(first), \(second), MSI page table at \(hex(messageTable)) for pages "
      + "\(hex(self[.messagePattern])) with mask \(hex(self[.messageMask]))"
  }

  private func meaning(_ name: String, _ value: UInt64) -> String {
    switch name {
    case "tc.DTF": flag(value, "faults are not recorded", "faults are recorded")
    case "tc.PDTV": flag(value, "fsc is a process directory", "fsc is a first stage")
    case "tc.GADE": flag(value, "A and D of the second stage are updated", "they fault when clear")
    case "tc.SADE": flag(value, "A and D of the first stage are updated", "they fault when clear")
    case "iohgatp.MODE": Self.stage(value, "x4")
    case "fsc.MODE":
      self[.hasProcessDirectory]
        ? choice(value, ["Bare", "PD8", "PD17", "PD20"]) : Self.stage(value, "")
    case "iohgatp.PPN", "fsc.PPN", "msiptp.PPN": hex(value &<< 12)
    case "iohgatp.GSCID": "tag of the VM's translations"
    case "ta.PSCID": "tag of the address space's translations"
    case "msiptp.MODE": choice(value, ["off", "flat"])
    case "msi_addr_mask": "these bits of a page number name the file"
    case "msi_addr_pattern": "the others, of pages that are interrupt files"
    default: ""
    }
  }

  private static func stage(_ mode: UInt64, _ suffix: String) -> String {
    switch mode {
    case 0: "Bare"
    case 8: "Sv39\(suffix)"
    case 9: "Sv48\(suffix)"
    case 10: "Sv57\(suffix)"
    default: "reserved"
    }
  }
}

extension ProcessContext {
  func decoded() -> DecodedRecord {
    DecodedRecord(
      self, title: "RISC-V process context",
      summary: self[.valid] ? "first stage at \(hex(firstStageTable))" : "not valid: fault 266",
      fields: Self.fields
    ) { name, value in
      switch name {
      case "ta.ENS": flag(value, "supervisor requests are allowed", "they are fault 260")
      case "fsc.PPN": hex(value &<< 12)
      default: ""
      }
    }
  }
}

extension PageTableEntry {
  func decoded() -> DecodedRecord {
    let summary =
      !self[.valid] ? "not valid" : isLeaf ? "page at \(hex(address))" : "table at \(hex(address))"
    return DecodedRecord(
      self, title: "RISC-V page table entry", summary: summary, fields: Self.fields
    ) { name, value in
      switch name {
      case "PBMT": choice(value, ["as the platform says", "non-cacheable", "I/O"])
      case "N": flag(value, "one of 16 entries of a 64 KiB page", "")
      default: ""
      }
    }
  }
}

extension MSIPageTableEntry {
  func decoded() -> DecodedRecord {
    let isBasic = self[.mode] == Self.basic
    let summary =
      !self[.valid]
      ? "not valid: a message is fault 262"
      : isBasic
        ? "messages go to the interrupt file at \(hex(address))"
        : self[.mode] == Self.memoryResident
          ? "messages are recorded in the file at \(hex(file)); a notice with identity "
            + "\(noticeIdentity) goes to \(hex(noticeAddress))"
          : "a mode that is reserved: fault 263"
    var record = DecodedRecord(
      self, title: "RISC-V MSI page table entry", summary: summary, fields: Self.fields
    ) { name, value in
      switch name {
      case "M": choice(value, ["reserved", "MRIF", "reserved", "basic"])
      case "PPN": isBasic ? hex(value &<< 12) : "MRIF_Address, \(hex(file))"
      case "C": flag(value, "custom: fault 263 where there is no custom use", "")
      case "NPPN": hex(value &<< 12)
      default: ""
      }
    }
    if self[.valid], hasReservedBits { record.notes.append("reserved bits are set: fault 263") }
    return record
  }
}

extension RISCVFormats.FaultRecord {
  func decoded() -> DecodedRecord {
    var text = "\(self[.cause])"
    if self[.transaction] != .none {
      text += ", device \(hex(UInt64(self[.device])))"
      if self[.processValid] { text += " process \(hex(UInt64(self[.process])))" }
      text += ", \(self[.transaction]) of \(hex(self[.value]))"
    } else {
      text += ", no transaction; iotval \(hex(self[.value]))"
    }
    if self[.cause].isGuestPageFault {
      text += ", GPA \(hex(self[.value2] & ~3))"
      if self[.value2] & 1 != 0 { text += ", of a first-stage table" }
    }
    var record = DecodedRecord(
      self, title: "RISC-V fault record: cause \(self[.cause].rawValue)", summary: text,
      fields: Self.fields
    ) { name, value in
      switch name {
      case "CAUSE": "\(self[.cause])"
      case "PV": flag(value, "with a process_id", "no process_id")
      case "PRIV": flag(value, "supervisor", "user")
      case "TTYP": "\(self[.transaction])"
      default: ""
      }
    }
    record.next = advice
    return record
  }

  /// What to look at, where a message may have died.
  private var advice: [String] {
    switch self[.cause].rawValue {
    case 256: ["ddtp.iommu_mode is Off: the driver has not turned the IOMMU on"]
    case 257...259: ["the device context of the device, and the directory that leads to it"]
    case 261...263:
      [
        "the entry of the MSI page table (msiptp) that the page number, extracted by msi_addr_mask, "
          + "names; it is KVM's that it leads to the guest's interrupt file"
      ]
    case 264, 271: ["the memory-resident interrupt file that the MSI page table entry names"]
    case 273: ["the page of a notice, or of the IOMMU's own messages: is there an IMSIC?"]
    case 15, 7:
      [
        "where the address is an interrupt file's: the first stage must map the host's window, or "
          + "the guest's interrupt files"
      ]
    case 23:
      [
        "where the GPA is an interrupt file's: msi_addr_mask and msi_addr_pattern do not name it, "
          + "so that the second stage was asked"
      ]
    default: []
    }
  }
}

extension IOMMUCommand {
  func decoded() -> DecodedRecord {
    let name =
      switch self[.opcode] {
      case .iotinval: self[.function] == 0 ? "IOTINVAL.VMA" : "IOTINVAL.GVMA"
      case .iofence: "IOFENCE.C"
      case .iodir: self[.function] == 0 ? "IODIR.INVAL_DDT" : "IODIR.INVAL_PDT"
      case .ats: self[.function] == 0 ? "ATS.INVAL" : "ATS.PRGR"
      default: "opcode \(self[.opcode].rawValue)"
      }
    // Fields of different commands share bits: only those that this one has are told.
    let names: Set<String> =
      switch self[.opcode] {
      case .iotinval:
        [
          "opcode", "func3", "AV", "PSCID", "PSCV", "GV", "NL", "GSCID", "S", "ADDR[63:12]",
        ]
      case .iofence: ["opcode", "func3", "AV", "WSI", "PR", "PW", "DATA", "ADDR[63:2]"]
      case .iodir: ["opcode", "func3", "PID", "DV", "DID"]
      default: ["opcode", "func3", "PID", "PV", "DSV", "RID", "DSEG", "PAYLOAD"]
      }
    return DecodedRecord(
      self, title: "RISC-V IOMMU command \(name)",
      fields: Self.fields.filter { names.contains($0.name) }
    ) { _, _ in "" }
  }
}

/// A memory-resident interrupt file, taken apart: pairs of 64 pending and 64 enable bits.
func decodedResidentFile(_ words: [UInt64]) -> DecodedRecord {
  func identities(_ offset: Int) -> String {
    var list: [Int] = []
    for pair in 0..<words.count / 2 {
      list += (0..<64).filter { isSet(words[pair * 2 + offset], bit: UInt64($0)) }.map {
        pair * 64 + $0
      }
    }
    return list.isEmpty
      ? "none"
      : list.prefix(16).map(String.init).joined(separator: ", ")
        + (list.count > 16 ? ", and \(list.count - 16) more" : "")
  }
  return DecodedRecord(
    title: "RISC-V memory-resident interrupt file",
    summary: "pending: \(identities(0)); enabled: \(identities(1))", words: words,
    fields: words.enumerated().map { index, word in
      let first = index / 2 * 64
      return DecodedField(
        name: index & 1 == 0 ? "pending" : "enabled",
        position: "[\(index * 64 + 63):\(index * 64)]", value: word,
        meaning: "identities \(first) to \(first + 63)")
    },
    notes: [
      "a notice follows each message that is recorded here, whether its identity is enabled or not"
    ])
}
