import Bits
import Designs
import Engine
import Guest
import Linux
import Scenarios
import Software
import Testing
import VMM

@Suite("A recorded guest under each design")
struct RecordedGuestTests {
  private let recording: Recording

  init() throws { recording = try Fixtures.recording.get() }

  private func run(
    _ design: Design, usage: GuestUsage = .dmaAPI, kernel: Kernel = Kernel(7, 3),
    journeyOf: Int? = nil
  ) throws -> RunResult {
    try Fixtures.specification(
      design, recording.workload, usage: usage, kernel: kernel, journeyOf: journeyOf
    ).run()
  }

  // MARK: Against the recorded machine

  @Test("under rmr-identity the first MSI reads the recorded descriptors and no others")
  func descriptors() throws {
    let journey = try #require(try run(Fixtures.rmr, journeyOf: 0).journey)
    let read = journey.stations.compactMap(Walked.init)
    let known = Set(recording.descriptors.map(Walked.init))
    #expect(read.count >= 20)
    for descriptor in read { #expect(known.contains(descriptor), "\(descriptor)") }
    // The recorded machine's TLB held the stage 2 pages of some of the tables.
    let walk = try #require(recording.interrupts.first?.walk.map(Walked.init))
    #expect(!walk.isEmpty)
    var rest = read[...]
    for descriptor in walk {
      let place = rest.firstIndex(of: descriptor)
      #expect(place != nil, "\(descriptor)")
      rest = rest[((place ?? rest.startIndex - 1) + 1)...]
    }
  }

  @Test("the STE and the CD are, word for word, those of the recorded machine")
  func configuration() throws {
    let journey = try #require(try run(Fixtures.rmr, journeyOf: 0).journey)
    let entry = try #require(journey.stations.first { $0.name == "STE" })
    let context = try #require(journey.stations.first { $0.name == "CD" })
    #expect(recording.streamTableEntry.count == 8)
    #expect(entry.words == Array(recording.streamTableEntry.prefix(4)))
    #expect(entry.address == 0x40a2_8400)
    #expect(recording.contextDescriptor.count == 8)
    #expect(context.words == Array(recording.contextDescriptor.prefix(4)))
  }

  @Test("every access of the device goes where it went, message or not")
  func accesses() throws {
    let result = try run(Fixtures.rmr)
    #expect(result.accesses.count == recording.accesses.count)
    #expect(result.accesses.count > 100)
    for (modelled, recorded) in zip(result.accesses, recording.accesses) {
      #expect(modelled.address == recorded.address)
      #expect(modelled.isWrite == recorded.isWrite)
      #expect(modelled.translated == recorded.output, "\(recorded.address)")
    }
  }

  @Test("each vector has the recorded message, DeviceID, EventID and INTID")
  func identities() throws {
    let result = try run(Fixtures.rmr)
    #expect(result.verdicts.count == recording.interrupts.count)
    #expect(result.count(of: .delivered) == recording.interrupts.count)
    #expect(result.message == .init(address: 0x800_0040, data: 0))
    for vector in [0, 1] {
      let index = try #require(recording.interrupts.firstIndex { $0.vector == vector })
      let recorded = recording.interrupts[index]
      let journey = try #require(try run(Fixtures.rmr, journeyOf: index).journey)
      let station = { (name: String) in journey.stations.first { $0.name == name } }
      #expect(journey.vector == vector)
      #expect(journey.verdict == .delivered)
      #expect(station("device")?.address == recorded.address.rawValue)
      #expect(station("device")?.words == [UInt64(recorded.data)])
      #expect(station("doorbell")?.address == recorded.output.rawValue)
      #expect(
        station("DTE")?.meaning.hasPrefix("DeviceID \(hex(UInt64(recorded.deviceID))):") == true)
      #expect(
        station("ITE")?.meaning.hasPrefix("EventID \(recorded.eventID) -> LPI \(recorded.intid),")
          == true)
      #expect(station("handler") != nil)
    }
  }

  @Test("the guest's firmware is the recorded one")
  func firmware() {
    #expect(recording.reservedRegion?.base == 0x800_0000)
    #expect(recording.reservedRegion?.length == 0x10_0000)
    #expect(recording.guestDoorbell == 0x809_0040)
    #expect(recording.hostDoorbell == 0x809_0040)
  }

  // MARK: The table of designs

  struct Row: Sendable, CustomTestStringConvertible {
    let design: Design
    let usage: GuestUsage
    let kernel: Kernel
    let verdict: Verdict
    /// The message that the device holds; `nil` when set-up is refused before.
    let address: IOVA?
    /// What the reason must say.
    let why: [String]

    var testDescription: String { "\(design.name), \(usage.rawValue), Linux \(kernel)" }
  }

  private static let window: IOVA = 0x800_0040
  private static let mapped: IOVA = 0xffff_f040
  private static let own: IOVA = 0x809_0040
  private static let through = "-> IPA 0x8090040, S2 -> 0x8090040 (guest doorbell"

  static let rows: [Row] = [Kernel(6, 5), Kernel(6, 6), Kernel(7, 3)].flatMap {
    kernel in
    [
      Row(
        design: Fixtures.rmr, usage: .dmaAPI, kernel: kernel, verdict: .delivered, address: window,
        why: ["S1 identity (RMR) -> IPA 0x8000040, S2 -> 0x8090040 (software MSI window)"]),
      Row(
        design: Fixtures.rmr, usage: .identity, kernel: kernel, verdict: .delivered,
        address: window,
        why: ["S1 bypassed -> IPA 0x8000040, S2 -> 0x8090040"]),
      !kernel.has(.requireDirect)
        ? Row(
          design: Fixtures.rmr, usage: .vfio, kernel: kernel, verdict: .lost, address: window,
          why: ["IPA 0x8090040, which S2 does not map", "stage 2", "the guest sees nothing"])
        : Row(
          design: Fixtures.rmr, usage: .vfio, kernel: kernel, verdict: .refused, address: nil,
          why: ["guest kernel refused in __iommu_device_set_domain", "1:1", "EINVAL"]),
      Row(
        design: Fixtures.relaxable, usage: .dmaAPI, kernel: kernel, verdict: .delivered,
        address: window, why: ["S1 identity (RMR)"]),
      Row(
        design: Fixtures.relaxable, usage: .vfio, kernel: kernel, verdict: .lost, address: window,
        why: ["IPA 0x8090040, which S2 does not map"]),
      Row(
        design: Fixtures.plain, usage: .dmaAPI, kernel: kernel, verdict: .fault, address: window,
        why: ["stage 1 does not map it", "relayed to the guest's event queue"]),
      Row(
        design: Fixtures.forward, usage: .dmaAPI, kernel: kernel, verdict: .delivered,
        address: mapped, why: ["passed on at the trap", through]),
      Row(
        design: Fixtures.forward, usage: .vfio, kernel: kernel, verdict: .delivered,
        address: window, why: ["passed on at the trap", through]),
      Row(
        design: Fixtures.forward, usage: .identity, kernel: kernel, verdict: .delivered,
        address: own, why: ["S1 bypassed", "(guest doorbell to host doorbell)"]),
      Row(
        design: Fixtures.untrapped, usage: .dmaAPI, kernel: kernel, verdict: .delivered,
        address: mapped, why: ["guest's own address", through, "physical ITT"]),
      Row(
        design: Fixtures.untrapped, usage: .vfio, kernel: kernel, verdict: .delivered,
        address: window, why: ["guest's own address", through]),
      Row(
        design: Fixtures.untrapped, usage: .identity, kernel: kernel, verdict: .delivered,
        address: own, why: ["guest's own address", "S1 bypassed"]),
    ]
  }

  @Test("each design comes out as it must, for the right reason", arguments: rows)
  func outcome(row: Row) throws {
    let result = try run(row.design, usage: row.usage, kernel: row.kernel)
    #expect(result.verdict == row.verdict)
    #expect(result.count(of: row.verdict) == recording.interrupts.count)
    #expect(result.message?.address == row.address)
    for part in row.why { #expect(result.why.contains(part), "\(result.why)") }
    if case .refused(let refusal) = result.setup {
      #expect(row.verdict == .refused)
      #expect(refusal.errno == "EINVAL")
    } else {
      #expect(row.verdict != .refused)
    }
  }

  @Test("a guest without RMR code leaves the window unmapped; kernels before 6.0 have none")
  func guestWithoutReservedRanges() throws {
    let result = try run(Fixtures.rmr, kernel: Kernel(5, 15))
    #expect(result.verdict == .fault)
    #expect(result.why.contains("stage 1 does not map it"))
  }

  @Test(
    "the host's release decides whether nesting exists, maps doorbells and lets QEMU attach first",
    arguments: [
      (Kernel(6, 12), Verdict.refused, nil), (Kernel(6, 13), .refused, nil),
      (Kernel(Release(6, 14), with: [.attachWithoutDevice]), .lost, own),
      (Kernel(Release(6, 15), with: [.attachWithoutDevice]), .delivered, window),
      (Kernel(6, 18), .refused, nil), (Kernel(6, 19), .delivered, window),
    ] as [(Kernel, Verdict, IOVA?)])
  func hostRelease(kernel: Kernel, verdict: Verdict, address: IOVA?) throws {
    var specification = Fixtures.specification(Fixtures.rmr, recording.workload)
    specification.hostKernel = kernel
    let result = try specification.run()
    #expect(result.verdict == verdict)
    #expect(result.message?.address == address)
    if case .refused(let refusal) = result.setup {
      #expect(refusal.errno == (kernel.has(.virtualSMMU) ? "ENOENT" : "ENOTTY"))
    }
  }

  @Test("only a guest that owns its MSI-X table writes it without exits")
  func exits() throws {
    for design in Fixtures.designs {
      let result = try run(design)
      let causes = Set(result.exits.causes.map(\.name))
      #expect(causes.contains("MSI-X table") == (design.msixEntry != .untrapped))
      #expect(result.exits.delivery == recording.interrupts.count)
      #expect(result.exits.total == result.exits.setup + result.exits[.run] + result.exits.delivery)
    }
  }
}

/// A descriptor of a walk: its stage and level in a journey's words, its place and its value.
private struct Walked: Hashable, CustomStringConvertible {
  let name: String
  let address: UInt64
  let value: UInt64

  init(_ descriptor: Recording.Descriptor) {
    name = "S\(descriptor.stage) L\(descriptor.level)"
    address = descriptor.address.rawValue
    value = descriptor.value
  }

  init?(_ station: Journey.Stop) {
    guard station.name.hasPrefix("S1 L") || station.name.hasPrefix("S2 L"),
      let address = station.address, let value = station.words.first
    else { return nil }
    name = station.name
    self.address = address
    self.value = value
  }

  var description: String { "\(name) at \(hex(address)) = \(hex(value))" }
}
