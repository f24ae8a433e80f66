import Files
import Foundation
import Scenarios
import Scripts
import Testing

@Suite("Script")
struct ScriptTests {
  /// Writes a script and runs it.
  private func run(_ text: String) throws -> ScriptResult {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("script-\(UUID().uuidString).yaml").path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try Script(path).run()
  }

  private static let head = """
    purpose: A test.
    source: none
    script:
      iommu:
        setup:
          kernel: "6.5"
          devices: { nic: { regions: [{ software-msi: {} }] } }
        steps:

    """

  @Test(
    "numbers at the ends of their ranges are refused, or end like any other",
    arguments: [
      ("smmu: { steps: [{ leaf: { index: 0x4000000000000000, span: 10 } }] }", false),
      ("smmu: { setup: { split: 10 }, steps: [{ leaf: { index: 0xffff, span: 31 } }] }", true),
      ("nested: { setup: { hole: { base: 0xffffffffffffffff, length: 2 } }, steps: [] }", true),
      (
        "nested: { setup: { hole: { base: 0x50000000, length: 0xffffffffffffffff } }, steps: [] }",
        true
      ),
      ("nested: { setup: { hole: { base: 0, length: 0 } }, steps: [] }", true),
      (
        "iommu: { setup: { devices: { a: { regions: [{ virtio-iommu: { base: 0x2000, "
          + "length: 0xffffffffffffffff, msi: true } }] } } }, steps: [] }", true
      ),
      (
        "iommu: { setup: { devices: { a: { regions: [{ arm-rmr: { base: 0xffffffffffffffff, "
          + "length: 0 } }] } } }, steps: [{ claim: { device: a } }] }", true
      ),
    ])
  func ends(bench: String, isAccepted: Bool) {
    let text = "purpose: A test.\nsource: none\nscript: { \(bench) }\n"
    if isAccepted {
      _ = try? run(text)
    } else {
      #expect(throws: InputError.self) { try run(text) }
    }
  }

  @Test("a golden record of a script holds outcomes and what led to them, and notices a change")
  func golden() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("golden-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("claims.yaml").path
    let steps = "      - regions: { device: nic }\n      - claim: { device: nic }\n"
    try (Self.head + steps).write(toFile: path, atomically: true, encoding: .utf8)
    let scenarios = ScenarioFolder(path: folder.path)
    let update = try await scenarios.record(path)
    #expect(update.isNew)
    #expect(update.found.records.map(\.design) == ["step 1, regions", "step 2, claim"])
    try update.found.write(to: update.path)
    #expect(try await scenarios.record(path).differences.isEmpty)
    #expect(await scenarios.check(path).failures == 0)
    try (Self.head.replacing("{ software-msi: {} }", with: "") + steps)
      .write(toFile: path, atomically: true, encoding: .utf8)
    let changed = await scenarios.check(path)
    #expect(changed.failures == 1)
    #expect(changed.golden?.differences.map(\.design) == ["step 1, regions"])
  }

  @Test("an expectation that does not hold fails by its field")
  func failingExpectation() throws {
    let result = try run(
      Self.head + """
              - regions: { device: nic }
                expect: { regions: ["other"] }
              - claim: { device: nic }
                expect: { domain: blocked }
        """)
    #expect(result.steps.map { $0.checks.map(\.holds) } == [[false], [true]])
    #expect(result.steps[0].checks[0].field == "regions[0]")
  }

  @Test("a refusal that nobody expects fails")
  func unexpectedRefusal() throws {
    let result = try run(
      Self.head + """
              - claim: { device: nic }
              - claim: { device: nic }
              - claim: { device: nic }
                expect: { errno: EPERM, by: host }
        """)
    #expect(result.steps.map { $0.checks.allSatisfy(\.holds) } == [true, false, true])
  }

  @Test(
    "a malformed step is one error with its place",
    arguments: [
      ("- clam: { device: nic }", "unknown field"),
      ("- { claim: { device: nic }, release: { device: nic } }", "expected one action"),
      ("- expect: { errno: EPERM }", "expected one action"),
      ("- claim: { device: usb }", "expected a device of the bench (nic)"),
      ("- ioas-map: { object: none, length: 1 }", "expected an object that an earlier step named"),
    ])
  func malformed(step: String, message: String) throws {
    let error = #expect(throws: InputError.self) { try run(Self.head + "      " + step) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "none")")
    #expect(error?.place?.line == 9)
  }

  @Test("numbers compare by value, messages by a part")
  func comparison() throws {
    let result = try run(
      Self.head + """
              - ioas-alloc: { as: space }
              - ioas-map: { object: space, iova: 0x10000, length: 4096 }
                expect: { iova: 65536 }
              - ioas-map: { object: space, iova: 0x10000, length: 4096 }
                expect: { errno: EEXIST, message: already }
        """)
    #expect(result.steps.allSatisfy { $0.checks.allSatisfy(\.holds) })
  }
}
