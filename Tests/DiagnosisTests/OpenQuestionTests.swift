import Diagnosis
import Files
import Testing

@Suite("What is left open")
struct OpenQuestionTests {
  private let interrupts = """
               CPU0
     54:         19  ITS-PCI-MSIX-0000:41:00.0    0 Edge      nvme0q0
     55:       4410  ITS-PCI-MSIX-0000:41:00.0    1 Edge      nvme0q1

    """

  @Test("nothing wrong is said only where faults would show")
  func healthy() {
    let diagnosis = Report(["log": Kernel.guest("7.0.4"), "irq": interrupts]).diagnosis
    #expect(diagnosis.isHealthy)
    #expect(diagnosis.causes.first?.means.contains("0000:41:00.0") == true)
    #expect(Report(["irq": "           CPU0\n"]).diagnosis.causes.first?.cause == .cannotTell)
  }

  @Test(
    "a line of a driver concerned that no rule reads forbids the all-clear",
    arguments: [
      "[    9.0] arm-smmu-v3 arm-smmu-v3.0.auto: unexpected widget failure in stage 9",
      "[    9.0] GICv3: something failed to do what it should",
      "[    9.0] vfio-pci 0000:41:00.0: frobnication rejected",
      "[    9.0] iommufd: refused to oblige, error -77",
      "[    9.0] pcieport 0000:40:00.0: AER: Corrected error message received from 0000:41:00.0",
      "[    9.0] nvme 0000:41:00.0: controller reports an error that is new",
      "[    9.0] INFO: task kworker/u8:2:123 blocked for more than 120 seconds.",
      "[    9.0] blk_update_request: I/O error, dev nvme0n1, sector 0 op 0x0:(READ)",
      "[    9.0] GICv3: CPU3: mpidr 3 has no re-distributor!",
      "[    9.0] ITS: No ITS available, not enabling LPIs",
      "[    9.0] arm-smmu 5000000.iommu: SMR conflict",
      "[    9.0] igb 0000:03:00.0: Failed to initialize MSI-X interrupts.  Falling back to MSI interrupts.",
      "[    9.0] {1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 1",
    ])
  func notUnderstood(line: String) {
    let diagnosis = Report(["log": Kernel.guest("7.0.4") + line + "\n", "irq": interrupts])
      .diagnosis
    #expect(!diagnosis.isHealthy)
    #expect(diagnosis.notUnderstood.count == 1, "\(diagnosis.notUnderstood.kinds.map(\.name))")
    #expect(diagnosis.causes.first?.cause == .cannotTell)
  }

  private static let quoted =
    "   arm-smmu-v3 arm-smmu-v3.0.auto: CMDQ error (cons 0x0301f4c8): ATC invalidate timeout\n"

  @Test("what a letter quotes counts less than a log")
  func letter() {
    let letter =
      "Hi all,\n\nlast year we had this on another machine of ours:\n\n\(Self.quoted)\n"
      + "and I wonder whether what the new one logs is the same.\n"
    let log = Kernel.event(0x8100_0000_0013, 0x0200_0000_0000, 0xdead_b000, 0)
    #expect(
      Report(["mail": letter, "log": log]).diagnosis.causes.map(\.cause) == [
        .dmaPermission, .cmdqAtcTimeout,
      ])
    // Alone it is still the best that there is.
    #expect(Report(["mail": letter]).diagnosis.causes.first?.cause == .cmdqAtcTimeout)
    #expect(Report(["log": Self.quoted]).diagnosis.causes.first?.confidence ?? 0 > 0.9)
  }

  @Test("what a change to a program quotes decides nothing")
  func change() {
    let change =
      "Subject: [PATCH] iommu: fix\n\nOn some boards one gets\n\n\(Self.quoted)\nwhen it is gone.\n---\n"
      + "diff --git a/x.c b/x.c\n--- a/x.c\n+++ b/x.c\n@@ -1,3 +1,3 @@\n-a\n+b\n"
    #expect(Report(["0001.patch": change]).diagnosis.causes.first?.cause == .cannotTell)
  }

  @Test(
    "a log is read whatever stands before its time stamps",
    arguments: ["login: ", "ttyAMA0| ", "2026-05-05 10:10:10.123 INFO console: ", "[12:00:01] "])
  func prefix(text: String) {
    let log = Kernel.event(0x8100_0000_0013, 0x0200_0000_0000, 0xdead_b000, 0)
      .split(separator: "\n").map { text + $0 + "\n" }.joined()
    #expect(Report(["log": log]).diagnosis.causes.first?.cause == .dmaPermission)
  }

  @Test("a time stamp of a program is no kernel's")
  func program() {
    let log =
      "[2025-10-10T11:03:22.102Z ERROR devices::irqfd] KVM_SIGNAL_MSI addr=0x8090040 devid=none failed: Invalid argument (os error 22)\n"
    #expect(Report(["log": log]).diagnosis.causes.first?.cause == .msiRouteNoDeviceid)
  }

  @Test("four words of an event within a sentence are an event")
  func sentence() {
    let text =
      "I see 0x0000440000000010 0x0000020000000000 0x0000000008000040 0x0000000000000000, why?\n"
    let diagnosis = Report(["mail": text]).diagnosis
    #expect(diagnosis.causes.first?.cause == .cannotTell)
    #expect(diagnosis.causes.first?.means.contains("0x4400") == true)
  }

  @Test(
    "what looks like a cause and is ordinary does not stand against the all-clear",
    arguments: [
      // A busy vector of a machine that runs long; the timer tells.
      "           CPU0\n 12:   71827364  GICv3  27 Level  arch_timer\n 70:  91827364  ITS-PCI-MSIX-0000:41:00.0   0 Edge      nvme0q0\n",
      // A network interface that is down, the kernel's parameters and its memory map.
      "           CPU0\n 69:  9  ITS-PCI-MSIX-0000:41:00.0   0 Edge      nvme0q0\n 70:  0  ITS-PCI-MSIX-0000:40:01.0   0 Edge      virtio1-config\n 71:  0  ITS-PCI-MSIX-0000:40:01.0   1 Edge      virtio1-input.0\n",
      "           CPU0\n 69:  9  ITS-PCI-MSIX-0000:41:00.0   0 Edge      nvme0q0\ninitrd=initrd console=ttyAMA0 nvme_core.admin_timeout=8 arm-smmu-v3.accel=on kvm-arm.mode=vhe events=vfio_fault\n",
      "           CPU0\n 69:  9  ITS-PCI-MSIX-0000:41:00.0   0 Edge      nvme0q0\n"
        + String(repeating: "  10000000-10000fff : 0000:00:01.0\n", count: 80),
      // A function at rest.
      "           CPU0\n 70:  97364  ITS-PCI-MSIX-0000:41:00.0   0 Edge      nvme0q0\n0000:42:00.0 Audio device: Example\n\tControl: I/O- Mem+ BusMaster- SpecCycle- DisINTx+\n\tCapabilities: [48] Power Management version 3\n\t\tStatus: D3 NoSoftRst+\n\tCapabilities: [50] MSI: Enable+ Count=1/1 Maskable- 64bit+\n\tKernel driver in use: snd_hda_intel\n",
    ])
  func ordinary(text: String) {
    let diagnosis = Report(["log": Kernel.guest("7.0.4"), "t": text]).diagnosis
    #expect(diagnosis.isHealthy, "\(diagnosis.causes.map(\.cause))")
  }

  @Test("a link that came back is no lost device")
  func linkUp() {
    let log =
      "[ 7001.0] pcieport 0004:00:00.0: pciehp: Slot(4): Link Down\n[ 7003.1] pcieport 0004:00:00.0: pciehp: Slot(4): Link Up\n"
    #expect(!Report(["k": log]).diagnosis.causes.map(\.cause).contains(.deviceLostLink))
  }

  @Test("what makes a machine slow is not the cause of a fault")
  func slow() {
    let log =
      "[    0.0] Linux version 6.6.1 (a@b) (gcc) #1 SMP\n[    0.0] GICv3: no VLPI support, direct LPI support\n"
      + Kernel.event(0x8100_0000_0010, 0x0208_0000_0000, 0xfeed_1000, 0)
    let counts =
      "           CPU0\n112:   91827364  ITS-MSI 2684354563 Edge      vfio-msix[3](0005:01:00.0)\n"
    let first = Report(["k": log, "i": counts]).diagnosis.causes.first?.cause
    #expect(first == .dmaUnmappedAddress)
  }

  @Test("of a page that faults at many places one at offset 0x40 is no doorbell")
  func page() {
    let sweep = (0..<4).map {
      Kernel.event(
        0x1000_0000_0010, 0x0280_0000_0000, 0x1002_2000 + UInt64($0) * 0x20, 0x7f00_0000,
        at: 70_000_000 + $0 * 1_000_000)
    }
    let causes = Report(["k": sweep.joined()]).diagnosis.causes.map(\.cause)
    #expect(!causes.contains(.doorbellNotInStage2))
    #expect(
      Report(["k": sweep[2]]).diagnosis.causes.first?.cause == .doorbellNotInStage2)
  }

  @Test("two listings of a function under two drivers are not mixed")
  func listings() {
    func listing(_ driver: String, _ address: String) -> String {
      "0006:01:00.0 Ethernet controller: Example\n\tCapabilities: [50] MSI: Enable\(address.isEmpty ? "-" : "+") Count=1/1 Maskable+ 64bit+\n"
        + (address.isEmpty ? "" : "\t\tAddress: 00000000\(address)  Data: 0000\n")
        + "\tKernel driver in use: \(driver)\n"
    }
    let diagnosis = Report([
      "after": listing("vfio-pci", ""), "before": listing("igb", "fffff040"),
      "regions": "0x0000000008000000 0x00000000080fffff msi\n",
    ]).diagnosis
    #expect(!diagnosis.causes.map(\.cause).contains(.vmmForwardsGuestAddress))
  }

  @Test(
    "an interrupt that a driver missed forbids the all-clear, whatever the driver's words",
    arguments: [
      "nvme nvme0: controller is down; will reset: CSTS=0x3, PCI_STATUS=0x10",
      "nvme nvme1: Removing after probe failure status: -4",
      "ata1.00: qc timeout (cmd 0xec)",
      "ata1.00: failed to IDENTIFY (I/O error, err_mask=0x4)",
      "mmc0: Timeout waiting for hardware interrupt.",
      "mpt3sas_cm0: Command Timeout",
      "virtio_blk virtio2: [vda] request timed out",
      "e1000e 0000:00:07.0 eth1: Detected Hardware Unit Hang:",
      "igb 0000:03:00.0: Detected Tx Unit Hang",
      "i40e 0000:03:00.0: TX driver issue detected on PF",
      "r8169 0000:01:00.0 eth0: rtl_txcfg_empty_cond == 0 (loop: 42, delay: 100).",
      "ice 0000:03:00.0: tx_timeout: VSI_num: 6, Q 3, NTC: 0x0, HW_HEAD: 0x0",
      "xhci_hcd 0000:01:00.0: Timeout while waiting for setup device command",
    ])
  func missed(line: String) {
    let diagnosis = diagnosis(of: line)
    #expect(diagnosis.causes.first?.cause == .cannotTell)
    #expect(diagnosis.causes.first?.means.contains(line) == true, "\(diagnosis.causes)")
  }

  /// Of a guest whose interrupts arrive, with one line more in its log.
  private func diagnosis(of line: String) -> Diagnosis {
    Report([
      "log": Kernel.guest("7.0.4") + "[    9.0] \(line)\n", "irq": interrupts,
    ]).diagnosis
  }

  @Test(
    "ordinary lines with words of trouble do not forbid it",
    arguments: [
      "nvme nvme0: missing or invalid SUBNQN field.",
      "arm-smmu-v3 arm-smmu-v3.0.auto: msi_domain absent - falling back to wired irqs",
      "pcieport 0000:40:00.0: pciehp: Slot #1 AttnBtn+ PwrCtrl+ MRL- AttnInd+ PwrInd+ HotPlug+ Surprise+",
      "e1000e 0000:00:04.0 eth0: NIC Link is Down",
      "cfg80211: failed to load regulatory.db",
      "systemd[1]: foo.service: Failed with result 'exit-code'.",
      "vfio-pci 0000:42:00.0: vfio_ecap_init: hiding ecap 0x19@0x1d0",
    ])
  func usual(line: String) {
    let diagnosis = diagnosis(of: line)
    #expect(diagnosis.isHealthy, "\(diagnosis.causes) \(diagnosis.notUnderstood.kinds)")
  }

  @Test("an error of the request is none of the kernel's age, and a refusal has candidates")
  func undecided() {
    let exists = Report(["vmm": "ERROR vmm: iommufd: vdevice alloc failed: EEXIST\n"]).diagnosis
    #expect(!exists.causes.map(\.cause).contains(.hostKernelNoNesting))
    let denied = Report([
      "vmm": "ERROR vmm: vfio: failed to set container: Operation not permitted (os error 1)\n"
    ]).diagnosis
    #expect(denied.causes.map(\.cause) == [.cannotTell, .msiNotIsolated])
    #expect(denied.missing.map(\.kind).contains(.hostDmesg))
  }

  @Test("a flood of lines is counted in full and shown once")
  func flood() {
    let lines = (0..<5000).map {
      "[   10.\($0)] vfio-pci 0000:41:00.0: frobnication \($0) rejected\n"
    }
    let diagnosis = Report(["log": lines.joined()]).diagnosis
    #expect(diagnosis.notUnderstood.kinds.count == 1)
    #expect(diagnosis.notUnderstood.count == 5000)
  }

  @Test("warnings about peer-to-peer access and empty bridge windows are harmless")
  func harmless() {
    let log =
      Kernel.guest("7.0.4")
      + "[    0.55] pci 0000:40:00.0: bridge window [mem size 0x00200000 64bit pref]: failed to assign\n"
    let vmm =
      "qemu-system-aarch64: warning: IOMMU_IOAS_MAP failed: Bad address, PCI BAR?\n"
      + "qemu-system-aarch64: warning: vfio_container_dma_map(0xaaaad1c2b3f0, 0x10000000, 0x2000, 0xffff9c488000) = -14 (Bad address)\n"
    #expect(Report(["log": log, "irq": interrupts, "vmm": vmm]).diagnosis.isHealthy)
  }

  @Test("words of messages mean nothing in a JSON document, and a journal's message does")
  func document() {
    let answer =
      "{\n  \"fix\": \"error: SMMUv3 with accel=on not supported for DT, use ACPI\",\n  \"n\": 1\n}\n"
    #expect(Report(["a": answer]).diagnosis.causes.first?.cause == .cannotTell)
    let journal =
      "{\n\t\"MESSAGE\" : \"arm-smmu-v3 arm-smmu-v3.0.auto: EVTQ overflow detected -- events lost\",\n"
      + "\t\"_TRANSPORT\" : \"kernel\"\n}\n"
    #expect(Report(["j": journal]).diagnosis.causes.first?.cause == .evtqOverflow)
  }

  @Test("an event of which words are missing is not told as if they were zero")
  func cut() {
    let event = Kernel.event(0x4100_0000_0013, 0x0200_0000_0000)
    let diagnosis = Report(["log": Kernel.guest("7.0.4") + event]).diagnosis
    #expect(!diagnosis.isHealthy)
    #expect(!diagnosis.text().contains("0x0 "))
    #expect(diagnosis.causes.first?.cause == .cannotTell)
  }

  @Test("a binary file of an unknown kind is named")
  func binary() {
    var report = Report(["log": Kernel.guest("7.0.4"), "irq": interrupts])
    report.files.append(("core", [0x7e, 0x45, 0x4c, 0x46] + Array(repeating: 0, count: 100)))
    #expect(!report.diagnosis.isHealthy)
    #expect(report.diagnosis.notUnderstood.kinds.first?.kind.examples.first?.file == "core")
  }

  @Test("the JSON has what programs read")
  func json() throws {
    let json = Report(["log": Kernel.guest() + Kernel.doorbell]).diagnosis.json
    guard case .array(let causes)? = json["causes"] else { throw Missing() }
    #expect(causes.first?["id"] == .string("cannot-tell"))
    guard case .array(let missing)? = json["missing"], case .string(let first)? = missing.first
    else {
      throw Missing()
    }
    #expect(first.hasPrefix("iort: "))
  }
  private struct Missing: Error {}

  @Test("no format of the report lets text of a file out unescaped")
  func escapes() {
    let log = "[    9.0] vfio-pci 0000:41:00.0: <script>alert(1)</script> rejected\n"
    let diagnosis = Report(["log": log]).diagnosis
    #expect(!diagnosis.markdown.contains("- <script>alert"))
    #expect(diagnosis.text().contains("<script>alert"))
  }

  @Test("a function is joined with its IDs, its SMMU and its counts")
  func join() throws {
    let report = Report(
      ["log": Kernel.guest("7.0.4"), "irq": interrupts], tables: try GuestTables().files)
    let row = try #require(report.diagnosis.functionRows.first { $0.function.contains("41:00.0") })
    #expect(row.stream == "0x4100 at 0xc000000")
    #expect(row.device.hasPrefix("0x4100"))
    #expect(row.interrupts == "4429")
    #expect(row.group == "3")
  }
}
