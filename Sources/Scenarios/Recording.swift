public import Bits
public import Guest
public import InputFiles
public import Linux

/// A recording of a real guest: its work, and what became of it.
///
/// `scenarios/recordings/README.md` describes the format.
public struct Recording: Sendable {
  /// A table entry that the recorded SMMU read.
  public struct Descriptor: Hashable, Sendable {
    /// 1 or 2.
    public let stage: Int
    public let level: Int
    public let address: PA
    public let value: UInt64
  }

  /// What became of one recorded MSI.
  public struct Interrupt: Equatable, Sendable {
    public let vector: Int
    /// What the device wrote, and where.
    public let address: IOVA
    public let data: UInt32
    /// Where the SMMU sent it.
    public let output: PA
    public let deviceID: UInt32
    public let eventID: UInt32
    public let intid: UInt32
    /// The table entries that its translation read, in order; empty when the TLB had it.
    public let walk: [Descriptor]

    /// Whether the ITS had a mapping for it: interrupt 0 is no LPI.
    public var isMapped: Bool { intid != 0 }
  }

  /// An access of the device that was no message.
  public struct Access: Equatable, Sendable {
    public let address: IOVA
    public let isWrite: Bool
    /// Where the SMMU sent it; `nil` where it failed.
    public let output: PA?
    /// The event that it failed with; empty where it did not, or none was seen.
    public let fault: String

    /// Whether it failed for what the stream's entries said: a recording has maps, and no words of
    /// an STE or a CD that the guest broke.
    public var failedByConfiguration: Bool {
      !fault.isEmpty
        && !["F_TRANSLATION", "F_PERMISSION", "F_ACCESS", "F_ADDR_SIZE"].contains(fault)
    }
  }

  /// The window that the guest's firmware wants mapped one to one.
  public struct ReservedRegion: Equatable, Sendable {
    public let base: IPA
    public let length: UInt64
    /// The flags of the IORT node; bit 0 permits remapping.
    public let flags: UInt64
  }

  public let name: String
  public let workload: Workload
  public let descriptors: [Descriptor]
  public let interrupts: [Interrupt]
  /// What became of the device's other accesses, in order.
  public let accesses: [Access]
  /// The eight words of the device's STE and CD; empty where the recording has none.
  public let streamTableEntry: [UInt64]
  public let contextDescriptor: [UInt64]
  public let reservedRegion: ReservedRegion?
  /// GITS_TRANSLATER as the guest knows it, and the real one.
  public let guestDoorbell: IPA?
  public let hostDoorbell: PA?
  /// The design that the recorded machine ran, by the name of its file; `nil` where it is not said.
  public let design: String?
  /// The releases of Linux that ran.
  public let hostKernel: KernelVersion?
  public let guestKernel: KernelVersion?

  /// Reads and checks the file at `path`.
  ///
  /// - Throws: `InputError` with the line for the first line that is malformed, or when lines are
  ///   missing or changed.
  public init(path: String) throws(InputError) {
    try self.init(text: InputFile(path).text(), path: path)
  }

  /// Reads and checks the text of a recording; errors name it `path`.
  public init(text: String, path: String) throws(InputError) {
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
