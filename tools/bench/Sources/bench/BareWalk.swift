import Bits
import Memory

/// The loads of a walk and nothing else: each follows the address that the one before gave, with
/// no check, no attribute and no event. What a model's walk costs is measured against it.
struct BareWalk {
  let memory: PhysicalMemory
  let stage1Root: UInt64
  /// 0 for stage 1 alone.
  let stage2Root: UInt64

  /// The output address of `input`; 24 dependent loads where both stages have four levels.
  @inline(__always)
  func translate(_ input: UInt64) -> UInt64 {
    var table = stage1Root
    for level in 0..<4 {
      let place = table &+ index(input, level) &* 8
      let word = memory.load64(PA(stage2Root == 0 ? place : stage2(place))) ?? 0
      table = word & 0xffff_ffff_f000
    }
    return stage2Root == 0 ? table : stage2(table)
  }

  @inline(__always)
  private func stage2(_ input: UInt64) -> UInt64 {
    var table = stage2Root
    for level in 0..<4 {
      let word = memory.load64(PA(table &+ index(input, level) &* 8)) ?? 0
      table = word & 0xffff_ffff_f000
    }
    return table | (input & 0xfff)
  }

  @inline(__always)
  private func index(_ input: UInt64, _ level: Int) -> UInt64 {
    (input &>> UInt64(truncatingIfNeeded: 39 &- 9 &* level)) & 0x1ff
  }
}
