import Files
import ResultFixtures
import TestRandom
import Testing
import Timing

@testable import Replay

@Suite("Times of kernel traces")
struct CostTraceTests {
  static func read(_ text: String) -> CostTrace {
    var reader = LogReader<CostTraceParser>()
    var trace = CostTrace()
    let bytes = Array(text.utf8)
    reader.take(bytes.span, into: &trace)
    reader.finish(into: &trace)
    return trace
  }

  static let head = " CPU 0/KVM-71  [003] d..1."

  @Test(
    "an exit is what stands between it and the next entry",
    arguments: [
      ("TRAP: HSR_EC: 0x0024 (DABT_LOW), PC: 0xf0", ["kvm_mmio: mmio write"], .exitToKernel),
      (
        "TRAP: HSR_EC: 0x0024 (DABT_LOW), PC: 0xf0",
        ["kvm_mmio: mmio write", "kvm_userspace_exit: reason KVM_EXIT_MMIO (6)"], .exitToVMM
      ),
      ("TRAP: HSR_EC: 0x0016 (HVC64), PC: 0xf0", [], .hypercall),
      ("TRAP: HSR_EC: 0x0001 (WFx), PC: 0xf0", [], nil),
      // A page fault of stage 2 is an abort, too, and no emulated access.
      ("TRAP: HSR_EC: 0x0024 (DABT_LOW), PC: 0xf0", [], nil),
      (
        "IRQ: HSR_EC: 0x0000 (UNKNOWN), PC: 0xf0", ["irq_handler_entry: irq=3 name=x"],
        .hostInterruptEntry
      ),
    ] as [(String, [String], CostModel.Item?)])
  func exits(exit: String, between: [String], item: CostModel.Item?) {
    var lines = ["\(Self.head) 10.000001: kvm_exit: \(exit)"]
    lines += between.map { "\(Self.head) 10.000003: \($0)" }
    lines.append("\(Self.head) 10.000003: kvm_entry: PC: 0xf0")
    let found = Self.read(lines.joined(separator: "\n")).times
    #expect(found.keys.map(\.self) == item.map { [$0] } ?? [])
    if let item, let time = found[item]?.first { #expect(abs(time - 2000) < 1) }
  }

  @Test("another thread's entry ends no exit, and an entry alone is nothing")
  func threads() {
    let found = Self.read(
      """
      \(Self.head) 10.000001: kvm_exit: TRAP: HSR_EC: 0x0016 (HVC64), PC: 0x0
       CPU 1/KVM-72  [003] d..1. 10.000002: kvm_entry: PC: 0x0
      \(Self.head) 10.000009: kvm_entry: PC: 0x0
      """)
    #expect(found.times[.hypercall]?.count == 1)
    #expect(abs((found.times[.hypercall]?.first ?? 0) - 8000) < 1)
  }

  @Test("functions of the function graph are read in both forms, others are not")
  func functions() {
    let found = Self.read(
      """
       1)   1.250 us    |  its_wait_for_range_completion();
       1) + 12.500 us   |  } /* arm_smmu_cmdq_issue_cmdlist */
       1)   9.000 us    |  schedule();
      """)
    #expect(found.times == [.itsCommand: [1250], .smmuSync: [12_500]])
  }

  @Test("no bytes trap, and every line is accounted for", arguments: 0..<200)
  func anyBytes(seed: UInt64) {
    var random = SplitMix(state: seed)
    let words = [
      "a-1 ", "[0] ", "1.5: ", "kvm_exit: ", "TRAP: ", "HSR_EC: ", "0x", "0x24", "us ", "| ", "} ",
      "\n",
      "99999999999999999999.9: ", "-", "[", "nan us | irqfd_inject();\n", "é",
    ]
    let text = (0..<40).map { _ in words[Int(random.next() % UInt64(words.count))] }.joined()
    let times = Self.read(text).times
    #expect(times.values.allSatisfy { $0.allSatisfy { $0 >= 0 && $0.isFinite } })
  }

  @Test(
    "a trace beside an emulated machine's command line or log is told",
    arguments: [
      (["cmdline.txt": "qemu -accel tcg,thread=multi", "guest/trace.txt": ""], true),
      (["guest/dmesg.txt": "physical CPU 0x0 [0x000f0510]", "guest/trace.txt": ""], true),
      (["cmdline.txt": "qemu -accel kvm", "guest/trace.txt": ""], false),
      (["guest/trace.txt": ""], false),
    ] as [([String: String], Bool)])
  func emulated(files: [String: String], isEmulated: Bool) throws {
    let folder = try TemporaryFolder(files)
    #expect((EmulatedRecording.sign(near: "\(folder.path)/guest/trace.txt") != nil) == isEmulated)
    #expect(EmulatedRecording.sign(near: "nested-kvm-nvme.jsonl") != nil)
  }
}
