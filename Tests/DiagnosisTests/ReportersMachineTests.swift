import Diagnosis
import Testing

@Suite("A reporter's machine as a scenario")
struct ReportersMachineTests {
  private let interrupts =
    "           CPU0\n 54:  0  ITS-PCI-MSIX-0000:41:00.0    0 Edge      nvme0q0\n 55:  0  ITS-PCI-MSIX-0000:41:00.0    1 Edge      nvme0q1\n"

  @Test("devices, virtual CPUs and the map are those of the files")
  func map() throws {
    let log =
      Kernel.guest() + "[    0.096329] smp: Brought up 1 node, 6 CPUs\n" + Kernel.doorbell
    let report = Report(
      ["log": log, "irq": interrupts], tables: try GuestTables(streams: nil).files)
    let machine = ReportersMachine(report.diagnosis)
    #expect(machine.design == "no-rmr")
    let lines = machine.text.split(separator: "\n").map(String.init)
    #expect(lines.contains("  virtual-cpus: 6"))
    #expect(lines.contains(#"    - { name: "nvme0", vectors: 2, smmu: 0 }"#))
    #expect(lines.contains("    its: 0x8080000") && lines.contains("    smmu: 0xc000000"))
    #expect(!machine.text(places: false).contains("0x8080000"))
  }

  @Test(
    "a command line tells how many virtual CPUs there are",
    arguments: [
      "qemu-system-aarch64 -machine virt -accel kvm -smp 8,sockets=2 -m 4G\n",
      "qemu-system-aarch64 -machine virt -accel kvm -smp cpus=8 -m 4G\n",
      "cloud-hypervisor --cpus boot=8,max=16 --kernel Image\n",
    ])
  func processors(command: String) {
    let text = ReportersMachine(Report(["c": command]).diagnosis).text
    #expect(text.contains("  virtual-cpus: 8\n"))
  }

  @Test("what no file says is not made up")
  func silent() {
    let text = ReportersMachine(Report(["c": "nothing\n"]).diagnosis).text
    #expect(!text.contains("machine:"))
    #expect(text.contains("# assumed"))
  }
}
