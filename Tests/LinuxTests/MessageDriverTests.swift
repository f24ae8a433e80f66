import ArmFormats
import Bits
import Linux
import Software
import Testing

/// Drivers of messages without an ITS: drivers/irqchip/irq-gic-v2m.c and drivers/pci/msi/msi.c.
@Suite("GICv2mDriver and MSIDriver")
struct MessageDriverTests {
  private func frame(_ spis: Range<UInt32> = 80..<144) -> GICv2mDriver {
    GICv2mDriver(agent: .guest, base: 0x802_0000, distributor: 0x800_0000, spis: spis)
  }

  private func writes(_ steps: [Step<Never>]) -> [(PA, UInt64)] {
    steps.compactMap { step in
      if case .mmio(let place, let value, _) = step.action { (place, value) } else { nil }
    }
  }

  @Test("runs of SPIs follow each other until the frame has none left")
  func allocation() {
    var frame = frame(80..<84)
    #expect(frame.allocate(2) == 80..<82)
    #expect(frame.allocate(1) == 82..<83)
    #expect(frame.allocate(2) == nil)
    #expect(frame.allocate(1) == 83..<84)
    #expect(frame.allocate(1) == nil)
    #expect(frame.allocate(0) == nil)
    #expect(frame.allocate(5) == nil)
  }

  @Test("an SPI is edge-triggered, as its neighbours in the register, and then enabled")
  func registers() {
    var frame = frame()
    #expect(frame.doorbell == 0x802_0040)
    _ = frame.allocate(1)
    _ = frame.allocate(1)
    let activation = writes(frame.activate(81))
    // GICD_ICFGR5 has two bits for each of SPIs 80 to 95, GICD_IROUTER81 all of an affinity.
    #expect(activation.map(\.0) == [0x800_0c14, 0x800_6288])
    #expect(activation.map(\.1) == [0b1010, 0])
    // GICD_ISENABLER2 is of SPIs 64 to 95.
    #expect(writes([frame.unmask(81)]).map(\.0) == [0x800_0108])
    #expect(writes([frame.unmask(81)]).map(\.1) == [1 << 17])
  }

  @Test(
    "MSI grants a power of two of vectors, 32 at most",
    arguments: [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (17, 5), (32, 5), (33, 5)])
  func exponent(count: Int, expected: UInt8) {
    #expect(MSIDriver.exponent(of: count) == expected)
  }

  @Test("the message is complete before MSI is on")
  func order() {
    var driver = MSIDriver(agent: .host, capability: 0x40, vectors: 4)
    let steps =
      [driver.prepare()] + driver.write(4, address: 0x1_0800_0040, data: 0, reason: "")
      + [driver.setEnabled(true)]
    let writes = steps.compactMap { step -> [UInt64]? in
      guard case .config(let offset, let value, let width) = step.action else { return nil }
      return [UInt64(offset), UInt64(value), UInt64(width)]
    }
    #expect(
      writes == [
        [0x42, 0x84, 2], [0x42, 0xa4, 2], [0x44, 0x0800_0040, 4], [0x48, 1, 4], [0x4c, 0, 2],
        [0x42, 0xa5, 2],
      ])
  }
}
