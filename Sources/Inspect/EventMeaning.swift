internal import ArmFormats
internal import Bits

extension EventRecord {
  /// Every field of the record's type, what it says, and what to look at next.
  func decoded(_ context: DecodeContext) -> DecodedRecord {
    var decoded = DecodedRecord(
      self, title: "event \(self[.kind])", summary: summary, fields: layout, meaning: meaning)
    decoded.next = advice(context)
    return decoded
  }

  /// The event in a sentence.
  private var summary: String {
    var text = "StreamID \(hex(UInt64(self[.stream])))"
    if self[.substreamValid] { text += " SubstreamID \(hex(UInt64(self[.substream])))" }
    switch self[.kind] {
    case .translation, .addressSize, .access, .permission, .walkAbort:
      let direction = self[.read] ? "read" : "write"
      text += ", \(direction) of \(hex(self[.inputAddress]))"
      text += ": failed at stage \(self[.stage2] ? 2 : 1)"
      if self[.stage2] { text += " for IPA \(hex(self[.ipa] &<< 12))" }
      if self[.kind].isTranslationRelated { text += self[.stall] ? ", stalled" : ", terminated" }
    case .streamEntryFetch, .contextFetch, .machineStructureFetch:
      text += ", fetch of \(hex(self[.fetchAddress] &<< 3)) failed"
    default: break
    }
    return text
  }

  private func meaning(_ name: String, _ value: UInt64) -> String {
    switch name {
    case "Type": Self.explanation(of: self[.kind])
    case "SSV": flag(value, "the transaction had a SubstreamID", "no SubstreamID")
    // C_BAD_SUBSTREAMID is about the SubstreamID and has no SSV (IHI 0070, 7.3.9).
    case "SubstreamID":
      self[.substreamValid] || self[.kind] == .badSubstreamID ? "" : "not valid: SSV is clear"
    case "STAG": self[.stall] ? "what CMD_RESUME must name" : "not valid: Stall is clear"
    case "Stall": flag(value, "stalled, waits for CMD_RESUME", "not stalled: terminated")
    case "PnU": flag(value, "privileged", "unprivileged")
    case "InD": flag(value, "instruction", "data")
    case "RnW": flag(value, "read", "write")
    case "NSIPA": flag(value, "Non-secure IPA", "Secure streams only")
    case "S2": flag(value, "stage 2 faulted", "stage 1 faulted")
    case "CLASS": classMeaning
    case "TTRnW": tableDirection
    default: otherMeaning(name, value)
    }
  }

  private func otherMeaning(_ name: String, _ value: UInt64) -> String {
    switch name {
    case "InputAddr": "as the device sent it"
    case "IPA":
      self[.stage2]
        ? "IPA \(hex(value &<< 12)), page of the address that stage 2 refused"
        : "not valid: S2 is clear"
    case "FetchAddr": "physical address \(hex(value &<< 3))"
    case "Reason": "implementation defined"
    case "Span": "translation units asked for"
    case "R", "W", "X": flag(value, "asked for", "not asked for")
    case "PRIV": flag(value, "privileged", "unprivileged")
    default: ""
    }
  }

  private var classMeaning: String {
    switch self[.faultClass] {
    case .context: "CD: the fetch of a context descriptor"
    case .table: "TT: the fetch of a stage 1 table descriptor"
    case .input: "IN: the input address, or its image after stage 1"
    default: "reserved"
    }
  }

  private var tableDirection: String {
    guard self[.faultClass] == .table else { return "not valid: CLASS is not TT" }
    return self[.tableRead] ? "the table was being read" : "the table was being written"
  }

  /// Returns the meaning of a type of event, in a line.
  static func explanation(of kind: EventKind) -> String {
    switch kind {
    case .unsupportedTransaction: "F_UUT: unsupported upstream transaction"
    case .badStreamID: "C_BAD_STREAMID: StreamID out of range, or no second-level table"
    case .streamEntryFetch: "F_STE_FETCH: external abort on the fetch of the STE or its L1 entry"
    case .badStreamEntry: "C_BAD_STE: the STE is invalid or illegal"
    case .badTranslationRequest: "F_BAD_ATS_TREQ: an ATS request that is not allowed"
    case .streamDisabled: "F_STREAM_DISABLED: no SubstreamID where S1DSS demands one"
    case .translationForbidden: "F_TRANSL_FORBIDDEN: ATS-translated traffic that is not allowed"
    case .badSubstreamID: "C_BAD_SUBSTREAMID: SubstreamID out of range"
    case .contextFetch: "F_CD_FETCH: external abort on the fetch of the CD"
    case .badContext: "C_BAD_CD: the CD is invalid or illegal"
    case .walkAbort: "F_WALK_EABT: external abort on the fetch of a table descriptor"
    case .translation: "F_TRANSLATION: no valid descriptor for the address"
    case .addressSize: "F_ADDR_SIZE: an address is larger than its space"
    case .access: "F_ACCESS: the descriptor's access flag is clear"
    case .permission: "F_PERMISSION: the descriptor does not allow this access"
    case .cacheConflict: "F_TLB_CONFLICT: two cached translations match"
    case .configurationConflict: "F_CFG_CONFLICT: two cached configurations match"
    case .pageRequest: "E_PAGE_REQUEST: a speculative page request hint"
    case .machineStructureFetch: "F_VMS_FETCH: external abort on the fetch of the VMS"
    default: "unknown: the architecture (IHI 0070, 7.3) defines no such event"
    }
  }
}
