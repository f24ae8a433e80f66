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
    ])
  func notUnderstood(line: String) {
    let diagnosis = Report(["log": Kernel.guest("7.0.4") + line + "\n", "irq": interrupts])
      .diagnosis
    #expect(!diagnosis.isHealthy)
    #expect(diagnosis.notUnderstood.count == 1, "\(diagnosis.notUnderstood.kinds.map(\.name))")
    #expect(diagnosis.causes.first?.cause == .cannotTell)
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
