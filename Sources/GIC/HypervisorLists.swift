package import ArmFormats
internal import Bits

/// The state of an ITS that keeps its tables inside, as KVM's does: devices with their events, and collections
/// (`struct its_device`, `its_ite`, `its_collection` of `vgic-its.c`).
package struct HypervisorLists {
  package struct Event {
    package var entry: ITSInterruptEntry
    /// The vCPU that the LPI goes to: its collection's, until MOVALL.
    package var target: UInt16?
    /// Whether it still belongs to a collection: MAPC with V = 0 frees the collection and leaves its
    /// events without one, for good (`vgic_its_free_collection`).
    package var hasCollection = true
    /// The physical event behind it, while the hardware injects it (GICv4).
    package var host: HostEvent?

    package init(entry: ITSInterruptEntry, target: UInt16?) {
      self.entry = entry
      self.target = target
    }
  }

  package struct Device {
    package var eventBits: UInt8
    package var table: UInt64
    package var events: [UInt32: Event] = [:]

    package init(eventBits: UInt8, table: UInt64) {
      self.eventBits = eventBits
      self.table = table
    }

    package var eventsInOrder: [Event] { events.keys.sorted().compactMap { events[$0] } }
  }

  package var devices: [UInt32: Device] = [:]
  /// `nil` target: known, but not mapped.
  package var collections: [UInt16: UInt16?] = [:]
  /// Whether an event was ever forwarded to the hardware.
  package var hasForwarded = false
  /// Actions on forwarded interrupts that the host has yet to take.
  package var actions: [ForwardingAction] = []

  package init() {}

  package mutating func removeAll(kind: UInt8) {
    if kind == ITSTableBase.Kind.devices { devices.removeAll() }
    if kind == ITSTableBase.Kind.collections { collections.removeAll() }
  }

  /// Every event, in order of device and event.
  package var eventKeys: [(device: UInt32, event: UInt32)] {
    devices.keys.sorted().flatMap { device in
      (devices[device]?.events.keys.sorted() ?? []).map { (device, $0) }
    }
  }
}
