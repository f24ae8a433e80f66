internal import GLibSupport
internal import Simulation

// From the ITS to the virtual CPU: through the host's handler, or directly.
extension LoadEngine {
  /// The physical LPI interrupts its CPU, whose handler signals and KVM injects.
  mutating func interruptHost(_ index: Int32) {
    let queue = Int(flights[Int(index)].queue)
    guard queues[queue].pendingUntil <= now else { return merge(index) }
    let cpu = queues[queue].interruptCPU
    let target = Int(queues[queue].virtualCPU)
    guard isCached(queue) else { return injectSlowly(index) }
    let entry = costs[.hostInterruptEntry]
    let injection = costs[.irqfdInjection]
    let start = useHost(entry + injection, on: cpu)
    // The last part of an injection needs the virtual CPU for itself: a CPU that waits for its lock
    // does nothing else.
    let last = min(injection, costs[.injectionLock])
    let unlocked = start + entry + injection - last
    let locked = virtualCPUs[target].lock.serve(at: unlocked, for: last)
    if locked > unlocked { keepHost(locked - unlocked, on: cpu) }
    spend(index, start - now + (locked - unlocked), at: .queueing)
    spend(index, entry, at: .exits)
    spend(index, injection, at: .injection)
    // The host's handler acknowledges on entry.
    queues[queue].pendingUntil = start + entry
    count(.physicalInterrupt)
    let done = locked + last
    flights[Int(index)].accounted = done
    schedule(.injected, index, at: done)
  }

  /// Whether KVM has the translation of a queue's event, which it keeps from now on.
  private mutating func isCached(_ queue: Int) -> Bool {
    let machine = Int(queues[queue].virtualCPU) / perMachine
    let isCurrent = queues[queue].cached == virtualITSs[machine].generation
    queues[queue].cached = virtualITSs[machine].generation
    guard setting.injectionCacheEntries != nil else { return isCurrent }
    // Both are kept up, so that a drop and an eviction are forgotten each.
    return injectionCache.access(UInt64(queue)) && isCurrent
  }

  /// `irqfd_wakeup` finds no translation and queues work: `irqfd_inject` walks the virtual ITS' tables
  /// under its lock.
  private mutating func injectSlowly(_ index: Int32) {
    let queue = Int(flights[Int(index)].queue)
    let cpu = queues[queue].interruptCPU
    let machine = Int(queues[queue].virtualCPU) / perMachine
    let entry = costs[.hostInterruptEntry]
    let (switched, walk) = (costs[.contextSwitch], costs[.uncachedInjection])
    totals.slowInjections &+= 1
    count(.physicalInterrupt)
    let start = useHost(entry + switched + walk, on: cpu)
    queues[queue].pendingUntil = start + entry
    let asked = start + entry + switched
    let locked = virtualITSs[machine].lock.serve(at: asked, for: walk)
    // Who waits for a mutex sleeps: its CPU is free meanwhile.
    spend(index, start - now + (locked - asked), at: .queueing)
    spend(index, entry, at: .exits)
    spend(index, switched, at: .scheduling)
    spend(index, walk, at: .injection)
    flights[Int(index)].accounted = locked + walk
    schedule(.injected, index, at: locked + walk)
  }

  /// KVM makes the virtual interrupt pending, and kicks or wakes its virtual CPU.
  mutating func inject(_ index: Int32) {
    guard let target = makePending(index) else { return }
    switch virtualCPUs[Int(target)].state {
    case .running:
      count(.kick)
      let start = useHost(costs[.hypercall], on: virtualCPUs[Int(target)].cpu)
      let taken = start + costs[.kick]
      spend(index, start - now, at: .queueing)
      spend(index, costs[.kick], at: .wakeUp)
      flights[Int(index)].accounted = taken
      loadListRegisters(target)
      if virtualCPUs[Int(target)].phase == .idle { enter(target, at: taken) }
    case .ready: break
    case .polled:
      flights[Int(index)].accounted = now
      endPolling(target)
    case .blocked: makeReady(target, first: true)
    }
  }

  /// The redistributor makes the virtual LPI pending, without the host unless the vPE is away.
  mutating func arriveDirectly(_ index: Int32) {
    guard let target = makePending(index) else { return }
    let cpu = Int(target)
    switch virtualCPUs[cpu].state {
    case .running:
      // What the host does on that CPU comes first.
      let start = max(now, physicalCPUs[Int(virtualCPUs[cpu].cpu)].host.freeAt)
      let taken = start + costs[.directInjection]
      spend(index, start - now, at: .queueing)
      spend(index, costs[.directInjection], at: .injection)
      flights[Int(index)].accounted = taken
      if virtualCPUs[cpu].phase == .idle { enter(target, at: taken) }
    case .ready: break
    // KVM gives the vPE up before it polls (`kvm_vcpu_wfi`).
    case .blocked where !virtualCPUs[cpu].isBeingWoken,
      .polled where !virtualCPUs[cpu].isBeingWoken:
      virtualCPUs[cpu].isBeingWoken = true
      let start = useHost(costs[.hostInterruptEntry], on: virtualCPUs[cpu].cpu)
      count(.vPEDoorbell)
      spend(index, start - now, at: .queueing)
      spend(index, costs[.hostInterruptEntry], at: .exits)
      flights[Int(index)].accounted = start + costs[.hostInterruptEntry]
      schedule(.woken, target, at: start + costs[.hostInterruptEntry])
    case .blocked, .polled: break
    }
  }

  /// Puts the interrupt in the line of its virtual CPU; `nil` when it was pending already.
  private mutating func makePending(_ index: Int32) -> Int32? {
    let queue = flights[Int(index)].queue
    guard queues[Int(queue)].flight < 0 else {
      merge(index)
      return nil
    }
    queues[Int(queue)].flight = index
    queues[Int(queue)].next = -1
    let target = queues[Int(queue)].virtualCPU
    let tail = virtualCPUs[Int(target)].pendingTail
    if tail >= 0 {
      queues[Int(tail)].next = queue
    } else {
      virtualCPUs[Int(target)].pendingHead = queue
    }
    virtualCPUs[Int(target)].pendingTail = queue
    virtualCPUs[Int(target)].pendingCount &+= 1
    return target
  }

  /// KVM writes as many pending interrupts to list registers as there are.
  mutating func loadListRegisters(_ target: Int32) {
    virtualCPUs[Int(target)].loaded = min(
      virtualCPUs[Int(target)].pendingCount, Int32(truncatingIfNeeded: setting.listRegisters))
  }

  // MARK: Moves

  /// The next move comes after the last one is done.
  mutating func scheduleMove(after time: SimulatedTime) {
    guard setting.affinityMovesPerSecond > 0, !queues.isEmpty else { return }
    let mean = SimulatedTime(roundingNanoseconds: 1e9 / setting.affinityMovesPerSecond)
    let queue = random.next32() % UInt32(truncatingIfNeeded: queues.count)
    schedule(.move, Int32(bitPattern: queue), at: time + random.exponential(mean: mean))
  }

  /// A guest's MOVI: its accesses to the virtual ITS, and a command for the host's where it is
  /// direct.
  mutating func moveInterrupt(_ queue: Int32) {
    let old = Int(queues[Int(queue)].virtualCPU)
    let cost = workCosts[GuestWork.move.place]
    count(.move)
    let host = costs[.exitToKernel].times(cost.toKVM) + costs[.exitToVMM].times(cost.toVMM)
    let start = useHost(host, on: virtualCPUs[old].cpu)
    let isDirect = virtualCPUs[old].isDirect
    let done = isDirect ? commandITS(1, at: start + host) : start + host
    if isDirect { routes.invalidate(UInt64(UInt32(bitPattern: queue))) }
    scheduleMove(after: done)
    // One that is pending is taken where it is.
    guard queues[Int(queue)].flight < 0 else { return }
    let machine = old / perMachine
    let next = machine * perMachine + (old % perMachine + 1) % perMachine
    queues[Int(queue)].virtualCPU = Int32(truncatingIfNeeded: next)
  }

  /// The next drop of a machine's translations.
  mutating func scheduleDrop() {
    guard setting.cacheDropsPerSecond > 0 else { return }
    let mean = SimulatedTime(roundingNanoseconds: 1e9 / setting.cacheDropsPerSecond)
    let machine = random.next32() % UInt32(truncatingIfNeeded: virtualITSs.count)
    schedule(.drop, Int32(bitPattern: machine), at: now + random.exponential(mean: mean))
  }

  /// A guest's command makes KVM forget all translations of its virtual ITS.
  mutating func dropTranslations(_ machine: Int32) {
    virtualITSs[Int(machine)].generation &+= 1
    scheduleDrop()
  }

  /// The host queues commands for its ITS; when the last one is done.
  mutating func commandITS(_ commands: UInt64, at time: SimulatedTime) -> SimulatedTime {
    let service = costs[.itsCommand].times(commands)
    return its.serve(at: time, for: service) + service
  }
}
