import Testing

@testable import Replay

@Suite("NestedDevice")
struct NestedDeviceTests {
  private func facts(_ lines: String...) -> GuestFacts {
    var facts = GuestFacts()
    facts.readDevices(lines.map { $0.split(separator: " ") })
    return facts
  }

  private func recordedStory() throws -> MachineStory {
    var story = MachineStory()
    _ = read(try Fixture.bytes("summaries/nested-kvm-nvme.log.gz"), into: &story)
    return story
  }

  private let inner = [
    "0000:11:00.0 vendor=1b36 device=0010 driver=nvme",
    "  msix[0]: addr=0x00000000fffff040 data=0x0 ctrl=0x0",
    "  msix[1]: addr=0x00000000fffff040 data=0x1 ctrl=0x0",
  ]

  @Test("the inner guest's device is found in the machine, with both levels' addresses")
  func joined() throws {
    let levels = NestedDevice.join(
      inner: facts(inner[0], inner[1], inner[2]),
      outer: facts("0000:00:02.0 vendor=1b36 device=0010 driver=vfio-pci"),
      try recordedStory())
    let device = try #require(levels.first)
    #expect(levels.count == 1)
    #expect(device.innerID == 0x1100)
    #expect(device.outerID == 0x10)
    #expect(
      device.outerAddresses == [.init(address: 0x800_0040, output: 0x809_0040, stage: 3)])
    #expect(device.vectors.map(\.inner.address) == [0xffff_f040, 0xffff_f040])
    #expect(device.vectors.map(\.nestedMessages) == [17, 11])
  }

  @Test(
    "two devices of one model, or one that is not given away, are not joined",
    arguments: [
      ["0000:00:02.0 vendor=1b36 device=0010 driver=nvme"],
      [
        "0000:00:02.0 vendor=1b36 device=0010 driver=vfio-pci",
        "0000:00:03.0 vendor=1b36 device=0010 driver=vfio-pci",
      ],
      ["0000:00:02.0 vendor=1b36 device=0011 driver=vfio-pci"],
    ])
  func apart(outer: [String]) throws {
    var facts = GuestFacts()
    facts.readDevices(outer.map { $0.split(separator: " ") })
    let levels = NestedDevice.join(
      inner: self.facts(inner[0], inner[1]), outer: facts, try recordedStory())
    #expect(levels == [])
  }
}
