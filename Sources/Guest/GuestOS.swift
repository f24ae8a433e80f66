public import Bits
public import Linux
public import Software

/// The operating system of a guest: what a run asks of it, whichever it is. Linux (`GuestKernel`)
/// conforms; a kernel of another kind is a type beside it.
///
/// Devices have the VM's numbers, counted from 0.
public protocol GuestOS {
  /// The steps of an operation for one of the devices.
  ///
  /// - Throws: `Refusal` when the guest's kernel refuses the operation.
  mutating func perform(
    _ operation: GuestOperation, for device: Int
  ) throws(Refusal) -> [Step<Never>]

  /// The devices whose flush timers were started since the last call; each runs down
  /// `FlushQueue.timeout` later.
  mutating func takeStartedTimers() -> [Int]

  /// The steps of a device's flush timer that has run down.
  mutating func flushTimeout(of device: Int) -> [Step<Never>]

  /// The LPI of one of a device's events, or the SPI of one of its vectors; `nil` when it has none.
  func lpi(ofEvent event: UInt32, of device: Int) -> UInt32?

  /// Whether stage 1 translates for a device.
  func isTranslating(for device: Int) -> Bool

  /// Where the guest's tables, as software keeps them, send a device's address; `nil` where nothing
  /// is mapped.
  func translate(_ address: IOVA, of device: Int) -> IPA?

  /// The address of the descriptor that maps a device's address; `nil` where nothing is mapped.
  func leaf(of address: IOVA, device: Int) -> PA?

  /// The address of a device's CD; `nil` before it is written.
  func contextDescriptor(of device: Int) -> PA?
}

extension GuestKernel: GuestOS {}
