internal import ArmFormats
internal import Bits
package import Memory
internal import RISCVFormats

/// What the IOMMU asks of the IO bridge: to send a PCIe message, or to order requests
/// (RISC-V IOMMU 1.0, 3.1.2 and 3.1.4).
@frozen
package struct IOMMUBridgeMessage: BitwiseCopyable, Sendable, Equatable {
  package enum Kind: UInt8, BitwiseCopyable, Sendable {
    /// Make earlier requests observable: IOFENCE.C with PR or PW.
    case ordering = 0
    /// Invalidation Request; the raw value is the code of the message.
    case invalidation = 1
    /// Page Request Group Response.
    case pageResponse = 5
  }

  package var kind: Kind
  package var ordersReads = false
  package var ordersWrites = false
  /// ITAG of an invalidation request.
  package var tag: UInt8 = 0
  /// The routing identifier of the function.
  package var requester: UInt16 = 0
  package var hasSegment = false
  package var segment: UInt8 = 0
  package var hasProcess = false
  package var process: UInt32 = 0
  package var payload: UInt64 = 0

  init(_ kind: Kind) { self.kind = kind }
}

/// Invalidation requests that devices have not completed.
struct PendingInvalidations: BitwiseCopyable {
  /// Bit n: ITAG n is in use.
  var tags: UInt32 = 0
  private var requesters = InlineArray<32, UInt16>(repeating: 0)
  private var completions = InlineArray<32, UInt8>(repeating: 0)
  /// One timed out, which the next IOFENCE reports.
  var timedOut = false

  /// A free ITAG, now taken by `requester`; `nil` when all are in use.
  mutating func take(_ requester: UInt16) -> UInt8? {
    let tag = (~tags).trailingZeroBitCount
    guard tag < 32 else { return nil }
    tags |= 1 &<< UInt32(tag)
    requesters[tag] = requester
    completions[tag] = 0
    return UInt8(tag)
  }

  /// Counts a completion for each of `vector`; tags that are not `requester`'s are ignored.
  mutating func complete(_ vector: UInt32, requester: UInt16, expected: UInt8) {
    for tag in 0..<32 where vector & tags & 1 &<< UInt32(tag) != 0 {
      guard requesters[tag] == requester else { continue }
      completions[tag] = (completions[tag] &+ 1) & 7
      if completions[tag] == expected & 7 { tags &= ~(1 &<< UInt32(tag)) }
    }
  }
}

/// How the execution of a command ended.
private enum CommandOutcome {
  case done
  case illegal
  /// An access to memory failed.
  case memoryFault
  case timeout
  /// It is executed again when devices have answered.
  case waits
}

extension RISCVIOMMU {
  /// Consumes commands until the queue is empty, off, stopped by an error, or waits (3.1).
  ///
  /// Bounded by the size of the queue: no command puts another one in.
  mutating func consumeCommands(_ memory: PhysicalMemory) {
    var left = UInt64(registers.commands.base.indexMask) + 1
    while left > 0, registers.commands.isRunning, !registers.commands.isEmpty,
      registers.commands.control.rawValue & IOMMURegisterFile.commandErrors == 0
    {
      left &-= 1
      switch consumeCommand(memory) {
      case .done: registers.commands.head = registers.commands.next(registers.commands.head)
      case .illegal: stop(.illegal, memory)
      case .memoryFault: stop(.memoryFault, memory)
      case .timeout: stop(.timeout, memory)
      case .waits: return
      }
    }
  }

  private mutating func stop(_ error: BitField<QueueControl, Bool>, _ memory: PhysicalMemory) {
    registers.commands.control[error] = true
    interrupt(.commands, memory)
  }

  private mutating func consumeCommand(_ memory: PhysicalMemory) -> CommandOutcome {
    let place = registers.commands.address(registers.commands.head, entrySize: 16)
    let command: IOMMUCommand
    do throws(MemoryFailure) {
      command = try read(IOMMUCommand.self, at: place, bigEndian: isBigEndian, memory)
    } catch {
      return .memoryFault
    }
    guard !command.hasReservedBits else { return .illegal }
    switch command[.opcode] {
    case .iotinval: return invalidateTranslations(command) ? .done : .illegal
    case .iodir: return invalidateDirectories(command) ? .done : .illegal
    case .iofence: return fence(command, memory)
    case .ats: return message(command)
    default: return .illegal
    }
  }

  /// IOFENCE.C (3.1.2). Commands act at once, so only invalidations of devices are waited for.
  private mutating func fence(_ command: IOMMUCommand, _ memory: PhysicalMemory)
    -> CommandOutcome
  {
    guard command[.function] == 0 else { return .illegal }
    let isWired = command[.wiredInterrupt]
    guard !isWired || registers.features[.wiredInterrupts] else { return .illegal }
    guard invalidations.tags == 0 else { return .waits }
    guard !invalidations.timedOut else {
      invalidations.timedOut = false
      return .timeout
    }
    if command[.ordersReads] || command[.ordersWrites] {
      var message = IOMMUBridgeMessage(.ordering)
      message.ordersReads = command[.ordersReads]
      message.ordersWrites = command[.ordersWrites]
      bridgeMessages.append(message)
    }
    if command[.addressValid] {
      let data = isBigEndian ? command[.data].byteSwapped : command[.data]
      let message = IOMMUMessage(address: PA(command[.wordAddress] &<< 2), data: data)
      guard send(message, memory) else { return .memoryFault }
    }
    if isWired {
      registers.commands.control[.fenceInterrupt] = true
      interrupt(.commands, memory)
    }
    return .done
  }

  /// ATS.INVAL and ATS.PRGR (3.1.4).
  private mutating func message(_ command: IOMMUCommand) -> CommandOutcome {
    guard capabilities[.ats], command[.function] <= 1 else { return .illegal }
    var message = IOMMUBridgeMessage(command[.function] == 0 ? .invalidation : .pageResponse)
    message.requester = command[.requester]
    message.hasSegment = command[.segmentValid]
    message.segment = command[.segment]
    message.hasProcess = command[.processValid]
    message.process = command[.process]
    message.payload = command[.payload]
    if message.kind == .invalidation {
      guard let tag = invalidations.take(message.requester) else { return .waits }
      message.tag = tag
    }
    bridgeMessages.append(message)
    return .done
  }

  /// A function completed invalidation requests: an Invalidation Completion message.
  ///
  /// - Parameters:
  ///   - vector: bit n is ITAG n.
  ///   - expected: how many completions each of them has: the message's CC, where 0 is 8.
  package mutating func invalidationCompleted(
    _ vector: UInt32, requester: UInt16, expected: UInt8 = 1, memory: PhysicalMemory
  ) {
    invalidations.complete(vector, requester: requester, expected: expected)
    consumeCommands(memory)
  }

  /// Functions did not complete invalidation requests in time: the IOFENCE after them reports it.
  package mutating func invalidationTimedOut(_ vector: UInt32, memory: PhysicalMemory) {
    guard vector & invalidations.tags != 0 else { return }
    invalidations.tags &= ~vector
    invalidations.timedOut = true
    consumeCommands(memory)
  }
}
