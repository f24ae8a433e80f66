import Testing

@testable import Replay

@Suite("GuestFacts")
struct GuestFactsTests {
  private func words(_ lines: String...) -> [[Substring]] {
    lines.map { $0.split(separator: " ") }
  }

  @Test("vectors belong to the function above them")
  func devices() {
    var facts = GuestFacts()
    facts.readDevices(
      words(
        "0000:00:01.0 vendor=1af4 device=1042 driver=virtio-pci iommu_group=0",
        "  msix: enable=1 fmask=0 entries=5",
        "  msix[1]: addr=0x00000000fffff040 data=0x1 ctrl=0x0",
        "  msix[2]: addr=0x0000000000000000 data=0x0 ctrl=0x1",
        "0000:01:1f.7 vendor=1234 driver=-", "  msi: enable=1 mme=0 addr=0x8000040 data=0x3"))
    #expect(facts.devices[8]?.driver == "virtio-pci")
    #expect(
      facts.devices[8]?.vectors == [
        .init(index: 1, address: 0xffff_f040, data: 1, isMasked: false),
        .init(index: 2, address: 0, data: 0, isMasked: true),
      ])
    #expect(facts.devices[0x1ff]?.vectors.map(\.address) == [0x800_0040])
  }

  @Test("domains and reserved regions belong to every device of the group")
  func groups() {
    var facts = GuestFacts()
    facts.readGroups(
      words(
        "group 0 type=DMA", "  device 0000:00:01.0", "  device 0000:00:01.1",
        "  resv 0x0000000008000000 0x00000000080fffff msi"))
    for id: UInt32 in [8, 9] {
      #expect(facts.devices[id]?.domain == "DMA")
      #expect(
        facts.devices[id]?.reserved
          == [.init(start: 0x800_0000, end: 0x80f_ffff, kind: "msi")])
    }
  }

  @Test("interrupts are added up over the CPUs")
  func interrupts() {
    var facts = GuestFacts()
    facts.readInterrupts(
      words(
        " CPU0 CPU1", "24: 31 2 ITS-PCI-MSIX-0000:00:01.0 1 Edge virtio0-req.0",
        "11: 5 5 GICv3 27 Level arch_timer", "25: x ITS-PCI-MSIX-0000:00:zz.0 1 Edge a"))
    #expect(facts.devices[8]?.interrupts == [1: 33])
    #expect(facts.devices[8]?.names == [1: "virtio0-req.0"])
    #expect(facts.devices.count == 1)
  }

  @Test(
    "what is no function has no requester ID",
    arguments: ["", "00:01.0", "0000:100:00.0", "0000:00:20.0", "0000:00:00.8", "0000:00:00"])
  func functions(text: String) { #expect(UInt32(function: text[...]) == nil) }
}
