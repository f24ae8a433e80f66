import Files
import Foundation
import ResultFixtures
import TestRandom
import Testing

@testable import Replay

/// A few lines of each kind of file, as Linux, lspci and QEMU write them.
enum Samples {
  static let trace = """
    2026-11-22T13:21:58.673990Z smmuv3_translate_success region sid=0x10 iova=0x8000040 translated=0x8090040 perm=0x3 stage=1
    2026-11-22T13:21:58.673999Z gicv3_its_translation_write GICv3 ITS TRANSLATER write: offset 0x40 data 0x0 size 4 requester_id 0x10

    """
  static let kernelTrace = """
    # tracer: nop
    #           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
            modprobe-145     [000] d....    14.836091: its_prepare: (its_msi_prepare+0x0/0x230) nvec=8
            modprobe-145     [000] d....    14.861711: a_probe: (its_irq_domain_alloc+0x0/0x210) virq=22 nr=1
            modprobe-145     [000] d....    14.861962: iommu_msi: (iommu_dma_prepare_msi+0x0/0x298) doorbell=0x8090040
            modprobe-145     [000] .....    14.877868: map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000008090000 size=4096
     qemu-system-aar-460     [001] .....    18.822536: unmap: IOMMU: iova=0x0000000040000000 - 0x0000000040001000 size=8192 unmapped_size=4096
              <idle>-0       [001] d.h1.    19.051630: irq_handler_entry: irq=29 name=vfio-msix[0](0000:00:02.0)
              <idle>-0       [001] d.h1.    19.051700: irq_handler_exit: irq=29 ret=handled
         kworker/0:1-11      [000] .....    47.863387: kvm_set_irq: gsi 256 level 1 source 0
           CPU 0/KVM-462     [001] ...1.    47.864198: vgic_update_irq_pending: VCPU: 0, IRQ 8192, level: 1
           CPU 0/KVM-462     [001] .....    47.864200: kvm_irq_line: Inject VGIC SPI interrupt (1), vcpu->idx: 0, num: 33, level: 0
           CPU 0/KVM-462     [001] .....    47.864300: sched_switch: prev_comm=a

    """
  static let log = """
    [    0.000000] ITS [mem 0x08080000-0x0809ffff]
    [    9.467771] nvme 0000:00:02.0: Adding to iommu group 2
    [   23.226444] arm-smmu-v3 9050000.smmuv3: event 0x10 received:
    [   23.226562] arm-smmu-v3 9050000.smmuv3: \t0x0000001000000010
    [   23.226606] arm-smmu-v3 9050000.smmuv3: \t0x0000020000000000
    [   23.226636] arm-smmu-v3 9050000.smmuv3: \t0x00000000fffff040
    [   23.226709] arm-smmu-v3 9050000.smmuv3: \t0x0000000000000000

    """
  static let dump = """
    0000:00:02.0 device
    00: 36 1b 10 00 02 00 10 00 02 02 08 01 00 00 00 00
    10: 04 40 00 00 80 00 00 00 00 00 00 00 00 00 00 00
    20: 00 00 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11
    30: 00 00 00 00 40 00 00 00 00 00 00 00 1c 01 00 00
    40: 11 50 04 80 00 20 00 00 00 30 00 00 00 00 00 00
    50: 05 00 81 00 40 00 00 08 00 00 00 00 03 00 00 00

    """
  static let listing = """
    0000:00:02.0 vendor=1b36 device=0010 class=010802 driver=vfio-pci iommu_group=2
      msix: enable=1 fmask=0 entries=5 bir=0 off=0x2000 pba=0x3000
      msix[0]: addr=0x00000000fffff040 data=0x0 ctrl=0x0

    """
  static let verbose = """
    00:02.0 Non-Volatile memory controller: Red Hat, Inc. (rev 02)
    \tCapabilities: [40] MSI-X: Enable+ Count=5 Masked-
    \t\tVector table: BAR=0 offset=00002000
    \t\tPBA: BAR=0 offset=00003000
    \tCapabilities: [50] MSI: Enable+ Count=1/1 Maskable- 64bit+
    \t\tAddress: 0000000008000040  Data: 0003
    \tKernel driver in use: vfio-pci

    """
  static let groups = """
    group 2 type=DMA
      device 0000:00:02.0
      resv 0x0000000008000000 0x00000000080fffff msi

    """
  static let interrupts = """
               CPU0       CPU1
     29:         12          0  ITS-PCI-MSIX-0000:00:02.0   0 Edge      nvme0q0

    """
  static let all: [(String, MachineFileKind)] = [
    (trace, .trace), (kernelTrace, .kernelTrace), (log, .kernelLog), (dump, .configurationDump),
    (verbose, .verboseListing), (listing, .tableListing), (groups, .groups),
    (interrupts, .interrupts),
  ]
}

@Suite("Files of a machine")
struct MachineFilesTests {
  @Test("what a file is shows in its lines", arguments: Samples.all)
  func kinds(text: String, kind: MachineFileKind) throws {
    let files = try TemporaryFolder(["a": text])
    #expect(try MachineFileKind.detect("\(files.path)/a") == kind)
  }

  @Test("what is of no kind is one error that names the kinds")
  func unknown() throws {
    let files = try TemporaryFolder(["a": "hello\n", "b": ""])
    let unknown = #expect(throws: InputError.self) {
      _ = try MachineFileKind.detect("\(files.path)/a")
    }
    #expect(unknown?.description.contains("found no line of any of these") == true)
    let empty = #expect(throws: InputError.self) {
      _ = try MachineFileKind.detect("\(files.path)/b")
    }
    #expect(empty?.description.contains("found an empty file") == true)
  }

  @Test("maps, handlers, probes and injections of a kernel's trace are told")
  func kernelTrace() throws {
    let files = try TemporaryFolder(["a": Samples.kernelTrace])
    let report = try KernelTraceReport("\(files.path)/a")
    #expect(report.counts.understood == 10)
    #expect(report.counts.other == 1)
    #expect(report.counts.unreadable == 2)
    let story = report.story
    #expect(story.maps == 1)
    #expect(story.shortUnmaps == 1)
    #expect(story.doorbellMaps == [.init(address: 0xffff_f000, output: 0x809_0000): 1])
    #expect(story.preparedDoorbells == [0x809_0040: 1])
    #expect(story.preparedEvents == 8)
    #expect(story.allocated == 1)
    #expect(story.routes == [256: 1])
    #expect(story.injections == [.init(vcpu: 0, intid: 8192): 1])
    let handler = try #require(
      report.handler(of: 0, device: DeviceStory(id: 0x10), irq: nil))
    #expect(handler.cpus == [1: 1])
    #expect(report.lines.contains { $0.contains("doorbell page 0x8090000 mapped at 0xfffff000") })
  }

  @Test(
    "what stands between CPU and time is skipped",
    arguments: [
      "  a task-1 [002] d.h1. 10.000001: irq_handler_entry: irq=3 name=x",
      "  a task-1 [002] 10.000001: irq_handler_entry:    irq=3 name=x",
      "  [odd] task-1 [002] d..2 10.000001234: irq_handler_entry: irq=3 name=x",
    ])
  func layouts(text: String) {
    var parser = KernelTraceParser()
    let bytes = Array(text.utf8)
    guard case .event(let event) = parser.parse(bytes.span) else {
      Issue.record("not understood")
      return
    }
    #expect(event == .handlerEntry(irq: 3, name: 0, cpu: 2))
    #expect(parser.time == 10_000_001)
    #expect(parser.handlers == ["x"])
  }

  @Test("a kernel log gives events by stream, the ITS and the groups")
  func kernelLog() throws {
    let files = try TemporaryFolder(["a": Samples.log + Samples.log])
    let log = try KernelLogStory(path: "\(files.path)/a")
    #expect(log.lines == 14)
    #expect(log.events(of: 0x10).map(\.count) == [2])
    #expect(log.streams == [0x10])
    #expect(log.controllers == [0x808_0000])
    #expect(log.groups == [0x10: 2])
  }

  @Test("functions of several PCI domains are told apart")
  func domains() throws {
    var facts = GuestFacts()
    var listing = VerboseListing()
    for domain in ["0000", "0003", "000d"] {
      let text = Samples.verbose.replacing("00:02.0", with: "\(domain):00:02.0")
      for line in text.split(separator: "\n") { _ = listing.take(line) }
    }
    listing.add(to: &facts)
    #expect(facts.devices.keys.sorted() == [0x10, 0x3_0010, 0xd_0010])
    #expect(DeviceStory(id: 0xd_0010).name == "000d:00:02.0")
  }

  @Test("a log with reports of drivers in it does not look right, whoever wrote it")
  func complaints() throws {
    let log =
      "Feb 03 04:12:40 arm1 kernel: arm-smmu-v3 s: CMDQ error (cons 0x0301f4c8): ATC invalidate timeout\n"
      + "Feb 03 04:12:41 arm1 kernel: iommu: Default domain type: Passthrough (set via kernel command line)\n"
    let files = try TemporaryFolder(["1": log])
    let text = try #require(try RecordedCase.machines(["\(files.path)/1"]).first).tell().text
    #expect(text.contains("CERROR_ATC_INV_SYNC"))
    #expect(!text.contains("nothing looks wrong"))
    #expect(text.contains("default domain: Passthrough\n"))
  }

  @Test("interrupts of kernels before per-device MSI domains are read")
  func flatInterrupts() {
    var facts = GuestFacts()
    facts.readInterrupts([["22:", "0", "33", "ITS-MSI", "32769", "Edge", "nvme0q1"]])
    #expect(facts.devices[0x10]?.interrupts == [1: 33])
  }

  @Test("configuration space gives the capabilities of MSI and MSI-X")
  func configuration() throws {
    var facts = GuestFacts()
    var dump = PCIDump()
    for line in Samples.dump.split(separator: "\n") { _ = dump.take(line) }
    dump.add(to: &facts)
    let device = try #require(facts.devices[0x10])
    #expect(device.model == "1b36:0010")
    #expect(
      device.table
        == .init(entries: 5, bar: 0, offset: 0x2000, pending: 0x3000, isEnabled: true))
    #expect(device.vectors == [.init(index: 0, address: 0x800_0040, data: 3, isMasked: false)])
    #expect(dump.damaged == 0)
  }

  @Test("a dump with damaged rows, or a capability list that is a loop, is read as far as it goes")
  func damagedConfiguration() {
    var dump = PCIDump()
    for line in ["00:02.0 x", "00: 36 1b", "00: zz", "f00: 00", "20: " + "00 ".prefix(2)] {
      let isDump = dump.take(Substring(line))
      #expect(isDump)
    }
    #expect(dump.damaged == 4)
    var facts = GuestFacts()
    var loop = PCIDump()
    let text = Samples.dump.replacing("40: 11 50", with: "40: 12 40")
    for line in text.split(separator: "\n") { _ = loop.take(line) }
    loop.add(to: &facts)
    #expect(facts.devices[0x10]?.table == nil)
  }

  @Test("lspci -vv tells of tables and messages")
  func verbose() throws {
    var facts = GuestFacts()
    var listing = VerboseListing()
    for line in Samples.verbose.split(separator: "\n") { _ = listing.take(line) }
    listing.add(to: &facts)
    let device = try #require(facts.devices[0x10])
    #expect(
      device.table
        == .init(entries: 5, bar: 0, offset: 0x2000, pending: 0x3000, isEnabled: true))
    #expect(device.vectors == [.init(index: 0, address: 0x800_0040, data: 3, isMasked: false)])
    #expect(device.driver == "vfio-pci")
  }

  @Test("files of one machine are joined, in any order")
  func joined() throws {
    let files = try TemporaryFolder([
      "1": Samples.log, "2": Samples.kernelTrace, "3": Samples.listing, "4": Samples.trace,
      "5": Samples.interrupts,
    ])
    let machines = try RecordedCase.machines((1...5).map { "\(files.path)/\($0)" })
    #expect(machines.count == 1)
    let text = try #require(machines.first).tell().text
    #expect(text.contains("kernel log: F_TRANSLATION 1, first at 0xfffff040; Looks like GITS"))
    #expect(text.contains("message address: 0x8000040, stage 1 maps it to 0x8090040"))
    #expect(text.contains("virtual GIC, LPIs raised: 8192 at vCPU 0: 1"))
    #expect(text.contains("which LPI and CPU an EventID leads to: no ITS command"))
  }

  @Test("without a trace the rest is told, and what is not known is said")
  func withoutTrace() throws {
    let files = try TemporaryFolder(["1": Samples.log, "2": Samples.listing])
    let machines = try RecordedCase.machines(["1", "2"].map { "\(files.path)/\($0)" })
    let report = try #require(machines.first).tell()
    #expect(report.text.contains("programmed message address: 0xfffff040, vector 0"))
    #expect(report.text.contains("that takes a trace of QEMU"))
    #expect(throws: InputError.self) { _ = try machines.first?.check() }
    #expect(throws: InputError.self) { _ = try machines.first?.recording() }
  }

  @Test("several machines may not share files, and two traces are two machines")
  func several() throws {
    let files = try TemporaryFolder(["1": Samples.trace, "2": Samples.trace, "3": Samples.log])
    let paths = (1...3).map { "\(files.path)/\($0)" }
    #expect(try RecordedCase.machines(Array(paths[..<2])).count == 2)
    #expect(throws: InputError.self) { _ = try RecordedCase.machines(paths) }
  }

  @Test("random damage never stops a reader, and every line is counted")
  func damage() throws {
    let bytes = Array(Samples.all.map(\.0).joined().utf8)
    var generator = SplitMix(state: 7)
    for _ in 0..<300 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        let place = Int.random(in: 0..<damaged.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: damaged[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: damaged.remove(at: place)
        case 2: damaged.insert(UInt8.random(in: 0x20...0x7f, using: &generator), at: place)
        default: damaged.removeSubrange(place..<min(place + 40, damaged.count))
        }
      }
      for counts in AnyReader.read(damaged) { #expect(counts.lines == counts.accounted) }
    }
  }
}
