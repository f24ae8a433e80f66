import Fuzz
import Testing

@Suite("FuzzReaders")
struct FuzzReadersTests {
  /// Pieces of the files that people send; a run strings some of them together and damages them.
  private static let pieces = [
    "[   12.345678] arm-smmu-v3 arm-smmu-v3.0.auto: event 0x10 received:\n",
    "[   12.345678] arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000018000000010\n",
    "\t0x0000020000000000\n",
    "event: F_TRANSLATION client: 0000:01:10.0 sid: 0x180 ssid: 0x0 iova: 0xffffe040 ipa: 0x0\n",
    "arm-smmu-v3 s: CMDQ error (cons 0x0301f4c8): ATC invalidate timeout\n",
    "arm-smmu-v3 s: skipping command in error state:\n",
    "arm-smmu 5.iommu: Unhandled context fault: fsr=0x402, iova=0xffffffffffffffff, fsynr=0x1, cb=3\n",
    "ITS queue timeout (18446744073709551615 18446744073709551615)\n",
    "ITS@0xffffffffffffffff: allocated 18446744073709551615 Devices @ffffffffffffffff (indirect, esz 8, psz 64K, shr 1)\n",
    "GICv2m: range[mem 0xffffffffffffffff-0x0], SPI[0:16777215]\n",
    "           CPU0       CPU1\n",
    " 64:  18446744073709551615  18446744073709551615   ITS-MSI 18446744073709551615 Edge  x\n",
    "/proc/irq/66/smp_affinity_list:0-4095,9\n", "/sys/devices/system/cpu/possible:0-4095\n",
    "0000:03:00.0 Ethernet controller: x (rev ff)\n",
    "\tCapabilities: [70] MSI-X: Enable+ Count=2048 Masked-\n",
    "00: 86 80 21 15 02 04 10 00 01 00 00 02 10 00 80 00\n",
    "\tmsix[4294967295]: addr=0xffffffffffffffff data=0xffffffff ctrl=1\n",
    "0x0000000000000000 0xffffffffffffffff reserved\n",
    "/sys/kernel/iommu_groups/1/devices/ffffffff:ff:1f.7\n",
    "qemu-system-aarch64 -machine virt -m 99999999999999999999T -device arm-smmuv3,accel=on \\\n",
    "vfio_container_dma_map(0x1, 0xffffffffffffffff, 0xffffffffffffffff, 0x1) = -22 (Invalid argument)\n",
    " x-1 [0] .....  9999999999999.118203: map: IOMMU: iova=0xffffffffffffffff - 0x0 paddr=0xffffffffffffffff size=18446744073709551615\n",
    "STRTAB_BASE = 0xffffffffffffffff\nSTRTAB_BASE_CFG 0xffffffffffffffff\nCMDQ_BASE: 0xffffffffffffffff\n",
    "{\"MESSAGE\":\"x\",\"_TRANSPORT\":\"kernel\"}\n",
    "<domain type='kvm'>\n<iommu model='smmuv3'>\n",
    "Linux version 99999999999999999999.1 x\n", "nr_cpu_ids=9223372036854775807\n",
    "IORT", "\0\0", "\u{1f}\u{8b}", "\u{1b}[31m", "\r", "\n",
  ]

  private struct Random {
    var state: UInt64
    mutating func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(truncatingIfNeeded: state &>> 33) % bound
    }
  }

  @Test(
    "whatever the bytes are, no reader traps, and a diagnosis has an answer",
    arguments: 0..<8 as Range<UInt64>)
  func random(part: UInt64) {
    var random = Random(state: part &+ 1)
    for _ in 0..<60 {
      var bytes: [UInt8] = []
      for _ in 0..<1 + random.next(40) {
        bytes += Array(Self.pieces[random.next(Self.pieces.count)].utf8)
      }
      for _ in 0..<random.next(12) where !bytes.isEmpty {
        let place = random.next(bytes.count)
        switch random.next(3) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next(256))
        case 1: bytes.remove(at: place)
        default: bytes.insert(bytes[random.next(bytes.count)], at: place)
        }
      }
      #expect(FuzzReaders.diagnose(bytes))
      #expect(FuzzReaders.run(bytes))
    }
  }
}
