import ArmFormats
import Bits
import Guest
import Linux
import Testing

@Suite("Workload.operations")
struct WorkloadOperationsTests {
  static let window: Range<UInt64> = 0x800_0000..<0x810_0000
  static let device = Workload.Device(name: "nvme", guestID: 0x1100, hostID: 0x10, vectors: 4)

  static let identity = Workload.Activity.map(
    0x800_0000, 0x800_0000, size: 0x10_0000, [.read, .write, .mmio])
  static let doorbell = Workload.Activity.map(
    0xffff_f000, 0x809_0000, size: 0x1000, [.write, .noExecute, .mmio])
  static let buffer = Workload.Activity.map(0xffff_e000, 0x4123_4000, size: 0x1000, .buffer)
  static let dma = Workload.Activity.dma(0xffff_e000, isWrite: true, count: 3)

  /// A guest as a recording has it: its own set-up, then what the device does.
  static let recorded = workload([
    identity, doorbell, .itsCommands([.mapd(device: 0x1100, eventBits: 2, table: 0x4100_0000)]),
    .msixControl(enable: true, functionMask: false), .msixWrite(offset: 12, value: 0),
    .lpiConfiguration(0x4200_0000, 0xc3), .redistributorWrite(offset: 0xa0, value: 8192), buffer,
    .message(vector: 1), dma,
  ])

  /// A device's work without a guest's set-up.
  static let synthetic = workload([.message(vector: 0), .message(vector: 2), buffer, dma])

  private static func workload(_ activities: [Workload.Activity]) -> Workload {
    Workload(
      device: device,
      entries: activities.enumerated().map { index, activity in
        .init(nanoseconds: UInt64(index) * 100, activity)
      })
  }

  private func operations(_ workload: Workload, _ usage: GuestUsage) -> [GuestOperation] {
    workload.operations(for: usage, window: Self.window).map(\.operation)
  }

  @Test("a recorded guest is replayed, but for the mappings that firmware asks for")
  func recordedDMA() {
    let recorded = Self.recorded.entries.dropFirst().map { GuestOperation.activity($0.activity) }
    #expect(
      operations(Self.recorded, .dmaAPI) == [.boot, .attachDMADomain, .enableDevice] + recorded)
  }

  @Test("under VFIO a recorded guest makes its own set-up, and the device does what was recorded")
  func recordedVFIO() {
    #expect(
      operations(Self.recorded, .vfio) == [
        .boot, .attachDMADomain, .claim(.type1), .attachUserDomain, .enableDevice,
        .enableVectors(2),
        .activity(Self.buffer), .activity(.message(vector: 1)), .activity(Self.dma),
      ])
  }

  @Test("in the identity domain nothing is mapped, and addresses of mappings mean nothing")
  func recordedIdentity() {
    #expect(
      operations(Self.recorded, .identity) == [
        .boot, .attachIdentityDomain, .bind(.plain, vectors: 2), .activity(.message(vector: 1)),
      ])
  }

  @Test("a synthetic workload always makes its own set-up, for every vector that it uses")
  func synthetic() {
    #expect(
      operations(Self.synthetic, .dmaAPI).prefix(3)
        == [.boot, .attachDMADomain, .bind(.plain, vectors: 3)])
  }

  @Test("an empty workload boots and enables one vector")
  func empty() {
    #expect(
      operations(Self.workload([]), .dmaAPI)
        == [.boot, .attachDMADomain, .bind(.plain, vectors: 1)])
  }

  @Test("set-up comes first, and activities keep their times and their order")
  func times() {
    for usage in GuestUsage.allCases {
      let times = Self.recorded.operations(for: usage, window: Self.window).map(\.nanoseconds)
      #expect(times == times.sorted())
      #expect(times.first == 0)
    }
    #expect(Self.recorded.messageCount == 1)
  }
}
