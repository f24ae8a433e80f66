internal import ArmFormats
internal import Bits

extension TranslationDescriptor {
  /// Kind of descriptor at a level.
  enum Shape: String {
    case invalid = "invalid: F_TRANSLATION"
    case table = "table"
    case block = "block"
    case page = "page"
    case tableOrPage = "table at levels 0 to 2, page at level 3"
    case reserved = "reserved at this level: F_TRANSLATION"
  }

  /// Returns the kind of descriptor at `level` of tables with `granule` (Arm ARM, D8.3.1).
  func shape(level: UInt64?, granule: TranslationGranule) -> Shape {
    guard self[.valid] else { return .invalid }
    guard let level else { return self[.table] ? .tableOrPage : .block }
    switch (self[.table], level) {
    case (true, 3): return .page
    case (true, _): return .table
    case (false, 3): return .reserved
    case (false, let level):
      let smallest: UInt64 = granule == .kib4 ? 1 : 2
      return level >= smallest ? .block : .reserved
    }
  }

  /// Every field with its meaning.
  func decoded(_ context: DecodeContext) -> DecodedRecord {
    let shape = shape(level: context.level, granule: context.granule)
    let fields = context.stage == 2 ? Self.stage2Fields : Self.fields
    let wanted = fields.filter { field in
      switch shape {
      case .invalid, .reserved: field.name == "valid" || field.name == "table"
      case .table:
        ["valid", "table", "address"].contains(field.name) || field.name.hasSuffix("Table")
      case .block, .page: !field.name.hasSuffix("Table")
      case .tableOrPage: true
      }
    }
    let level = context.level.map { ", level \($0)" } ?? ""
    var decoded = DecodedRecord(
      self, title: "stage \(context.stage) descriptor\(level)", summary: shape.rawValue,
      fields: wanted
    ) { name, value in
      name == "address" ? address(shape, context) : meaning(name, value, stage: context.stage)
    }
    // Software owns the other bits of these.
    if shape != .block && shape != .page { decoded.notes = [] }
    return decoded
  }

  private func address(_ shape: Shape, _ context: DecodeContext) -> String {
    var output = outputAddress(context.granule)
    var what = "output or next table"
    if shape == .table { what = "next table" }
    if shape == .block || shape == .page { what = "output" }
    if shape == .block, let level = context.level {
      output &= ~lowBits(context.granule.shift &+ context.granule.stride &* (3 &- level))
    }
    return "\(what) at \(hex(output))"
  }

  private func meaning(_ name: String, _ value: UInt64, stage: Int) -> String {
    switch name {
    case "valid": flag(value, "", "any access through it is F_TRANSLATION")
    case "table": flag(value, "a table, or a page at level 3", "a block")
    case "AttrIndx": "attribute \(value) of the CD's MAIR"
    case "MemAttr": memoryType(value)
    case "AP":
      choice(
        value,
        [
          "privileged read and write", "read and write at any privilege", "privileged read only",
          "read only at any privilege",
        ])
    case "S2AP": choice(value, ["no access", "read only", "write only", "read and write"])
    case "SH": shareability(value)
    case "AF": flag(value, "accessed", "an access is F_ACCESS, unless hardware sets it")
    case "nG": flag(value, "of one ASID", "global")
    case "DBM": flag(value, "the dirty state is managed by hardware", "")
    case "contiguous": flag(value, "one of a run (a hint)", "")
    case "PXN": flag(value, "no privileged execution", "")
    case "UXN": flag(value, "no unprivileged execution", "")
    case "XN": choice(value, ["executable", "not by privileged", "not executable", "only by it"])
    case "APTable":
      choice(
        value, ["", "no unprivileged access below", "no write below", "privileged reads below"])
    case "PXNTable": flag(value, "no privileged execution below", "")
    case "UXNTable": flag(value, "no unprivileged execution below", "")
    case "NS", "NSTable": flag(value, "Secure streams only", "")
    default: ""
    }
  }

  /// `MemAttr[3:0]` without S2FWB (Arm ARM, D8.6.2).
  private func memoryType(_ value: UInt64) -> String {
    switch value {
    case 0...3:
      choice(value, ["Device-nGnRnE", "Device-nGnRE", "Device-nGRE", "Device-GRE"])
    case 0x5: "Normal non-cacheable"
    case 0xa: "Normal write-through"
    case 0xf: "Normal write-back"
    default: "see the manual: depends on S2FWB"
    }
  }
}
