import Bits
import HostKernel
import TestRandom
import Testing

@testable import VMM

@Suite("MSIXEmulation")
struct MSIXEmulationTests {
  private static let connected = ["enable 1 host", "route 1 0x8090040 7"]

  @Test(
    "a vector is connected once, by whichever write unmasks it, with what the entry then holds",
    arguments: [[0, 4, 8, 12], [8, 4, 0, 12], [4, 0, 8, 12], [0, 8, 4, 12]] as [[UInt64]])
  func anyOrder(order: [UInt64]) throws {
    var bench = try VMMBench()
    #expect(bench.control(enable: true, mask: false).isEmpty)
    let values: [UInt64: UInt32] = [0: 0xffff_f040, 4: 0, 8: 7, 12: 0]
    for offset in order {
      let calls = bench.write(1, offset, values[offset] ?? 0)
      #expect(calls.names == (offset == 12 ? Self.connected : []))
    }
  }

  @Test("nothing is connected while MSI-X is off or the function masked, and all is afterwards")
  func functionMask() throws {
    var bench = try VMMBench()
    _ = bench.write(1, 8, 7)
    #expect(bench.write(1, 12, 0).isEmpty)
    #expect(bench.control(enable: true, mask: true).isEmpty)
    #expect(bench.control(enable: true, mask: false).names == Self.connected)
    #expect(bench.control(enable: true, mask: false).isEmpty)
    #expect(bench.control(enable: true, mask: true).names == ["release 1"])
  }

  @Test("entries are masked after reset")
  func reset() throws {
    var bench = try VMMBench()
    #expect(bench.control(enable: true, mask: false).isEmpty)
  }

  @Test("a masked vector signals the VMM, and is connected again when it is unmasked")
  func mask() throws {
    var bench = try VMMBench()
    _ = bench.control(enable: true, mask: false)
    _ = bench.write(1, 8, 7)
    _ = bench.write(1, 12, 0)
    #expect(bench.write(1, 12, 1).names == ["release 1"])
    #expect(bench.write(1, 12, 1).isEmpty)
    _ = bench.write(1, 8, 9)
    #expect(bench.write(1, 12, 0).names == ["enable 1 host", "route 1 0x8090040 9"])
  }

  @Test("a vector that was signalled while masked is injected once after it is unmasked")
  func pending() throws {
    var bench = try VMMBench()
    _ = bench.control(enable: true, mask: false)
    _ = bench.write(1, 8, 7)
    _ = bench.write(1, 12, 0)
    _ = bench.write(1, 12, 1)
    bench.vmm.keepPending(1)
    bench.vmm.keepPending(1)
    bench.vmm.keepPending(4096)
    #expect(bench.write(1, 12, 0).names == Self.connected + ["signal 1"])
    _ = bench.write(1, 12, 1)
    #expect(bench.write(1, 12, 0).names == Self.connected)
  }

  @Test("a forwarding VMM passes the guest's 64-bit address on; the route is the virtual doorbell")
  func forwarded() throws {
    var bench = try VMMBench(msix: .forwarded, stageTwo: .guestDoorbell)
    _ = bench.control(enable: true, mask: false)
    for (offset, value) in [(0, 0xffff_f040), (4, 0x12), (8, 3)] as [(UInt64, UInt32)] {
      #expect(bench.write(2, offset, value).isEmpty)
    }
    #expect(
      bench.write(2, 12, 0).names == ["enable 2 0x12fffff040", "route 2 0x8090040 3"])
  }

  @Test("a write to a live entry has no effect until it is masked and unmasked")
  func liveWrite() throws {
    var bench = try VMMBench(msix: .forwarded, stageTwo: .guestDoorbell)
    _ = bench.control(enable: true, mask: false)
    _ = bench.write(0, 0, 0x1000)
    _ = bench.write(0, 12, 0)
    #expect(bench.write(0, 0, 0x2000).isEmpty)
    #expect(bench.write(0, 12, 1).names == ["release 0"])
    #expect(bench.write(0, 12, 0).names.first == "enable 0 0x2000")
  }

  @Test("turning MSI-X off ends every vector once")
  func disable() throws {
    var bench = try VMMBench()
    _ = bench.control(enable: true, mask: false)
    _ = bench.write(1, 12, 0)
    #expect(bench.control(enable: false, mask: false).names == ["disable"])
    #expect(bench.control(enable: false, mask: false).isEmpty)
  }

  @Test("a guest that owns the table traps on the control register alone")
  func untrapped() throws {
    var bench = try VMMBench(msix: .untrapped, stageTwo: .guestDoorbell)
    #expect(bench.control(enable: true, mask: true).names == ["control true true"])
    #expect(bench.write(1, 12, 0).isEmpty)
    #expect(bench.control(enable: true, mask: false).names == ["control true false"])
    #expect(bench.control(enable: false, mask: false).names == ["control false false"])
  }

  @Test("writes beyond the table and unaligned ones do nothing")
  func outside() throws {
    var bench = try VMMBench()
    _ = bench.control(enable: true, mask: false)
    for offset in [64, 13, 0x7fff_ffff_ffff_fffc, 0xffff_ffff_ffff_fffc] as [UInt64] {
      #expect(bench.vmm.msixWrite(0, at: offset).isEmpty)
    }
  }

  @Test("no sequence of writes crashes or connects a vector that is masked", arguments: [1, 2, 3])
  func garbage(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    for policy in MSIXEntryPolicy.allCases {
      var bench = try VMMBench(msix: policy)
      var masks = [true, true, true, true]
      var control: UInt16 = 0
      for _ in 0..<3000 {
        let value = UInt32(truncatingIfNeeded: random.next())
        let made: [HostCall]
        if random.below(6) == 0 {
          control = UInt16(truncatingIfNeeded: value)
          made = calls(bench.vmm.msixControlWrite(control))
        } else {
          let offset = random.below(80)
          if offset < 64, offset % 16 == 12 { masks[Int(offset / 16)] = value & 1 != 0 }
          made = calls(bench.vmm.msixWrite(value, at: offset))
        }
        for case .enableVector(let vector, _) in made {
          #expect(control >> 14 == 2 && !masks[vector] && policy != .untrapped)
        }
      }
    }
  }
}
