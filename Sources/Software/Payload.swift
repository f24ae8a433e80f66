public import ArmFormats
public import Bits

/// What a step does in the terms of the manuals, for programs that look at steps.
public enum Payload: Equatable, Sendable {
  /// Queues commands of an SMMU, with the CMD_SYNC behind them.
  case smmuCommands([SMMUCommand])
  /// Queues commands of an ITS.
  case itsCommands([ITSCommand])
  /// Moves a queue's producer or consumer: a count that follows from all commands before.
  case queuePointer
  /// Writes words of the STE of a stream.
  case streamEntry(of: UInt32)
  /// Enables or disables a physical LPI or SPI, or, of a guest's kernel, one of its own.
  case interrupt(UInt32, isEnabled: Bool)
  /// Writes the configuration byte of a virtual LPI that the hardware injects.
  case virtualLPI(UInt32, isEnabled: Bool)
  /// Writes a vector's message.
  case message(vector: Int, address: IOVA, data: UInt32)
  /// Binds a vector's eventfd to an INTID: the physical one that signals it, or the guest's SPI that
  /// it injects.
  case route(vector: Int, intid: UInt32)
}
