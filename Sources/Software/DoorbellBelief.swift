public import Bits

/// The doorbell as one piece of software knows it, once a step is done.
///
/// Each party of a design holds a part of the truth: a belief says which address its holder goes
/// on with, and where it thinks that this address leads.
public struct DoorbellBelief: Equatable, Sendable {
  /// An address in the space in which its holder means it.
  public enum Place: Equatable, Sendable, CustomStringConvertible {
    case iova(IOVA)
    case ipa(IPA)
    case pa(PA)

    /// Such as `IOVA 0xfffff040`.
    public var description: String {
      switch self {
      case .iova(let address): "\(InputSpace.name) \(address)"
      case .ipa(let address): "\(IntermediateSpace.name) \(address)"
      case .pa(let address): "\(PhysicalSpace.name) \(address)"
      }
    }
  }

  /// Fate of an address that another piece of software gave to the holder.
  public enum Use: String, Sendable {
    case dropped
    case forwarded
  }

  /// The piece of software, such as `DMA layer`.
  public let holder: String
  public let address: Place
  /// Where the holder thinks that the address leads; `nil` where it does not ask.
  public let target: Place?
  /// `nil` where the holder keeps the address for itself.
  public let use: Use?

  public init(_ holder: String, _ address: Place, leadsTo target: Place? = nil, use: Use? = nil) {
    self.holder = holder
    self.address = address
    self.target = target
    self.use = use
  }
}

extension DoorbellBelief: CustomStringConvertible {
  /// Such as `DMA layer: IOVA 0xfffff040 -> IPA 0x8090040`.
  public var description: String {
    let target = target.map { " -> \($0)" } ?? ""
    return "\(holder): \(address)\(target)" + (use.map { ", \($0.rawValue)" } ?? "")
  }
}
