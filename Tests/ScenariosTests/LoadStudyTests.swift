import Designs
import Engine
import Files
import Guest
import Linux
import ResultFixtures
import Simulation
import Software
import Testing
import Timing
import VMM

@testable import Scenarios

@Suite("Load studies")
struct LoadStudyTests {
  static let folder = ScenarioFolder(path: "\(repository)/scenarios")

  @Test("a confidence interval has the width that Student's distribution gives")
  func estimates() {
    let estimate = Estimate([1, 2, 3, 4])
    #expect(estimate.mean == 2.5)
    // 3.182 standard errors of 1.2909944 / 2.
    let width = estimate.halfWidth ?? 0
    #expect(abs(width - 2.0539721) < 1e-6)
    #expect(Estimate([7]).halfWidth == nil)
    #expect(Estimate([7, 7, 7]).halfWidth == 0)
    #expect(Estimate.studentT(degrees: 30) == 2.042)
    #expect(Estimate.studentT(degrees: 500) == 1.96)
  }

  @Test("the probe finds out what each design does to an MSI")
  func probe() throws {
    let scenario = try Self.folder.scenario(named: "load-nvme")
    for specification in scenario.specifications() {
      let path = try #require(try specification.probe().path)
      #expect(!path.isDirect)
      #expect(path.coldWalkReads > path.cachedWalkReads)
      #expect(path.coldTableReads > path.warmTableReads)
      #expect(path.trapsMask == (specification.design.msixEntry != .untrapped))
      #expect(path.trapsInvalidation)
    }
  }

  @Test(
    "the exits of a guest's works in a load are those of its run",
    arguments: [
      ("default", KernelPhase.dmaUnmap, ExitCause.virtualSMMU, GuestWork.unmap),
      ("delivery/affinity", .affinity, .virtualITS, .move),
    ])
  func worksAgree(name: String, phase: KernelPhase, cause: ExitCause, work: GuestWork) throws {
    let scenario = try Self.folder.scenario(named: "\(Self.folder.path)/\(name).yaml")
    let specification = try #require(
      scenario.specifications().first { $0.design.name == "rmr-identity" })
    let rows = try specification.run().exits.rows
    let row = try #require(rows.first { $0.phase == phase && $0.cause == cause })
    let path = try #require(try specification.probe().path)
    func count(_ isRead: Bool) -> Int {
      path[work].exits.reduce(0) {
        $1.cause == cause && $1.isRead == isRead ? $0 + $1.count : $0
      }
    }
    #expect(row.writes > 0 && count(false) > 0)
    #expect(row.reads * count(false) == row.writes * count(true))
    #expect(row.writes % count(false) == 0)
  }

  @Test("an MSI alone takes in the load what it takes in the run of the machine's models")
  func agreesWithTheMachine() throws {
    let scenario = try Self.folder.scenario(named: "load-nvme")
    var setting = LoadSetting()
    setting.busyCPUs = 1
    setting.devices = [
      DeviceLoad(name: "nic", source: .open(gap: .nanoseconds(1_000_000), burst: 1, ring: 8))
    ]
    for specification in scenario.specifications() {
      var run = specification
      run.workload = .synthetic(vectors: 1, messages: 3, every: 1_000_000)
      let warm = try #require(try run.run().latencies.last)
      let path = try #require(try specification.probe().path)
      let result = LoadEngine(
        path: path, costs: scenario.costs, setting: setting, seed: 1
      ).run()
      #expect(result.delivered > 5)
      #expect(result.latencies.allSatisfy { $0 == warm })
    }
  }

  static let loads = [
    "load-masking", "load-nic", "load-nvme", "load-overcommit", "load-recorded",
    "load-strict-mix",
  ]

  @Test("each shipped load delivers under each design, at both ends of the costs", arguments: loads)
  func shipped(name: String) async throws {
    var scenario = try Self.folder.scenario(named: name)
    // A recording's gaps are long.
    if name != "load-recorded" { scenario.load?.duration = .nanoseconds(2_000_000) }
    let study = try await scenario.study(seeds: 2)
    #expect(study.rows.count == scenario.designs.count)
    for row in study.rows {
      let low = try #require(row.low)
      let high = try #require(row.high)
      #expect(low.results.allSatisfy { $0.delivered > 0 })
      let times = try [low, high].map { try #require($0.estimate(\.p50)).mean }
      #expect(times[0] <= times[1])
    }
  }

  @Test("a ramp finds the knee: beyond it, packets are dropped or nothing more comes of more load")
  func knee() async throws {
    var scenario = try Self.folder.scenario(named: "load-nic")
    scenario.designs = Array(scenario.designs.prefix(1))
    scenario.load?.duration = .nanoseconds(2_000_000)
    let study = try await scenario.study(seeds: 1, factors: [0.5, 1, 2, 64, 128])
    let row = try #require(study.rows.first)
    let knee = try #require(row.knee.step)
    #expect((1...64).contains(knee.factor))
    #expect(row.ramp.map(\.factor) == [0.5, 1, 2, 64, 128])
  }

  @Test("equal levels of a ramp are measured once, under the factor that they have")
  func distinctLevels() async throws {
    var scenario = try Self.folder.scenario(named: "load-nvme")
    scenario.designs = Array(scenario.designs.prefix(1))
    scenario.load?.duration = .nanoseconds(500_000)
    // A depth of 4 has no eighth.
    let study = try await scenario.study(seeds: 1, factors: [0.125, 0.25, 0.5])
    #expect(study.rows.first?.ramp.map(\.factor) == [0.25, 0.5])
  }

  @Test(
    "a series is made to rise by taking neighbours that fall for their mean",
    arguments: [
      ([1, 2, 3], [1, 2, 3]), ([3, 2, 1], [2, 2, 2]), ([1, 3, 2, 4], [1, 2.5, 2.5, 4]), ([], []),
    ] as [([Double], [Double])])
  func rising(values: [Double], expected: [Double]) {
    #expect(LoadStudy.Row.rising(values) == expected)
  }

  @Test("costs that are not measured are listed, the one that moves the median most first")
  func sensitivity() async throws {
    var scenario = try Self.folder.scenario(named: "load-nvme")
    scenario.designs = Array(scenario.designs.prefix(1))
    scenario.load?.duration = .nanoseconds(500_000)
    let found = try await scenario.sensitivity()
    let rows = try #require(found.first).rows
    #expect(rows.map(\.swing) == rows.map(\.swing).sorted(by: >))
    #expect(rows.allSatisfy { [.assumed, .range].contains($0.status) && $0.low <= $0.high })
    let entry = try #require(rows.first { $0.item == .hostInterruptEntry })
    #expect(entry.atLow.p50 < entry.atHigh.p50)
    #expect(!rows.contains { $0.item == .residency })
  }

  @Test("a design under which nothing arrives has a probe and no load")
  func undelivered() async throws {
    var scenario = try Self.folder.scenario(named: "load-nvme")
    scenario.usage = .vfio
    scenario.guestKernel = .init(6, 6)
    let study = try await scenario.study(seeds: 1)
    let refused = try #require(study.rows.first { $0.design.name == "rmr-identity" })
    #expect(refused.low == nil)
    #expect(refused.probe.result.verdict == .refused)
  }

  @Test("a scenario without a load is an error that says so")
  func noLoad() async throws {
    let scenario = try Self.folder.scenario(named: "default")
    await #expect(throws: InputError.self) { try await scenario.study(seeds: 1) }
  }

  @Test("a histogram counts every MSI once, in steps of 1, 2 and 5")
  func histogram() {
    let times = [100, 101, 200, 201, 500, 1_000_000].map { SimulatedTime.nanoseconds($0) }
    let histogram = LatencyHistogram(times)
    #expect(histogram.buckets.first == .init(nanoseconds: 100, count: 1))
    #expect(histogram.buckets.prefix(3).map(\.count) == [1, 2, 2])
    #expect(histogram.buckets.last == .init(nanoseconds: 1_000_000, count: 1))
    #expect(histogram.buckets.reduce(0) { $0 + $1.count } == times.count)
    #expect(LatencyHistogram([]).buckets.isEmpty)
  }

  @Test(
    "a recorded source that cannot be played is one error with its place",
    arguments: [
      ("speed: 1000", "speed: 0", "0.001 to 1e9"),
      ("speed: 1000", "ring: 0", "from 1 to 65536"),
      ("nested-kvm-nvme.jsonl", "none.jsonl", "the path of a file"),
    ])
  func malformedRecorded(old: String, new: String, expected: String) throws {
    let text = try InputFile("\(Self.folder.path)/load-recorded.yaml").text()
    #expect(text.contains(old))
    let files = try TemporaryFolder(["bad.yaml": text.replacing(old, with: new)])
    let error = #expect(throws: InputError.self) {
      try Self.folder.scenario(named: "\(files.path)/bad.yaml")
    }
    #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("bad.yaml:") == true)
  }

  @Test(
    "a malformed load is one error with its place",
    arguments: [
      ("depth: 4", "depth: 0", "from 1 to 65536"),
      ("80 us", "80 parsecs", "a time such as 10 us"),
      ("physicalCPUs: 8", "physicalCPUs: 0", "from 1 to 4096"),
      ("mapping: fixed", "mapping: loose", "fixed, lazy or strict"),
      ("nvme:", "floppy:", "nvme, nic or recorded"),
      ("count: 4", "count: 4096", "outstanding commands"),
    ])
  func malformed(old: String, new: String, expected: String) throws {
    var text = try InputFile("\(Self.folder.path)/load-nvme.yaml").text()
    #expect(text.contains(old))
    text = text.replacing(old, with: new)
    if expected.hasPrefix("outstanding") { text = text.replacing("depth: 4", with: "depth: 60000") }
    let files = try TemporaryFolder(["bad.yaml": text])
    let error = #expect(throws: InputError.self) {
      try Self.folder.scenario(named: "\(files.path)/bad.yaml")
    }
    #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("bad.yaml:") == true)
  }
}
