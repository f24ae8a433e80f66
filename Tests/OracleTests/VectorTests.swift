import Files
import Foundation
import Inspect
import SMMU
import Testing

/// The vectors under Fixtures, chosen by tools/refresh-vectors.
@Suite("Vectors", .serialized)
struct VectorTests {
  static let names = ["smmu-nested-stage", "smmu-stage1-only", "smmu-stage2-only", "its-msi"]

  static func path(_ name: String) throws -> String {
    try #require(
      Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures")
    ).path
  }

  @Test("every recorded answer of QEMU is met by its personality", arguments: names)
  func recorded(name: String) throws {
    var report = VerifyReport(.qemu11)
    try report.run([Self.path("\(name).jsonl.gz")], with: VectorRunner(.qemu11))
    for difference in report.disagreements.prefix(20) { Issue.record("\(difference)") }
    #expect(report.sum.agree == report.sum.total)
    #expect(report.sum.total >= 100)
  }

  @Test("every answer that the architecture makes definite is given", arguments: names)
  func architecture(name: String) throws {
    var report = VerifyReport(.architecture)
    try report.run([Self.path("\(name).jsonl.gz")], with: VectorRunner(.architecture))
    for difference in report.disagreements.prefix(20) { Issue.record("\(difference)") }
    #expect(report.sum.disagree == 0)
  }

  @Test("at least a thousand SMMU vectors are kept")
  func count() throws {
    var count = 0
    for name in Self.names.dropLast() {
      let reader = try VectorReader(path: Self.path("\(name).jsonl.gz"))
      while try reader.next() != nil { count += 1 }
    }
    #expect(count >= 1000)
  }

  @Test(
    "the answers do not depend on the caches",
    arguments: [.architecture, .qemu11] as [ProofPersonality])
  func withoutCaches(personality: ProofPersonality) throws {
    var report = VerifyReport(personality)
    let file = try Self.path("smmu-nested-stage.jsonl.gz")
    try report.run([file], with: VectorRunner(personality, caches: .none))
    for difference in report.disagreements.prefix(20) { Issue.record("\(difference)") }
    #expect(report.sum.disagree == 0)
  }

  @Test("a personality that deviates is told from one that does not")
  func discriminates() throws {
    var report = VerifyReport(.qemu11)
    let file = try Self.path("smmu-nested-stage.jsonl.gz")
    try report.run([file], only: "nested", with: VectorRunner(.architecture))
    #expect(report.sum.disagree > 20)
    #expect(report.disagreements.allSatisfy { $0.expected != $0.found })
  }

  // MARK: RISC-V

  /// Who answered the vectors of each file.
  static let riscv: [(name: String, recorder: ProofPersonality)] = [
    ("riscv-translate", .referenceModel), ("riscv-msi", .referenceModel),
    ("riscv-ats", .referenceModel), ("riscv-queue", .referenceModel),
    ("riscv-mrif-qemu", .qemu11),
  ]

  @Test("every recorded answer about a RISC-V IOMMU is met by its personality", arguments: riscv)
  func riscvRecorded(file: (name: String, recorder: ProofPersonality)) throws {
    var report = VerifyReport(file.recorder)
    try report.run([Self.path("\(file.name).jsonl.gz")], with: VectorRunner(file.recorder))
    for difference in report.disagreements.prefix(20) { Issue.record("\(difference)") }
    #expect(report.sum.agree == report.sum.total)
    #expect(report.sum.total >= 90)
  }

  @Test("every answer that the RISC-V specification makes definite is given", arguments: riscv)
  func riscvArchitecture(file: (name: String, recorder: ProofPersonality)) throws {
    var report = VerifyReport(.architecture)
    try report.run([Self.path("\(file.name).jsonl.gz")], with: VectorRunner(.architecture))
    for difference in report.disagreements.prefix(20) { Issue.record("\(difference)") }
    #expect(report.sum.disagree == 0)
  }

  /// In the sequences of commands memory changes under cached entries, and what software reads
  /// afterwards follows from whether an access met the old entry: they are left out.
  @Test("the answers of a RISC-V IOMMU whose memory stays as it is do not depend on its caches")
  func riscvWithoutCaches() throws {
    for (name, recorder) in Self.riscv
    where !["riscv-mrif-qemu", "riscv-queue"].contains(name) {
      var report = VerifyReport(recorder)
      try report.run(
        [Self.path("\(name).jsonl.gz")], with: VectorRunner(recorder, caches: .none))
      for difference in report.disagreements.prefix(20) { Issue.record("\(difference)") }
      #expect(report.sum.disagree == 0, "\(name)")
    }
  }

  // MARK: x86

  static let x86 = ["vtd-dma", "vtd-interrupts", "amd-dma", "amd-interrupts"]

  @Test("every recorded answer about an x86 IOMMU is met by its personality", arguments: x86)
  func x86Recorded(name: String) throws {
    var report = VerifyReport(.qemu11)
    try report.run([Self.path("\(name).jsonl.gz")], with: VectorRunner(.qemu11))
    for difference in report.disagreements.prefix(20) { Issue.record("\(difference)") }
    #expect(report.sum.agree == report.sum.total)
    #expect(report.sum.total >= 90)
  }

  @Test("every answer that the x86 manuals make definite is given", arguments: x86)
  func x86Architecture(name: String) throws {
    var report = VerifyReport(.architecture)
    try report.run([Self.path("\(name).jsonl.gz")], with: VectorRunner(.architecture))
    for difference in report.disagreements.prefix(20) { Issue.record("\(difference)") }
    #expect(report.sum.disagree == 0)
  }

  @Test("vectors that another implementation answered are one error that names the line")
  func otherRecorder() throws {
    for (name, personality) in [
      ("riscv-msi", ProofPersonality.qemu11), ("riscv-mrif-qemu", .referenceModel),
      ("its-msi", .referenceModel),
    ] {
      var report = VerifyReport(personality)
      let file = try Self.path("\(name).jsonl.gz")
      let runner = try VectorRunner(personality)
      let error = #expect(throws: InputError.self) { try report.run([file], with: runner) }
      #expect(error?.place?.line == 1)
      #expect(error?.description.contains("vectors that \(personality.rawValue) answered") == true)
    }
  }
}
