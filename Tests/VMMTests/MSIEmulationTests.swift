import Bits
import HostKernel
import Machine
import Testing

@testable import VMM

@Suite("MSIEmulation")
struct MSIEmulationTests {
  private func vmm(_ policy: MSIXEntryPolicy, map: AddressMap = .qemuVirt) -> VMM {
    VMM(
      map: map, advertisement: .nothing, stageTwoDoorbell: .guestDoorbell, msixEntry: policy,
      devices: [.init(guestID: 0x1100, vectors: 4)])
  }

  /// A guest that grants `exponent` vectors, writes the message, and turns MSI on.
  private func enable(_ vmm: inout VMM, exponent: UInt32, data: UInt32) -> [String] {
    var names: [String] = []
    for (offset, value) in [
      (2, exponent << 4), (4, 0xffff_f040), (8, 1), (12, data), (2, exponent << 4 | 1),
    ] as [(UInt16, UInt32)] {
      names += calls(vmm.msiWrite(value, at: offset)).names
    }
    return names
  }

  @Test("MSI is connected at once when it is enabled, behind a route for each vector")
  func connected() {
    var replaced = vmm(.replaced)
    #expect(
      enable(&replaced, exponent: 1, data: 8)
        == ["route 0 0x8090040 8", "route 1 0x8090040 9", "enable MSI 2 host"])
    var forwarded = vmm(.forwarded)
    #expect(
      enable(&forwarded, exponent: 0, data: 3)
        == ["route 0 0x8090040 3", "enable MSI 1 0x1fffff040"])
  }

  @Test("data with set low bits count without them: the device replaces them")
  func lowBits() {
    var vmm = vmm(.replaced)
    #expect(enable(&vmm, exponent: 1, data: 5).dropLast().last == "route 1 0x8090040 5")
    #expect(calls(vmm.msiWrite(0, at: 2)).names == ["disable"])
    #expect(calls(vmm.msiWrite(0, at: 2)).isEmpty)
  }

  @Test("a guest with a GICv2m frame names SPIs")
  func frame() throws {
    var vmm = vmm(.replaced, map: VMMPersonality.qemuVirt.map.withMessageFrame)
    #expect(
      enable(&vmm, exponent: 1, data: 80)
        == ["route 0 0x8020040 80", "route 1 0x8020040 81", "enable MSI 2 host"])
  }

  @Test("registers that do not exist, and reserved bits, do nothing", arguments: [0, 1, 3, 6, 16])
  func garbage(offset: UInt16) {
    var vmm = vmm(.replaced)
    #expect(vmm.msiWrite(0xffff_ffff, at: offset).isEmpty)
    // The reserved encodings of the vector count grant 32 at most.
    #expect(calls(vmm.msiWrite(0xff, at: 2)).names.last == "enable MSI 32 host")
  }
}
