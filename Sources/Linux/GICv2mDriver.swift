internal import ArmFormats
public import Bits
public import Software

/// Linux's GICv2m driver (`drivers/irqchip/irq-gic-v2m.c`) on one frame, with the part of the GIC
/// driver that its SPIs need (`irq-gic-v3.c`).
///
/// A message is the number of an SPI, and no DeviceID stands beside it.
public struct GICv2mDriver: Sendable {
  public let agent: Agent
  /// The frame's page.
  public let base: PA
  public let distributor: PA
  /// The SPIs of the frame, by INTID.
  public let spis: Range<UInt32>
  private var used: Set<UInt32> = []

  public init(agent: Agent, base: PA, distributor: PA, spis: Range<UInt32>) {
    self.agent = agent
    self.base = base
    self.distributor = distributor
    self.spis = spis
  }

  /// The doorbell, `MSI_SETSPI_NS`.
  public var doorbell: PA { base + 0x40 }

  /// The lowest run of `count` free SPIs (`gicv2m_irq_domain_alloc`); `nil` when there is none.
  ///
  /// - Parameter isAligned: whether it starts at a multiple of `count` in the frame, as
  ///   `bitmap_find_free_region` has it for the vectors of plain MSI, which are a power of two.
  public mutating func allocate(_ count: UInt32, isAligned: Bool = false) -> Range<UInt32>? {
    guard count > 0, count <= UInt32(spis.count) else { return nil }
    let last = spis.upperBound - count
    for first in stride(from: spis.lowerBound, through: last, by: isAligned ? Int(count) : 1) {
      let run = first..<(first + count)
      if run.allSatisfy({ !used.contains($0) }) {
        used.formUnion(run)
        return run
      }
    }
    return nil
  }

  /// Makes an SPI edge-triggered and sends it to CPU 0 (`gic_set_type`, `gic_set_affinity`).
  public func activate(_ spi: UInt32) -> [Step<Never>] {
    let word = UInt64(spi / 16)
    // Two bits for each; the high one of an edge-triggered SPI is set.
    let edges = used.filter { $0 / 16 == spi / 16 }.reduce(UInt64(0)) {
      $0 | 2 << UInt64($1 % 16 * 2)
    }
    return [
      register("gic_set_type", "SPI \(spi) is edge-triggered", 0xc00 + word * 4, edges),
      register("gic_set_affinity", "SPI \(spi) -> CPU 0", 0x6000 + UInt64(spi) * 8, 0, width: 8),
    ]
  }

  /// Enables an SPI (`gic_unmask_irq`).
  public func unmask(_ spi: UInt32) -> Step<Never> {
    register(
      "gic_unmask_irq", "SPI \(spi) enabled", 0x100 + UInt64(spi / 32) * 4,
      1 << UInt64(spi % 32)
    ).carrying(.interrupt(spi, isEnabled: true))
  }

  /// Disables an SPI (`gic_mask_irq`).
  public func mask(_ spi: UInt32) -> Step<Never> {
    register(
      "gic_mask_irq", "SPI \(spi) disabled", 0x180 + UInt64(spi / 32) * 4, 1 << UInt64(spi % 32)
    ).carrying(.interrupt(spi, isEnabled: false))
  }

  /// Takes SPIs back (`gicv2m_irq_domain_free`).
  public mutating func release(_ spis: Range<UInt32>) { used.subtract(spis) }

  private func register(
    _ function: String, _ text: String, _ offset: UInt64, _ value: UInt64, width: Int = 4
  ) -> Step<Never> {
    Step(agent, function, "GICD: \(text)", .mmio(distributor + offset, value, width: width))
  }
}
