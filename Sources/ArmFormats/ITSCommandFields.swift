public import Bits

extension ITSCommand {
  /// The fields that one command uses besides its opcode, in the manual's order; empty for an
  /// opcode that the architecture does not define.
  public static func fields(of opcode: ITSOpcode) -> [FieldDescription<ITSCommand>] {
    switch opcode {
    case .mapd:
      [device, .init("Size", .size), .init("ITT_addr", .tableAddress), .init("V", .valid)]
    case .mapc: [collection, target, .init("V", .valid)]
    case .mapti: [device, event, .init("pINTID", .physicalINTID), collection]
    case .mapi, .movi: [device, event, collection]
    case .int, .clear, .discard, .inv: [device, event]
    case .invall: [collection]
    case .movall: [.init("RDbase1", .target), .init("RDbase2", .secondTarget)]
    case .sync: [target]
    default: virtualFields(of: opcode)
    }
  }

  private static func virtualFields(of opcode: ITSOpcode) -> [FieldDescription<ITSCommand>] {
    switch opcode {
    case .vmapp:
      [
        .init("Alloc", .allocate), .init("PTZ", .pendingTableZero),
        .init("VCONF_addr", .virtualConfigAddress), .init("Default_db_pINTID", .defaultDoorbell),
        virtualPE, target, .init("V", .valid), .init("VPT_size", .virtualTableSize),
        .init("VPT_addr", .virtualTableAddress),
      ]
    case .vmapti: [device, event, virtualPE, .init("vINTID", .virtualINTID), doorbell]
    case .vmapi: [device, event, virtualPE, doorbell]
    case .vmovi: [device, event, virtualPE, .init("D", .doorbellValid), doorbell]
    case .vmovp:
      [
        .init("SequenceNumber", .sequence), .init("ITSList", .itsList), virtualPE, target,
        .init("DB", .defaultDoorbellValid), .init("Default_db_pINTID", .movedDefaultDoorbell),
      ]
    case .vsync, .vinvall, .invdb: [virtualPE]
    case .vsgi:
      [
        .init("E", .sgiEnable), .init("C", .sgiClear), .init("G", .sgiGroup),
        .init("Priority", .sgiPriority), .init("vINTID", .sgiINTID), virtualPE,
      ]
    default: []
    }
  }

  private static var device: FieldDescription<ITSCommand> { .init("DeviceID", .deviceID) }
  private static var event: FieldDescription<ITSCommand> { .init("EventID", .eventID) }
  private static var collection: FieldDescription<ITSCommand> { .init("ICID", .collectionID) }
  private static var target: FieldDescription<ITSCommand> { .init("RDbase", .target) }
  private static var virtualPE: FieldDescription<ITSCommand> { .init("vPEID", .virtualPE) }
  private static var doorbell: FieldDescription<ITSCommand> {
    .init("Dbell_pINTID", .doorbell)
  }
}

extension ITSCommand: CustomStringConvertible {
  /// The command as a line of a log, such as `MAPTI DeviceID=0x2 EventID=0x14 pINTID=0x2003 ICID=0x3`.
  public var description: String {
    guard let name = self[.opcode].name else {
      return "unknown command \(hex(UInt64(self[.opcode].rawValue)))"
    }
    let fields = Self.fields(of: self[.opcode]).map { "\($0.name)=\(hex($0.value(in: self)))" }
    return ([name] + fields).joined(separator: " ")
  }
}
