import Foundation
import ResultFixtures
import Testing

/// A JSON object that the program printed.
private typealias Object = [String: Any]

@Suite("doorbell on the recorded guest")
struct ComparisonRunTests {
  /// The results of `doorbell compare --format json` by design.
  private static func compare(_ arguments: String...) throws -> [String: Object] {
    let run = try Run(arguments: ["compare", "--format", "json"] + arguments)
    #expect(run.status == 0)
    #expect(run.error.isEmpty)
    let value = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? Object
    #expect(value?["seed"] as? Int == 1)
    let results = try #require(value?["results"] as? [Object])
    var byDesign: [String: Object] = [:]
    for result in results { byDesign[try #require(result["design"] as? String)] = result }
    return byDesign
  }

  @Test(
    "the default scenario delivers every recorded MSI under every design",
    arguments: [
      ("rmr-identity", "0x8000040"), ("forward-address", "0xfffff040"), ("untrapped", "0xfffff040"),
    ])
  func delivered(design: String, address: String) throws {
    let result = try #require(Self.compare()[design])
    #expect((result["setup"] as? Object)?["outcome"] as? String == "enabled")
    #expect(result["verdict"] as? String == "delivered")
    let journeys = try #require(result["journeys"] as? [String: Int])
    #expect(journeys["delivered"] == 28)
    #expect(journeys["total"] == 28)
    #expect(journeys.count == 8)
    let message = try #require(result["message"] as? [String: String])
    #expect(message == ["address": address, "data": "0x0"])
    let exits = try #require(result["exits"] as? Object)
    #expect(exits["setup"] is Int)
    #expect(exits["perInterrupt"] is Double)
    let latency = try #require(result["latency"] as? Object)
    let ends = try ["low", "high"].map { end in
      let part = try #require(latency[end] as? [String: Int])
      return try ["p50", "p99", "max"].map { try #require(part[$0]) }
    }
    for times in ends {
      #expect(times == times.sorted())
      #expect(times[0] > 0)
    }
    #expect(zip(ends[0], ends[1]).allSatisfy { $0 <= $1 })
    #expect(latency["unit"] as? String == "ns")
    #expect((result["why"] as? String)?.isEmpty == false)
  }

  @Test("VFIO in the guest loses the MSIs up to Linux 6.5 and is refused from 6.6 on")
  func nestedVFIO() throws {
    let old = try Self.compare("--guest-usage", "vfio", "--guest-kernel", "6.5")
    let new = try Self.compare("--guest-usage", "vfio", "--guest-kernel", "6.6")
    #expect(old["rmr-identity"]?["verdict"] as? String == "lost")
    let setup = try #require(new["rmr-identity"]?["setup"] as? Object)
    #expect(setup["outcome"] as? String == "refused")
    #expect(setup["by"] as? String == "guest")
    #expect(setup["errno"] as? String == "EINVAL")
    for results in [old, new] {
      #expect(results["forward-address"]?["verdict"] as? String == "delivered")
      #expect(results["untrapped"]?["verdict"] as? String == "delivered")
    }
  }

  @Test("the same arguments give the same bytes, and a seed is carried through")
  func deterministic() throws {
    for format in ["table", "json", "csv", "markdown"] {
      let first = try Run("compare", "--seed", "1", "--format", format)
      #expect(first.status == 0)
      #expect(try Run("compare", "--format", format).output == first.output)
    }
    #expect(try Run("compare", "--seed", "5", "--format", "json").output.contains("\"seed\": 5"))
  }

  @Test("designs are run in the order of the command line")
  func order() throws {
    let run = try Run(
      "compare", "--design", "untrapped", "--design", "scenarios/designs/rmr-identity.yaml",
      "--format", "csv")
    let designs = run.output.split(separator: "\r\n").dropFirst().map {
      String($0.split(separator: ",", omittingEmptySubsequences: false)[2])
    }
    #expect(designs == ["untrapped", "rmr-identity"])
  }

  @Test("a journey reads the descriptors that the recorded SMMU read for the first MSI")
  func journey() throws {
    let run = try Run("explain", "--design", "rmr-identity", "--format", "json")
    let value = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? Object
    let journey = try #require(value?["journey"] as? Object)
    #expect(journey["verdict"] as? String == "delivered")
    let stations = try #require(journey["stations"] as? [Object])
    let read = Set(
      stations.compactMap { station -> String? in
        guard let address = station["address"] as? String,
          let word = (station["words"] as? [String])?.first
        else { return nil }
        return "\(address) \(word)"
      })
    for descriptor in try Self.recordedWalk() { #expect(read.contains(descriptor)) }
    #expect(stations.last?["station"] as? String == "handler")
  }

  /// `ADDRESS VALUE` of each descriptor that the recorded SMMU read for the first MSI.
  private static func recordedWalk() throws -> [String] {
    let path = "\(repository)/scenarios/recordings/nested-kvm-nvme.jsonl"
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    let line = try #require(lines.first { $0.contains("\"do\":\"msi\"") })
    let event = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? Object
    let walk = try #require(event?["walk"] as? [Object])
    #expect(!walk.isEmpty)
    return try walk.map {
      "\(try #require($0["address"] as? String)) \(try #require($0["value"] as? String))"
    }
  }

  @Test("explain lists the steps of set-up when asked, and says who refused")
  func steps() throws {
    let run = try Run("explain", "--setup")
    #expect(run.output.contains("step"))
    #expect(run.output.contains("iommufd_sw_msi"))
    #expect(try Run("explain").output.contains("iommufd_sw_msi") == false)
    #expect(run.output.contains("=> MSI domain: IOVA 0x8000040 -> PA 0x8090040"))
    let both = try Run("explain", "--diff", "forward-address", environment: ["COLUMNS": "80"])
    #expect(both.output.contains("-- the first step that differs -"))
    let refused = try Run("explain", "--guest-usage", "vfio", "--guest-kernel", "6.6")
    #expect(refused.status == 0)
    #expect(refused.output.contains("set-up was refused by the guest kernel"))
  }

  @Test("every shipped scenario holds")
  func shipped() throws {
    let run = try Run("test", "scenarios")
    #expect(run.status == 0, "\(run.output)\(run.error)")
    #expect(run.output.contains(" ok\n"))
  }

  @Test(
    "a trace of a run: slices of a track do not overlap, and each MSI has one arrow with its ends",
    arguments: ["rmr-identity", "untrapped"])
  func trace(design: String) throws {
    let files = try TemporaryFolder()
    let path = files.path + "/trace.json"
    #expect(try Run("trace", "--design", design, "-o", path).status == 0)
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let value = try JSONSerialization.jsonObject(with: data) as? Object
    let events = try #require(value?["traceEvents"] as? [Object])
    var ends: [Int: Double] = [:]
    var phases: [Int: String] = [:]
    for event in events {
      guard let phase = event["ph"] as? String, let time = event["ts"] as? Double else { continue }
      let lane = try #require(event["tid"] as? Int)
      if phase == "X", let length = event["dur"] as? Double {
        // The format's numbers are binary fractions of microseconds.
        #expect(time >= ends[lane, default: 0] - 0.000_01)
        ends[lane] = time + length
      }
      if let id = event["id"] as? Int { phases[id, default: ""] += phase }
    }
    #expect(phases.count == 28)
    for (_, phases) in phases { #expect(phases.wholeMatch(of: /st*f/) != nil, "\(phases)") }
    let lanes = events.filter { $0["name"] as? String == "thread_name" }.count
    #expect(lanes >= 9)
  }

  @Test("a golden record is shown, written when told to, and fails with the command to accept it")
  func golden() throws {
    let text = try String(
      contentsOfFile: "\(repository)/scenarios/synthetic-4-vectors.yaml", encoding: .utf8)
    let files = try TemporaryFolder(["a.yaml": text])
    let scenario = files.path + "/a.yaml"
    let record = files.path + "/golden/a.json"
    let shown = try Run("test", scenario, "--record")
    #expect(shown.status == 1)
    #expect(shown.output.contains("new    \(record)\n"))
    #expect(shown.error == "doorbell: not written; --record --yes writes\n")
    #expect(!FileManager.default.fileExists(atPath: record))
    #expect(try Run("test", scenario, "--record", "--yes").status == 0)
    #expect(try Run("test", scenario, "--record").output == "same   \(record)\n")
    let holding = try Run("test", scenario)
    #expect(holding.status == 0, "\(holding.output)")
    let golden = try String(contentsOfFile: record, encoding: .utf8)
    try files.write(golden.replacing("set-up enabled", with: "set-up refused"), to: "golden/a.json")
    let failing = try Run("test", scenario, "--tap", "-")
    #expect(failing.status == 1)
    #expect(failing.output.hasPrefix("TAP version 14\n1.."))
    #expect(failing.output.contains("accept it: doorbell test \(scenario) --record --yes"))
    #expect(try Run("test", scenario, "--record", "--yes").output.contains("+ set-up enabled"))
    #expect(try String(contentsOfFile: record, encoding: .utf8) == golden)
  }

  @Test("files are chosen, run several at a time, shown in order, and one bad path stops nothing")
  func choosing() throws {
    let scenario = """
      purpose: A made-up device.
      guest: { kernel: "7.3" }
      host: { kernel: "7.3" }
      workload: { synthetic: { vectors: 1, messages: 2, interval: 1 us } }
      designs: [rmr-identity]

      """
    let holds = scenario + "expect: { rmr-identity: { verdict: delivered } }\n"
    let fails = scenario + "expect: { rmr-identity: { verdict: lost } }\n"
    let files = try TemporaryFolder([
      "a.yaml": holds, "b.yaml": fails, "c.yaml": scenario, "d.yaml": holds, "sub/e.yaml": holds,
      "known.yaml": fails + "known-failure: the model lacks it\n",
    ])
    func test(_ arguments: String...) throws -> Run {
      try Run(arguments: ["test", files.path] + arguments)
    }
    let all = try test("--jobs", "3")
    #expect(all.status == 1)
    let verdicts = files.relative(all.output).split(separator: "\n")
      .filter { !$0.hasPrefix(" ") }.compactMap { $0.split(separator: " ").first }
    #expect(verdicts == ["ok", "FAIL", "none", "ok", "known", "ok", "6"])
    #expect(
      all.output.hasSuffix(
        "6 scenarios: 3 ok, 1 failed, 1 known to fail, 1 without expectations\n"))
    #expect(try test("--jobs", "1").output == all.output)
    let quiet = try test("--quiet")
    #expect(quiet.output.hasPrefix("FAIL "))
    #expect(!quiet.output.contains("\nok "))
    let first = try test("--fail-fast")
    #expect(first.output.hasSuffix("6 scenarios: 1 ok, 1 failed, 4 not run\n"))
    let chosen = try test("--filter", "sub/*", "--list")
    #expect(files.relative(chosen.output) == "sub/e.yaml\n")
    let missing = try Run("test", "no/such", files.path, "--filter", "d.yaml")
    #expect(missing.status == 2)
    #expect(missing.error == "doorbell: error: no/such: no such file or folder\n")
    #expect(missing.output.contains("/d.yaml: 1 expectation\n"))
    #expect(try test("--filter", "d.yaml", "--durations").output.contains(" s in all:\n"))
  }

  @Test(
    "each file of a folder runs once, whatever links lead to it, and one that cannot be read is said"
  )
  func links() throws {
    let text = try String(
      contentsOfFile: "\(repository)/scenarios/synthetic-4-vectors.yaml", encoding: .utf8)
    let files = try TemporaryFolder(["sub/a.yaml": text])
    for (name, target) in [("sub/loop", ".."), ("sub/again", "../sub"), ("b.yaml", "sub/a.yaml")] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(files.path)/\(name)", withDestinationPath: target)
    }
    let run = try Run("test", files.path, "--list")
    #expect(run.status == 0)
    #expect(run.output.split(separator: "\n").count == 1)
    guard geteuid() != 0 else { return }
    try FileManager.default.setAttributes(
      [.posixPermissions: 0], ofItemAtPath: files.path + "/sub")
    defer {
      try? FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: files.path + "/sub")
    }
    #expect(try Run("test", files.path).status == 2)
  }

  @Test("an expectation that does not hold is status 1, a readable difference and JUnit")
  func failing() throws {
    let files = try TemporaryFolder([
      "wrong.yaml": """
      purpose: Expects what is not so.
      guest: { kernel: "7.3" }
      host: { kernel: "7.3" }
      workload: { synthetic: { vectors: 1, messages: 2, interval: 1 us } }
      designs: [rmr-identity]
      expect:
        rmr-identity: { verdict: delivered, message: { address: 0xfffff040 } }
      """
    ])
    let run = try Run("test", files.path + "/wrong.yaml", "--junit", files.path + "/out.xml")
    #expect(run.status == 1)
    let text = files.relative(run.output)
    #expect(text.contains("\n  why: the device holds the host's address 0x8000040; "))
    #expect(text.contains("\n  see: doorbell explain wrong.yaml --design rmr-identity\n"))
    #expect(
      text.hasPrefix(
        """
        FAIL   wrong.yaml: 1 of 2 expectations failed
          wrong.yaml:7:59: rmr-identity: message.address
            expected  0xfffff040
            found     0x8000040

        """))
    #expect(text.hasSuffix("\n1 scenario: 0 ok, 1 failed\n"))
    let junit = try String(contentsOfFile: files.path + "/out.xml", encoding: .utf8)
    #expect(junit.contains("failures=\"1\""))
    #expect(junit.contains("expected 0xfffff040, found 0x8000040"))
    #expect(junit.contains(" line=\"7\" time=\""))
    let unwritable = try Run("test", "scenarios/default.yaml", "--junit", files.path)
    #expect(unwritable.status == 2)
  }
}
