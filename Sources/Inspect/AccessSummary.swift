internal import ArmFormats
internal import Bits
internal import Files

/// Parts of an access's result that the architecture makes definite, and no more: not the low bits
/// of an IPA, nor RnW of faults on structures, nor FetchAddr.
package struct AccessSummary: Equatable, Sendable, CustomStringConvertible {
  /// `ok`, `bypass`, `abort` or `fault`.
  package var outcome: String
  /// Of `ok` and `bypass`.
  package var address: UInt64?
  /// Of `fault`: the manual's name of the event.
  package var event: String?
  package var stage2: Bool?
  package var faultClass: UInt64?
  /// Of a stage 2 fault: the page of the IPA.
  package var ipaPage: UInt64?

  package init(outcome: String) { self.outcome = outcome }

  package var description: String {
    var parts = [outcome]
    if let address { parts.append(hex(address)) }
    if let event { parts.append(event) }
    if let stage2 { parts.append("S2=\(stage2 ? 1 : 0)") }
    if let faultClass { parts.append("CLASS=\(faultClass)") }
    if let ipaPage { parts.append("IPA page \(hex(ipaPage))") }
    return parts.joined(separator: " ")
  }

  /// The summary of a recorded answer.
  init(_ answer: VectorAnswer) {
    switch answer.outcome {
    case "ok", "bypass":
      self.init(outcome: answer.outcome ?? "")
      address = answer.physicalAddress
    default:
      guard let words = answer.events.first else {
        self.init(outcome: "abort")
        return
      }
      self.init(EventRecord(words: words))
    }
  }

  /// The summary of an event.
  init(_ event: EventRecord) {
    self.init(outcome: "fault")
    self.event = "\(event[.kind])"
    guard event[.kind].isTranslationRelated else { return }
    stage2 = event[.stage2]
    faultClass = UInt64(event[.faultClass].rawValue)
    if event[.stage2] { ipaPage = event[word: 3] & 0xf_ffff_ffff_f000 }
  }

  /// The summary that a file writes as `["fault", "F_ACCESS", "s2=1", "class=1", "ipa=0x1000"]`
  /// or `["ok", "0x1000"]`; `nil` for anything else.
  init?(_ words: [String]) {
    guard let outcome = words.first else { return nil }
    self.init(outcome: outcome)
    for word in words.dropFirst() {
      let parts = word.split(separator: "=").map(String.init)
      switch (parts.first ?? "", parts.count > 1 ? UInt64(number: parts[1]) : nil) {
      case ("s2", let value?): stage2 = value != 0
      case ("class", let value?): faultClass = value
      case ("ipa", let value?): ipaPage = value
      default:
        if let number = UInt64(number: word) { address = number } else { event = word }
      }
    }
  }
}
