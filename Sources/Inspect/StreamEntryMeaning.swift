internal import ArmFormats
internal import Bits

extension StreamTableEntry {
  /// Every field with its meaning (IHI 0070, 5.2).
  func decoded() -> DecodedRecord {
    let state = self[.valid] ? "\(self[.config])" : "invalid: C_BAD_STE"
    return DecodedRecord(
      self, title: "STE", summary: state, fields: Self.fields, meaning: meaning)
  }

  private func meaning(_ name: String, _ value: UInt64) -> String {
    switch name {
    case "V": flag(value, "valid", "invalid: any access is C_BAD_STE")
    case "Config": "\(self[.config])" + (self[.config].aborts ? ", without an event" : "")
    case "S1Fmt":
      choice(value, ["linear CDs", "two-level, 4 KiB leaves", "two-level, 64 KiB leaves"])
    case "S1ContextPtr":
      "CD or CD table at \(self[.config].translatesStage2 ? "IPA" : "PA") \(hex(contextAddress))"
    case "S1CDMax":
      value == 0 ? "one CD, no substreams" : "\(UInt64(1) &<< value) substreams"
    case "S1DSS":
      choice(
        value, ["no SubstreamID: terminate", "no SubstreamID: bypass", "no SubstreamID: CD 0"])
    case "S1CIR", "S1COR", "S2IR0", "S2OR0": cacheability(value)
    case "S1CSH", "S2SH0": shareability(value)
    case "MEV": flag(value, "similar events may be merged", "events are not merged")
    case "S1STALLD": flag(value, "stage 1 must not stall", "")
    case "EATS":
      choice(value, ["ATS refused", "ATS allowed", "split-stage ATS", "ATS with checks"])
    case "STRW": choice(value, ["NS-EL1", "reserved", "NS-EL2", "reserved"])
    case "SHCFG": choice(value, ["non-shareable", "as incoming", "outer", "inner"])
    case "PRIVCFG": choice(value, ["as incoming", "reserved", "unprivileged", "privileged"])
    case "INSTCFG": choice(value, ["as incoming", "reserved", "data", "instruction"])
    case "MTCFG": flag(value, "MemAttr replaces the incoming type", "incoming memory type")
    case "CONT": value == 0 ? "" : "a run of \(UInt64(1) &<< value) equal STEs (a hint)"
    case "DRE": flag(value, "destructive reads allowed", "")
    case "DCP": flag(value, "directed cache prefetch allowed", "")
    case "PPAR": flag(value, "automatic page responses carry the PASID", "")
    case "S2FWB": flag(value, "stage 2 attributes override", "")
    default: stage2Meaning(name, value)
    }
  }

  private func stage2Meaning(_ name: String, _ value: UInt64) -> String {
    switch name {
    case "S2VMID": "tags translations, even with stage 2 off"
    case "S2T0SZ": "IPAs of \(64 - value) bits"
    case "S2SL0": startLevel
    case "S2TG": granule(self[.stage2Granule].granule)
    case "S2PS": addressSize(value)
    case "S2AA64": flag(value, "VMSAv8-64 tables", "VMSAv8-32 tables")
    case "S2ENDI": flag(value, "big-endian tables", "little-endian tables")
    case "S2AFFD": flag(value, "a clear access flag does not fault", "a clear access flag faults")
    case "S2PTW": flag(value, "stage 1 tables in Device memory fault", "")
    case "S2HD": flag(value, "hardware manages the dirty state", "")
    case "S2HA": flag(value, "hardware sets the access flag", "")
    case "S2S": flag(value, "stage 2 faults stall", "stage 2 faults terminate")
    case "S2R": flag(value, "stage 2 faults are recorded", "stage 2 faults leave no event")
    case "S2TTB": "start table at PA \(hex(stage2TableAddress))"
    default: ""
    }
  }

  private var startLevel: String {
    let encoded = Int(self[.stage2StartLevel])
    switch self[.stage2Granule].granule {
    case .kib4: return choice(UInt64(encoded), ["start at level 2", "level 1", "level 0"])
    case .kib16, .kib64:
      return choice(UInt64(encoded), ["start at level 3", "start at level 2", "start at level 1"])
    case nil: return "reserved granule"
    }
  }
}

/// The name of a granule.
func granule(_ granule: TranslationGranule?) -> String {
  switch granule {
  case .kib4: "4 KiB"
  case .kib16: "16 KiB"
  case .kib64: "64 KiB"
  case nil: "reserved"
  }
}

extension StreamTableDescriptor {
  /// Every field with its meaning (IHI 0070, 5.1).
  func decoded() -> DecodedRecord {
    DecodedRecord(self, title: "L1STD", fields: Self.fields) { name, value in
      switch (name, value) {
      case ("Span", 0): "no second-level table: C_BAD_STREAMID"
      case ("Span", 1...11): "second-level table of \(UInt64(1) &<< (value - 1)) STEs"
      case ("Span", _): "reserved: C_BAD_STREAMID"
      default: "second-level table at PA \(hex(tableAddress))"
      }
    }
  }
}

extension ContextTableDescriptor {
  /// Every field with its meaning (IHI 0070, 5.3).
  func decoded() -> DecodedRecord {
    DecodedRecord(self, title: "L1CD", fields: Self.fields) { name, value in
      name == "V"
        ? flag(value, "valid", "invalid: C_BAD_SUBSTREAMID") : "CDs at \(hex(tableAddress))"
    }
  }
}
