internal import ArmFormats
internal import Bits

extension ContextDescriptor {
  /// Every field with its meaning (IHI 0070, 5.4).
  func decoded() -> DecodedRecord {
    let state = self[.valid] ? "ASID \(hex(UInt64(self[.asid])))" : "invalid: C_BAD_CD"
    return DecodedRecord(self, title: "CD", summary: state, fields: Self.fields, meaning: meaning)
  }

  private func meaning(_ name: String, _ value: UInt64) -> String {
    switch name {
    case "T0SZ": "TTB0 covers the low 2^\(64 - value) bytes"
    case "T1SZ": "TTB1 covers the high 2^\(64 - value) bytes"
    case "TG0": granule(self[.granule0].granule)
    case "TG1": granule(self[.granule1].granule)
    case "IR0", "OR0", "IR1", "OR1": cacheability(value)
    case "SH0", "SH1": shareability(value)
    case "EPD0", "EPD1":
      flag(value, "no walks: F_TRANSLATION", "walks of TTB\(name.suffix(1)) enabled")
    case "ENDI": flag(value, "big-endian tables", "little-endian tables")
    case "V": flag(value, "valid", "invalid: any access is C_BAD_CD")
    case "IPS": addressSize(value)
    case "TBI0", "TBI1": flag(value, "the top byte is ignored", "the top byte is checked")
    case "AA64": flag(value, "VMSAv8-64 tables", "VMSAv8-32 tables")
    case "HD": flag(value, "hardware manages the dirty state", "")
    case "HA": flag(value, "hardware sets the access flag", "")
    case "HAD0", "HAD1": flag(value, "hierarchical attributes ignored", "")
    case "TTB0": "start table at \(hex(table0Address))"
    case "TTB1": self[.walkDisabled1] ? "not used: EPD1" : "start table at \(hex(table1Address))"
    case "MAIR": "memory attributes, a byte for each AttrIndx"
    default: faultMeaning(name, value)
    }
  }

  private func faultMeaning(_ name: String, _ value: UInt64) -> String {
    switch name {
    case "AFFD": flag(value, "a clear access flag does not fault", "a clear access flag faults")
    case "WXN": flag(value, "writable memory is never executable", "")
    case "UWXN": flag(value, "memory writable without privilege is not privileged-executable", "")
    case "PAN": flag(value, "privileged data accesses to unprivileged pages fault", "")
    case "S": flag(value, "stage 1 faults stall", "stage 1 faults terminate")
    case "R": flag(value, "stage 1 faults are recorded", "stage 1 faults leave no event")
    case "A": flag(value, "a terminated access is aborted", "a terminated access is RAZ/WI")
    case "ASET": flag(value, "the ASID is not shared with PEs", "the ASID is shared with PEs")
    case "E0PD0", "E0PD1": flag(value, "unprivileged accesses fault", "")
    case "NSCFG0", "NSCFG1": flag(value, "Secure streams only", "")
    default: ""
    }
  }
}
