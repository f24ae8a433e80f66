internal import ArmFormats
internal import Bits

/// What KVM's virtual ITS keeps: devices with their events, and collections
/// (`struct its_device`, `its_ite`, `its_collection` of `vgic-its.c`).
struct HypervisorLists {
  struct Event {
    var entry: ITSInterruptEntry
    /// The vCPU that the LPI goes to: its collection's, until MOVALL.
    var target: UInt16?
    /// Whether it still belongs to a collection: MAPC with V = 0 frees the collection and leaves its
    /// events without one, for good (`vgic_its_free_collection`).
    var hasCollection = true
    /// The physical event behind it, while the hardware injects it (GICv4).
    var host: HostEvent?
  }

  struct Device {
    var eventBits: UInt8
    var table: UInt64
    var events: [UInt32: Event] = [:]

    var eventsInOrder: [Event] { events.keys.sorted().compactMap { events[$0] } }
  }

  var devices: [UInt32: Device] = [:]
  /// `nil` target: known, but not mapped.
  var collections: [UInt16: UInt16?] = [:]
  /// Whether an event was ever forwarded to the hardware.
  var hasForwarded = false
  /// What the host still has to do to forwarded interrupts.
  var actions: [ForwardingAction] = []

  mutating func removeAll(kind: UInt8) {
    if kind == ITSTableBase.Kind.devices { devices.removeAll() }
    if kind == ITSTableBase.Kind.collections { collections.removeAll() }
  }

  /// Every event, in order of device and event.
  var eventKeys: [(device: UInt32, event: UInt32)] {
    devices.keys.sorted().flatMap { device in
      (devices[device]?.events.keys.sorted() ?? []).map { (device, $0) }
    }
  }
}
