internal import Simulation

// What virtual CPUs do while they run: take interrupts, handle events, wait.
extension LoadEngine {
  /// Lets a running virtual CPU take interrupts from `time` on.
  mutating func enter(_ target: Int32, at time: SimulatedTime) {
    virtualCPUs[Int(target)].phase = .entering
    plan(target, at: time)
  }

  private mutating func plan(_ target: Int32, at time: SimulatedTime) {
    virtualCPUs[Int(target)].plan &+= 1
    schedule(.virtualCPU, target, at: time, plan: virtualCPUs[Int(target)].plan)
  }

  /// What a virtual CPU planned is due, unless the host took some of its time.
  mutating func proceed(_ target: Int32) {
    let debt = virtualCPUs[Int(target)].debt
    if debt > .zero {
      virtualCPUs[Int(target)].debt = .zero
      return plan(target, at: now + debt)
    }
    if virtualCPUs[Int(target)].phase == .working, !finishWork(target) { return }
    takeNext(target)
  }

  /// Takes the next pending interrupt; without one, goes on with other work or waits.
  private mutating func takeNext(_ target: Int32) {
    let cpu = Int(target)
    let queue = virtualCPUs[cpu].pendingHead
    virtualCPUs[cpu].phase = .idle
    if physicalCPUs[Int(virtualCPUs[cpu].cpu)].isSliceOver { return yield(target) }
    guard queue >= 0 else { return rest(target) }
    let ready = flights[Int(queues[Int(queue)].flight)].accounted
    if ready > now { return enter(target, at: ready) }
    if !path.isDirect, virtualCPUs[cpu].loaded == 0 { return maintain(target) }
    virtualCPUs[cpu].loaded &-= 1
    virtualCPUs[cpu].pendingHead = queues[Int(queue)].next
    if virtualCPUs[cpu].pendingHead < 0 { virtualCPUs[cpu].pendingTail = -1 }
    virtualCPUs[cpu].pendingCount &-= 1
    deliver(queues[Int(queue)].flight, to: target)
    queues[Int(queue)].flight = -1
    handle(queue, on: target)
  }

  /// All list registers are empty and more is pending: a maintenance interrupt refills them.
  private mutating func maintain(_ target: Int32) {
    count(.maintenance)
    loadListRegisters(target)
    let refilled = UInt64(max(0, virtualCPUs[Int(target)].loaded))
    let time = costs[.hypercall] + costs[.listRegister].times(refilled)
    takeFromHost(time, on: virtualCPUs[Int(target)].cpu)
    enter(target, at: now + time)
  }

  /// Completes an MSI's account: it is acknowledged now.
  private mutating func deliver(_ index: Int32, to target: Int32) {
    let place = Int(index)
    var accounted = flights[place].accounted
    let dispatched = virtualCPUs[Int(target)].dispatched
    let entered = virtualCPUs[Int(target)].entered
    if accounted < dispatched {
      spend(index, dispatched - accounted, at: .scheduling)
      accounted = dispatched
    }
    if accounted < entered {
      spend(index, entered - accounted, at: .wakeUp)
      accounted = entered
    }
    spend(index, now - accounted, at: .queueing)
    spend(index, costs[.guestHandler], at: .handler)
    if flights[place].sent >= setting.warmUp {
      result.latencies.append(now + costs[.guestHandler] - flights[place].sent)
      result.times.add(flights[place].times)
    }
    let (traced, end) = (flights[place].traced, now + costs[.guestHandler])
    if traced >= 0 { result.trace?.end(traced, at: end) }
    freeFlights.append(index)
  }

  /// The handler begins: its own time, and the events that wait.
  private mutating func handle(_ queue: Int32, on target: Int32) {
    var time = costs[.guestHandler]
    if setting.devices[Int(queues[Int(queue)].load)].masks {
      // Mask and unmask.
      for _ in 0..<2 { time += trapped(path.trapsMask, .msixTable, on: target) }
    }
    work(on: queue, target, after: time)
  }

  private mutating func work(on queue: Int32, _ target: Int32, after time: SimulatedTime) {
    let place = Int(queues[Int(queue)].load)
    let items = min(
      queues[Int(queue)].waiting, Int32(truncatingIfNeeded: setting.devices[place].budget))
    queues[Int(queue)].waiting &-= items
    virtualCPUs[Int(target)].queue = queue
    virtualCPUs[Int(target)].items = items
    virtualCPUs[Int(target)].phase = .working
    let total =
      time + setting.devices[place].workPerEvent.times(UInt64(max(0, items)))
      + unmapping(queue, items, on: target)
    if isCounting { result.guestTime += total }
    plan(target, at: now + total)
  }

  /// Ends work on events; `false` when the driver polls on.
  private mutating func finishWork(_ target: Int32) -> Bool {
    let queue = virtualCPUs[Int(target)].queue
    let items = Int(virtualCPUs[Int(target)].items)
    if isCounting { result.events &+= items }
    if case .closed = setting.devices[Int(queues[Int(queue)].load)].source {
      for _ in 0..<items { submit(queue) }
      return true
    }
    if queues[Int(queue)].waiting > 0 {
      work(on: queue, target, after: .zero)
      return false
    }
    queues[Int(queue)].isArmed = true
    queues[Int(queue)].coalesced = 0
    return true
  }

  // MARK: What traps

  /// A write of the guest that may go to the VMM; the guest waits for it.
  private mutating func trapped(
    _ isTrapped: Bool, _ cause: ExitCause, on target: Int32
  ) -> SimulatedTime {
    guard isTrapped else { return costs[.interconnectHop] }
    count(cause)
    if isCounting {
      result.hostTime += costs[.exitToVMM]
      result.stolenTime += costs[.exitToVMM]
    }
    return costs[.exitToVMM]
  }

  /// Unmapping the events' buffers: a flush for each where it is strict, one for 256 where lazy.
  private mutating func unmapping(
    _ queue: Int32, _ items: Int32, on target: Int32
  ) -> SimulatedTime {
    var flushes: UInt64 = 0
    switch setting.devices[Int(queues[Int(queue)].load)].mapping {
    case .fixed: return .zero
    case .strict: flushes = UInt64(max(0, items))
    case .lazy:
      queues[Int(queue)].unmapped &+= items
      guard queues[Int(queue)].unmapped >= 256 else { return .zero }
      queues[Int(queue)].unmapped = 0
      flushes = 1
    }
    var total = SimulatedTime.zero
    for _ in 0..<flushes {
      total += trapped(path.trapsInvalidation, .virtualSMMU, on: target)
      // A command and its CMD_SYNC, one after the other for all that share the queue.
      let service = costs[.smmuCommand] + costs[.smmuSync]
      let arrival = now + total
      total += smmuCommands.serve(at: arrival, for: service) - arrival + service
    }
    return total
  }
}
