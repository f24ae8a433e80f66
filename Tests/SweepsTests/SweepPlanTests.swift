import Designs
import Files
import ResultFixtures
import Scenarios
import Simulation
import Testing
import Timing

@testable import Sweeps

@Suite("Plans of sweeps")
struct SweepPlanTests {
  static let folder = ScenarioFolder(path: "\(repository)/scenarios")

  static let text = """
    purpose: Shows something.
    run: load
    scenario: load-nvme
    designs: [untrapped, rmr-identity]
    seeds: [4, 2]
    fields:
      load.duration: 1 ms
    grid:
      load.devices[0].source.nvme.depth: [1, 2]
      costs.table-read: [60 ns, 120 ns, 0.5 us]
    """

  static func plan(_ text: String = text) throws -> SweepPlan {
    let files = try TemporaryFolder(["plan.yaml": text])
    return try SweepPlan(path: "\(files.path)/plan.yaml", in: folder)
  }

  @Test("a grid has a point for each combination, the last field changing fastest")
  func grid() throws {
    let plan = try Self.plan()
    #expect(plan.seeds == [4, 2])
    #expect(
      plan.fields == ["design", "load.devices[0].source.nvme.depth", "costs.table-read"])
    #expect(plan.points.map(\.number) == Array(1...12))
    #expect(
      plan.points.prefix(4).map { $0.fields.map(\.value).joined(separator: " ") } == [
        "untrapped 1 60 ns", "untrapped 1 120 ns", "untrapped 1 0.5 us", "untrapped 2 60 ns",
      ])
    #expect(plan.points.last?.fields.map(\.value) == ["rmr-identity", "2", "0.5 us"])
    #expect(Set(plan.points.map(\.hash)).count == 12)
  }

  @Test("values stand in the fields that they are for")
  func values() throws {
    let plan = try Self.plan(
      Self.text + """

          smmu.tlb.entries: [16]
          its.cache.entries: [0]
          design.delivery: [irqfd]
          guest.kernel: ["6.6"]
          load.virtualCPUs: [3]
        """)
    guard case .scenario(let source) = try #require(plan.points.last).subject else {
      Issue.record("the point has no scenario")
      return
    }
    let scenario = try source.scenario(seed: nil)
    #expect(scenario.designs.map(\.name) == ["rmr-identity"])
    #expect(scenario.load?.duration == .nanoseconds(1_000_000))
    #expect(scenario.load?.virtualCPUs == 3)
    guard case .closed(let depth, _, _)? = scenario.load?.devices.first?.source else {
      Issue.record("the source is no closed loop")
      return
    }
    #expect(depth == 2)
    #expect(scenario.caches.pages == 16)
    #expect(scenario.caches.routes == 0)
    #expect(scenario.caches.walks == 256)
    #expect("\(scenario.guestKernel)".contains("6.6"))
    let cost = try #require(scenario.costs.costs[.tableRead])
    #expect(cost.time == .nanoseconds(500))
    #expect(cost.high == cost.time)
    #expect(cost.status == .assumed)
  }

  @Test("a list has a point for each item, each with the whole grid")
  func list() throws {
    let plan = try Self.plan(
      """
      purpose: Shows something.
      run: compare
      scenario: default
      designs: [untrapped]
      list:
        - guest.usage: vfio
          guest.kernel: "6.5"
        - guest.usage: dma-api
          guest.kernel: "6.6"
      grid:
        host.kernel: ["6.12", "7.3"]
      """)
    #expect(plan.fields == ["design", "guest.usage", "guest.kernel", "host.kernel"])
    #expect(
      plan.points.map { $0.fields.dropFirst().map(\.value) } == [
        ["vfio", "6.5", "6.12"], ["vfio", "6.5", "7.3"], ["dma-api", "6.6", "6.12"],
        ["dma-api", "6.6", "7.3"],
      ])
  }

  @Test("a plan without designs takes those of its scenario")
  func scenarioDesigns() throws {
    let plan = try Self.plan(
      Self.text.replacing("designs: [untrapped, rmr-identity]\n", with: ""))
    let designs = plan.points.map { $0.fields[0].value }
    #expect(Set(designs) == ["rmr-identity", "forward-address", "untrapped"])
    #expect(plan.points.count == 18)
  }

  @Test("a design can be a variant of another")
  func variants() throws {
    let plan = try Self.plan(
      Self.text.replacing("rmr-identity]", with: "'untrapped,delivery=gicv4']"))
    #expect(
      Set(plan.points.map { $0.fields[0].value }) == ["untrapped", "untrapped,delivery=gicv4"])
    #expect(plan.points.allSatisfy { $0.impossibility == nil })
    #expect(throws: InputError.self) {
      try Self.plan(Self.text.replacing("rmr-identity]", with: "'untrapped,delivery=pigeon']"))
    }
  }

  @Test("shards share the points out: each has one, and in the plan's order")
  func shards() throws {
    let plan = try Self.plan()
    for count in [1, 2, 5, 12, 20] {
      let shards = (1...count).map { plan.points(shard: $0, of: count).map(\.number) }
      #expect(shards.joined().sorted() == Array(1...12))
      #expect(shards.allSatisfy { $0 == $0.sorted() })
    }
  }

  @Test("the hash of a point depends on its values and on what stands in its files, not on where")
  func hashes() throws {
    let plan = try Self.plan()
    #expect(try Self.plan().digest == plan.digest)
    let longer = try Self.plan(
      Self.text.replacing("0.5 us]", with: "0.5 us, 1 us]"))
    #expect(longer.digest != plan.digest)
    #expect(Set(longer.points.map(\.hash)).isSuperset(of: plan.points.map(\.hash)))
    let seeded = try Self.plan(Self.text.replacing("[4, 2]", with: "[4]"))
    #expect(Set(seeded.points.map(\.hash)).isDisjoint(with: plan.points.map(\.hash)))

    let scenario = try InputFile("\(Self.folder.path)/load-nvme.yaml").text()
    func copy(_ text: String) throws -> SweepPlan {
      let files = try TemporaryFolder([
        "mine.yaml": text, "plan.yaml": Self.text.replacing("load-nvme", with: "./mine.yaml"),
      ])
      return try SweepPlan(path: "\(files.path)/plan.yaml", in: Self.folder)
    }
    #expect(try copy(scenario).digest == plan.digest)
    #expect(try copy(scenario + "# changed\n").digest != plan.digest)
  }

  @Test(
    "a mistake in a plan is one error with its place",
    arguments: [
      ("run: load", "run: walk", "plan.yaml:2:6: field 'run': expected load or compare"),
      ("load-nvme", "load-nvmee", "did you mean 'load-nvme'?"),
      ("load-nvme", "default", "expected a scenario whose workload is a 'load'"),
      ("untrapped", "untraped", "did you mean 'untrapped'?"),
      ("[untrapped, rmr-identity]", "[]", "expected at least one design"),
      ("[4, 2]", "[4, 4]", "each once"),
      ("1 ms", "1 hour", "plan.yaml:7:18: field 'fields.load.duration': expected a time such as"),
      (
        "nvme.depth: [1, 2]", "nvme.depth: [1, 0]", "expected an integer from 1 to 65536, found '0'"
      ),
      ("nvme.depth", "nvme.dept", "plan.yaml:9:3: field 'load.devices[0].source.nvme.dept'"),
      ("nvme.depth", "nvme.dept", "did you mean 'depth'?"),
      ("devices[0]", "devices[1]", "expected 0 to 0, found item 1"),
      ("devices[0]", "devices", "expected the number of an item, from 0, found 'source'"),
      ("costs.table-read", "costs.table-reed", "did you mean 'table-read'?"),
      ("60 ns", "-60 ns", "expected a time such as 150 ns"),
      ("load.duration: 1 ms", "design.delivery: pigeon", "field 'fields.design.delivery'"),
      ("load.duration: 1 ms", "design: untrapped", "expected 'designs' or the field 'design'"),
      ("load.duration: 1 ms", "costs.table-read: 1 ns", "expected each field in one place"),
      ("load.duration: 1 ms", "expect.x: 1", "found 'expect'"),
      ("load.duration: 1 ms", "load..x: 1", "expected the path of a field"),
      ("load.duration: 1 ms", "load.devices[0].source.nic.gap: 1 us", "found nvme and nic"),
      ("load.duration: 1 ms", "load.devices[0].coalesce.events: 4", "'time' beside it"),
      ("grid:", "grids:", "did you mean 'grid'?"),
      ("[1, 2]", "[]", "expected at least one value"),
      ("purpose: Shows something.", "", "purpose"),
    ])
  func mistakes(old: String, new: String, expected: String) throws {
    #expect(Self.text.contains(old))
    let error = #expect(throws: InputError.self) {
      try Self.plan(Self.text.replacing(old, with: new))
    }
    #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("plan.yaml") == true)
  }

  @Test("values that cannot stand together make a point impossible, and the others run")
  func impossible() async throws {
    let plan = try Self.plan(
      """
      purpose: Shows something.
      run: compare
      scenario: synthetic-4-vectors
      designs: [untrapped]
      grid:
        design.eventID: [guest, host]
      """)
    #expect(plan.points.map { $0.impossibility == nil } == [true, false])
    let result = try plan.points[1].run(.compare, seeds: [1])
    #expect(result.outcome == "impossible")
    #expect(result.why.contains("expected choices that can stand together"))
    #expect(try plan.points[0].run(.compare, seeds: [1]).outcome == "delivered")
  }

  @Test("too many points are refused before any is made")
  func tooMany() throws {
    let values = (1...400).map(String.init).joined(separator: ", ")
    let error = #expect(throws: InputError.self) {
      try Self.plan(
        Self.text.replacing("depth: [1, 2]", with: "depth: [\(values)]")
          + "\n  load.virtualCPUs: [\(values)]\n")
    }
    #expect(error?.description.contains("at most 100000 points") == true)
  }

  @Test(
    "each shipped plan can be read, and each of its points can run",
    arguments: ["queue-depth", "vfio-by-kernel", "mapping", "coalescing"])
  func shipped(name: String) throws {
    let plan = try SweepPlan(path: "\(Self.folder.path)/sweeps/\(name).yaml", in: Self.folder)
    #expect(plan.points.allSatisfy { $0.impossibility == nil })
  }
}
