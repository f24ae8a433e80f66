public import ArmFormats
public import Bits

/// Message by which a function signals an interrupt: a 32-bit write.
@frozen
public struct MSI: Equatable, Sendable {
  public var address: IOVA
  public var data: UInt32
  public init(address: IOVA, data: UInt32) {
    self.address = address
    self.data = data
  }
}

/// Outcome of an interrupt that the device signals.
@frozen
public enum Signal: Equatable, Sendable {
  /// It is written now.
  case sent(MSI)
  /// The vector or the function is masked: a pending bit remembers it.
  case pending
  /// Neither MSI nor MSI-X is enabled, the vector does not exist, or the function may not master
  /// the bus: nothing happens.
  case dropped
}

/// A PCI Express function: configuration space with MSI and MSI-X capabilities, MSI-X table and
/// pending bits as bytes behind a BAR (PCI Express base specification, 6.1.4 and 7.7).
public struct PCIFunction: Sendable {
  public let profile: PCIFunctionProfile
  var space = ConfigurationSpace()
  /// Offset of the MSI capability; 0 without one.
  public internal(set) var msiCapability = 0
  /// Offset of the MSI-X capability; 0 without one.
  public internal(set) var msixCapability = 0

  /// The MSI-X table.
  var table: [MSIXTableEntry] = []
  var pendingBits: [UInt64] = []
  /// MSI vectors that are pending, where the capability has vector masking or not.
  var pendingMSI: UInt32 = 0

  // Derived from the control registers, for the message path.
  var masters = false
  var msixEnabled = false
  var msixMasked = false

  public init(profile: PCIFunctionProfile) {
    self.profile = profile
    defineHeader()
    var last = 0x34
    if let msi = profile.msi { msiCapability = define(msi, at: 0x40, after: &last) }
    if let msix = profile.msix {
      msixCapability = define(msix, at: 0x70, after: &last)
      table = Array(repeating: MSIXTableEntry(), count: msix.vectors)
      pendingBits = Array(repeating: 0, count: (msix.vectors + 63) / 64)
    }
    if profile.hasATS { defineATS() }
  }

  /// Whether the function may write: `Command.Bus Master Enable`.
  public var isBusMaster: Bool { masters }
  /// Whether the function may send translation requests and translated writes of its DMA: `ATS
  /// Control.Enable`. Its MSIs are untranslated writes all the same.
  public var isATSEnabled: Bool {
    profile.hasATS && space.read(Self.atsCapability + 6, width: 2) & 1 << 15 != 0
  }
  /// Whether MSI-X is enabled.
  public var isMSIXEnabled: Bool { msixEnabled }

  // MARK: Interrupts

  /// The device signals an interrupt: the message to write, or a pending bit.
  ///
  /// A masked vector remembers one interrupt, however many were signalled.
  ///
  /// - Parameter vector: an index of the MSI-X table, or below the number of MSI vectors that
  ///   software granted.
  @inline(__always)
  public mutating func signal(_ vector: Int) -> Signal {
    let outcome = disposition(of: vector)
    if outcome == .pending {
      if msixEnabled {
        pendingBits[vector &>> 6] |= 1 &<< UInt64(truncatingIfNeeded: vector & 63)
      } else {
        pendingMSI |= 1 &<< UInt32(truncatingIfNeeded: vector)
      }
    }
    return outcome
  }

  /// Returns the outcome that `signal` would have now.
  @inline(__always)
  public func disposition(of vector: Int) -> Signal {
    guard msixEnabled else { return dispositionOfMSI(vector) }
    guard table.indices.contains(vector) else { return .dropped }
    if msixMasked || table[vector][.mask] { return .pending }
    // Without bus mastering the function issues no request at all.
    guard masters else { return .dropped }
    return .sent(message(of: table[vector]))
  }

  /// Returns the message that the device would emit for `vector` now; `nil` if it is masked,
  /// disabled or absent, in which case `signal` would leave it pending or drop it.
  public func message(forVector vector: Int) -> MSI? {
    guard case .sent(let message) = disposition(of: vector) else { return nil }
    return message
  }

  @inline(__always)
  func message(of entry: MSIXTableEntry) -> MSI {
    MSI(
      address: IOVA(entry[.messageAddress] & ~3), data: entry[.messageData])
  }

  /// Whether the pending bit of an MSI-X vector is set.
  public func isPending(_ vector: Int) -> Bool {
    table.indices.contains(vector)
      && isSet(pendingBits[vector &>> 6], bit: UInt64(vector & 63))
  }

  /// The entry of a vector as the device holds it; `nil` when there is none.
  public func tableEntry(_ vector: Int) -> MSIXTableEntry? {
    table.indices.contains(vector) ? table[vector] : nil
  }

  /// The messages whose pending bits can be sent now, and clears those bits. Call it after any
  /// write that can unmask: `writeConfig` and `writeTable` do.
  mutating func takeUnmasked() -> [Emission] {
    guard masters else { return [] }
    if !msixEnabled { return takeUnmaskedMSI() }
    guard !msixMasked, pendingBits.contains(where: { $0 != 0 }) else { return [] }
    var messages: [Emission] = []
    for vector in table.indices where isPending(vector) && !table[vector][.mask] {
      pendingBits[vector &>> 6] &= ~(1 &<< UInt64(vector & 63))
      messages.append(Emission(vector: vector, message: message(of: table[vector])))
    }
    return messages
  }
}

/// A message that left because it was unmasked.
public struct Emission: Equatable, Sendable {
  public let vector: Int
  public let message: MSI
  public init(vector: Int, message: MSI) {
    self.vector = vector
    self.message = message
  }
}
