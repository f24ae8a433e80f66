package import Bits
package import Files
package import Guest
package import Linux

/// A recording of a real guest: its work, and what became of it.
///
/// `scenarios/recordings/README.md` describes the format.
package struct Recording: Sendable {
  /// A table entry that the recorded SMMU read.
  package struct Descriptor: Hashable, Sendable {
    /// 1 or 2.
    package let stage: Int
    package let level: Int
    package let address: PA
    package let value: UInt64
  }

  /// One recorded MSI, and its route.
  package struct Interrupt: Equatable, Sendable {
    package let vector: Int
    /// Address and data that the device wrote.
    package let address: IOVA
    package let data: UInt32
    /// Address at which the SMMU put it out.
    package let output: PA
    package let deviceID: UInt32
    package let eventID: UInt32
    package let intid: UInt32
    /// The table entries that its translation read, in order; empty when the TLB had it.
    package let walk: [Descriptor]

    /// Whether the ITS had a mapping for it: interrupt 0 is no LPI.
    package var isMapped: Bool { intid != 0 }
  }

  /// An access of the device that was no message.
  package struct Access: Equatable, Sendable {
    package let address: IOVA
    package let isWrite: Bool
    /// Address at which the SMMU put it out; `nil` if the access failed.
    package let output: PA?
    /// The event that it failed with; empty where it did not, or none was seen.
    package let fault: String

    /// Whether it failed for what the stream's entries said: a recording has maps, and no words of
    /// an STE or a CD that the guest broke.
    package var failedByConfiguration: Bool {
      !fault.isEmpty
        && !["F_TRANSLATION", "F_PERMISSION", "F_ACCESS", "F_ADDR_SIZE"].contains(fault)
    }
  }

  /// The window that the guest's firmware wants mapped one to one.
  package struct ReservedRegion: Equatable, Sendable {
    package let base: IPA
    package let length: UInt64
    /// The flags of the IORT node; bit 0 permits remapping.
    package let flags: UInt64
  }

  package let name: String
  package let workload: Workload
  package let descriptors: [Descriptor]
  package let interrupts: [Interrupt]
  /// Other accesses of the device and their outcomes, in order.
  package let accesses: [Access]
  /// The eight words of the device's STE and CD; empty where the recording has none.
  package let streamTableEntry: [UInt64]
  package let contextDescriptor: [UInt64]
  package let reservedRegion: ReservedRegion?
  /// GITS_TRANSLATER as the guest knows it, and the real one.
  package let guestDoorbell: IPA?
  package let hostDoorbell: PA?
  /// The design that the recorded machine ran, by the name of its file; `nil` where it is not said.
  package let design: String?
  /// The releases of Linux that ran.
  package let hostKernel: Release?
  package let guestKernel: Release?

  /// Reads and checks the file at `path`.
  ///
  /// - Throws: `InputError` with the line for the first line that is malformed, or when lines are
  ///   missing or changed.
  package init(path: String) throws(InputError) {
    try self.init(text: InputFile(path).text(), path: path)
  }

  /// Reads and checks the text of a recording; errors name it `path`.
  package init(text: String, path: String) throws(InputError) {
    var reader = RecordingReader(text: text, path: path)
    try reader.read()
    guard let device = reader.device else {
      throw InputError(
        expected: "a fact of kind 'device'", found: "none",
        at: Place(file: path, line: 1, column: 1),
        field: "fact")
    }
    name = reader.name
    workload = Workload(device: device, placement: reader.placement, entries: reader.entries)
    descriptors = reader.descriptors
    interrupts = reader.interrupts
    accesses = reader.accesses
    streamTableEntry = reader.streamTableEntry
    contextDescriptor = reader.contextDescriptor
    reservedRegion = reader.reservedRegion
    guestDoorbell = reader.guestDoorbell
    hostDoorbell = reader.hostDoorbell
    design = reader.design
    hostKernel = reader.hostKernel
    guestKernel = reader.guestKernel
  }
}
