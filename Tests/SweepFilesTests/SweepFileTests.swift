import Files
import Foundation
import ResultFixtures
import Scenarios
import Sweeps
import Testing

@testable import SweepFiles

@Suite("Files of sweeps")
struct SweepFileTests {
  static let folder = ScenarioFolder(path: "\(repository)/scenarios")

  static func plan(depths: String = "[1, 2, 4]") throws -> SweepPlan {
    let files = try TemporaryFolder([
      "plan.yaml": """
      purpose: Shows something.
      run: load
      scenario: load-nvme
      designs: [untrapped, rmr-identity]
      seeds: [1, 2]
      fields:
        load.duration: 100 us
        load.warmUp: 20 us
      grid:
        load.devices[0].source.nvme.depth: \(depths)
      """
    ])
    return try SweepPlan(path: "\(files.path)/plan.yaml", in: folder)
  }

  /// Runs the plan's points that `file` lacks.
  static func run(
    _ plan: SweepPlan, into file: SweepFile, shard: Int = 1, of shards: Int = 1, jobs: Int = 1
  ) async throws {
    let finished = try file.finished()
    let waiting = plan.points(shard: shard, of: shards).filter { !finished.contains($0.number) }
    try await plan.run(waiting, jobs: jobs) { point, result throws(InputError) in
      try file.commit(point, result)
    }
  }

  static func report(_ file: SweepFile) throws -> String {
    try SweepReport(file.results()).text(as: .csv)
  }

  @Test("results are the same whatever the jobs, shards and order")
  func deterministic() async throws {
    let files = try TemporaryFolder()
    let plan = try Self.plan()
    func file(_ name: String) throws -> SweepFile {
      try SweepFile(path: "\(files.path)/\(name)", of: SweepResults(of: plan))
    }
    let single = try file("single")
    try await Self.run(plan, into: single)
    let expected = try Self.report(single)
    #expect(expected.split(separator: "\r\n").count > 6 * 2 * 20)

    let parallel = try file("parallel")
    try await Self.run(plan, into: parallel, jobs: 4)
    #expect(try Self.report(parallel) == expected)

    for count in [2, 4] {
      var parts: [SweepResults] = []
      for number in (1...count).reversed() {
        let part = try file("part-\(number)-\(count)")
        try await Self.run(plan, into: part, shard: number, of: count, jobs: 2)
        parts.append(try part.results())
      }
      let merged = try file("merged-\(count)")
      try merged.add(parts)
      #expect(try Self.report(merged) == expected)
      // Once more changes nothing.
      try merged.add(parts)
      #expect(try Self.report(merged) == expected)
    }
  }

  @Test("points that have run do not run again")
  func restart() async throws {
    let files = try TemporaryFolder()
    let plan = try Self.plan()
    let path = "\(files.path)/r"
    do {
      let file = try SweepFile(path: path, of: SweepResults(of: plan))
      try await Self.run(plan, into: file, shard: 1, of: 3)
      #expect(try file.finished() == [1, 4])
    }
    let again = try SweepFile(path: path, of: SweepResults(of: plan))
    #expect(try again.finished() == [1, 4])
    #expect(try again.results().missing == [2, 3, 5, 6])
    try await Self.run(plan, into: again)
    #expect(try again.results().missing == [])
  }

  @Test("a point that cannot be stored stops the sweep, and what was stored stays")
  func failure() async throws {
    let files = try TemporaryFolder()
    let plan = try Self.plan()
    let file = try SweepFile(path: "\(files.path)/r", of: SweepResults(of: plan))
    await #expect(throws: InputError.self) {
      var count = 0
      try await plan.run(plan.points, jobs: 2) { point, result throws(InputError) in
        count += 1
        guard count < 3 else { throw InputError("the disk is full") }
        try file.commit(point, result)
      }
    }
    #expect(try file.finished().count == 2)
  }

  @Test("another plan's file is refused and left as it is")
  func changedPlan() async throws {
    let files = try TemporaryFolder()
    let path = "\(files.path)/r"
    let plan = try Self.plan()
    try await Self.run(plan, into: SweepFile(path: path, of: SweepResults(of: plan)))
    let before = try Data(contentsOf: URL(fileURLWithPath: path))
    let other = try Self.plan(depths: "[1, 2, 8]")
    let error = #expect(throws: InputError.self) {
      _ = try SweepFile(path: path, of: SweepResults(of: other))
    }
    #expect(error?.description.contains("expected results of this plan") == true)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
  }

  @Test("a point with two results is refused, and nothing of the files is taken over")
  func conflict() async throws {
    let files = try TemporaryFolder()
    let plan = try Self.plan()
    let file = try SweepFile(path: "\(files.path)/r", of: SweepResults(of: plan))
    try file.commit(plan.points[1], PointResult(outcome: "delivered", why: "", samples: []))
    var other = SweepResults(of: plan)
    other = SweepResults(
      purpose: "", kind: .load, digest: plan.digest, pointCount: 6, seeds: [1, 2],
      quantities: other.quantities,
      rows: [0, 1].map { index in
        .init(
          number: index + 1, hash: plan.points[index].hash, fields: plan.points[index].fields,
          result: PointResult(outcome: "lost", why: "", samples: []))
      })
    #expect(throws: InputError.self) { try file.add([other]) }
    #expect(try file.finished() == [2])
  }

  @Test("files that are no results are one error, and stay as they are")
  func foreign() async throws {
    let plan = try Self.plan()
    let files = try TemporaryFolder(["text": String(repeating: "not a database\n", count: 500)])
    let results = SweepResults(of: plan)
    func message(_ name: String) throws -> String {
      let path = "\(files.path)/\(name)"
      let before = try Data(contentsOf: URL(fileURLWithPath: path))
      let errors = [
        #expect(throws: InputError.self) { _ = try SweepFile(path: path, of: results) },
        #expect(throws: InputError.self) { _ = try SweepFile(opening: path).results() },
      ]
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
      #expect(errors[0] == errors[1])
      return errors[0]?.description ?? ""
    }
    #expect(try message("text").contains("found a file that is no SQLite database"))

    try await Self.run(plan, into: SweepFile(path: "\(files.path)/whole", of: results))
    var bytes = try Data(contentsOf: URL(fileURLWithPath: "\(files.path)/whole"))
    #expect(bytes.count > 8192)
    // The application's number stands at byte 68 of the header (sqlite.org/fileformat2.html).
    var other = bytes
    other[71] ^= 1
    try other.write(to: URL(fileURLWithPath: "\(files.path)/other"))
    #expect(try message("other").contains("another program's SQLite database"))
    try bytes.prefix(6000).write(to: URL(fileURLWithPath: "\(files.path)/cut"))
    #expect(try message("cut").contains("damaged"))
    for place in stride(from: 4096, to: bytes.count, by: 64) { bytes[place] ^= 0x5a }
    try bytes.write(to: URL(fileURLWithPath: "\(files.path)/damaged"))
    #expect(try message("damaged").contains("damaged"))
    let missing = #expect(throws: InputError.self) {
      _ = try SweepFile(opening: "\(files.path)/none")
    }
    #expect(missing?.description.contains("no such file") == true)
  }
}
