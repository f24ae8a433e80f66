import Foundation
import Testing

@Suite struct TopologyRunTests {
  @Test("the machine, the map and the page sizes are options of compare")
  func options() throws {
    let run = try Run(
      "compare", "synthetic-4-vectors", "--its", "2", "--smmus", "2", "--order", "reverse",
      "--design", "rmr-identity", "--host-page-size", "64k", "--guest-page-size", "16k", "--vmm",
      "openvmm", "--format", "json")
    #expect(run.status == 0, "\(run.error)")
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    let conditions = try #require(report["conditions"] as? [String: Any])
    #expect(conditions["devices"] as? Int == 2)
    #expect(conditions["order"] as? String == "reverse")
    #expect(conditions["vmm"] as? String == "openvmm")
    let result = try #require((report["results"] as? [[String: Any]])?.first)
    let devices = try #require(result["devices"] as? [[String: Any]])
    let addresses = devices.map { ($0["message"] as? [String: String])?["address"] }
    #expect(addresses == ["0x8010040", "0x8000040"])
    #expect(devices.map { $0["verdict"] as? String } == ["delivered", "delivered"])
  }

  @Test("a table shows the devices apart where there are several")
  func table() throws {
    let run = try Run(
      "compare", "synthetic-4-vectors", "--its", "2", "--design", "forward-address",
      environment: ["COLUMNS": "200"])
    #expect(run.output.contains("its 2; devices 2"))
    #expect(run.output.contains("device 0 (ITS 0, SMMU 0) delivered"))
    #expect(run.output.contains("device 1 (ITS 1, SMMU 0) dropped"))
  }

  @Test("explain follows the device that is asked for")
  func explain() throws {
    let run = try Run(
      "explain", "synthetic-4-vectors", "--its", "2", "--device", "1", "--design", "rmr-identity")
    #expect(run.output.contains("0x8001040"))
    let wrong = try Run("explain", "synthetic-4-vectors", "--its", "2", "--device", "2")
    #expect(wrong.status == 2)
    #expect(wrong.error.contains("--device: expected 0 to 1, found 2"))
  }

  @Test(
    "a machine that cannot be is bad input",
    arguments: [
      (["--its", "66"], "--its: expected 1 to 65, found '66'"),
      (["--devices", "0"], "--devices: expected 1 to 65, found '0'"),
      (["--smmus", "5"], "--smmus: expected 1 to 4, found '5'"),
      (["--vmm", "xen"], "qemu-virt"), (["--guest-page-size", "8k"], "16k"),
    ])
  func badInput(arguments: [String], message: String) throws {
    let run = try Run(arguments: ["compare"] + arguments)
    #expect(run.status == 2)
    #expect(run.error.contains(message), "\(run.error)")
  }
}
