internal import Bits
internal import Memory
internal import SMMU

/// Runs the models of SMMU and ITS beside a trace.
final class MachineCheck: TraceSink {
  private var smmu: SMMUCheck
  private var its: ITSCheck
  /// Physical memory from 0; nothing beyond it is checked.
  private static let memorySize: UInt64 = 1 << 40
  /// Above any RAM that a trace speaks of.
  private static let free: UInt64 = 0xff_0000_0000

  init(
    _ profile: SMMUProfile = .qemu, _ personality: SMMUPersonality = .qemu11
  ) throws(PhysicalMemory.SetupError) {
    let memory = try PhysicalMemory(regions: [.init(base: 0, size: Self.memorySize)])
    smmu = SMMUCheck(profile, personality, memory: memory)
    its = ITSCheck(memory: memory, free: Self.free)
  }

  func take(_ event: TraceEvent, at time: Int?, line: Int) {
    smmu.take(event, line: line)
    its.take(event, line: line)
  }

  /// What was compared, of both.
  func finish(line: Int) -> [CheckTally] {
    smmu.finish(line: line)
    return [smmu.tally, its.tally]
  }
}
