internal import ArmFormats
internal import Bits

extension EventRecord {
  /// Returns advice on the next steps.
  func advice(_ context: DecodeContext) -> [String] {
    doorbellAdvice(context) + kindAdvice
  }

  /// Returns advice on an access that could be a message to an ITS: GITS_TRANSLATER is at offset
  /// 0x40 of the second 64 KiB frame (IHI 0069, 12.18), and a mapping keeps the offset in the page.
  ///
  /// If CLASS is CD or TT, the fetch of a structure failed, and the address that the device sent
  /// was never looked up: the doorbell plays no part (IHI 0070, 7.3.13).
  private func doorbellAdvice(_ context: DecodeContext) -> [String] {
    guard couldBeMessage, !context.missing.contains(1), !context.missing.contains(2) else {
      return []
    }
    let address = self[.inputAddress]
    let known = context.itsBases.first { address == $0 &+ 0x1_0040 }
    guard known != nil || address & 0xfff == 0x040 else { return [] }
    let stage = self[.stage2] ? 2 : 1
    var notes: [String] = []
    if let known {
      notes.append("The address is GITS_TRANSLATER of the ITS at \(hex(known)).")
    } else {
      notes.append(
        "Looks like GITS_TRANSLATER: a write at offset 0x40 of a page. "
          + (address & 0xffff == 0x0040 ? "So does the offset in the 64 KiB frame." : ""))
    }
    notes.append(doorbellFailure(stage: stage))
    return notes.map { $0.trimmingTrailingSpace() }
  }

  /// Whether the record is of a write that was looked up itself, and not of a structure's fetch.
  package var couldBeMessage: Bool {
    guard self[.kind].isTranslationRelated || self[.kind] == .walkAbort, !self[.read] else {
      return false
    }
    return self[.faultClass] == .input
  }

  private func doorbellFailure(stage: Int) -> String {
    switch (self[.kind], stage) {
    case (.permission, _):
      "The MSI doorbell is mapped at stage \(stage) without write permission: "
        + "check the flags of the RMR or of the MSI mapping."
    case (.translation, 2):
      "The MSI doorbell is not mapped at stage 2: the host must map IPA "
        + "\(hex(self[.ipa] &<< 12)) to the physical ITS page (MSI cookie or software window)."
    case (.translation, _):
      "The MSI doorbell is not mapped at stage 1: compare the address in the device's MSI-X "
        + "entry with the domain that is attached now (an MSI page mapped in another domain, "
        + "an RMR that no kernel mapped, or an address that was already translated)."
    default: "The message to the doorbell failed at stage \(stage)."
    }
  }

  /// Advice that the type of the event calls for.
  private var kindAdvice: [String] {
    let stream = hex(UInt64(self[.stream]))
    switch self[.kind] {
    case .badStreamID:
      return [
        "Compare StreamID \(stream) with STRTAB_BASE_CFG.LOG2SIZE and the L1 entry's Span; "
          + "check the IORT or iommu-map that produced the StreamID."
      ]
    case .streamEntryFetch, .contextFetch, .machineStructureFetch:
      return [
        "Nothing answers at \(hex(self[.fetchAddress] &<< 3)): check "
          + (self[.kind] == .streamEntryFetch ? "STRTAB_BASE and the L1 entry." : "the STE.")
      ]
    case .badStreamEntry: return ["Decode the STE of \(stream): `doorbell decode ste`."]
    case .badContext: return ["Decode the CD of \(stream): `doorbell decode cd`."]
    case .streamDisabled, .badSubstreamID:
      return ["Check S1CDMax and S1DSS of the STE of \(stream), and the device's PASID."]
    case .walkAbort, .translation, .addressSize, .access, .permission: return walkAdvice
    case .translationForbidden, .badTranslationRequest:
      return ["Check EATS of the STE of \(stream), CR0.ATSCHK and the device's ATS enable."]
    default: return []
    }
  }

  private var walkAdvice: [String] {
    let place: String
    switch (self[.stage2], self[.faultClass]) {
    case (true, .context):
      place = "Stage 2 refused the fetch of the CD: S1ContextPtr of the STE is an IPA."
    case (true, .table):
      place =
        "Stage 2 refused the fetch of a stage 1 table at IPA \(hex(self[.ipa] &<< 12)): "
        + "the guest's tables must be mapped at stage 2."
    case (true, _):
      place = "Walk stage 2 (S2TTB of the STE) for IPA \(hex(self[.ipa] &<< 12))."
    case (false, _):
      let half = isSet(self[.inputAddress], bit: 55) ? "TTB1" : "TTB0"
      place = "Walk stage 1 (\(half) of the CD) for \(hex(self[.inputAddress]))."
    }
    var notes = [place]
    if self[.kind] == .translation, self[.inputAddress] < 0x1000, self[.faultClass] == .input {
      notes.append(
        "Address 0, or little more: the device was given no address, or lost it, as in a reset; "
          + "drivers leave page 0 unmapped.")
    }
    if self[.kind] == .translation {
      notes.append(
        "If the tables do map it, look for a missing or too narrow invalidation, or for a "
          + "configuration that was never installed (CFGI_STE, CFGI_CD); if they did until a moment "
          + "ago, the device uses memory that its driver has unmapped (trace iommu:unmap).")
    }
    return notes
  }
}

extension String {
  /// The text without spaces at its end.
  func trimmingTrailingSpace() -> String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
