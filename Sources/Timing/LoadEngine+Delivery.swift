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
    let start = physicalCPUs[Int(cpu)].interrupts.serve(
      at: now, for: costs[.hostInterruptEntry] + costs[.irqfdInjection])
    // The last part of an injection needs the virtual CPU for itself.
    let unlocked =
      start + costs[.hostInterruptEntry] + costs[.irqfdInjection] - costs[.injectionLock]
    let locked = virtualCPUs[target].lock.serve(at: unlocked, for: costs[.injectionLock])
    spend(index, start - now + (locked - unlocked), at: .queueing)
    spend(index, costs[.hostInterruptEntry], at: .exits)
    spend(index, costs[.irqfdInjection], at: .injection)
    // The host's handler acknowledges on entry.
    queues[queue].pendingUntil = start + costs[.hostInterruptEntry]
    count(.physicalInterrupt)
    takeFromHost(costs[.hostInterruptEntry] + costs[.irqfdInjection], on: cpu)
    let done = locked + costs[.injectionLock]
    flights[Int(index)].accounted = done
    schedule(.injected, index, at: done)
  }

  /// KVM makes the virtual interrupt pending, and kicks or wakes its virtual CPU.
  mutating func inject(_ index: Int32) {
    guard let target = makePending(index) else { return }
    switch virtualCPUs[Int(target)].state {
    case .running:
      count(.kick)
      spend(index, costs[.kick], at: .wakeUp)
      flights[Int(index)].accounted = now + costs[.kick]
      takeFromHost(costs[.hypercall], on: virtualCPUs[Int(target)].cpu)
      loadListRegisters(target)
      if virtualCPUs[Int(target)].phase == .idle { enter(target, at: now + costs[.kick]) }
    case .ready: break
    case .blocked: makeReady(target, first: true)
    }
  }

  /// The redistributor makes the virtual LPI pending, without the host unless the vPE is away.
  mutating func arriveDirectly(_ index: Int32) {
    guard let target = makePending(index) else { return }
    let cpu = Int(target)
    switch virtualCPUs[cpu].state {
    case .running:
      spend(index, costs[.directInjection], at: .injection)
      flights[Int(index)].accounted = now + costs[.directInjection]
      if virtualCPUs[cpu].phase == .idle { enter(target, at: now + costs[.directInjection]) }
    case .ready: break
    case .blocked where !virtualCPUs[cpu].isBeingWoken:
      virtualCPUs[cpu].isBeingWoken = true
      let start = physicalCPUs[Int(virtualCPUs[cpu].cpu)].interrupts.serve(
        at: now, for: costs[.hostInterruptEntry])
      count(.vPEDoorbell)
      takeFromHost(costs[.hostInterruptEntry], on: virtualCPUs[cpu].cpu)
      spend(index, start - now, at: .queueing)
      spend(index, costs[.hostInterruptEntry], at: .exits)
      flights[Int(index)].accounted = start + costs[.hostInterruptEntry]
      schedule(.woken, target, at: start + costs[.hostInterruptEntry])
    case .blocked: break
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

  mutating func scheduleMove() {
    guard setting.affinityMovesPerSecond > 0, !queues.isEmpty else { return }
    let mean = SimulatedTime(picoseconds: UInt64(1e12 / setting.affinityMovesPerSecond))
    let queue = random.next32() % UInt32(truncatingIfNeeded: queues.count)
    schedule(.move, Int32(bitPattern: queue), at: now + random.exponential(mean: mean))
  }

  /// A guest's MOVI: an exit for GITS_CWRITER, and a command for the ITS where it is direct.
  mutating func moveInterrupt(_ queue: Int32) {
    scheduleMove()
    if isCounting { result.moves &+= 1 }
    count(.virtualITS)
    let old = Int(queues[Int(queue)].virtualCPU)
    takeFromHost(costs[.exitToKernel], on: virtualCPUs[old].cpu)
    if path.isDirect {
      _ = its.serve(at: now, for: costs[.itsCommand])
      routes.invalidate(UInt64(UInt32(bitPattern: queue)))
    }
    // One that is pending is taken where it is.
    guard queues[Int(queue)].flight < 0 else { return }
    let perMachine = max(1, setting.virtualCPUs)
    let machine = old / perMachine
    let next = machine * perMachine + (old % perMachine + 1) % perMachine
    queues[Int(queue)].virtualCPU = Int32(truncatingIfNeeded: next)
  }
}
