import Bits
import Firmware
import HostKernel
import Machine
import Testing

@testable import VMM

@Suite("VMM")
struct VMMTests {
  @Test("an RMR names the window, the device's streams, and keeps the boot configuration")
  func reservedMemory() throws {
    for (advertisement, remap) in [(.rmrDirect, false), (.rmrRelaxable, true)]
      as [(DoorbellAdvertisement, Bool)]
    {
      let firmware = try GuestFirmware(
        reading: VMMBench(advertisement: advertisement).vmm.tables())
      let window = try #require(firmware.reserved.first)
      #expect(window.base == 0x800_0000)
      #expect(window.length == 0x10_0000)
      #expect(window.remapPermitted == remap)
      #expect(window.streams == 0x1000...0x11ff)
      #expect(firmware.preservesBootConfiguration)
    }
  }

  @Test("a VMM that advertises nothing writes no RMR")
  func noAdvertisement() throws {
    let firmware = try GuestFirmware(reading: VMMBench(advertisement: .nothing).vmm.tables())
    #expect(firmware.reserved.isEmpty)
    #expect(!firmware.preservesBootConfiguration)
    #expect(firmware.itsBase == 0x808_0000)
  }

  @Test("the guest starts with stage 2, a vDEVICE and a stream that bypasses stage 1")
  func start() throws {
    let ram = HostCall.RAMExtent(ipa: 0x4000_0000, pa: 0x1_0000_0000, size: 0x1000_0000)
    let window = try VMMBench().vmm.start(ram: [ram])
    #expect(calls(window).names == ["stage 2", "vSID 0x1100", "attach bypass"])
    let doorbell = try VMMBench(stageTwo: .guestDoorbell).vmm.start(ram: [ram])
    #expect(
      calls(doorbell).names
        == ["stage 2", "vSID 0x1100", "doorbell 0x8090000", "attach bypass"])
  }

  @Test("the doorbell is GITS_TRANSLATER of QEMU's virt machine")
  func doorbell() {
    #expect(AddressMap.qemuVirt.doorbell == 0x809_0040)
  }

  @Test("a write of the command register is passed on")
  func command() throws {
    let bench = try VMMBench()
    #expect(calls(bench.vmm.commandWrite(6)).names == ["command 6"])
  }
}
