internal import Simulation

// The state of a load's counts at equal steps of time.
extension LoadEngine {
  /// Takes down what was counted up to a time that no event to come stands before.
  mutating func takeSnapshot(at time: SimulatedTime) {
    // What each device or CPU served is kept for every tenth only.
    let hasUnits = snapshots.count % 10 == 0
    var used = InlineArray<9, Double>(repeating: 0)
    var waited = used
    var units: [Double] = []
    forEachUnit(at: time) { resource, served, wait in
      used[resource.place] += served
      waited[resource.place] += wait
      if hasUnits { units.append(served) }
    }
    snapshots.append(
      LoadSnapshot(
        time: time, totals: totals, latencies: latencies.count,
        inFlight: flights.count - freeFlights.count, waitingEvents: waitingEvents, used: used,
        waited: waited, units: units))
    let width = max(1, setting.duration.picoseconds / UInt64(LoadResult.slots))
    let next = time + SimulatedTime(picoseconds: width)
    nextSnapshot = snapshots.count < LoadResult.slots ? min(next, end) : end
  }

  /// Events that were offered and neither handled nor dropped.
  private var waitingEvents: Int {
    let queued = queues.reduce(0) {
      $0 + Int($1.waiting) + Int($1.stalled) + Int($1.posting)
    }
    return virtualCPUs.reduce(queued) { $1.phase == .working ? $0 + Int($1.items) : $0 }
  }

  /// Calls `body` for each server that others wait for: how long it has served, and how long they
  /// waited for it, in picoseconds.
  private func forEachUnit(
    at time: SimulatedTime, _ body: (LoadResource, Double, Double) -> Void
  ) {
    func visit(_ resource: LoadResource, _ served: SimulatedTime, _ waited: SimulatedTime) {
      body(resource, Double(served.picoseconds), Double(waited.picoseconds))
    }
    for device in devices where setting.hasClosedLoops {
      visit(.deviceChannels, device.channels.used(until: time), device.channels.waited)
    }
    for device in devices {
      let used = device.used(until: time, of: max(1, setting.postedWrites))
      visit(.postedWrites, SimulatedTime(picoseconds: used), device.waited)
    }
    visit(.walkSlots, walks.used(until: time), walks.waited)
    visit(.its, its.used(until: time), its.waited)
    for cpu in physicalCPUs {
      let left =
        cpu.current < 0 ? .zero : virtualCPUs[Int(cpu.current)].workLeft(at: time)
      visit(.physicalCPUs, cpu.host.used(until: time) + (cpu.handled - left), cpu.host.waited)
    }
    for cpu in virtualCPUs where !path.isDirect {
      visit(.injectionLocks, cpu.lock.used(until: time), cpu.lock.waited)
    }
    for cpu in virtualCPUs {
      visit(.virtualCPUs, cpu.handled - cpu.workLeft(at: time), cpu.waited)
    }
    visit(.smmuCommands, smmuCommands.used(until: time), smmuCommands.waited)
    visit(.vPEMoves, vPEMoves.used(until: time), vPEMoves.waited)
  }

  /// How much of each resource there is: the units, and the servers of each.
  var amounts: [(resource: LoadResource, units: Int, servers: [Int])] {
    let closed = setting.hasClosedLoops
    return [
      (.deviceChannels, closed ? devices.count : 0, devices.map(\.channels.servers)),
      (.postedWrites, devices.count, devices.map { _ in max(1, setting.postedWrites) }),
      (.walkSlots, 1, [walks.servers]),
      (.its, 1, [1]),
      (.physicalCPUs, physicalCPUs.count, physicalCPUs.map { _ in 1 }),
      (.injectionLocks, path.isDirect ? 0 : virtualCPUs.count, virtualCPUs.map { _ in 1 }),
      (.virtualCPUs, virtualCPUs.count, virtualCPUs.map { _ in 1 }),
      (.smmuCommands, 1, [1]),
      (.vPEMoves, 1, [1]),
    ]
  }
}

extension VirtualCPU {
  /// How much of the work that it counts as handled is still to be done.
  fileprivate func workLeft(at time: SimulatedTime) -> SimulatedTime {
    phase == .working ? due - time : .zero
  }
}

extension LoadSetting {
  /// Whether any device has commands outstanding.
  var hasClosedLoops: Bool {
    devices.contains { if case .closed = $0.source { true } else { false } }
  }
}
