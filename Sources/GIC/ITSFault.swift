internal import ArmFormats

/// Fault in a message or a command.
enum ITSFault: Error, Equatable {
  case deviceOutOfRange, tableSizeOutOfRange, processorOutOfRange, collectionOutOfRange
  case deviceUnmapped, eventOutOfRange, interruptOutOfRange, interruptUnmapped
  case collectionUnmapped, virtualPEOutOfRange, virtualPEUnmapped, unknownCommand, tableAbort
  case virtualInterruptOutOfRange, eventIsPhysical
  case sourceVirtualPEUnmapped, destinationVirtualPEUnmapped

  /// The code of a command that fails for this reason.
  func code(of opcode: ITSOpcode) -> ITSCommandError {
    ITSCommandError(opcode, rule(of: opcode))
  }

  private func rule(of opcode: ITSOpcode) -> ITSCommandError.Rule {
    switch self {
    case .deviceOutOfRange: .deviceOutOfRange
    case .tableSizeOutOfRange: .tableSizeOutOfRange
    // MOVALL numbers the same mistake differently (0x010e01).
    case .processorOutOfRange: opcode == .movall ? .deviceOutOfRange : .processorOutOfRange
    case .collectionOutOfRange: .collectionOutOfRange
    case .deviceUnmapped: .deviceUnmapped
    case .eventOutOfRange: .eventOutOfRange
    case .interruptOutOfRange: .interruptOutOfRange
    case .interruptUnmapped: .interruptUnmapped
    case .collectionUnmapped: .collectionUnmapped
    case .virtualPEOutOfRange: .virtualPEOutOfRange
    case .virtualPEUnmapped: .virtualPEUnmapped
    case .virtualInterruptOutOfRange: .virtualInterruptOutOfRange
    case .eventIsPhysical: .eventIsPhysical
    case .sourceVirtualPEUnmapped: .sourceVirtualPEUnmapped
    case .destinationVirtualPEUnmapped: .destinationVirtualPEUnmapped
    case .unknownCommand: .unknownCommand
    case .tableAbort: .externalAbort
    }
  }
}

extension DropReason {
  /// The reason of a message; the cases that only commands know cannot occur.
  init(_ fault: ITSFault) {
    self =
      switch fault {
      case .deviceOutOfRange: .deviceOutOfRange
      case .deviceUnmapped: .deviceUnmapped
      case .eventOutOfRange: .eventOutOfRange
      case .interruptUnmapped, .tableSizeOutOfRange, .unknownCommand, .eventIsPhysical:
        .eventUnmapped
      case .collectionOutOfRange, .processorOutOfRange: .collectionOutOfRange
      case .collectionUnmapped: .collectionUnmapped
      case .interruptOutOfRange, .virtualInterruptOutOfRange: .intidOutOfRange
      case .virtualPEOutOfRange: .virtualPEOutOfRange
      case .virtualPEUnmapped, .sourceVirtualPEUnmapped, .destinationVirtualPEUnmapped:
        .virtualPEUnmapped
      case .tableAbort: .tableAbort
      }
  }
}
