import ArmFormats
import Bits
import GLibSupport
import Guest
import Linux
import ResultFixtures
import Scenarios
import Testing

@Suite("Recording")
struct RecordingTests {
  static let lines = [
    #"{"fact":"device","name":"nic","guest":{"deviceID":"0x1100"},"host":{"deviceID":"0x10"},"#
      + #""msix":{"vectors":2},"from":"file:a"}"#,
    #"{"fact":"frame","stage":1,"level":3,"iova":"0x8000000","ipa":"0x40337000","pa":"0x4af39000"}"#,
    #"{"fact":"backing","ipa":"0x40334000","pa":"0x4af36000","size":8192}"#,
    #"{"at":100,"by":"guest","do":"its-command","words":["0x8","0x1","0x2","0x0"]}"#,
    #"{"at":110,"by":"guest","do":"its-command","words":["0xa","0x1","0x2","0x0"]}"#,
    #"{"at":115,"by":"guest","do":"its-command","words":["0x5","0x0","0x0","0x0"]}"#,
    #"{"at":120,"by":"guest","do":"msix-write","offset":"0x0","value":"0xfffff040"}"#,
    #"{"at":130,"by":"host","do":"whatever"}"#,
    #"{"at":140,"by":"device","do":"msi","vector":1,"address":"0x8000040","data":"0x1","#
      + #""pa":"0x8090040","deviceID":"0x10","eventID":"0x1","intid":"0x2001"}"#,
  ]

  /// A recording of `lines` with a header that fits.
  static func text(_ lines: [String] = lines) -> String {
    let body = lines.map { $0 + "\n" }.joined()
    return #"{"format":"doorbell-recording","version":1,"case":"small","lines":\#(lines.count),"#
      + #""sha256":"\#(Digest.sha256(body.utf8))"}"# + "\n" + body
  }

  /// What reading `text` fails with.
  static func failure(_ text: String) throws -> String {
    let files = try TemporaryFolder(["a.jsonl": text])
    return message(in: files) { _ = try Recording(path: files.path + "/a.jsonl") }
  }

  @Test("facts and events become a workload whose time starts with its first entry")
  func small() throws {
    let files = try TemporaryFolder(["a.jsonl": Self.text()])
    let recording = try Recording(path: files.path + "/a.jsonl")
    let workload = recording.workload
    #expect(recording.name == "small")
    #expect(
      workload.device == Workload.Device(name: "nic", guestID: 0x1100, hostID: 0x10, vectors: 2))
    #expect(workload.placement.stage1 == [TableSlot(level: 3, base: 0x800_0000): 0x4033_7000])
    #expect(workload.placement.pages.map(\.0) == [0x4033_4000, 0x4033_5000])
    #expect(workload.placement.pages.map(\.1) == [0x4af3_6000, 0x4af3_7000])
    #expect(
      workload.entries == [
        .init(nanoseconds: 0, .itsCommands([ITSCommand(8, 1, 2, 0)])),
        .init(nanoseconds: 10, .itsCommands([ITSCommand(10, 1, 2, 0), ITSCommand(5, 0, 0, 0)])),
        .init(nanoseconds: 20, .msixWrite(offset: 0, value: 0xffff_f040)),
        .init(nanoseconds: 40, .message(vector: 1)),
      ])
    #expect(recording.interrupts.map(\.intid) == [0x2001])
  }

  @Test(
    "a malformed line is one error with its number",
    arguments: [
      (
        0, #"{"fact":"device"}"#,
        "a.jsonl:2:1: field 'name': expected a text, found nothing: the field is missing"
      ),
      (
        1, #"{"fact":"frame","stage":3,"level":3,"pa":"0x0"}"#,
        "a.jsonl:3:25: field 'stage': expected an integer from 1 to 2, found '3'"
      ),
      (
        1, #"{"fact":"frame","stage":1,"level":3,"pa":"0x0"}"#,
        "a.jsonl:3:1: field 'iova': expected 'iova' and 'ipa' for stage 1, found none"
      ),
      (
        2, #"{"fact":"backing","ipa":"0x0","pa":"0x0","size":4095}"#,
        "a.jsonl:4:49: field 'size': expected a multiple of 4096, and at most 4 GiB in all, found "
          + "4095"
      ),
      (
        3, #"{"at":100,"by":"guest","do":"its-command","words":["0x8"]}"#,
        "a.jsonl:5:51: field 'words': expected four words, found 1"
      ),
      (
        3, #"{"at":100,"by":"guest","do":"its-command","words":["0x8","x","0","0"]}"#,
        "a.jsonl:5:58: field 'words[1]': expected an integer (decimal or 0x...), found 'x'"
      ),
      (
        4, #"{"at":99,"by":"guest","do":"its-command","words":["0x8","1","0","0"]}"#,
        "a.jsonl:6:7: field 'at': expected at least 100, the time of the line before, found 99"
      ),
      (
        6, #"{"at":120,"by":"guest","do":"msix-write","offset":"0x20","value":"0x0"}"#,
        "a.jsonl:8:51: field 'offset': expected a multiple of 4 below 32, the size of the MSI-X "
          + "table, found 32"
      ),
      (
        6, #"{"at":120,"by":"guest"}"#,
        "a.jsonl:8:1: expected 'fact', or 'at', 'by' and 'do', found neither"
      ),
      (
        6, "",
        "a.jsonl:8:1: expected a JSON object, found an empty line"
      ),
      (
        6, "{",
        "a.jsonl:8:1: expected a JSON object, found '{'"
      ),
      (
        8,
        #"{"at":140,"by":"device","do":"msi","vector":2,"address":"0x8000040","data":"0x1","#
          + #""pa":"0x0","deviceID":"0x10","eventID":"0x1","intid":"0x2001"}"#,
        "a.jsonl:10:45: field 'vector': expected a vector below 2, the size of the MSI-X table, "
          + "found 2"
      ),
    ] as [(Int, String, String)])
  func malformed(index: Int, line: String, expected: String) throws {
    var lines = Self.lines
    lines[index] = line
    let found = try Self.failure(Self.text(lines))
    #expect(found == expected)
  }

  @Test("missing and changed lines are noticed")
  func damaged() throws {
    let text = Self.text()
    let cut = text.split(separator: "\n").dropLast().joined(separator: "\n") + "\n"
    #expect(
      try Self.failure(cut).hasSuffix("field 'lines': expected 9 lines after the first, found 8"))
    let changed = text.replacing("0x40337000", with: "0x40338000")
    #expect(try Self.failure(changed).contains("field 'sha256': expected "))
    #expect(try Self.failure("").hasSuffix("expected a JSON object, found an empty line"))
    let later = text.replacing(#""version":1"#, with: #""version":2"#)
    let newer = try Self.failure(later)
    #expect(
      newer
        == "a.jsonl:1:42: field 'version': expected 1, found '2'")
    let other = text.replacing("doorbell-recording", with: "something")
    #expect(
      try Self.failure(other)
        == "a.jsonl:1:11: field 'format': expected doorbell-recording, found 'something'")
    let deviceless = Array(Self.lines[1...3])
    #expect(
      try Self.failure(Self.text(deviceless))
        == "a.jsonl:1:1: field 'fact': expected a fact of kind 'device', found none")
  }

  @Test("no damage to a byte makes the reader crash")
  func fuzzed() throws {
    let bytes = Array(Self.text().utf8)
    let random = SeededRandom(seed: 3)
    let files = try TemporaryFolder()
    for _ in 0..<200 {
      var damaged = bytes
      for _ in 0..<3 {
        damaged[Int(random.next32()) % bytes.count] = UInt8(random.next32() % 128)
      }
      guard damaged != bytes else { continue }
      try files.write(String(decoding: damaged, as: UTF8.self), to: "a.jsonl")
      // Damage to what is not read, such as the case's name, is no error.
      let found = message(in: files) { _ = try Recording(path: files.path + "/a.jsonl") }
      #expect(found == "no error" || found.hasPrefix("a.jsonl:"))
    }
  }

  @Test("the shipped recording holds the nested guest's 28 MSIs")
  func shipped() throws {
    let recording = try Recording(
      path: "\(repository)/scenarios/recordings/nested-kvm-nvme.jsonl")
    #expect(recording.workload.messageCount == 28)
    #expect(recording.workload.device.guestID == 0x1100)
    #expect(recording.workload.device.hostID == 0x10)
    #expect(recording.interrupts.count == 28)
    #expect(recording.interrupts.allSatisfy { $0.address == 0x800_0040 })
    #expect(recording.interrupts.allSatisfy { $0.output == 0x809_0040 && $0.deviceID == 0x10 })
    #expect(recording.interrupts.first?.walk.count == 16)
    #expect(recording.reservedRegion?.base == 0x800_0000)
    #expect(recording.guestDoorbell == 0x809_0040)
    #expect(recording.workload.placement.streamTable?.leaf == 0x40a2_8000)
    let descriptors = Set(recording.descriptors)
    for read in recording.interrupts.flatMap(\.walk) { #expect(descriptors.contains(read)) }
  }
}
