internal import ArmFormats
internal import Bits

extension ITSCommand {
  /// Every field of the command with its meaning (IHI 0069, 5.3).
  func decoded() -> DecodedRecord {
    let opcode = self[.opcode]
    let number = hex(UInt64(opcode.rawValue))
    let name = opcode.name ?? "unknown command \(number)"
    let fields = [FieldDescription<ITSCommand>("Opcode", .opcode)] + Self.fields(of: opcode)
    return DecodedRecord(self, title: "ITS command \(name)", fields: fields) { field, value in
      field == "Opcode" ? opcode.name ?? "unknown" : meaning(field, value)
    }
  }

  private func meaning(_ name: String, _ value: UInt64) -> String {
    switch name {
    case "Size": "\(value + 1) EventID bits: events 0 to \(hex(lowBits(value + 1)))"
    case "ITT_addr": "table at \(hex(tableAddress.rawValue))"
    case "V": flag(value, "map", "unmap")
    case "pINTID", "vINTID": interrupt(value)
    case "Dbell_pINTID", "Default_db_pINTID": value == 1023 ? "no doorbell" : interrupt(value)
    case "RDbase", "RDbase1", "RDbase2":
      "CPU number, or address \(hex(value &<< 16)) where GITS_TYPER.PTA is set"
    case "VPT_addr": "table at \(hex(virtualTableAddress.rawValue))"
    case "VPT_size": "\(value + 1) vINTID bits"
    case "VCONF_addr": "table at \(hex(virtualConfigAddress.rawValue))"
    case "D", "DB": flag(value, "the doorbell changes", "the doorbell stays")
    default: ""
    }
  }

  private func interrupt(_ value: UInt64) -> String {
    switch value {
    case 8192...: "LPI \(value)"
    case _ where self[.opcode] == .vsgi: "SGI \(value)"
    default: "not an LPI: LPIs start at 8192"
    }
  }
}

extension ITSDeviceEntry {
  /// Every field in the format of QEMU's ITS.
  func decoded() -> DecodedRecord {
    DecodedRecord(
      self, title: "DTE, as QEMU's ITS keeps it", summary: self[.valid] ? "mapped" : "not mapped",
      fields: Self.fields
    ) { name, value in
      switch name {
      case "Size": "\(eventBits) EventID bits"
      case "ITTAddr": "table at \(hex(table.rawValue))"
      default: flag(value, "mapped", "not mapped")
      }
    }
  }
}

extension SavedDeviceEntry {
  /// Every field in the format of KVM's save and restore ABI, revision 0.
  func decoded() -> DecodedRecord {
    DecodedRecord(
      self, title: "DTE, as KVM saves it (ABI 0)",
      summary: self[.valid] ? "mapped" : "not mapped", fields: Self.fields
    ) { name, value in
      switch name {
      case "Size": "\(value + 1) EventID bits"
      case "ITT_addr": "table at \(hex(value &<< 8))"
      case "Next": value == 0 ? "the last entry" : "the next entry is \(value) further"
      default: flag(value, "mapped", "not mapped")
      }
    }
  }
}

extension ITSInterruptEntry {
  /// Every field in the format of QEMU's ITS.
  func decoded() -> DecodedRecord {
    let mapped = self[.physical] ? "physical LPI" : "virtual LPI"
    return DecodedRecord(
      self, title: "ITE, as QEMU's ITS keeps it", summary: self[.valid] ? mapped : "not mapped",
      fields: Self.fields
    ) { name, value in
      switch name {
      case "Valid": flag(value, "mapped", "not mapped")
      case "Physical": mapped
      case "ICID": self[.physical] ? "collection" : "not used"
      case "vPEID": self[.physical] ? "not used" : "virtual PE"
      case "Doorbell":
        self[.physical] || value == 1023 ? "none" : "LPI \(value) when the vPE is not resident"
      default: "LPI \(value)"
      }
    }
  }
}

extension SavedInterruptEntry {
  /// Every field in the format of KVM's save and restore ABI, revision 0.
  func decoded() -> DecodedRecord {
    let mapped = self[.intid] != 0
    var decoded = DecodedRecord(
      self, title: "ITE, as KVM saves it (ABI 0)", summary: mapped ? "mapped" : "not mapped",
      fields: Self.fields
    ) { name, value in
      switch name {
      case "pINTID": value == 0 ? "not mapped" : "LPI \(value)"
      case "Next": value == 0 ? "the last entry" : "the next entry is \(value) further"
      default: "collection"
      }
    }
    decoded.notes = []
    return decoded
  }
}

extension LPIConfiguration {
  /// Every field with its meaning (IHI 0069, 5.1.1).
  func decoded() -> DecodedRecord {
    DecodedRecord(
      self, title: "LPI configuration", summary: self[.enable] ? "enabled" : "disabled",
      fields: Self.fields
    ) { name, value in
      switch name {
      case "Enable": flag(value, "forwarded when pending", "kept pending")
      case "RES1": flag(value, "", "reserved, should be one")
      default: "priority \(hex(UInt64(priority))); lower is more urgent"
      }
    }
  }
}
