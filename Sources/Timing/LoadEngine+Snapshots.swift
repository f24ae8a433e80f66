internal import Simulation

// The state of a load's counts at equal steps of time.
extension LoadEngine {
  /// Takes down what was counted up to a time that no event to come stands before.
  ///
  /// - Parameter isLast: whether nothing follows.
  mutating func takeSnapshot(at time: SimulatedTime, isLast: Bool = false) {
    // What each device or CPU served is kept for every tenth only.
    let hasUnits = snapshots.count % 10 == 0 || isLast
    var used = InlineArray<10, Double>(repeating: 0)
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
    var count = 0
    for place in queues.indices {
      let queue = queues[place]
      count += Int(queue.waiting) + Int(queue.stalled) + Int(queue.posting)
    }
    for place in virtualCPUs.indices where virtualCPUs[place].phase == .working {
      count += Int(virtualCPUs[place].items)
    }
    return count
  }

  /// Calls `body` for each server that others wait for: how long it has served, and how long they
  /// waited for it, in picoseconds.
  private func forEachUnit(
    at time: SimulatedTime, _ body: (LoadResource, Double, Double) -> Void
  ) {
    func visit(_ resource: LoadResource, _ served: SimulatedTime, _ waited: SimulatedTime) {
      body(resource, Double(served.picoseconds), Double(waited.picoseconds))
    }
    for pool in channels where setting.hasClosedLoops {
      visit(.deviceChannels, pool.used(until: time), pool.waited)
    }
    for place in devices.indices {
      let used = devices[place].used(until: time, of: max(1, setting.postedWrites))
      visit(.postedWrites, SimulatedTime(picoseconds: used), devices[place].waited)
    }
    visit(.walkSlots, walks.used(until: time), walks.waited)
    visit(.its, its.used(until: time), its.waited)
    for place in physicalCPUs.indices {
      let cpu = physicalCPUs[place]
      let left =
        cpu.current < 0 ? .zero : virtualCPUs[Int(cpu.current)].workLeft(at: time)
      visit(.physicalCPUs, cpu.host.used(until: time) + (cpu.handled - left), cpu.host.waited)
    }
    for place in virtualCPUs.indices where hasInjections {
      let lock = virtualCPUs[place].lock
      visit(.injectionLocks, lock.used(until: time), lock.waited)
    }
    for place in virtualITSs.indices where hasInjections {
      let lock = virtualITSs[place].lock
      visit(.virtualITSLocks, lock.used(until: time), lock.waited)
    }
    for place in virtualCPUs.indices {
      let cpu = virtualCPUs[place]
      visit(.virtualCPUs, cpu.handled - cpu.workLeft(at: time), cpu.waited)
    }
    visit(.smmuCommands, smmuCommands.used(until: time), smmuCommands.waited)
    visit(.vPEMoves, vPEMoves.used(until: time), vPEMoves.waited)
  }

  /// Whether KVM injects for any virtual CPU.
  private var hasInjections: Bool { firstInjected < virtualCPUs.count }

  /// How much of each resource there is: the servers of each of its units.
  var amounts: [(resource: LoadResource, servers: [Int])] {
    let closed = setting.hasClosedLoops
    func ones(_ count: Int) -> [Int] { Array(repeating: 1, count: count) }
    let credits = max(1, setting.postedWrites)
    return [
      (.deviceChannels, closed ? channels.map(\.servers) : []),
      (.postedWrites, Array(repeating: credits, count: devices.count)),
      (.walkSlots, [walks.servers]), (.its, [1]), (.physicalCPUs, ones(physicalCPUs.count)),
      (.injectionLocks, ones(hasInjections ? virtualCPUs.count : 0)),
      (.virtualITSLocks, ones(hasInjections ? virtualITSs.count : 0)),
      (.virtualCPUs, ones(virtualCPUs.count)), (.smmuCommands, [1]), (.vPEMoves, [1]),
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
