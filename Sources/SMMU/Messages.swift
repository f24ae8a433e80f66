internal import ArmFormats
public import Bits
internal import Memory

/// A message interrupt that the SMMU itself sends: a 32-bit write to a physical address that no
/// SMMU translates (IHI 0070, 3.18).
@frozen
public struct OutgoingMessage: BitwiseCopyable, Sendable, Equatable {
  public var address: PA
  public var data: UInt32
  /// Which source sends it.
  public var source: SMMUInterrupts

  @inlinable
  public init(address: PA, data: UInt32, source: SMMUInterrupts) {
    self.address = address
    self.data = data
    self.source = source
  }
}

/// Message of the SMMU to a device, through the root complex.
@frozen
public enum DeviceMessage: BitwiseCopyable, Sendable, Equatable {
  /// Drop cached translations: CMD_ATC_INV.
  case invalidate(
    streamID: UInt32, substreamID: UInt32?, isGlobal: Bool, address: UInt64, sizeShift: UInt8)
  /// The answer to a page request group: 0 failure, 1 invalid request, 2 success.
  case pageResponse(streamID: UInt32, substreamID: UInt32?, groupIndex: UInt16, code: UInt8)
  /// A stalled transaction is to be presented again.
  case retry(streamID: UInt32, tag: UInt16)
  /// A stalled transaction ends: with an abort, or quietly as RAZ/WI.
  case terminate(streamID: UInt32, tag: UInt16, aborts: Bool)
}

extension SMMU {
  /// The next message interrupt to put on the bus, oldest first; `nil` when none waits.
  public mutating func nextOutgoingMessage() -> OutgoingMessage? { outgoing.next() }

  /// The next message to a device, oldest first; `nil` when none waits.
  public mutating func nextDeviceMessage() -> DeviceMessage? { deviceMessages.next() }

  /// The wired interrupts that pulsed since the last call.
  public mutating func takeInterrupts() -> SMMUInterrupts {
    defer { wired = [] }
    return wired
  }

  /// Tells the SMMU that the bus aborted one of its messages (6.3.17, MSI_*_ABT_ERR).
  public mutating func messageAborted(_ message: OutgoingMessage) {
    switch message.source {
    case .eventQueue: raise(.eventMessageAbort)
    case .pageQueue: raise(.pageMessageAbort)
    case .commandSync: raise(.commandMessageAbort)
    default: raise(.errorMessageAbort)
    }
  }
}
