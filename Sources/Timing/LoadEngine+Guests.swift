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
    virtualCPUs[Int(target)].due = time
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
    if virtualCPUs[cpu].polledHead >= 0, queue < 0 || !virtualCPUs[cpu].hasPolledLast {
      return poll(target)
    }
    virtualCPUs[cpu].hasPolledLast = false
    guard queue >= 0 else { return rest(target) }
    let ready = flights[Int(queues[Int(queue)].flight)].accounted
    if ready > now { return enter(target, at: ready) }
    if !virtualCPUs[cpu].isDirect, virtualCPUs[cpu].loaded == 0 { return maintain(target) }
    virtualCPUs[cpu].loaded &-= 1
    virtualCPUs[cpu].pendingHead = queues[Int(queue)].next
    if virtualCPUs[cpu].pendingHead < 0 { virtualCPUs[cpu].pendingTail = -1 }
    virtualCPUs[cpu].pendingCount &-= 1
    deliver(queues[Int(queue)].flight, to: target)
    queues[Int(queue)].flight = -1
    handle(queue, on: target)
  }

  /// Goes on with the events of a queue that were more than its budget.
  private mutating func poll(_ target: Int32) {
    let queue = virtualCPUs[Int(target)].polledHead
    virtualCPUs[Int(target)].polledHead = queues[Int(queue)].nextPolled
    virtualCPUs[Int(target)].hasPolledLast = true
    queues[Int(queue)].isPolled = false
    work(on: queue, target, after: .zero)
  }

  /// Puts a queue behind the others that a virtual CPU goes on with.
  private mutating func pollLater(_ queue: Int32, on target: Int32) {
    queues[Int(queue)].nextPolled = -1
    if virtualCPUs[Int(target)].polledHead < 0 {
      virtualCPUs[Int(target)].polledHead = queue
    } else {
      queues[Int(virtualCPUs[Int(target)].polledTail)].nextPolled = queue
    }
    virtualCPUs[Int(target)].polledTail = queue
    queues[Int(queue)].isPolled = true
  }

  /// All list registers are empty and more is pending: a maintenance interrupt refills them.
  private mutating func maintain(_ target: Int32) {
    count(.maintenance)
    loadListRegisters(target)
    let refilled = UInt64(max(0, virtualCPUs[Int(target)].loaded))
    let time = costs[.hypercall] + costs[.listRegister].times(refilled)
    enter(target, at: useHost(time, on: virtualCPUs[Int(target)].cpu) + time)
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
    virtualCPUs[Int(target)].waited += now - accounted
    let end = now + costs[.guestHandler]
    latencies.append(end - flights[place].sent)
    totals.times.add(flights[place].times)
    totals.delivered &+= 1
    self.end(index, at: end)
  }

  /// The handler begins: its own time, and the events that wait.
  private mutating func handle(_ queue: Int32, on target: Int32) {
    var time = costs[.guestHandler]
    totals.guestTime += time
    if kinds[Int(queues[Int(queue)].load)].masks {
      queues[Int(queue)].isMasked = true
      time += perform(.mask, on: target)
    }
    work(on: queue, target, after: time)
  }

  private mutating func work(on queue: Int32, _ target: Int32, after time: SimulatedTime) {
    let kind = kinds[Int(queues[Int(queue)].load)]
    let items = min(queues[Int(queue)].waiting, kind.budget)
    queues[Int(queue)].waiting &-= items
    virtualCPUs[Int(target)].queue = queue
    virtualCPUs[Int(target)].items = items
    virtualCPUs[Int(target)].phase = .working
    let work = kind.workPerEvent.times(UInt64(max(0, items)))
    totals.guestTime += work
    var total = time + work
    if kind.mapping != .fixed { total += unmapping(queue, items, on: target) }
    takeCPU(target, for: total)
  }

  /// A virtual CPU works for so long, its exits included.
  private mutating func takeCPU(_ target: Int32, for time: SimulatedTime) {
    virtualCPUs[Int(target)].handled += time
    physicalCPUs[Int(virtualCPUs[Int(target)].cpu)].handled += time
    plan(target, at: now + time)
  }

  /// Ends work on events; `false` when it goes on at once.
  private mutating func finishWork(_ target: Int32) -> Bool {
    let queue = virtualCPUs[Int(target)].queue
    let items = Int(virtualCPUs[Int(target)].items)
    let kind = kinds[Int(queues[Int(queue)].load)]
    totals.events &+= items
    virtualCPUs[Int(target)].items = 0
    if kind.isClosed { for _ in 0..<items { submit(queue) } }
    if queues[Int(queue)].waiting > 0 {
      if !queues[Int(queue)].isPolled { pollLater(queue, on: target) }
      return true
    }
    if queues[Int(queue)].isMasked {
      // What came meanwhile is pending in the device.
      let time = perform(.unmask, on: target)
      release(queue)
      takeCPU(target, for: time)
      return false
    }
    if !kind.isClosed {
      queues[Int(queue)].isArmed = true
      queues[Int(queue)].coalesced = 0
    }
    return true
  }

  // MARK: What may leave the guest

  /// How long the guest waits for one of its kernel's works: for each of its exits, for what they
  /// let the host do, and for what its accesses take that do not leave it.
  private mutating func perform(_ work: GuestWork, on target: Int32) -> SimulatedTime {
    count(work)
    let cost = workCosts[work.place]
    let guest = cost.untrapped == 0 ? .zero : costs[.interconnectHop].times(cost.untrapped)
    var host = SimulatedTime.zero
    if cost.toVMM > 0 { host += costs[.exitToVMM].times(cost.toVMM) }
    if cost.toKVM > 0 { host += costs[.exitToKernel].times(cost.toKVM) }
    if cost.hostCommands > 0 {
      host += costs[.systemCall]
      let arrival = now + host
      host += commandITS(cost.hostCommands, at: arrival) - arrival
    }
    totals.hostTime += host
    totals.stolenTime += host
    totals.guestTime += guest
    return host + guest
  }

  /// Unmapping the events' buffers: a flush for each where it is strict, one for 256 where lazy.
  private mutating func unmapping(
    _ queue: Int32, _ items: Int32, on target: Int32
  ) -> SimulatedTime {
    var flushes = max(0, items)
    if kinds[Int(queues[Int(queue)].load)].mapping == .lazy {
      queues[Int(queue)].unmapped &+= items
      guard queues[Int(queue)].unmapped >= 256 else { return .zero }
      queues[Int(queue)].unmapped = 0
      flushes = 1
    }
    var total = SimulatedTime.zero
    for _ in 0..<flushes {
      total += perform(.unmap, on: target)
      // A command and its CMD_SYNC, one after the other for all that share the queue.
      let service = costs[.smmuCommand] + costs[.smmuSync]
      let arrival = now + total
      total += smmuCommands.serve(at: arrival, for: service) - arrival + service
    }
    return total
  }
}
