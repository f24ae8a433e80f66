public import ArmFormats
public import Bits

/// One table entry that the ITS or a redistributor read, with what it means.
public struct ITSTableRead: Equatable, Sendable {
  /// Meaning of an entry.
  public enum Meaning: Equatable, Sendable {
    /// A level 1 entry of the table of `kind` (`ITSTableBase.Kind`).
    case levelOne(kind: UInt8, valid: Bool, table: PA)
    case device(deviceID: UInt32, valid: Bool, eventBits: UInt64, table: PA)
    case interrupt(eventID: UInt32, lpi: UInt32, collection: UInt16)
    case virtualInterrupt(eventID: UInt32, vINTID: UInt32, virtualPE: UInt16, doorbell: UInt32)
    case interruptInvalid(eventID: UInt32)
    case collection(UInt16, valid: Bool, redistributor: UInt16)
    case virtualPE(UInt16, valid: Bool, redistributor: UInt16, table: PA)
    case configuration(intid: UInt32, priority: UInt8, enabled: Bool)
    /// The byte that holds the pending bit, before the message.
    case pending(intid: UInt32, wasPending: Bool)
    /// The same for a virtual LPI: in the VM's property table, and in the vPE's pending table.
    case virtualConfiguration(intid: UInt32, priority: UInt8, enabled: Bool)
    case virtualPending(intid: UInt32, wasPending: Bool)
    /// The ITS knew the answer without reading device table, ITT or collection table.
    case cached(intid: UInt32, redistributor: UInt16)
  }

  /// Address of the entry; 0 for one that is held inside.
  public let address: PA
  /// Its first 64 bits, as read.
  public let raw: UInt64
  public let meaning: Meaning
}

/// Watches the table reads and the commands of an ITS.
///
/// Generic code takes the observer as a type parameter; `NoITSObserver` compiles to nothing.
public protocol ITSObserver {
  /// Whether anything looks.
  static var isOn: Bool { get }
  mutating func didRead(_ step: ITSTableRead)
  /// A command was consumed, or stalls the queue when `error` is set and `stalled` is true.
  mutating func didExecute(_ report: ITSCommandReport)
}

extension ITSObserver {
  public mutating func didExecute(_ report: ITSCommandReport) {}
}

/// Report on the outcome of one command.
public struct ITSCommandReport: Equatable, Sendable {
  /// Its offset in the queue.
  public let offset: UInt64
  public let command: ITSCommand
  /// `nil` when it was carried out.
  public let error: ITSCommandError?
  public let stalled: Bool
}

/// Sees nothing and costs nothing.
public struct NoITSObserver: ITSObserver {
  @inlinable
  public static var isOn: Bool { false }
  @inlinable
  public init() {}
  @inlinable @inline(__always)
  public mutating func didRead(_ step: ITSTableRead) {}
}

/// Keeps every table read and every command, in order.
public struct ITSLog: ITSObserver {
  public static var isOn: Bool { true }
  public private(set) var reads: [ITSTableRead] = []
  public private(set) var commands: [ITSCommandReport] = []

  public init() {}

  public mutating func didRead(_ step: ITSTableRead) { reads.append(step) }
  public mutating func didExecute(_ report: ITSCommandReport) { commands.append(report) }
}
