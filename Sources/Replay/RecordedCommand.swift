internal import ArmFormats
internal import Bits

/// A command of the SMMU, put together again from the lines about it.
///
/// The trace lacks `Leaf` of CFGI_* (Linux sets it), SubstreamIDs (QEMU has none), and the operands
/// of PREFETCH_CONFIG and of SYNC, which change nothing that is compared.
struct RecordedCommand {
  let consumer: UInt64
  let wrap: UInt64
  private(set) var error: UInt64?
  private var opcode: SMMUOpcode?
  /// The stream that the command names, if it names one.
  private(set) var stream: UInt32?
  private var range: (first: UInt32, last: UInt32)?
  private var machine: UInt64?
  private var addressSpace: (asid: UInt64, vmid: UInt64)?
  /// The pages that the command invalidates, if it names some.
  private(set) var pages: RangeInvalidation?

  init(consumer: UInt64, wrap: UInt64) {
    self.consumer = consumer
    self.wrap = wrap
  }

  /// Whether `event` still speaks of this command.
  func isDetail(_ event: TraceEvent) -> Bool {
    switch event {
    case .command: opcode == nil
    case .commandError, .invalidateStream, .invalidateStreamRange, .invalidateContext,
      .invalidateMachine, .invalidateRange, .invalidateASID:
      true
    default: false
    }
  }

  mutating func take(_ event: TraceEvent) {
    switch event {
    case .command(let value): opcode = value
    case .commandError(let code): error = code
    case .invalidateStream(let id), .invalidateContext(let id): stream = id
    case .invalidateStreamRange(let first, let last): range = (first, last)
    case .invalidateMachine(let vmid): machine = vmid
    case .invalidateASID(let asid, let vmid): addressSpace = (asid, vmid)
    case .invalidateRange(let range): merge(range)
    default: break
    }
  }

  /// QEMU splits what is no power of two into several lines.
  private mutating func merge(_ range: RangeInvalidation) {
    pages = pages ?? range
    if pages != range { pages?.pages &+= range.pages }
  }

  /// The command; `nil` when a field that matters was not shown.
  var words: SMMUCommand? {
    guard let opcode else { return nil }
    var command = SMMUCommand(opcode)
    switch opcode {
    case .sync, .prefetchConfiguration, .prefetchAddress, .tlbiNSNHAll, .resume,
      .terminateStalls:
      return command
    case .invalidateStream, .invalidateContext, .invalidateContexts:
      guard let stream else { return nil }
      command[.stream] = stream
      command[.leaf] = true
    case .invalidateStreamRange:
      guard let range else { return nil }
      command[.stream] = range.first
      let size = UInt64(range.last &- range.first) &+ 1
      command[.streamRange] = UInt8(max(1, min(size.trailingZeroBitCount, 32)) - 1)
    case .tlbiNHAll, .tlbiS12VMAll:
      guard let machine else { return nil }
      command[.vmid] = Self.field(machine)
    case .tlbiNHASID:
      guard let addressSpace else { return nil }
      command[.asid] = Self.field(addressSpace.asid)
      command[.vmid] = Self.field(addressSpace.vmid)
    case .tlbiNHVA, .tlbiNHVAA, .tlbiS2IPA:
      guard let pages else { return nil }
      set(pages, in: &command)
    default: return nil
    }
    return command
  }

  /// QEMU prints -1 where the command has no such field, or its SMMU no such stage.
  private static func field(_ value: UInt64) -> UInt16 {
    value == ~0 ? 0 : UInt16(truncatingIfNeeded: value)
  }

  private func set(_ range: RangeInvalidation, in command: inout SMMUCommand) {
    command[.vmid] = Self.field(range.vmid)
    command[.asid] = Self.field(range.asid)
    command[.leaf] = range.isLeaf
    command[.page] = range.address &>> 12
    command[.granule] = UInt8(range.granule & 3)
    command[.level] = UInt8(range.level & 3)
    guard range.granule != 0, range.pages > 0 else { return }
    var scale: UInt64 = 0
    while scale < 31, (range.pages &>> scale) > 32 || (range.pages &>> scale) & 1 == 0,
      range.pages & lowBits(scale &+ 1) == 0
    {
      scale &+= 1
    }
    command[.rangeScale] = UInt8(scale)
    command[.rangeCount] = UInt8(truncatingIfNeeded: min((range.pages &>> scale) &- 1, 31))
  }
}
