import ArmFormats
import Bits
import Files
import Foundation
import Inspect
import SMMU
import Testing

@Suite("MemoryImage")
struct MemoryImageTests {
  @Test("a small image is translated, and every row of its expectations holds")
  func check() throws {
    try TinyImage().written { directory in
      for personality in [SMMUPersonality.architecture, .qemu11] {
        var image = try MemoryImage(directory: directory, personality: personality)
        let check = try ImageCheck(
          directory + "/expected.jsonl", of: &image, exact: personality == .qemu11)
        #expect(check.differences.isEmpty, "\(check.text)")
        #expect(check.rowCount == 8)
      }
    }
  }

  @Test("the walk and the result are told, descriptor by descriptor")
  func report() throws {
    try TinyImage().written { directory in
      var image = try MemoryImage(directory: directory, caches: .none)
      let good = image.translate(
        try Transaction(stream: "1", substream: nil, iova: "0x1040", isWrite: true))
      #expect(good.output == 0x50040)
      #expect(
        good.reads.map(\.address) == [
          0x4000_0040, 0x4000_1000, 0x4000_2000, 0x4000_3000, 0x4000_4008,
        ])
      #expect(good.text.contains("S1 level 3 of 0x1040"))
      #expect(good.text.contains("translated to PA 0x50040"))
      let bad = image.translate(
        try Transaction(stream: "1", substream: nil, iova: "0x2040", isWrite: true))
      #expect(bad.event?[.kind] == .permission)
      #expect(bad.text.contains("without write permission"))
      #expect(bad.json.indentedText.contains("\"pa\": null"))
    }
  }

  @Test(
    "a row that does not hold is told with what was found",
    arguments: [
      (#"{"sid":"0x1","iova":"0x1000","expect":"ok","pa":"0x60000"}"#, "found PA 0x50000"),
      (#"{"sid":"0x1","iova":"0x1000","expect":"fault","event":"F_ACCESS"}"#, "expected F_ACCESS"),
      (#"{"sid":"0x1","iova":"0x1000","expect":"abort"}"#, "expected abort"),
      (#"{"sid":"0x1","iova":"0x1000","expect":"bypass"}"#, "expected bypass"),
      (
        #"{"sid":"0x1","iova":"0x2000","expect":"map","size":"0x1000","pa":"0x51000"}"#,
        "a write with PA 0x51000"
      ),
      (
        #"{"sid":"0x1","iova":"0x1000","expect":"map","size":"0x2000","pa":"0x50000"}"#,
        "one of 0x1000 bytes"
      ),
      (#"{"sid":"0x1","iova":"0x1000","expect":"fault-s2","ipa":"0x5000"}"#, "stage 2 fault"),
    ])
  func disagreement(row: (text: String, message: String)) throws {
    var tiny = TinyImage()
    tiny.expected = row.text
    try tiny.written { directory in
      var image = try MemoryImage(directory: directory)
      let check = try ImageCheck(directory + "/expected.jsonl", of: &image, exact: false)
      #expect(check.differences.count == 1)
      #expect(check.text.contains(row.message), "\(check.text)")
    }
  }

  @Test(
    "a malformed register file is one error that names the member",
    arguments: [
      ("\"0x88\": \"0x4\"", "\"0x89\": \"0x4\"", "expected STRTAB_BASE_CFG at \"0x88\""),
      ("\"0x0d44101b\"", "\"0x10d44101b\"", "32-bit value of a register"),
      ("\"0x9050000\"", "\"smmu0\"", "an SMMU named by its base address"),
      ("\"smmu\"", "\"mmu\"", "expected a member \"smmu\""),
      ("[\"0x40000000\", \"0x100000\"]", "[\"0x40000000\"]", "expected a base and a size"),
      ("[\"0x40000000\", \"0x100000\"]", "[\"0x40000001\", \"0x100000\"]", "multiples of 4 KiB"),
      ("{\"registers\"", "{registers", "expected JSON"),
    ])
  func badRegisters(row: (part: String, replacement: String, message: String)) throws {
    var tiny = TinyImage()
    tiny.registers = tiny.registers.replacingOccurrences(of: row.part, with: row.replacement)
    try tiny.written { directory in
      let error = #expect(throws: InputError.self) { try Self.load(directory) }
      #expect(error?.message.contains(row.message) == true, "\(error.debugDescription)")
    }
  }

  private static func load(_ directory: String) throws {
    _ = try MemoryImage(directory: directory)
  }

  @Test("a malformed ELF file is an error, and no damage to its headers traps")
  func badELF() throws {
    let good = TinyImage().elf
    try TinyImage().written(elf: Array("no ELF".utf8)) { directory in
      let error = #expect(throws: InputError.self) { try Self.load(directory) }
      #expect(error?.description.contains("image.elf: expected an ELF file") == true)
    }
    for place in 0..<120 {
      for value in [0, 0x7f, 0xff] as [UInt8] {
        var bytes = good
        bytes[place] = value
        let core = try? ELFCore(bytes, file: "x")
        #expect(core == nil || core?.segments.isEmpty == false)
      }
    }
    for length in stride(from: 0, to: good.count, by: 97) {
      #expect(throws: InputError.self) { try ELFCore(Array(good.prefix(length)), file: "x") }
    }
  }

  @Test("a missing image is an error that names the file")
  func missing() {
    let error = #expect(throws: InputError.self) { try Self.load("/nonexistent") }
    #expect(error?.place?.file == "/nonexistent/regs.json")
  }

  @Test(
    "numbers on the command line are checked",
    arguments: [("x", nil, "0"), ("0x100000000", nil, "0"), ("1", "0x100000", "0"), ("1", nil, "")]
      as [(String, String?, String)])
  func badAccess(row: (stream: String, substream: String?, iova: String)) {
    #expect(throws: InputError.self) {
      try Transaction(
        stream: row.stream, substream: row.substream, iova: row.iova, isWrite: false)
    }
  }
}
