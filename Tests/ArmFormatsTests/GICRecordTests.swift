import ArmFormats
import Bits
import Testing

@Suite("GIC and MSI records")
struct GICRecordTests {
  /// Whether no two fields share a bit and all lie in the record.
  private func isLaidOut<Record: WordRecord>(_: Record.Type) -> Bool {
    var used = [UInt64](repeating: 0, count: Record.wordCount)
    for field in Record.fields {
      guard used.indices.contains(field.word), used[field.word] & field.mask == 0 else {
        return false
      }
      used[field.word] |= field.mask
    }
    return true
  }

  @Test("no two fields of a record overlap")
  func overlap() {
    #expect(isLaidOut(ITSCommand.self))
    #expect(isLaidOut(ITSLevelOneEntry.self))
    #expect(isLaidOut(ITSDeviceEntry.self))
    #expect(isLaidOut(ITSCollectionEntry.self))
    #expect(isLaidOut(ITSInterruptEntry.self))
    #expect(isLaidOut(ITSVirtualPEEntry.self))
    #expect(isLaidOut(SavedDeviceEntry.self))
    #expect(isLaidOut(SavedCollectionEntry.self))
    #expect(isLaidOut(SavedInterruptEntry.self))
    #expect(isLaidOut(ITSControl.self))
    #expect(isLaidOut(ITSType.self))
    #expect(isLaidOut(ITSCommandBase.self))
    #expect(isLaidOut(ITSTableBase.self))
    #expect(isLaidOut(LPIConfiguration.self))
    #expect(isLaidOut(LPIConfigurationBase.self))
    #expect(isLaidOut(LPIPendingBase.self))
    #expect(isLaidOut(VirtualPETableBase.self))
    #expect(isLaidOut(VirtualResidency.self))
    #expect(isLaidOut(MSIXTableEntry.self))
    #expect(isLaidOut(MSIXControl.self))
    #expect(isLaidOut(MSIControl.self))
  }

  @Test("the fields of each command do not overlap, and every command has a name")
  func commandFields() {
    for opcode in ITSOpcode.all {
      var used: [UInt64] = [0xff, 0, 0, 0]
      for field in ITSCommand.fields(of: opcode) {
        #expect(used[field.word] & field.mask == 0, "\(opcode.name ?? "") \(field.name)")
        used[field.word] |= field.mask
      }
      #expect(opcode.name != nil)
    }
    #expect(ITSOpcode(rawValue: 0x55).name == nil)
  }

  @Test(
    "a command is built as a driver writes it",
    arguments: [
      (
        .mapd(device: 2, eventBits: 8, table: 0x4010_0000),
        [0x2_0000_0008, 7, 0x8000_0000_4010_0000, 0]
      ),
      (.mapc(collection: 3, target: 3), [9, 0, 0x8000_0000_0003_0003, 0]),
      (
        .mapti(device: 2, event: 0x14, lpi: 8195, collection: 3),
        [0x2_0000_000a, 0x2003_0000_0014, 3, 0]
      ),
      (.invall(collection: 2), [0xd, 0, 2, 0]),
      (.int(device: 7, event: 255), [0x7_0000_0003, 0xff, 0, 0]),
      (.movall(from: 3, to: 2), [0xe, 0, 0x3_0000, 0x2_0000]),
      (
        .vmapp(virtualPE: 0xb, target: 1, table: 0x5400_0000, tableBits: 14),
        [0x29, 0xb_0000_0000, 0x8000_0000_0001_0000, 0x5400_000d]
      ),
      (
        .vmapti(device: 0x18, event: 3, virtualPE: 0xb, virtualLPI: 0x36d1, doorbell: 0x56d1),
        [0x18_0000_002a, 0xb_0000_0003, 0x56d1_0000_36d1, 0]
      ),
      (.vmovp(virtualPE: 0xb, target: 0), [0x22, 0xb_0000_0000, 0, 0]),
    ] as [(ITSCommand, [UInt64])])
  func builders(command: ITSCommand, words: [UInt64]) {
    #expect(command.words == words)
  }

  @Test("a command prints its name and its fields")
  func description() {
    let command = ITSCommand.mapti(device: 2, event: 0x14, lpi: 0x2003, collection: 3)
    #expect("\(command)" == "MAPTI DeviceID=0x2 EventID=0x14 pINTID=0x2003 ICID=0x3")
    #expect("\(ITSCommand(0x55, 0, 0, 0))" == "unknown command 0x55")
  }

  @Test(
    "error codes are those of the manual",
    arguments: [
      (.movi, .interruptUnmapped, 0x01_0107), (.movi, .collectionUnmapped, 0x01_0109),
      (.int, .interruptUnmapped, 0x01_0307), (.clear, .interruptUnmapped, 0x01_0507),
      (.mapd, .deviceOutOfRange, 0x01_0801), (.mapd, .tableSizeOutOfRange, 0x01_0802),
      (.mapc, .processorOutOfRange, 0x01_0902), (.mapc, .collectionOutOfRange, 0x01_0903),
      (.mapti, .deviceUnmapped, 0x01_0a04), (.mapti, .eventOutOfRange, 0x01_0a05),
      (.mapti, .interruptOutOfRange, 0x01_0a06), (.inv, .interruptUnmapped, 0x01_0c07),
      (.invall, .collectionUnmapped, 0x01_0d09), (.movall, .deviceOutOfRange, 0x01_0e01),
      (.discard, .interruptUnmapped, 0x01_0f07),
    ] as [(ITSOpcode, ITSCommandError.Rule, UInt32)])
  func errorCodes(opcode: ITSOpcode, rule: ITSCommandError.Rule, code: UInt32) {
    #expect(ITSCommandError(opcode, rule).rawValue == code)
  }

  @Test("a 64 KiB table base takes address bits [51:48] from bits [15:12]")
  func wideTableBase() {
    let base = ITSTableBase(rawValue: 0x8107_0000_4124_a200)
    #expect(base.address == 0xa_0000_4124_0000)
    #expect(base.pageShift == 16)
    #expect(base.byteCount == 0x1_0000)
  }
}
