internal import Bits
internal import Files

/// One device of a three-level machine: L0 is the machine that wrote the trace, L1 the hypervisor
/// on it, L2 the guest that drives the device.
///
/// L2 and L1 both call the device by a number of their own and give its messages an address of
/// their own. The device knows only what L1 programmed. L2's LPIs are in none of the files: KVM
/// injects them without a trace event.
package struct NestedDevice: Equatable, Sendable {
  /// One vector at both levels.
  package struct Vector: Equatable, Sendable {
    /// L2's MSI-X entry.
    package var inner: GuestFacts.Vector
    /// Interrupts that L2 counted, and for whom.
    package var interrupts: Int?
    package var name: String
    /// LPIs of the machine's own ITS that the vector led to, for L1.
    package var lpis: [UInt32]
    /// Messages on the machine's bus that both stages translated, so that L2 had the device.
    package var nestedMessages: Int
    /// All messages, with those while L1 itself drove the device.
    package var messages: Int
  }

  /// The DeviceID that L2 uses.
  package let innerID: UInt32
  /// StreamID and DeviceID in the machine.
  package let outerID: UInt32
  /// Message addresses that L1 programmed: those that both stages translated.
  package let outerAddresses: [DeviceStory.MessageAddress]
  package let vectors: [Vector]

  /// Finds the inner guest's name of each device that both stages translated for; where several are
  /// of a model, nothing says which is which, and they are left out.
  static func join(
    inner: GuestFacts?, outer: GuestFacts?, _ story: MachineStory
  ) -> [NestedDevice] {
    guard let inner else { return [] }
    let given = story.orderedDevices.filter { $0.translations[3] > 0 }
    return given.compactMap { device in
      let facts = outer?.devices[device.id]
      guard facts?.driver ?? "vfio-pci" == "vfio-pci" else { return nil }
      let peers = outer?.devices.values.filter {
        $0.driver == "vfio-pci" && $0.model == facts?.model
      }
      guard peers?.count ?? given.count == 1, let found = inner.device(like: facts) else {
        return nil
      }
      return NestedDevice(found.id, found.facts, device)
    }
  }

  private init(_ id: UInt32, _ facts: GuestFacts.Device, _ device: DeviceStory) {
    innerID = id
    outerID = device.id
    outerAddresses = device.orderedAddresses.map(\.place).filter { $0.stage == 3 }
    vectors = facts.vectors.filter { !$0.isMasked }.map { vector in
      let seen = device.vectors[vector.index]
      var lpis: [UInt32] = []
      for span in seen?.spans ?? [] where !lpis.contains(span.lpi) { lpis.append(span.lpi) }
      return Vector(
        inner: vector, interrupts: facts.interrupts[vector.index],
        name: facts.names[vector.index] ?? "", lpis: lpis,
        nestedMessages: seen?.nestedMessages ?? 0, messages: seen?.messages ?? 0)
    }
  }
}

extension NestedDevice {
  /// For people.
  var lines: [String] {
    var lines = ["three levels: \(sentence)"]
    for place in outerAddresses {
      lines.append(
        "  L1 programmed \(hex(place.address)): \(StoryReport.stage(place))")
    }
    lines += StoryReport.table([Self.titles] + rows)
    return lines + ["  \(Self.unrecorded)"]
  }

  /// Sentence that names the device at each level.
  var sentence: String {
    let inner = DeviceStory(id: innerID).name
    let outer = DeviceStory(id: outerID).name
    return "\(inner) of the inner guest (L2, DeviceID \(hex(UInt64(innerID)))) is "
      + "\(outer) of the machine (L0, DeviceID \(hex(UInt64(outerID)))), assigned by the "
      + "hypervisor between them (L1)"
  }

  static let titles = [
    "L2 event", "L2 message address", "L1's LPIs", "nested messages", "L2 took", "",
  ]

  /// A row for each vector.
  var rows: [[String]] {
    vectors.map { vector in
      [
        "\(vector.inner.data)", hex(vector.inner.address),
        vector.lpis.map { hex(UInt64($0)) }.joined(separator: ", "), "\(vector.nestedMessages)",
        vector.interrupts.map { "\($0)" } ?? "-", vector.name,
      ]
    }
  }

  static let unrecorded =
    "L2's own LPIs are not recorded: KVM injects them without a trace event"

  /// For programs.
  var json: JSONValue {
    let rows = vectors.map { vector in
      JSONValue.object([
        .init("event", .integer(Int(truncatingIfNeeded: vector.inner.data))),
        .init("innerAddress", .string(hex(vector.inner.address))),
        .init("innerInterrupts", vector.interrupts.map { .integer($0) } ?? .null),
        .init("outerLPIs", .array(vector.lpis.map { .integer(Int($0)) })),
        .init("nestedMessages", .integer(vector.nestedMessages)),
        .init("messages", .integer(vector.messages)),
      ])
    }
    let addresses = outerAddresses.map { place in
      JSONValue.object([
        .init("address", .string(hex(place.address))), .init("output", .string(hex(place.output))),
      ])
    }
    return .object([
      .init("innerDevice", .string(hex(UInt64(innerID)))),
      .init("outerDevice", .string(hex(UInt64(outerID)))),
      .init("outerAddresses", .array(addresses)), .init("vectors", .array(rows)),
    ])
  }
}
