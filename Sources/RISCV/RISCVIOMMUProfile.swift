package import Bits
package import RISCVFormats

/// What a RISC-V IOMMU is able to do: its `capabilities`, and what they leave open.
package struct RISCVIOMMUProfile: Sendable, Equatable {
  /// `capabilities`. `HPM` reads as 0: there are no performance counters. `Sv32` and `Sv32x4` are
  /// of no use, since `fctl.GXL` is 0 and cannot be written.
  package var capabilities: IOMMUCapabilities
  /// `fctl` after reset.
  package var features: FeatureControl
  /// `fctl.BE` can be written. Needs `capabilities.END`.
  package var writesEndianness: Bool
  /// The largest `ddtp.iommu_mode`.
  package var largestMode: DirectoryMode
  /// log2 of the largest number of entries of a queue, 1 to 19.
  package var queueSizeBits: UInt8
  /// log2 of the number of interrupt vectors, 0 to 4.
  package var vectorBits: UInt64
  /// The width of RCID and MCID, where `capabilities.QOSID`.
  package var qosBits: UInt64
  /// Where the interrupt files of the machine are: what the IOMMU writes there leaves through
  /// `nextOutgoingMessage`, since no RAM answers.
  package var interruptFiles: AddressRange?

  package init(
    capabilities: UInt64, features: UInt64 = 0, writesEndianness: Bool = false,
    largestMode: DirectoryMode = .threeLevels, queueSizeBits: UInt8 = 16, vectorBits: UInt64 = 4,
    qosBits: UInt64 = 12, interruptFiles: AddressRange? = nil
  ) {
    self.capabilities = IOMMUCapabilities(rawValue: capabilities)
    self.capabilities[.counters] = false
    self.features = FeatureControl(rawValue: features & 3)
    self.writesEndianness = writesEndianness
    self.largestMode = largestMode
    self.queueSizeBits = min(max(queueSizeBits, 1), 19)
    self.vectorBits = min(vectorBits, 4)
    self.qosBits = min(qosBits, 12)
    self.interruptFiles = interruptFiles
  }

  /// Everything that the model implements.
  package static let full: Self = {
    var profile = Self(capabilities: 0x10, writesEndianness: true)
    for field: BitField<IOMMUCapabilities, Bool> in [
      .sv39, .sv48, .sv57, .softwareBits60, .memoryTypes, .sv39x4, .sv48x4, .sv57x4, .atomicFiles,
      .messageTables, .memoryResidentFiles, .hardwareUpdates, .ats, .guestAddressReplies,
      .bothEndians, .debugRequests, .pd8, .pd17, .pd20, .nonLeafInvalidation, .rangeInvalidation,
    ] {
      profile.capabilities[field] = true
    }
    profile.capabilities[.interrupts] = .both
    profile.capabilities[.physicalBits] = 56
    return profile
  }()
}
