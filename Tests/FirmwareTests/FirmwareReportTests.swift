import Files
import Firmware
import Inspect
import Reports
import Testing

@Suite("FirmwareReport")
struct FirmwareReportTests {
  private func report(_ paths: [String], with others: [String] = [], rid: String = "10:00.0")
    throws -> [FirmwareReport]
  {
    let id = try #require(RequesterID(rid))
    return try FirmwareFiles.machines(paths, with: others).map {
      FirmwareReport($0, requesterIDs: [id], window: window)
    }
  }

  @Test("a folder is a machine with all of its tables")
  func folder() throws {
    let report = try #require(try report([Fixture(name: "qemu-accel-rmr-l2").path]).first)
    #expect(!report.hasErrors)
    let text = report.text(fields: true)
    for line in [
      "    0x110  Flags                      0x00000000  remapping not permitted, unprivileged access, "
        + "Device-nGnRnE",
      "    0x120  ID Count                   0x000001ff  512 IDs",
      "  reserved 0x8000000 + 0x100000, direct, for StreamIDs 0x1000-0x11ff at IORT+0x48 "
        + "(SMMUv3 0xc000000)",
      "  StreamID 0x1000", "  DeviceID 0x1000", "  doorbell 0x8090040",
    ] {
      #expect(text.contains(line + "\n"), "\(line)")
    }
    #expect(text.contains("boot configuration preserved"))
  }

  @Test("tables given apart complete the machine")
  func separateFiles() throws {
    let fixture = Fixture(name: "qemu-accel-rmr-l2")
    let alone = try #require(try report(["\(fixture.path)/IORT.aml"]).first)
    #expect(alone.findings.contains { $0.rule == "preserve-boot-config-unknown" })
    let others = ["APIC.aml", "DSDT.aml"].map { "\(fixture.path)/\($0)" }
    let complete = try report(["\(fixture.path)/IORT.aml"], with: others)
    #expect(complete.count == 1)
    #expect(!complete[0].findings.contains { $0.rule == "preserve-boot-config-unknown" })
    #expect(complete[0].findings.contains { $0.rule == "window-doorbell" })
    let other = Fixture(name: "its-smmu-1cpu")
    let refused = try report(
      ["\(fixture.path)/IORT.aml"], with: ["\(other.path)/DSDT.aml"])
    #expect(refused[0].hasErrors)
  }

  @Test("an IORT and a device tree are two machines")
  func twoMachines() throws {
    let path = Fixture(name: "its-smmu-1cpu").path
    let reports = try report(["\(path)/IORT.aml", "\(path)/machine.dtb"], rid: "01:00.0")
    #expect(reports.count == 2)
    // Behind the tables' SMMU is the root bus alone, behind the device tree's all buses.
    #expect(reports[0].routes.first?.stream == nil)
    #expect(reports[1].routes.first?.stream?.id == 0x100)
  }

  @Test("JSON has the tables, the facts, the route and the findings")
  func json() throws {
    let report = try #require(try report([Fixture(name: "iort-rmr-handmade").path]).first)
    guard case .object(let members) = report.json else {
      Issue.record("expected an object")
      return
    }
    #expect(members.map(\.name) == ["name", "summary", "tables", "facts", "routes", "findings"])
    let text = report.json.indentedText
    // Reading sorts the members of objects, so two readings are compared.
    let read = try JSONValue(parsing: Array(text.utf8))
    #expect(try JSONValue(parsing: Array(report.json.compactText.utf8)) == read)
    #expect(read.compactText.count == report.json.compactText.count)
    #expect(text.contains("\"remapPermitted\": true"))
  }

  @Test("what cannot be read is one error that names the file")
  func badInput() {
    let fixture = Fixture(name: "its-smmu-1cpu").path
    for path in ["\(fixture)/none", "\(fixture)/cmdline.txt", "\(fixture)/.."] {
      #expect {
        try FirmwareFiles.machines([path])
      } throws: {
        ($0 as? InputError)?.place?.file == path
      }
    }
  }

  @Test(
    "requester IDs are read as lspci writes them",
    arguments: [
      ("10:00.0", 0, 0x1000), ("0001:02:1f.7", 1, 0x2ff), ("0xabcd", 0, 0xabcd),
      ("ff:0.1", 0, 0xff01),
    ] as [(String, UInt32, UInt32)])
  func requesterID(text: String, segment: UInt32, value: UInt32) {
    #expect(RequesterID(text)?.segment == segment)
    #expect(RequesterID(text)?.value == value)
  }

  @Test(
    "other text is no requester ID",
    arguments: [
      "", ":", "1", "100:00.0", "00:20.0", "00:00.8", "0:0:0:0.0", "00:00", "0x10000", "x:y.z",
    ])
  func noRequesterID(text: String) { #expect(RequesterID(text) == nil) }

  @Test("the window is an address with a megabyte above it")
  func msiWindow() {
    #expect(MSIWindow("0x8000000")?.addresses == window)
    #expect(MSIWindow("8000000") == nil)
    #expect(MSIWindow("0xfffffffffff80000") == nil)
    #expect(MSIWindow(base: .max).addresses.upperBound == .max)
  }
}
