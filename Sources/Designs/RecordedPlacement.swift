public import Bits
package import Guest
package import Machine
package import Memory
package import VMM

// Where a recorded machine kept its structures holds for a run as far as the run's machine has
// memory there; what it has not is placed anew.

extension RunSpecification {
  /// Whether the machine of a run has RAM at a recorded address, so that what was there can be
  /// placed there again.
  public static func hasRoom(for place: PA) -> Bool {
    MachineDescription.Host.qemuVirt.ram[0].contains(place.rawValue)
  }
}

extension Workload {
  /// The workload without places that a run's machine has no memory at.
  package func placed(in map: AddressMap) -> Workload {
    var kept = placement
    let isGuestRAM = { (place: UInt64) in place &- map.ramBase.rawValue < map.ramSize }
    let hasRoom = { (place: PA) in RunSpecification.hasRoom(for: place) }
    kept.stage1 = placement.stage1.filter { isGuestRAM($0.value.rawValue) }
    kept.stage2 = placement.stage2.filter { hasRoom($0.value) }
    kept.pages = placement.pages.filter { hasRoom($0.1) }
    kept.contextDescriptors = placement.contextDescriptors.flatMap {
      isGuestRAM($0.rawValue) ? $0 : nil
    }
    kept.streamTable = placement.streamTable.flatMap {
      hasRoom($0.levelOne) && hasRoom($0.leaf) ? $0 : nil
    }
    return Workload(device: device, placement: kept, entries: entries)
  }
}

extension Workload.Placement {
  /// The first of these ranges of guest memory in which nothing was recorded, for what the guest's
  /// kernel places by itself.
  package func free(among bases: [UInt64], size: UInt64) -> PA {
    var placed = stage1.values.map(\.rawValue)
    if let contextDescriptors { placed.append(contextDescriptors.rawValue) }
    let free = bases.first { base in !placed.contains { $0 &- base < size } }
    return PA(free ?? bases[0])
  }
}
