internal import ArmFormats
internal import Bits

extension SMMUCommand {
  /// Every field of the command with its meaning (IHI 0070, chapter 4).
  func decoded() -> DecodedRecord {
    let all = self[.opcode] == .invalidateStreamRange && self[.streamRange] == 31
    return DecodedRecord(
      self, title: "command \(all ? "CMD_CFGI_ALL" : "\(self[.opcode])")", fields: layout,
      meaning: meaning)
  }

  private func meaning(_ name: String, _ value: UInt64) -> String {
    switch name {
    case "Opcode": "\(self[.opcode])"
    case "SSec": flag(value, "Secure stream: an error on the Non-secure queue", "Non-secure")
    case "SSV": flag(value, "SubstreamID valid", "no SubstreamID")
    case "Leaf": flag(value, "last level only", "all levels")
    case "Range": value == 31 ? "all StreamIDs" : "\(UInt64(1) &<< (value + 1)) StreamIDs"
    case "NUM": value == 0 ? "" : "with SCALE: \(value + 1) x 2^SCALE pages"
    case "TTL": value == 0 ? "any level" : "leaf at level \(value)"
    case "TG": choice(value, ["no range", "4 KiB", "16 KiB", "64 KiB"])
    case "Address": self[.opcode] == .invalidateDevice && self[.size] >= 52 ? "all" : hex(address)
    case "Size": value >= 52 ? "everything" : "\(UInt64(1) &<< value) pages of 4 KiB"
    case "G": flag(value, "all substreams", "")
    case "CS": choice(value, ["no signal", "message", "event (SEV)", "reserved: an error"])
    case "MSH": shareability(value)
    case "MSIAddress": value == 0 ? "no message" : "message to PA \(hex(messageAddress))"
    case "Resp" where self[.opcode] == .pageResponse:
      choice(value, ["failure", "invalid request", "success", "reserved"])
    case "Resp": flag(value, "retry", "terminate")
    case "Ac": flag(value, "abort when terminated", "RAZ/WI when terminated")
    default: ""
    }
  }
}
