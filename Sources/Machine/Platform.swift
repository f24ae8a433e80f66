internal import ArmFormats
public import Bits
internal import GIC
public import PCI
internal import SMMU

/// A 32-bit write that a function posts on its bus: an MSI, or any other.
public struct PostedWrite: Equatable, Sendable {
  /// The requester ID that it carries.
  public var requester: RequesterID
  /// The address as the function has it.
  public var address: IOVA
  public var data: UInt32

  public init(from requester: RequesterID, to address: IOVA, _ data: UInt32) {
    self.requester = requester
    self.address = address
    self.data = data
  }
}

/// The end of a posted write, in words that every platform has.
public enum PostOutcome: Equatable, Sendable {
  /// No message: the write went on as any DMA, to this address where the platform's model knows it.
  case memory(PA?)
  /// An interrupt of the host's: its LPI, SPI or vector, and the CPU by number or APIC ID; no CPU
  /// where software routes the interrupt.
  case host(interrupt: UInt32, cpu: UInt32?)
  /// An interrupt that the hardware gives to a guest.
  case guest(interrupt: UInt32, GuestInterruptFile)
  /// An error: no interrupt, and no memory changed.
  case failed(PostFailure)
}

/// Where hardware keeps a guest's interrupt, which it found without the host's software.
public enum GuestInterruptFile: Equatable, Sendable {
  /// The vPE of a GICv4 ITS.
  case virtualPE(UInt16)
  /// The VM of a GICv5 ITS.
  case machine(UInt16)
  /// A posted-interrupt descriptor of VT-d, and whether a notification went out.
  case descriptor(PA, isNotified: Bool)
  /// A guest's interrupt file of an IMSIC.
  case file(PA)
  /// A memory-resident interrupt file, with the notice that goes to the host, if one does.
  case memoryResident(PA, notice: Notice?)

  /// A message to the host that something was recorded.
  public struct Notice: Equatable, Sendable {
    public let address: PA
    public let identity: UInt32

    public init(address: PA, identity: UInt32) {
      self.address = address
      self.identity = identity
    }
  }
}

/// Reason why a posted write came to nothing.
public struct PostFailure: Error, Equatable, Sendable {
  /// The manual's or the kernel's name of it.
  public let name: String
  /// The code in the record that software gets, such as VT-d's fault reason; `nil` for none.
  public let code: UInt16?
  /// Whether software is told of it.
  public let isReported: Bool

  public init(_ name: String, code: UInt16? = nil, isReported: Bool) {
    self.name = name
    self.code = code
    self.isReported = isReported
  }
}

/// The hardware between a function and the CPU that takes its interrupt, on one architecture: what
/// recognises a message, and what its tables make of it.
public protocol Platform: ~Copyable {
  /// Carries a function's write to its end.
  mutating func post(_ write: PostedWrite) -> PostOutcome
}

// MARK: Arm

extension Machine: Platform {
  /// Through the SMMU to an ITS or a GICv2m frame: a message is a write whose translated address is a
  /// doorbell's.
  public mutating func post(_ write: PostedWrite) -> PostOutcome {
    guard
      let index = functions.indices.first(where: {
        functions[$0].profile.effectiveRequesterID == write.requester
      })
    else { return .failed(PostFailure("no such requester", isReported: false)) }
    var translation = NoObserver()
    var tables = NoITSObserver()
    let message = MSI(address: write.address, data: write.data)
    return PostOutcome(send(message, from: index, translation: &translation, tables: &tables))
  }
}

extension PostOutcome {
  /// The end of a write on Arm.
  init(_ outcome: WriteOutcome) {
    switch outcome {
    case .message(_, .delivered(let lpi, let cpu, _)):
      self = .host(interrupt: lpi, cpu: UInt32(truncatingIfNeeded: cpu))
    case .message(_, .deliveredVirtual(let virtualPE, let lpi, _, _)):
      self = .guest(interrupt: lpi, .virtualPE(virtualPE))
    // An ITS reports nothing of a message that it drops (IHI 0069 5.2).
    case .message(_, .dropped(let reason)):
      self = .failed(PostFailure("\(reason)", isReported: false))
    case .spi(_, let spi, _): self = .host(interrupt: spi, cpu: nil)
    case .memory(let place): self = .memory(place)
    case .register: self = .failed(PostFailure("no doorbell", isReported: false))
    case .externalAbort: self = .failed(PostFailure("external abort", isReported: false))
    case .aborted: self = .failed(PostFailure("aborted", isReported: false))
    case .fault(let record, _):
      self = .failed(
        PostFailure(
          record[.kind].description, code: UInt16(record[.kind].rawValue), isReported: true))
    case .stalled: self = .failed(PostFailure("stalled", isReported: true))
    }
  }
}
