internal import Bits

/// What a real kernel read and wrote in one life of a machine, in order: a case of access vectors.
/// `AccessVectorReader` reads the file format.
package struct AccessVector: Sendable {
  /// The blocks whose registers are recorded.
  package enum Block: String, Sendable {
    case its
    /// A redistributor's RD_base frame.
    case redistributor = "gicr"
    case smmu
    case configuration = "config"
    case table = "msix"
  }

  /// One access of a CPU.
  package struct Access: Equatable, Sendable {
    /// Counted from 1 over the case.
    package var number: Int
    /// What the recorded machine's script was doing.
    package var step: String
    /// What the kernel was doing.
    package var phase: String
    package var block: Block
    /// The redistributor.
    package var frame: Int
    /// The function, where several are recorded; empty for the only one.
    package var function: String
    /// From the start of the block.
    package var offset: UInt64
    /// As the file names it.
    package var register: String
    package var isWrite: Bool
    /// Bytes.
    package var width: Int
    package var value: UInt64
    /// The call chain, innermost function first; empty where it is not known.
    package var path: String
  }

  /// The situation, as the file's header has it.
  package struct Situation: Equatable, Sendable {
    package var name: String
    package var kernel: String
    package var machine: String
    package var device: String
    /// Entries of the function's MSI-X table.
    package var tableSize: Int
    package var cpus: Int
    package var pageSize: UInt64
    /// Vectors of the device once its driver has probed it; 0 where that is not known.
    package var vectors: Int
    /// Of the guest that a recorded host gives the function to: its kernel and its CPUs.
    package var guestKernel: String
    package var guestCPUs: Int
    /// How many functions are recorded.
    package var functions: Int

    /// Whether KVM has the interrupt controllers, whose redistributors have GICR_CTLR.IR.
    package var isUnderKVM: Bool { machine.contains("accel=kvm") }
    package var hasSMMU: Bool { machine.contains("smmuv3") }
    /// Whether the recorded kernel is a host's, which gives the function to a guest.
    package var isHost: Bool { device.contains("assigned") && !isUnderKVM }
    /// Whether its VMM uses VFIO's type 1, and not iommufd.
    package var usesType1: Bool { device.contains("type 1") }
  }

  package var situation: Situation
  package var accesses: [Access]
}
