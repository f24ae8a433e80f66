public import ArmFormats
public import Bits
public import Linux

/// What a guest and its device do in a run, in order: recorded from a real guest or made up.
public struct Workload: Sendable {
  /// One thing that the guest's kernel or its device does.
  public enum Activity: Equatable, Sendable {
    /// The guest's DMA API maps a range for the device.
    case map(IOVA, IPA, size: UInt64, MappingAttributes)
    /// The guest's DMA API unmaps a range and invalidates it.
    case unmap(IOVA, size: UInt64)
    /// The guest's ITS driver queues commands and writes GITS_CWRITER once.
    case itsCommands([ITSCommand])
    /// The guest writes a byte of its LPI property table.
    case lpiConfiguration(IPA, UInt8)
    /// The guest writes a register of its CPU's redistributor, 64 bits wide.
    case redistributorWrite(offset: UInt64, value: UInt64)
    /// The guest writes 32 bits of the MSI-X table, at a byte offset in it.
    case msixWrite(offset: UInt64, value: UInt32)
    /// The guest writes the MSI-X message control register.
    case msixControl(enable: Bool, functionMask: Bool)
    /// The device reads or writes memory, which `count` transactions of the recording did.
    case dma(IOVA, isWrite: Bool, count: Int)
    /// The device signals an MSI-X vector.
    case message(vector: Int)
    /// The guest's user writes a vector's `/proc/irq/N/smp_affinity`.
    case setAffinity(vector: Int, cpu: Int)
    /// A virtual CPU is taken off line; the interrupts that it had move away.
    case takeOffline(cpu: Int)
    /// The guest's user unbinds the device's driver (`/sys/bus/pci/drivers/*/unbind`).
    case unbind
    /// The host's scheduler moves a virtual CPU to another physical one.
    case migrate(virtualCPU: Int, to: Int)
  }

  /// An activity at its recorded time.
  public struct Entry: Equatable, Sendable {
    /// Nanoseconds since the first activity.
    public let nanoseconds: UInt64
    public let activity: Activity

    public init(nanoseconds: UInt64, _ activity: Activity) {
      self.nanoseconds = nanoseconds
      self.activity = activity
    }
  }

  /// The assigned device.
  public struct Device: Equatable, Sendable {
    public let name: String
    /// StreamID and DeviceID as the guest knows them: its own requester ID.
    public let guestID: UInt32
    /// StreamID and DeviceID of the real function.
    public let hostID: UInt32
    /// Entries of the MSI-X table or the internal store, 1 to 2048, or MSI vectors, 1 to 32.
    public let vectors: Int
    /// Where it keeps its messages.
    public let store: MessageStore
    /// The guest's driver.
    public let driver: DeviceDriver

    public init(
      name: String, guestID: UInt32, hostID: UInt32, vectors: Int, store: MessageStore = .msiX,
      driver: DeviceDriver = .plain
    ) {
      self.driver = driver
      self.store = store
      self.name = name
      self.guestID = guestID
      self.hostID = hostID
      self.vectors = vectors
    }
  }

  /// Where a recorded machine kept its structures: what its allocators returned.
  public struct Placement: Sendable {
    /// Stage 1 tables, by IPA.
    public var stage1: [TableSlot: PA] = [:]
    /// Stage 2 tables, by PA.
    public var stage2: [TableSlot: PA] = [:]
    /// Guest pages, 4 KiB each, by IPA, and the PA behind each.
    public var pages: [(IPA, PA)] = []
    /// The guest's context descriptor table.
    public var contextDescriptors: PA?
    /// The host's stream table: the level 1 table and the leaf with the device's entry.
    public var streamTable: (levelOne: PA, leaf: PA)?

    public init() {}
  }

  public let device: Device
  public let placement: Placement
  public let entries: [Entry]

  public init(device: Device, placement: Placement = Placement(), entries: [Entry]) {
    self.device = device
    self.placement = placement
    self.entries = entries
  }

  /// The same work in a guest whose RAM starts elsewhere than QEMU's.
  public func moved(toRAM base: IPA) -> Workload {
    let standard: IPA = 0x4000_0000
    guard base != standard else { return self }
    return Workload(
      device: device, placement: placement,
      entries: entries.map { entry in
        guard case .map(let input, let output, let size, let attributes) = entry.activity,
          output >= standard
        else { return entry }
        let place = IPA(base.rawValue &+ (output.rawValue - standard.rawValue))
        return Entry(
          nanoseconds: entry.nanoseconds, .map(input, place, size: size, attributes))
      })
  }

  /// The number of MSIs that the device sends.
  public var messageCount: Int {
    entries.count { if case .message = $0.activity { true } else { false } }
  }
}
