public import Bits
public import Linux
public import Software

/// The operating system of a guest: what a run asks of it, whichever it is.
///
/// A kernel of another kind is a case here and a type beside `GuestKernel`; nothing that runs a guest
/// names Linux.
public enum GuestOS {
  case linux(GuestKernel)

  // MARK: Flows

  /// The steps of an operation for one of the VM's devices, by the VM's numbers.
  ///
  /// - Throws: `Refusal` when the guest's kernel refuses the operation.
  public mutating func perform(
    _ operation: GuestOperation, for device: Int = 0
  ) throws(Refusal) -> [Step<Never>] {
    try update { kernel throws(Refusal) in try kernel.perform(operation, for: device) }
  }

  /// The devices whose flush timers were started since the last call; each runs down
  /// `FlushQueue.timeout` later.
  public mutating func takeStartedTimers() -> [Int] {
    update { $0.takeStartedTimers() }
  }

  /// The steps of a device's flush timer that has run down.
  public mutating func flushTimeout(of device: Int) -> [Step<Never>] {
    update { $0.flushTimeout(of: device) }
  }

  // MARK: State

  /// The LPI of one of a device's events, or the SPI of one of its vectors; `nil` when it has none.
  public func lpi(ofEvent event: UInt32, of device: Int = 0) -> UInt32? {
    // On the way of every MSI: a closure would get a copy of the kernel.
    switch self {
    case .linux(let kernel): kernel.lpi(ofEvent: event, of: device)
    }
  }

  /// Whether stage 1 translates for a device.
  public func isTranslating(for device: Int = 0) -> Bool {
    switch self {
    case .linux(let kernel): kernel.isTranslating(for: device)
    }
  }

  /// Where the guest's tables, as software keeps them, send a device's address; `nil` where nothing
  /// is mapped.
  public func translate(_ address: IOVA, of device: Int = 0) -> IPA? {
    switch self {
    case .linux(let kernel): kernel.translate(address, of: device)
    }
  }

  /// The address of the descriptor that maps a device's address; `nil` where nothing is mapped.
  public func leaf(of address: IOVA, device: Int) -> PA? {
    switch self {
    case .linux(let kernel): kernel.leaf(of: address, device: device)
    }
  }

  /// The address of a device's CD; `nil` before it is written.
  public func contextDescriptor(of device: Int) -> PA? {
    switch self {
    case .linux(let kernel): kernel.contextDescriptor(of: device)
    }
  }

  private mutating func update<Value, Failure: Error>(
    _ body: (inout GuestKernel) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    switch consume self {
    case .linux(var kernel):
      defer { self = .linux(kernel) }
      return try body(&kernel)
    }
  }
}
