import ArmFormats
import Bits
import Firmware
import Guest
import Linux
import Software

/// A guest with one device of four vectors.
struct GuestBench {
  static let device: UInt32 = 0x1100
  static let table: PA = 0x1000_2000

  var kernel: GuestKernel

  init(
    kernel release: Kernel = Kernel(7, 3), remapPermitted: Bool? = false,
    preserves: Bool = true
  ) throws {
    kernel = try GuestKernel(
      kernel: release, firmware: Self.firmware(remapPermitted: remapPermitted, preserves),
      devices: [
        .init(
          requesterID: Self.device, vectors: 4, msixTable: IPA(Self.table.rawValue),
          msixCapability: 0x70)
      ],
      frames: BumpFrames(base: 0x400b_0000, size: 0x28_0000),
      tableFrames: PlacedFrames([:], rest: BumpFrames(base: 0x6000_0000, size: 0x100_0000)),
      contextTable: nil)
  }

  /// - Parameter remapPermitted: of the RMR; `nil` for none.
  static func firmware(remapPermitted: Bool?, _ preserves: Bool = true) -> GuestFirmware {
    let window = remapPermitted.map {
      ReservedMemoryRange(
        base: 0x800_0000, length: 0x10_0000, remapPermitted: $0, streams: 0x1000...0x11ff)
    }
    return GuestFirmware(
      itsBase: 0x808_0000, redistributors: 0x80a_0000,
      smmus: [.init(base: 0xc00_0000, requesterIDs: [0x1000...0x11ff])],
      reserved: window.map { [$0] } ?? [], preservesBootConfiguration: preserves)
  }

  /// What an operation is refused with.
  mutating func refusal(_ operation: GuestOperation) -> Refusal? {
    do {
      _ = try kernel.perform(operation)
      return nil
    } catch {
      return error
    }
  }

  /// Carries operations out; all their steps.
  @discardableResult
  mutating func perform(_ operations: GuestOperation...) throws -> [Step<Never>] {
    var steps: [Step<Never>] = []
    for operation in operations { steps += try kernel.perform(operation) }
    return steps
  }
}

/// The MSI-X writes of a flow, as offset and value.
func tableWrites(_ steps: [Step<Never>]) -> [[UInt64]] {
  steps.compactMap { step in
    guard case .mmio(let place, let value, width: 4) = step.action,
      place >= GuestBench.table, place < GuestBench.table + 0x8000
    else { return nil }
    return [place.rawValue - GuestBench.table.rawValue, value]
  }
}

/// The configurations that a flow gives to the device's stream, in order.
func streamConfigs(_ steps: [Step<Never>], at entry: PA?) -> [StreamConfig] {
  steps.flatMap { step -> [StreamConfig] in
    guard case .write(let words) = step.action, case .streamEntry = step.payload else { return [] }
    return words.filter { $0.address == entry }.map {
      StreamTableEntry(words: [$0.value])[.config]
    }
  }
}
