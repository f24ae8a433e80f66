package import ArmFormats
package import Bits
package import HostKernel
package import Linux
package import Software

/// A host's kernel with one assigned function, and what its steps wrote.
package struct HostBench {
  package static let device: UInt32 = 0x10
  package static let guestStream: UInt32 = 0x1100
  package static let table: PA = 0x80_0000_2000
  package static let doorbell: PA = 0x809_0040

  package var kernel: HostKernel
  /// Every word of memory that a step has written.
  package var memory: [PA: UInt64] = [:]

  package init(
    stageTwoDoorbell: StageTwoDoorbell = .softwareWindow, eventIDOwner: EventIDOwnership = .host,
    delivery: InterruptDelivery = .irqfd, vectors: Int = 4,
    kernel release: Kernel = Kernel(7, 3)
  ) throws {
    kernel = try HostKernel(
      kernel: release,
      platforms: [
        .init(
          smmuBase: 0x905_0000, itsBase: 0x808_0000, redistributors: 0x80a_0000, cpus: 2,
          msixTable: Self.table, msixCapability: 0x70, streamID: StreamID(Self.device),
          deviceID: DeviceID(Self.device), vectors: vectors)
      ],
      stageTwoDoorbell: stageTwoDoorbell, eventIDOwner: eventIDOwner, delivery: delivery,
      frames: BumpFrames(base: 0x1_4000_0000, size: 0x1000_0000),
      stageTwoFrames: PlacedFrames([:], rest: BumpFrames(base: 0x1_6000_0000, size: 0x1000_0000)),
      streamTable: nil)
    record(try kernel.boot())
  }

  /// As a VMM leaves it before the guest runs.
  package static func started(
    stageTwoDoorbell: StageTwoDoorbell = .softwareWindow, eventIDOwner: EventIDOwnership = .host,
    delivery: InterruptDelivery = .irqfd, vectors: Int = 4,
    kernel release: Kernel = Kernel(7, 3)
  ) throws -> Self {
    var bench = try Self(
      stageTwoDoorbell: stageTwoDoorbell, eventIDOwner: eventIDOwner, delivery: delivery,
      vectors: vectors, kernel: release)
    let ram = HostCall.RAMExtent(ipa: 0x4000_0000, pa: 0x1_0000_0000, size: 0x1000_0000)
    try bench.handle(.createStageTwo([ram]))
    try bench.handle(.createVirtualSMMU(guestStream: guestStream))
    try bench.handle(.attach(guestEntry: .bypass))
    return bench
  }

  @discardableResult
  package mutating func handle(_ call: HostCall) throws -> [Step<Never>] {
    let steps = try kernel.handle(call, for: .first)
    record(steps)
    return steps
  }

  /// What `call` is refused with.
  package mutating func refusal(_ call: HostCall) -> Refusal? {
    do {
      record(try kernel.handle(call, for: .first))
      return nil
    } catch {
      return error
    }
  }

  private mutating func record(_ steps: [Step<Never>]) {
    for case .write(let words) in steps.map(\.action) {
      for word in words { memory[word.address] = word.value }
    }
  }
}

/// The 32-bit writes of the function's MSI-X table: offset and value.
package func tableWrites(_ steps: [Step<Never>]) -> [(offset: UInt64, value: UInt64)] {
  steps.compactMap { step in
    guard case .mmio(let place, let value, width: 4) = step.action,
      place >= HostBench.table, place < HostBench.table + 0x8000
    else { return nil }
    return (place.rawValue - HostBench.table.rawValue, value)
  }
}

/// The ITS commands that steps queue.
package func itsCommands(_ steps: [Step<Never>]) -> [ITSCommand] {
  steps.flatMap { step -> [ITSCommand] in
    guard case .itsCommands(let commands) = step.payload else { return [] }
    return commands
  }
}

/// The SMMU commands that steps queue, without CMD_SYNC.
package func smmuCommands(_ steps: [Step<Never>]) -> [SMMUCommand] {
  steps.flatMap { step -> [SMMUCommand] in
    guard case .smmuCommands(let commands) = step.payload else { return [] }
    return commands.filter { $0[.opcode] != .sync }
  }
}
