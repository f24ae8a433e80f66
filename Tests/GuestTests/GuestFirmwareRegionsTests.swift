import Bits
import Firmware
import Guest
import IOMMU
import Testing

@Suite("ReservedRegion")
struct ReservedRegionTests {
  @Test("an RMR is direct, or relaxable where remapping is permitted")
  func kinds() {
    let kinds = [false, true].map { remap in
      GuestBench.firmware(remapPermitted: remap).reservedRegions(of: GuestBench.device)
        .map(\.kind)
    }
    #expect(kinds == [[.direct, .softwareMSI], [.directRelaxable, .softwareMSI]])
  }

  @Test("without an RMR only the driver's own window is reserved")
  func window() {
    let regions = GuestBench.firmware(remapPermitted: nil).reservedRegions(of: GuestBench.device)
    #expect(
      regions.map(\.sysfsLine) == ["0x0000000008000000 0x00000000080fffff msi"])
  }

  @Test("without a preserved boot configuration a PCI device's RMR is ignored")
  func notPreserved() {
    let regions = GuestBench.firmware(remapPermitted: false, false)
      .reservedRegions(of: GuestBench.device)
    #expect(regions.map(\.kind) == [.softwareMSI])
  }

  @Test(
    "an RMR concerns the streams that it names", arguments: [0xfff, 0x1200, 0, .max] as [UInt32])
  func otherStreams(stream: UInt32) {
    let regions = GuestBench.firmware(remapPermitted: false).reservedRegions(of: stream)
    #expect(regions.map(\.kind) == [.softwareMSI])
  }

  @Test("the names are those of sysfs")
  func names() {
    #expect(
      ReservedRegion.Kind.allCases.map(\.sysfsText) == [
        "direct", "direct-relaxable", "reserved", "msi", "msi", "msi-direct",
      ])
  }
}
