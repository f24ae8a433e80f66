public import Bits

/// `ICH_LR<n>_EL2`: one virtual interrupt that a hypervisor presents (IHI 0069, 12.4).
@frozen
public struct ListRegister: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// A pending group 1 interrupt.
  public init(pending vINTID: UInt32, priority: UInt8) {
    rawValue = 0
    self[.state] = .pending
    self[.groupOne] = true
    self[.priority] = priority
    self[.virtualINTID] = vINTID
  }

  public static let fields: [FieldDescription<ListRegister>] = [
    .init("vINTID", .virtualINTID), .init("pINTID", .physicalINTID),
    .init("Priority", .priority), .init("Group", .groupOne), .init("HW", .hardware),
    .init("State", .state),
  ]

  /// Whether the deactivation of a software interrupt raises a maintenance interrupt: bit 9 of
  /// the pINTID field while HW is 0.
  @inlinable
  public var signalsEnd: Bool { !self[.hardware] && isSet(rawValue, bit: 41) }
}

/// `ICH_LR<n>_EL2.State`.
@frozen
public struct ListRegisterState: OpenEncoding {
  public var rawValue: UInt8
  @inlinable
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  @inlinable public static var invalid: Self { .init(rawValue: 0) }
  @inlinable public static var pending: Self { .init(rawValue: 1) }
  @inlinable public static var active: Self { .init(rawValue: 2) }
  @inlinable public static var pendingAndActive: Self { .init(rawValue: 3) }
}

extension BitField where Record == ListRegister, Value == ListRegisterState {
  @inlinable public static var state: Self { .init(63, 62) }
}
extension BitField where Record == ListRegister, Value == Bool {
  /// `[61]`: deactivation also deactivates a physical interrupt.
  @inlinable public static var hardware: Self { .init(bit: 61) }
  @inlinable public static var groupOne: Self { .init(bit: 60) }
}
extension BitField where Record == ListRegister, Value == UInt8 {
  @inlinable public static var priority: Self { .init(55, 48) }
}
extension BitField where Record == ListRegister, Value == UInt16 {
  @inlinable public static var physicalINTID: Self { .init(44, 32) }
}
extension BitField where Record == ListRegister, Value == UInt32 {
  @inlinable public static var virtualINTID: Self { .init(31, 0) }
}
