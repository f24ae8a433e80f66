internal import Simulation
internal import Software

/// An entry of the event queue: a kind, and the number of the message where it is about one.
package struct EngineEvent: BitwiseCopyable, Sendable {
  package enum Kind: UInt8, BitwiseCopyable, Sendable {
    /// A VM's software goes on with its flow, or with its next operation.
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
    /// The flush timer of a device, whose number in its VM is in the place of a message's, runs down in the
    /// guest.
    case flush
  }

  package let kind: Kind
  /// The VM's number where the event is about a VM and not about a message.
  let vm: UInt8
  package let message: Int32

  init(_ kind: Kind, of vm: VMIndex, message: Int32 = -1) {
    self.kind = kind
    self.vm = UInt8(truncatingIfNeeded: vm.rawValue)
    self.message = message
  }

  init(_ kind: Kind, message: Int32) {
    self.init(kind, of: .first, message: message)
  }
}
