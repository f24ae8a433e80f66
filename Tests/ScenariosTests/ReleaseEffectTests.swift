import Designs
import Engine
import Guest
import Linux
import Software
import Testing
import VMM

@testable import Scenarios

/// What the release table says about the models, found out by running them.
@Suite("The release table and the models")
struct ReleaseEffectTests {
  static let folder = TopologyReaderTests.folder

  /// Runs of every design and usage, in which a kernel may decide about the result.
  static func runs() throws -> [RunSpecification] {
    let designs = try folder.designNames.map { try folder.design(named: $0) }
    let scenario = Scenario(
      name: "one", file: "", purpose: "",
      conditions: Conditions(
        guestKernel: Kernel(Kernel.newest), hostKernel: Kernel(Kernel.newest),
        costs: try folder.costs(named: Scenario.standardCosts)), workloadSource: "synthetic",
      workload: .synthetic(vectors: 1, messages: 1, every: 1000), designs: designs,
      expectations: [])
    return scenario.specifications().flatMap { plain in
      GuestUsage.allCases.flatMap { usage in
        [(HostMSIController.its, VMMPersonality.qemuVirt), (.gicv2m, .qemuVirt), (.its, .openVMM)]
          .map { controller, vmm in
            var run = plain
            run.usage = usage
            run.topology.controller = controller
            run.vmm = vmm
            run.spansRanges = false
            return run
          }
      }
    }
  }

  /// What a matrix would show of a run.
  static func result(_ run: RunSpecification) -> String {
    guard run.design.inconsistency(with: run.topology.controller) == nil else { return "" }
    do throws(RunFailure) {
      let result = try run.run()
      // A refusal's chain tells how it came about in the words of the release: no result.
      var setup = "\(result.setup)"
      if case .refused(let refusal) = result.setup {
        setup = "\(refusal.agent) \(refusal.function) \(refusal.errno) \(refusal.message)"
      }
      return [
        setup, "\(result.verdicts)", "\(result.message as Any)",
        // In which order exits came is no result.
        "\(result.exits.rows.map { "\($0)" }.sorted())", result.why,
      ].joined(separator: "\n")
    } catch {
      return error.message
    }
  }

  static func setting(
    _ kernel: Kernel, of side: ReleaseRecord.Sides
  ) -> @Sendable (inout RunSpecification) -> Void {
    { if side == .guest { $0.guestKernel = kernel } else { $0.hostKernel = kernel } }
  }

  @Test(
    "at each release that a kernel's axis shows, a result changes",
    arguments: [ReleaseRecord.Sides.guest.rawValue, ReleaseRecord.Sides.host.rawValue])
  func turningPoints(side: UInt8) throws {
    let side = ReleaseRecord.Sides(rawValue: side)
    let points = Kernel.turningPoints(of: side).compactMap { Release($0.text) }
    let runs = try Self.runs()
    for (before, after) in zip(points, points.dropFirst()) {
      let changes = runs.contains { run in
        var (old, new) = (run, run)
        Self.setting(Kernel(before), of: side)(&old)
        Self.setting(Kernel(after), of: side)(&new)
        return Self.result(old) != Self.result(new)
      }
      #expect(changes, "nothing changes from \(before) to \(after)")
    }
  }

  @Test(
    "a switch that is said to change no result changes none",
    arguments: [ReleaseRecord.Sides.guest.rawValue, ReleaseRecord.Sides.host.rawValue])
  func others(side: UInt8) async throws {
    let side = ReleaseRecord.Sides(rawValue: side)
    let quiet = ReleaseSwitch.allCases.filter { item in
      guard item.record.program == .linux, item.record.choice == nil else { return false }
      if case .results(let sides) = item.record.effect { return !sides.contains(side) }
      return true
    }
    let newest = Release(7, 3)
    let with = Kernel(newest, with: Set(quiet))
    let without = Kernel(newest, without: Set(quiet))
    let runs = try Self.runs()
    let differences = await inParallel(runs.indices) { number in
      var (one, other) = (runs[number], runs[number])
      Self.setting(with, of: side)(&one)
      Self.setting(without, of: side)(&other)
      let (left, right) = (Self.result(one), Self.result(other))
      return left == right ? nil : "\(one.design.name), \(one.usage):\n\(left)\n\(right)"
    }
    #expect(differences.compactMap(\.self) == [])
  }

  @Test("a switch of Linux that is not released and changes results does so when it is added")
  func posted() throws {
    var run = try #require(try Self.runs().first { $0.design.name == "rmr-identity" })
    run.topology.itses = 65
    let plain = Self.result(run)
    run.hostKernel = Kernel(Release(7, 3), with: [.softwareMSIBounded])
    let bounded = Self.result(run)
    #expect(plain.contains("EOVERFLOW"))
    #expect(!bounded.contains("EOVERFLOW"))
    #expect(run.missingInterfaces == [.softwareMSIBounded])
    run.topology.itses = 17
    run.hostPageSize = .kib64
    #expect(Self.result(run).contains("no room for 17 doorbell pages"))
  }

  @Test("before vEVENTQs a guest hears nothing of its faults, and loses them silently")
  func faults() throws {
    var run = try #require(try Self.runs().first { $0.design.name == "no-rmr" })
    run.hostKernel = Kernel(Release(7, 3), without: [.virtualEventQueue])
    let result = try run.run()
    run.hostKernel = Kernel(7, 3)
    #expect(try run.run().verdict == .fault)
    #expect(result.verdict == .lost)
  }
}
