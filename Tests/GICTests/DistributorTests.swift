import GIC
import Testing

@Suite("Distributor")
struct DistributorTests {
  @Test("registers of SPIs read back what was written, those of SGIs and PPIs nothing")
  func readBack() {
    var distributor = Distributor(spiCount: 64, cpuCount: 20)
    distributor.writeRegister(0x100, 0xffff_ffff, width: 4)
    distributor.writeRegister(0x104, 0x0000_0105, width: 4)
    distributor.writeRegister(0x184, 0x1, width: 4)
    #expect(distributor.readRegister(0x100, width: 4) == 0)
    #expect(distributor.readRegister(0x104, width: 4) == 0x104)
    distributor.writeRegister(0x420, 0xff7f_bf3f, width: 4)
    #expect(distributor.readRegister(0x420, width: 4) == 0xf878_b838, "five priority bits")
    distributor.writeRegister(0x421, 0x40, width: 1)
    #expect(distributor.readRegister(0x421, width: 1) == 0x40)
    #expect(distributor.readRegister(0x460, width: 4) == 0, "beyond the SPIs")
    distributor.writeRegister(0xc08, 0x8000_0002, width: 4)
    #expect(distributor.readRegister(0xc08, width: 4) == 0x8000_0002)
    distributor.writeRegister(0x6000 + 8 * 33, 0x102, width: 8)
    #expect(distributor.readRegister(0x6000 + 8 * 33, width: 8) == 0x102)
    #expect(distributor.readRegister(0x4, width: 4) & 0x1f == 2)
  }

  @Test("identification is read-only and odd accesses are ignored")
  func readOnly() {
    var distributor = Distributor(spiCount: 32, cpuCount: 1)
    for offset in [0x4, 0x8, 0xffe8] as [UInt64] {
      let before = distributor.readRegister(offset, width: 4)
      for value in [0xffff_ffff, 0xa5a5_5a5a, 0] as [UInt64] {
        distributor.writeRegister(offset, value, width: 4)
        #expect(distributor.readRegister(offset, width: 4) == before)
      }
    }
    distributor.writeRegister(0x105, 1, width: 4)
    #expect(distributor.readRegister(0x104, width: 4) == 0)
  }

  @Test("a pending SPI goes to the PE that GICD_IROUTER names, when it is enabled")
  func routing() {
    var distributor = Distributor(spiCount: 32, cpuCount: 20)
    distributor.writeRegister(0x6000 + 8 * 40, 0x101, width: 8)
    distributor.writeRegister(0x40, 40, width: 4)
    #expect(distributor.readRegister(0x204, width: 4) == 0x100)
    #expect(distributor.highestPending(at: 17) == nil)
    distributor.writeRegister(0x104, 0x100, width: 4)
    #expect(distributor.highestPending(at: 17)?.intid == 40)
    #expect(distributor.highestPending(at: 0) == nil)
    distributor.writeRegister(0x48, 40, width: 4)
    #expect(distributor.highestPending(at: 17) == nil)
  }
}
