import Bits
import Firmware
import HostKernel
import Machine
import Testing
import VMM

/// The tables that the modelled VMM writes, against those that QEMU wrote.
@Suite("GuestTables")
struct GuestTablesTests {
  private func vmm(_ advertisement: DoorbellAdvertisement) -> VMM {
    VMM(
      map: .qemuVirt, advertisement: advertisement, stageTwoDoorbell: .softwareWindow,
      msixEntry: .replaced, devices: [.init(guestID: 0x1100, vectors: 4)])
  }

  @Test("with the window advertised they are QEMU's for an accelerated SMMU, byte for byte")
  func accelerated() throws {
    let fixture = Fixture(name: "qemu-accel-rmr-l2")
    let tables = try vmm(.rmrDirect).tables()
    #expect(try tables.iort == fixture.bytes("IORT.aml"))
    let recordedMADT = try fixture.bytes("APIC.aml")
    let different = zip(tables.madt, recordedMADT).enumerated().filter { $1.0 != $1.1 }
    #expect(different.map(\.offset) == [])
    #expect(tables.madt.count == recordedMADT.count)
    let recorded = GuestTables(
      iort: try fixture.bytes("IORT.aml"), madt: try fixture.bytes("APIC.aml"),
      dsdt: try fixture.bytes("DSDT.aml"))
    #expect(try GuestFirmware(reading: tables) == GuestFirmware(reading: recorded))
  }

  @Test("the guest reads the window from them")
  func window() throws {
    let firmware = try GuestFirmware(reading: vmm(.rmrRelaxable).tables())
    let range = try #require(firmware.reserved.first)
    #expect(firmware.reserved.count == 1)
    #expect(range.base == 0x800_0000)
    #expect(range.length == 0x10_0000)
    #expect(range.remapPermitted)
    #expect(range.streams == 0x1000...0x11ff)
    #expect(firmware.preservesBootConfiguration)
    #expect(firmware.itsBase == 0x808_0000)
    #expect(firmware.redistributors == 0x80a_0000)
    #expect(firmware.smmus.map(\.base) == [0xc00_0000])
  }

  @Test("without advertisement there is no range, and the boot configuration is not kept")
  func nothing() throws {
    let firmware = try GuestFirmware(reading: vmm(.nothing).tables())
    #expect(firmware.reserved == [])
    #expect(!firmware.preservesBootConfiguration)
  }

  @Test("the guest ignores ranges of a table before revision 5")
  func oldRevision() throws {
    let tables = try vmm(.rmrDirect).tables()
    var iort = tables.iort
    iort[8] = 3
    let firmware = try GuestFirmware(
      reading: GuestTables(iort: iort, madt: tables.madt, dsdt: tables.dsdt))
    #expect(firmware.reserved == [])
  }
}

@Suite("GuestTables, as a device tree")
struct GuestDeviceTreeTests {
  private func firmware(
    _ variant: FirmwareVariant, iommu: VirtualIOMMU = .nested
  ) throws -> GuestFirmware {
    try GuestFirmware(
      reading: VMM(
        map: .qemuVirt, advertisement: .rmrDirect, stageTwoDoorbell: .softwareWindow,
        msixEntry: .replaced, devices: [.init(guestID: 0x1100, vectors: 4)], iommu: iommu,
        firmware: variant
      ).tables())
  }

  @Test("the guest finds ITS, redistributors and SMMU where ACPI has them, and no reserved range")
  func facts() throws {
    let acpi = try firmware(.complete)
    for variant in [FirmwareVariant.deviceTree, .deviceTreeReserved] {
      let tree = try firmware(variant)
      #expect(tree.itsBase == acpi.itsBase)
      #expect(tree.redistributors == acpi.redistributors)
      #expect(tree.smmus == acpi.smmus)
      #expect(tree.reserved.isEmpty)
      #expect(!tree.preservesBootConfiguration)
    }
  }

  @Test("without an SMMU the tree has none")
  func noSMMU() throws {
    #expect(try firmware(.deviceTree, iommu: .none).smmus.isEmpty)
  }
}
