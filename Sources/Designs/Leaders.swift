internal import ArmFormats

/// For each interrupt, the message that made it pending last: those that find it pending arrive
/// with that one.
///
/// Two tables that grow to the highest INTID in use, so that a look-up is an index.
struct Leaders {
  private var lpis: ContiguousArray<Int32> = []
  private var others: ContiguousArray<Int32> = []

  /// The leader of an interrupt; `nil` before its first message.
  subscript(intid: UInt32) -> Int32? {
    get {
      let slot = Self.slot(of: intid)
      let table = intid >= INTID.firstLPI ? lpis : others
      guard slot < table.count, table[slot] >= 0 else { return nil }
      return table[slot]
    }
    set {
      let value = newValue ?? -1
      if intid >= INTID.firstLPI {
        Self.set(value, at: Self.slot(of: intid), in: &lpis)
      } else {
        Self.set(value, at: Self.slot(of: intid), in: &others)
      }
    }
  }

  private static func slot(of intid: UInt32) -> Int {
    Int(intid >= INTID.firstLPI ? intid &- INTID.firstLPI : intid)
  }

  private static func set(_ value: Int32, at slot: Int, in table: inout ContiguousArray<Int32>) {
    if slot >= table.count {
      table.append(contentsOf: repeatElement(-1, count: slot + 1 - table.count))
    }
    table[slot] = value
  }
}
