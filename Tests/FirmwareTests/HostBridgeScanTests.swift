import Firmware
import Testing

@Suite("HostBridgeScan")
struct HostBridgeScanTests {
  @Test(
    "function 5 of _DSM is found where QEMU writes it",
    arguments: [
      ("qemu-accel-rmr-l2", ["PC10", "PCI0"], BootConfiguration.preserved),
      ("rmr-boot", ["PCI0"], .preserved),
      ("its-smmu-1cpu", ["PCI0"], .notPreserved),
      ("smmudev-2pxb", ["PC20", "PC10", "PCI0"], .notPreserved),
    ])
  func shipped(name: String, bridges: [String], expected: BootConfiguration) throws {
    let scan = try HostBridgeScan(Fixture(name: name).bytes("DSDT.aml"))
    #expect(scan.bridges.map(\.name).sorted() == bridges.sorted())
    #expect(scan.bridges.allSatisfy { $0.bootConfiguration == expected })
    #expect(scan.bootConfiguration == expected)
    #expect(scan.findings == [])
  }

  @Test("one bridge that does not preserve counts for all")
  func mixed() throws {
    var builder = HostBridgeBuilder(origin: .doorbell)
    builder.add(bus: 0, preserves: true)
    builder.add(bus: 0x10, preserves: false)
    let scan = try HostBridgeScan(builder.build())
    #expect(scan.bridges.map(\.bootConfiguration) == [.preserved, .notPreserved])
    #expect(scan.bootConfiguration == .notPreserved)
  }

  @Test("code of another form is unknown, another constant is a no")
  func otherForms() throws {
    var builder = HostBridgeBuilder(origin: .doorbell)
    builder.add(bus: 0, preserves: true)
    let table = builder.build()
    let function5: [UInt8] = [0x93, 0x6a, 0x0a, 0x05, 0xa4, 0x00]
    let start = try #require(
      table.indices.first { table[$0...].starts(with: function5) })
    var one = table
    one[start + 5] = 1
    #expect(try HostBridgeScan(one).bootConfiguration == .notPreserved)
    var local = table
    // Return (Local0): what it holds cannot be told.
    local[start + 5] = 0x60
    #expect(try HostBridgeScan(local).bootConfiguration == .unknown)
  }

  @Test("a table without a host bridge says nothing")
  func empty() throws {
    let table = HostBridgeBuilder(origin: .doorbell).build()
    #expect(try HostBridgeScan(table).bootConfiguration == .unknown)
  }
}
