/// What waits in the event queue: a kind, and the number of the message where it is about one.
struct SystemEvent: BitwiseCopyable, Sendable {
  enum Kind: UInt8, BitwiseCopyable, Sendable {
    /// The guest's virtual CPU goes on with its flow, or with its next operation.
    case proceed
    /// The device's write reaches the SMMU.
    case translate
    /// The physical LPI reaches the host's handler.
    case hostInterrupt
    /// KVM injects the virtual interrupt.
    case inject
    /// The guest acknowledges.
    case acknowledge
    /// The guest's handler runs.
    case handle
    /// The host takes the doorbell of a vPE.
    case doorbell
    /// The blocked virtual CPU enters the guest.
    case enter
    /// The flush timer of a device, whose number stands for the message's, runs down in the guest.
    case flush
  }

  let kind: Kind
  let message: Int32
}
