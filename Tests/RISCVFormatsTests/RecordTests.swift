import ArmFormats
import Bits
import RISCVFormats
import Testing

@Suite("RISC-V records")
struct RISCVRecordTests {
  /// The pairs of fields of a record that share a bit.
  private func overlaps<Record: WordRecord>(_: Record.Type) -> [String] {
    var found: [String] = []
    for (index, field) in Record.fields.enumerated() {
      for other in Record.fields[..<index]
      where other.word == field.word && other.mask & field.mask != 0 {
        found.append("\(other.name) and \(field.name)")
      }
    }
    return found
  }

  @Test("no two fields of a record overlap")
  func noOverlap() {
    #expect(overlaps(DirectoryEntry.self).isEmpty)
    #expect(overlaps(DeviceContext.self).isEmpty)
    #expect(overlaps(ProcessContext.self).isEmpty)
    #expect(overlaps(PageTableEntry.self).isEmpty)
    #expect(overlaps(MSIPageTableEntry.self).isEmpty)
    #expect(overlaps(FaultRecord.self).isEmpty)
    #expect(overlaps(IOMMUPageRequest.self).isEmpty)
    #expect(overlaps(IOMMUCapabilities.self).isEmpty)
    #expect(overlaps(DirectoryPointer.self).isEmpty)
    #expect(overlaps(QueueBase.self).isEmpty)
    #expect(overlaps(FeatureControl.self).isEmpty)
    #expect(overlaps(InterruptVectors.self).isEmpty)
    #expect(overlaps(DebugRequest.self).isEmpty)
    #expect(overlaps(DebugResponse.self).isEmpty)
    #expect(overlaps(TopInterrupt.self).isEmpty)
  }

  @Test(
    "each field of a device context sits where 2.1.2 puts it",
    arguments: [
      ("tc.V", 0, 1), ("tc.EN_ATS", 0, 2), ("tc.T2GPA", 0, 8), ("tc.PDTV", 0, 0x20),
      ("tc.SXL", 0, 0x800), ("iohgatp.PPN", 1, 0xfff_ffff_ffff),
      ("iohgatp.GSCID", 1, 0x0fff_f000_0000_0000), ("iohgatp.MODE", 1, 0xf000_0000_0000_0000),
      ("ta.PSCID", 2, 0xffff_f000), ("ta.RCID", 2, 0x000f_ff00_0000_0000),
      ("fsc.PPN", 3, 0xfff_ffff_ffff), ("fsc.MODE", 3, 0xf000_0000_0000_0000),
      ("msiptp.MODE", 4, 0xf000_0000_0000_0000), ("msi_addr_mask", 5, 0xf_ffff_ffff_ffff),
      ("msi_addr_pattern", 6, 0xf_ffff_ffff_ffff),
    ] as [(String, Int, UInt64)])
  func deviceContext(name: String, word: Int, mask: UInt64) throws {
    let field = try #require(DeviceContext.fields.first { $0.name == name })
    #expect(field.word == word)
    #expect(field.mask == mask)
  }

  @Test(
    "each field of a fault record sits where 3.2 puts it",
    arguments: [
      ("CAUSE", 0, 0xfff), ("PID", 0, 0xffff_f000), ("PV", 0, 1 << 32), ("PRIV", 0, 1 << 33),
      ("TTYP", 0, 0xfc_0000_0000), ("DID", 0, 0xffff_ff00_0000_0000), ("iotval", 2, ~0),
      ("iotval2", 3, ~0),
    ] as [(String, Int, UInt64)])
  func faultRecord(name: String, word: Int, mask: UInt64) throws {
    let field = try #require(FaultRecord.fields.first { $0.name == name })
    #expect(field.word == word)
    #expect(field.mask == mask)
  }

  @Test("the bits that a command reserves are those that none of its fields has")
  func reservedBits() {
    let operands: [(IOMMUOpcode, [String])] = [
      (.iotinval, ["AV", "PSCID", "PSCV", "GV", "NL", "GSCID", "S", "ADDR[63:12]"]),
      (.iofence, ["AV", "WSI", "PR", "PW", "DATA", "ADDR[63:2]"]),
      (.iodir, ["PID", "DV", "DID"]),
      (.ats, ["PID", "PV", "DSV", "RID", "DSEG", "PAYLOAD"]),
    ]
    for (opcode, names) in operands {
      var command = IOMMUCommand()
      command[.opcode] = opcode
      var used: [UInt64] = [0, 0]
      for field in IOMMUCommand.fields where (names + ["opcode", "func3"]).contains(field.name) {
        used[field.word] |= field.mask
      }
      let reserved = command.reservedBits
      #expect(reserved.0 == ~used[0], "opcode \(opcode.rawValue)")
      #expect(reserved.1 == ~used[1], "opcode \(opcode.rawValue)")
    }
  }

  @Test("an MSI page table entry reads as AIA 8.5 has it, in both modes")
  func messageEntry() {
    var entry = MSIPageTableEntry()
    entry[word: 0] = 0x23 << 10 | 7
    #expect(entry[.mode] == MSIPageTableEntry.basic)
    #expect(entry.address == 0x23000)
    #expect(!entry.hasReservedBits)
    entry[word: 1] = ~0
    #expect(!entry.hasReservedBits, "basic mode ignores the second word")
    entry[word: 0] = (0x1234_5678_9a00 >> 2) | 3
    entry[word: 1] = 1 << 60 | 0xdeadb << 10 | 0x12
    #expect(entry[.mode] == MSIPageTableEntry.memoryResident)
    #expect(entry.file == 0x1234_5678_9a00)
    #expect(entry.noticeAddress == 0xdead_b000)
    #expect(entry.noticeIdentity == 0x412)
    #expect(!entry.hasReservedBits)
    for bit in [3, 6, 54, 62] as [UInt64] {
      var reserved = entry
      reserved[word: 0] |= 1 << bit
      #expect(reserved.hasReservedBits, "bit \(bit)")
    }
    for bit in [54, 59, 61, 63] as [UInt64] {
      var reserved = entry
      reserved[word: 1] |= 1 << bit
      #expect(reserved.hasReservedBits, "bit \(bit) of the second word")
    }
  }

  @Test("an address of a file reaches bit 55")
  func wideFile() {
    var entry = MSIPageTableEntry()
    entry[word: 0] = 0x003f_ffff_ffff_ff80 | 3
    #expect(entry.file == 0x00ff_ffff_ffff_fe00)
  }
}
