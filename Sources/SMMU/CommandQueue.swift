internal import ArmFormats
internal import Bits
internal import Memory

/// Outcome of the execution of one command.
enum CommandOutcome {
  case done
  case failed(CommandError)
}

extension SMMU {
  /// Consumes commands until the queue is empty, off, or stopped by an error (4.1.2, 7.1).
  ///
  /// Bounded by the size of the queue: no command puts another one in.
  mutating func consumeCommands(_ memory: PhysicalMemory) {
    var left = UInt64(1) &<< registers.commandQueue.sizeBits
    while left > 0, registers.control.contains(.commandQueue),
      !registers.activeErrors.contains(.commandQueue), !registers.commandQueue.isEmpty
    {
      left &-= 1
      switch consumeCommand(memory) {
      case .done: registers.commandQueue.advanceConsumer()
      case .failed(let error):
        let code = UInt32(error.rawValue) &<< 24
        registers.commandQueue.consumer =
          (registers.commandQueue.consumer & ~0x7f00_0000) | code
        raise(.commandQueue)
        return
      }
    }
  }

  private mutating func consumeCommand(_ memory: PhysicalMemory) -> CommandOutcome {
    let place =
      registers.commandQueue.consumerAddress(entrySize: 16) & lowBits(profile.outputBits)
    guard let command = memory.load(SMMUCommand.self, at: PA(place)) else {
      return .failed(.abort)
    }
    return execute(command)
  }

  /// Executes one command; a reserved opcode or illegal operand is CERROR_ILL (4.1.3).
  private mutating func execute(_ command: SMMUCommand) -> CommandOutcome {
    let opcode = command[.opcode]
    if command[.secure] && opcode.takesStream { return .failed(.illegal) }
    switch opcode {
    case .prefetchConfiguration, .prefetchAddress: return .done
    case .invalidateContext where !profile.idr0[.stage1],
      .invalidateContexts where !profile.idr0[.stage1]:
      return .failed(.illegal)
    case .invalidateStream, .invalidateStreamRange, .invalidateContext, .invalidateContexts:
      invalidateConfiguration(command)
      return .done
    case .sync: return synchronize(command)
    case .resume, .terminateStalls: return endStalls(command)
    case .invalidateDevice: return invalidateDevice(command)
    case .pageResponse: return respondToPageRequest(command)
    default: return invalidateTranslations(command)
    }
  }

  /// CMD_SYNC: everything before it is complete, since commands act at once (4.7.3).
  private mutating func synchronize(_ command: SMMUCommand) -> CommandOutcome {
    switch command[.completion] {
    case 0: break
    case 1: completeByInterrupt(command)
    case 3 where personality.contains(.takesReservedCompletion): completeByInterrupt(command)
    case 2: if profile.idr0[.sendEvent] { wired.insert(.wakeUp) }
    default: return .failed(.illegal)
    }
    return .done
  }

  private mutating func completeByInterrupt(_ command: SMMUCommand) {
    if profile.idr0[.messages] {
      sendSyncMessage(command)
    } else {
      wired.insert(.commandSync)
    }
  }

  private mutating func sendSyncMessage(_ command: SMMUCommand) {
    let address = command.messageAddress & lowBits(profile.outputBits)
    // A zero address pulses the wire instead, where one exists.
    guard address != 0 else {
      wired.insert(.commandSync)
      return
    }
    outgoing.append(
      OutgoingMessage(
        address: PA(address), data: command[.messageData], source: .commandSync))
  }

  /// CMD_ATC_INV (4.5.1).
  private mutating func invalidateDevice(_ command: SMMUCommand) -> CommandOutcome {
    guard profile.idr0[.ats] else { return absent }
    guard command[.size] <= 52 else { return .failed(.illegal) }
    guard registers.control.contains(.enabled) else { return .done }
    let shift = UInt64(command[.size]) + 12
    deviceMessages.append(
      .invalidate(
        streamID: command[.stream],
        substreamID: command[.substreamValid] ? command[.substream] : nil,
        isGlobal: command[.substreamValid] && command[.global],
        address: shift >= 64 ? 0 : command.address & ~lowBits(shift),
        sizeShift: UInt8(truncatingIfNeeded: shift)))
    return .done
  }

  /// CMD_PRI_RESP (4.5.2).
  private mutating func respondToPageRequest(_ command: SMMUCommand) -> CommandOutcome {
    guard profile.idr0[.pageRequests] else { return absent }
    guard command[.pageResponse] != 3 else { return .failed(.illegal) }
    guard registers.control.contains(.enabled) else { return .done }
    deviceMessages.append(
      .pageResponse(
        streamID: command[.stream],
        substreamID: command[.substreamValid] ? command[.substream] : nil,
        groupIndex: command[.groupIndex], code: command[.pageResponse]))
    return .done
  }

  /// A command whose feature does not exist is illegal, except where a personality ignores it.
  var absent: CommandOutcome {
    personality.contains(.acceptsAbsentCommands) ? .done : .failed(.illegal)
  }

  /// A device did not complete an invalidation in time: the CMD_SYNC after it fails (7.1).
  public mutating func deviceInvalidationTimedOut() {
    let code = UInt32(CommandError.deviceTimeout.rawValue) << 24
    registers.commandQueue.consumer = (registers.commandQueue.consumer & ~0x7f00_0000) | code
    raise(.commandQueue)
  }
}

extension SMMUOpcode {
  /// Whether the command has a StreamID, and with it `SSec` (4.1.6).
  fileprivate var takesStream: Bool {
    switch self {
    case .prefetchConfiguration, .prefetchAddress, .invalidateStream, .invalidateStreamRange,
      .invalidateContext, .invalidateContexts, .invalidateDevice, .pageResponse, .resume,
      .terminateStalls:
      true
    default: false
    }
  }
}
