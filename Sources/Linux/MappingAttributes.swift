/// Attributes of a mapping: the access that it allows, and the kind of memory that it names, as
/// Linux's `IOMMU_READ` and its kin.
public struct MappingAttributes: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let read = Self(rawValue: 1 << 0)
  public static let write = Self(rawValue: 1 << 1)
  /// Coherent with the CPU caches.
  public static let cache = Self(rawValue: 1 << 2)
  public static let noExecute = Self(rawValue: 1 << 3)
  /// Device memory: a doorbell.
  public static let mmio = Self(rawValue: 1 << 4)
  public static let privileged = Self(rawValue: 1 << 5)

  /// An ordinary DMA buffer.
  public static let buffer: Self = [.read, .write, .cache]

  /// The Linux names without their prefix: `READ|WRITE|MMIO`.
  public var text: String {
    let names: [(Self, String)] = [
      (.read, "READ"), (.write, "WRITE"), (.cache, "CACHE"), (.noExecute, "NOEXEC"),
      (.mmio, "MMIO"), (.privileged, "PRIV"),
    ]
    let present = names.filter { contains($0.0) }.map(\.1)
    return present.isEmpty ? "none" : present.joined(separator: "|")
  }
}
