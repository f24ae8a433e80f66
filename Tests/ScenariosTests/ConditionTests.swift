import Designs
import Files
import Linux
import ResultFixtures
import Testing

@testable import Scenarios

@Suite("Conditions")
struct ConditionTests {
  static let folder = TopologyReaderTests.folder

  @Test("a condition's name is its field's path, without 'machine'")
  func names() {
    for condition in Condition.all {
      let parts =
        condition.field.first == "machine" ? condition.field.dropFirst() : condition.field[...]
      #expect(condition.name == parts.joined(separator: "-"))
      #expect(condition.option == "--\(condition.name)")
      #expect(condition.meaning.hasSuffix("."))
    }
    #expect(Set(Condition.all.map(\.name)).count == Condition.all.count)
  }

  /// A value of each condition that is not the plain one.
  static let others: [String: String] = [
    "platform": "riscv", "guest-usage": "vfio", "guest-kernel": "6.5+no-iommufd",
    "host-kernel": "6.18.3",
    "guest-firmware": "no-dsm5", "guest-unmap": "lazy", "guest-idle": "blocks",
    "vmm": "openvmm", "guest-page-size": "64k", "host-page-size": "16k", "its": "2",
    "host-controller": "gicv2m", "devices": "3", "smmus": "2", "order": "reverse",
    "vmovp": "its-list", "smmu-tlb-entries": "16", "smmu-walk-cache-entries": "0",
    "smmu-ways": "2", "its-cache-entries": "7", "costs": "ampere-altra", "seed": "9",
  ]

  @Test("an option and a field set the same thing, and the report reads it back")
  func optionAndField() throws {
    #expect(Set(Self.others.keys) == Set(Condition.all.map(\.name)))
    for condition in Condition.all {
      let value = try #require(Self.others[condition.name])
      var overrides = ScenarioOverrides()
      overrides[condition] = value
      let (files, folder) = try TextFixtures.folder()
      let asked = try folder.scenario(named: "test", overrides: overrides)
      #expect(condition.text(of: asked.conditions) == value)
      #expect(overrides.arguments() == [condition.option, value])
      let written = try Self.scenario(with: condition, value, in: files, folder)
      #expect(condition.text(of: written.conditions) == value)
      for other in Condition.all where other.name != condition.name {
        #expect(other.text(of: asked.conditions) == other.text(of: written.conditions))
      }
    }
  }

  /// The fixture's scenario with a condition in its file.
  private static func scenario(
    with condition: Condition, _ value: String, in files: TemporaryFolder, _ folder: ScenarioFolder
  ) throws -> Scenario {
    let name = condition.field.last ?? ""
    let group = condition.field.dropLast().joined(separator: ".")
    var text = TextFixtures.scenario
    switch group {
    case "guest", "host":
      let kernel = group == "guest" ? "  kernel: 6.10" : "  kernel: \"7.3\""
      let line = name == "kernel" ? "  kernel: \(value)" : "\(kernel)\n  \(name): \(value)"
      text = text.replacing("\(group):\n\(kernel)", with: "\(group):\n\(line)")
    default:
      let line = condition.field.reversed().reduce(value) { "{ \($1): \($0) }" }
      text += "\n" + line.dropFirst(2).dropLast(2)
    }
    try files.write(text, to: "written.yaml")
    return try folder.scenario(named: files.path + "/written.yaml")
  }

  @Test("a kernel in a file is a release, a release with switches, or a mapping of them")
  func kernels() throws {
    let forms = [
      "kernel: 6.12+sw-msi-native+no-require-direct",
      "kernel: { release: \"6.12\", with: [sw-msi-native], without: [require-direct] }",
      "kernel: { release: 6.12, with: [sw-msi-native], without: [require-direct] }",
    ]
    for form in forms {
      let (_files, folder) = try TextFixtures.folder(
        scenario: TextFixtures.scenario.replacing("kernel: 6.10", with: form))
      let kernel = try folder.scenario(named: "test").guestKernel
      #expect(
        kernel
          == Kernel(Release(6, 12), with: [.softwareMSINative], without: [.requireDirect]))
      withExtendedLifetime(_files) {}
    }
  }

  @Test(
    "a mistake in a kernel names the place, the field and what is known",
    arguments: [
      ("kernel: 5.9", "guest.kernel': expected a release that the models know, 5.10 to 7.3, found"),
      ("kernel: 7.4.1", "expected a release that the models know, 5.10 to 7.3, found '7.4.1'"),
      ("kernel: { with: [veventq] }", "guest.kernel.release': expected a kernel release"),
      (
        "kernel: { release: 6.12, with: [sw-msi] }",
        "guest.kernel.with[0]': expected read-rmrs, "
      ),
      ("kernel: { release: 8.0, with: [] }", "guest.kernel.release': expected a release"),
      ("kernel: 6.12+sw-msi-natve", "found 'sw-msi-natve'; did you mean 'sw-msi-native'?"),
      ("kernel: { release: 6.12, on: [] }", "expected release, with or without, found an unknown"),
      (
        "kernel: { release: 6.12, with: [veventq], without: [veventq] }",
        "which stands among those to add and those to take out"
      ),
      ("kernel: [6.12]", "guest.kernel': expected a mapping with release"),
    ])
  func kernelMistakes(form: String, expected: String) throws {
    let (_files, folder) = try TextFixtures.folder(
      scenario: TextFixtures.scenario.replacing("kernel: 6.10", with: form))
    let found = message(in: _files) { _ = try folder.scenario(named: "test") }
    #expect(found.contains("test.yaml:3:"), "\(found)")
    #expect(found.contains(expected), "\(found)")
  }

  @Test("a load refuses the conditions of a machine, as fields and as options")
  func load() {
    var overrides = ScenarioOverrides()
    overrides[.its] = "2"
    let error = #expect(throws: InputError.self) {
      try Self.folder.scenario(named: "load-nvme", overrides: overrides)
    }
    #expect(error?.description.contains("--its: expected no machine beside a load") == true)
  }

  @Test("the kernels' axes begin with the oldest release, and name what each one brings")
  func turningPoints() {
    for condition in [Condition.guestKernel, .hostKernel] {
      let releases = condition.values.compactMap { Release($0.text) }
      #expect(releases.first == Kernel.oldest)
      #expect(releases == releases.sorted())
      #expect(Set(releases).count == releases.count)
    }
    let points = Condition.guestKernel.values.map(\.text)
    #expect(points.contains("6.0"))
    #expect(points.contains("6.6"))
  }
}
