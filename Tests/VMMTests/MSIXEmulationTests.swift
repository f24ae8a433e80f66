import Bits
import HostKernel
import TestRandom
import Testing

@testable import VMM

@Suite("MSIXEmulation")
struct MSIXEmulationTests {
  private static let on = "set 0: none"
  private static let connected = ["route 1 0x8090040 7", "set 1: kvm"]

  @Test(
    "a vector is connected once, by whichever write unmasks it, with what the entry then holds",
    arguments: [[0, 4, 8, 12], [8, 4, 0, 12], [4, 0, 8, 12], [0, 8, 4, 12]] as [[UInt64]])
  func anyOrder(order: [UInt64]) throws {
    var bench = try VMMBench()
    #expect(bench.control(enable: true, mask: false).names == [Self.on])
    let values: [UInt64: UInt32] = [0: 0xffff_f040, 4: 0, 8: 7, 12: 0]
    for offset in order {
      let calls = bench.write(1, offset, values[offset] ?? 0)
      #expect(calls.names == (offset == 12 ? Self.connected : []))
    }
  }

  // hw/vfio/pci.c `vfio_msix_enable`, `vfio_enable_msix_no_vec`: recorded from a host under QEMU 11.1.3.
  @Test("the host's MSI-X goes on with the guest's, before any vector, and stays under its mask")
  func functionMask() throws {
    var bench = try VMMBench()
    _ = bench.write(1, 8, 7)
    #expect(bench.write(1, 12, 0).isEmpty)
    #expect(bench.control(enable: true, mask: true).names == [Self.on])
    #expect(bench.control(enable: true, mask: false).names == Self.connected)
    #expect(bench.control(enable: true, mask: false).isEmpty)
    #expect(bench.control(enable: true, mask: true).names == ["set 1: vmm"])
  }

  @Test("a guest that turns MSI-X on with entries unmasked has all of them set up in one call")
  func unmaskedBefore() throws {
    var bench = try VMMBench()
    for vector in [0, 2] { _ = bench.write(vector, 12, 0) }
    #expect(
      bench.control(enable: true, mask: false).names
        == ["route 0 0x8090040 0", "route 2 0x8090040 0", Self.on, "set 0: kvm none kvm"])
    #expect(bench.write(3, 12, 0).names == ["route 3 0x8090040 0", "set 3: kvm"])
  }

  // hw/vfio/pci.c `vfio_msix_vector_do_use` under VFIO_IRQ_INFO_NORESIZE: recorded on Linux 6.12.
  @Test("on a host that cannot add vectors all are ended and set up again for each new one")
  func cannotAdd() throws {
    var bench = try VMMBench(sequence: .asUnmasked(addsVectors: false))
    #expect(bench.control(enable: true, mask: true).names == [Self.on])
    #expect(bench.control(enable: true, mask: false).isEmpty)
    #expect(bench.write(0, 12, 0).names == ["route 0 0x8090040 0", "disable", "set 0: kvm"])
    #expect(
      bench.write(2, 12, 0).names == ["route 2 0x8090040 0", "disable", "set 0: kvm none kvm"])
    #expect(bench.write(0, 12, 1).names == ["set 0: vmm"])
    #expect(
      bench.write(3, 12, 0).names
        == ["route 3 0x8090040 0", "disable", "set 0: vmm none kvm kvm"])
    #expect(bench.write(0, 12, 0).names == ["route 0 0x8090040 0", "set 0: kvm"])
  }

  // Cloud Hypervisor pci/src/vfio.rs `VfioMsix::update`, pci/src/msix.rs; OpenVMM
  // vfio_assigned_device/src/lib.rs `msix_enable`.
  @Test("Cloud Hypervisor and OpenVMM set every entry up at once; they differ in an entry's mask")
  func atEnable() throws {
    for sequence in [VectorSequence.atEnable, .atEnableByEntry] {
      var bench = try VMMBench(sequence: sequence)
      #expect(bench.control(enable: true, mask: true).names == ["set 0: kvm kvm kvm kvm"])
      _ = bench.write(1, 8, 7)
      #expect(bench.write(1, 12, 0).isEmpty)
      #expect(bench.control(enable: true, mask: false).names == ["route 1 0x8090040 7"])
      #expect(bench.write(1, 8, 9).names == ["route 1 0x8090040 9"])
      #expect(bench.write(1, 12, 1).names == (sequence == .atEnable ? [] : ["unroute 1"]))
      #expect(bench.write(1, 12, 0).names == ["route 1 0x8090040 9"])
      #expect(bench.control(enable: true, mask: true).names == ["unroute 1"])
      #expect(bench.control(enable: false, mask: false).names == ["disable"])
    }
    #expect(
      VMMPersonality.allCases.filter { !$0.vectorSequence(addsVectors: true).enablesAll }
        == [.qemuVirt])
  }

  @Test("a masked vector signals the VMM, and is connected again when it is unmasked")
  func mask() throws {
    var bench = try VMMBench()
    _ = bench.control(enable: true, mask: false)
    _ = bench.write(1, 8, 7)
    _ = bench.write(1, 12, 0)
    #expect(bench.write(1, 12, 1).names == ["set 1: vmm"])
    #expect(bench.write(1, 12, 1).isEmpty)
    _ = bench.write(1, 8, 9)
    #expect(bench.write(1, 12, 0).names == ["route 1 0x8090040 9", "set 1: kvm"])
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

  @Test(
    "a forwarding VMM passes the guest's 64-bit address on, and calls nothing before it has one",
    arguments: [VectorSequence.asUnmasked(addsVectors: true), .atEnable])
  func forwarded(sequence: VectorSequence) throws {
    var bench = try VMMBench(msix: .forwarded, stageTwo: .guestDoorbell, sequence: sequence)
    #expect(bench.control(enable: true, mask: false).isEmpty)
    for (offset, value) in [(0, 0xffff_f040), (4, 0x12), (8, 3)] as [(UInt64, UInt32)] {
      #expect(bench.write(2, offset, value).isEmpty)
    }
    #expect(
      bench.write(2, 12, 0).names == ["route 2 0x8090040 3", "set 2: 0x12fffff040"])
  }

  @Test("a write to a live entry has no effect until it is masked and unmasked")
  func liveWrite() throws {
    var bench = try VMMBench(msix: .forwarded, stageTwo: .guestDoorbell)
    _ = bench.control(enable: true, mask: false)
    _ = bench.write(0, 0, 0x1000)
    _ = bench.write(0, 12, 0)
    #expect(bench.write(0, 0, 0x2000).isEmpty)
    #expect(bench.write(0, 12, 1).names == ["set 0: vmm"])
    #expect(bench.write(0, 12, 0).names.last == "set 0: 0x2000")
  }

  // `vfio_msix_disable`: the vectors in use are released first, also those that are masked.
  @Test("turning MSI-X off releases what the guest had unmasked and ends every vector once")
  func disable() throws {
    var bench = try VMMBench()
    _ = bench.control(enable: true, mask: false)
    for vector in [1, 3] { _ = bench.write(vector, 12, 0) }
    _ = bench.write(3, 12, 1)
    #expect(
      bench.control(enable: false, mask: false).names == ["set 1: vmm", "set 3: vmm", "disable"])
    #expect(bench.control(enable: false, mask: false).isEmpty)
    _ = bench.write(1, 12, 1)
    #expect(bench.control(enable: true, mask: false).names == [Self.on])
  }

  // `vfio_intx_disable_kvm`, `vfio_intx_enable_kvm`.
  @Test("INTx makes way for MSI-X and comes back")
  func intx() throws {
    var bench = try VMMBench(hasINTx: true)
    #expect(
      bench.control(enable: true, mask: true).names
        == ["INTx mask", "INTx unmask", "INTx disable", Self.on])
    #expect(
      bench.control(enable: false, mask: false).names
        == ["disable", "INTx enable", "INTx mask", "INTx unmask"])
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
        for case .setIRQs(let first, let signals) in made {
          for (offset, signal) in signals.enumerated() {
            guard case .kvm = signal else { continue }
            #expect(control >> 14 == 2 && !masks[first + offset] && policy != .untrapped)
          }
        }
      }
    }
  }
}
