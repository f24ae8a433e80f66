import ArmFormats
import Bits
import Designs
import Engine
import Firmware
import Guest
import Linux
import Scenarios
import Software
import Testing

/// The model's own set-up of interrupts against that of the recorded kernel.
///
/// Two differences are the recorded machine's: its guest has DirectLPI and so invalidates with
/// GICR_INVLPIR where the model uses INV and SYNC, and its driver gives its first vector back and
/// allocates again, so that the last set-up of each vector is what counts.
@Suite("The guest's own set-up")
struct GuestSetupTests {
  /// What the guest did about a vector, in order, with the values.
  private func recordedSetup(of vector: UInt64) throws -> [String] {
    let workload = try Fixtures.recording.get().workload
    var tokens: [String] = []
    for entry in workload.entries {
      let found = tokensOf(entry.activity, vector)
      if found.first?.hasPrefix("MAPTI") == true { tokens = [] }
      tokens += found
      if found == ["unmask"], tokens.first?.hasPrefix("MAPTI") == true { break }
    }
    return tokens
  }

  private func tokensOf(_ activity: Workload.Activity, _ vector: UInt64) -> [String] {
    switch activity {
    case .itsCommands(let commands): tokens(commands, vector)
    case .msixWrite(let offset, let value) where offset / 16 == vector:
      token(offset % 16, UInt64(value))
    case .lpiConfiguration(let place, let byte) where place.rawValue & 0xffff == vector:
      ["configure \(hex(UInt64(byte)))"]
    case .redistributorWrite(0xa0, let lpi) where lpi == 8192 + vector: ["invalidate"]
    default: []
    }
  }

  private func tokens(_ commands: [ITSCommand], _ vector: UInt64) -> [String] {
    guard let first = commands.first, UInt64(first[.eventID]) == vector else { return [] }
    switch first[.opcode] {
    case .mapti:
      return [
        "MAPTI \(hex(UInt64(first[.deviceID]))) \(first[.eventID]) -> \(first[.physicalINTID])"
      ] + (commands.dropFirst().map { $0[.opcode] } == [.sync] ? ["SYNC"] : [])
    case .inv: return ["invalidate"]
    default: return []
    }
  }

  private func token(_ offset: UInt64, _ value: UInt64) -> [String] {
    switch (offset, value) {
    case (0, _): ["address \(hex(value))"]
    case (4, _): ["upper address \(hex(value))"]
    case (8, _): ["data \(hex(value))"]
    case (12, 0): ["unmask"]
    // Masking comes from a loop over the whole table, whatever is set up.
    default: []
    }
  }

  private func modelledSetup(of vector: UInt64, _ steps: [Step<Never>]) -> [String] {
    steps.flatMap { step -> [String] in
      switch step.action {
      case .write(let words) where words.count % 4 == 0 && step.agent == .guest:
        let commands = stride(from: 0, to: words.count, by: 4).map { index in
          ITSCommand(
            words[index].value, words[index + 1].value, words[index + 2].value,
            words[index + 3].value)
        }
        return tokens(commands, vector)
      case .mmio(let place, let value, width: 4)
      where place.rawValue &- 0x1000_2000 < 48 && (place.rawValue - 0x1000_2000) / 16 == vector:
        return token(place.rawValue % 16, value)
      // GICR_INVLPIR.
      case .mmio(0x80a_00a0, 8192 + vector, width: _): return ["invalidate"]
      case .writeByte(let place, let byte) where place.rawValue & 0xffff == vector:
        return ["configure \(hex(UInt64(byte)))"]
      default: return []
      }
    }
  }

  @Test("a vector is mapped, written, configured and unmasked as the recorded kernel does it")
  func order() throws {
    let window = ReservedMemoryRange(
      base: 0x800_0000, length: 0x10_0000, remapPermitted: false, streams: 0x1000...0x11ff)
    var kernel = try GuestKernel(
      kernel: Kernel(7, 3),
      firmware: GuestFirmware(
        itsBase: 0x808_0000, redistributors: 0x80a_0000,
        smmus: [.init(base: 0xc00_0000, requesterIDs: [0x1000...0x11ff])],
        reserved: [window], preservesBootConfiguration: true),
      devices: [
        .init(requesterID: 0x1100, vectors: 3, msixTable: 0x1000_2000, msixCapability: 0x70)
      ],
      frames: BumpFrames(base: 0x400b_0000, size: 0x28_0000),
      tableFrames: PlacedFrames([:], rest: BumpFrames(base: 0x6000_0000, size: 0x100_0000)),
      contextTable: nil)
    _ = try kernel.perform(.boot)
    _ = try kernel.perform(.attachDMADomain)
    let steps = try kernel.perform(.enableVectors(2))
    for vector in 0..<UInt64(2) {
      let recorded = try recordedSetup(of: vector)
      #expect(recorded.count == 8)
      #expect(modelledSetup(of: vector, steps) == recorded)
    }
  }

  @Test("it chooses the recorded message: the highest page below 4 GiB, and EventID 0")
  func message() throws {
    for design in [Fixtures.forward, Fixtures.untrapped] {
      let own = try Fixtures.specification(design, Fixtures.messages([0, 1])).run()
      let recorded = try Fixtures.specification(
        design, Fixtures.recording.get().workload
      ).run()
      #expect(own.message == .init(address: 0xffff_f040, data: 0))
      #expect(own.message == recorded.message)
      #expect(own.verdicts == [.delivered, .delivered])
    }
  }

  @Test("every vector of a large table is delivered, under each design")
  func manyVectors() throws {
    let device = Workload.Device(name: "nic", guestID: 0x0200, hostID: 0x0300, vectors: 33)
    let workload = Fixtures.messages(Array((0..<33).reversed()), of: device)
    for design in Fixtures.designs {
      let result = try Fixtures.specification(design, workload).run()
      #expect(result.count(of: .delivered) == 33, "\(design.name): \(result.why)")
    }
  }

  @Test("what a machine cannot have is a failure of the run, not a crash")
  func impossibleDevices() {
    for device in [
      Workload.Device(name: "", guestID: 0x1100, hostID: 0x10, vectors: 0),
      Workload.Device(name: "", guestID: 0x1100, hostID: 0x10, vectors: 2049),
      Workload.Device(name: "", guestID: 0x1100, hostID: 0x1_0000, vectors: 1),
    ] {
      #expect(throws: RunFailure.self) {
        try Fixtures.specification(Fixtures.rmr, Fixtures.messages([0], of: device)).run()
      }
    }
  }
}
