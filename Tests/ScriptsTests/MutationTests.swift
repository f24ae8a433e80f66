import Designs
import Scenarios
import Scripts
import Testing

/// A model that is broken on purpose must fail the shipped scenarios.
@Suite("mutations")
struct MutationTests {
  static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
  static let folder = ScenarioFolder(path: "\(root)/scenarios")

  /// The scenario that is there to notice each defect.
  static let detectors: [Mutation: String] = [
    .staleTranslations: "smmu/stale-translation.yaml",
    .streamNotRewritten: "nested/event-queue-loses.yaml",
    .machineNotOverwritten: "nested/invalidations.yaml",
    .targetNotShifted: "its/kvm-unit-tests-trigger.yaml",
    .doorbellInRAM: "nested-msi/rmr-delivers.yaml",
  ]

  @Test("every defect has a scenario that notices it", arguments: Mutation.allCases)
  func detected(mutation: Mutation) async throws {
    let file = try #require(Self.detectors[mutation])
    let path = "\(Self.root)/scenarios/\(file)"
    let sound = await Self.folder.check(path)
    #expect(sound.error == nil && sound.checks > 0 && sound.failures == 0)
    let broken = await Self.folder.check(path, injecting: mutation)
    #expect(broken.error == nil)
    #expect(broken.failures > 0, "\(file) does not notice: \(mutation.meaning)")
  }

  @Test("a defect is noticed where it is, and nowhere else")
  func specific() async throws {
    for (mutation, file) in Self.detectors where mutation != .machineNotOverwritten {
      let other = await Self.folder.check(
        "\(Self.root)/scenarios/\(file)", injecting: .machineNotOverwritten)
      #expect(other.failures == 0, "\(file)")
    }
  }
}
