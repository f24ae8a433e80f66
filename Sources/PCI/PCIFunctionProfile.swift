internal import Bits

/// A PCI function's address on its segment: bus, device and function. It is also the requester
/// ID that travels with what the function writes.
public struct RequesterID: Hashable, Comparable, Sendable {
  /// Bus in bits [15:8], device in [7:3], function in [2:0]; with ARI, function in [7:0].
  public var rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// - Parameters:
  ///   - device: 0 to 31.
  ///   - function: 0 to 7.
  public init(bus: UInt8, device: UInt8, function: UInt8) {
    rawValue = UInt16(bus) << 8 | UInt16(device & 31) << 3 | UInt16(function & 7)
  }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

  public var bus: UInt8 { UInt8(rawValue >> 8) }

  /// The requester ID of virtual function `number` of a physical function (SR-IOV,
  /// PCI Express base specification, 9.2.1.2); `nil` when it does not fit 16 bits.
  ///
  /// - Parameter number: 1 to `NumVFs`.
  public func virtualFunction(number: Int, firstOffset: UInt16, stride: UInt16) -> RequesterID? {
    guard number >= 1 else { return nil }
    let sum = Int(rawValue) + Int(firstOffset) + (number - 1) * Int(stride)
    return UInt16(exactly: sum).map(RequesterID.init(rawValue:))
  }
}

extension RequesterID: CustomStringConvertible {
  /// As `lspci` prints it, such as `01:00.0`.
  public var description: String {
    let digits = { (value: UInt16) in String(hex(UInt64(value), digits: 2).dropFirst(2)) }
    return "\(digits(rawValue >> 8)):\(digits((rawValue >> 3) & 31)).\(rawValue & 7)"
  }
}

/// Profile of a PCI function.
public struct PCIFunctionProfile: Equatable, Sendable {
  /// Store of the messages of MSI-X vectors.
  public enum MessageStore: Equatable, Sendable {
    /// In a table behind a BAR that software can map and a hypervisor can trap.
    case table
    /// Inside the device, written through a queue of its own (SIOV R2, IMS): there is nothing
    /// that a hypervisor could trap.
    case device
  }

  /// The MSI-X capability.
  public struct MSIX: Equatable, Sendable {
    /// 1 to 2048.
    public var vectors: Int
    /// The BAR that holds table and pending bits, 0 to 5.
    public var bar: Int
    /// Offset of the table in the BAR, 8-byte aligned.
    public var tableOffset: UInt32
    /// Offset of the pending bit array in the BAR, 8-byte aligned.
    public var pendingOffset: UInt32
    public var store: MessageStore

    public init(
      vectors: Int, bar: Int = 0, tableOffset: UInt32 = 0x2000, pendingOffset: UInt32? = nil,
      store: MessageStore = .table
    ) {
      self.vectors = min(max(vectors, 1), 2048)
      self.bar = min(max(bar, 0), 5)
      self.tableOffset = tableOffset & ~7
      let end = (self.tableOffset + UInt32(self.vectors) * 16 + 0xfff) & ~0xfff
      self.pendingOffset = (pendingOffset ?? end) & ~7
      self.store = store
    }
  }

  /// The MSI capability.
  public struct MSI: Equatable, Sendable {
    /// log2 of the vectors: 0 to 5.
    public var logVectors: UInt8
    public var hasWideAddress: Bool
    public var hasVectorMasking: Bool

    public init(logVectors: UInt8 = 0, hasWideAddress: Bool = true, hasVectorMasking: Bool = false)
    {
      self.logVectors = min(logVectors, 5)
      self.hasWideAddress = hasWideAddress
      self.hasVectorMasking = hasVectorMasking
    }
  }

  public var requesterID: RequesterID
  /// The requester ID that its writes carry instead, behind a bridge to conventional PCI or by a
  /// quirk of the device.
  public var alias: RequesterID?
  public var vendor: UInt16
  public var device: UInt16
  /// 24-bit class code.
  public var classCode: UInt32
  public var msi: MSI?
  public var msix: MSIX?
  /// Bytes of BAR 0 to 5, powers of two or 0; each BAR has 64 bits and takes two slots.
  public var barSize: UInt64
  /// A virtual function: its command register has a bus-master bit of its own, but no BARs and
  /// reads all ones as vendor.
  public var isVirtualFunction: Bool
  /// Whether it has the ATS extended capability, at `PCIFunction.atsCapability`.
  public var hasATS = false

  public init(
    requesterID: RequesterID, alias: RequesterID? = nil, vendor: UInt16 = 0x1b36,
    device: UInt16 = 0x0010, classCode: UInt32 = 0x01_0802, msi: MSI? = nil, msix: MSIX? = nil,
    barSize: UInt64 = 0x1_0000, isVirtualFunction: Bool = false
  ) {
    self.requesterID = requesterID
    self.alias = alias
    self.vendor = vendor
    self.device = device
    self.classCode = classCode
    self.msi = msi
    self.msix = msix
    self.barSize = barSize
    self.isVirtualFunction = isVirtualFunction
  }

  /// The requester ID that reaches the SMMU and the ITS.
  public var effectiveRequesterID: RequesterID { alias ?? requesterID }
}
