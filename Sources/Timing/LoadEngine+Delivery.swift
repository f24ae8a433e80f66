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
      at: now, for: times.hostEntry + times.injection)
    // The last part of an injection needs the virtual CPU for itself.
    let unlocked = start + times.hostEntry + times.injection - times.injectionLock
    let locked = virtualCPUs[target].lock.serve(at: unlocked, for: times.injectionLock)
    flights[Int(index)].times.add(start - now + (locked - unlocked), at: .queueing)
    flights[Int(index)].times.add(times.hostEntry, at: .exits)
    flights[Int(index)].times.add(times.injection, at: .injection)
    // The host's handler acknowledges on entry.
    queues[queue].pendingUntil = start + times.hostEntry
    count(.physicalInterrupt)
    takeFromHost(times.hostEntry + times.injection, on: cpu)
    let done = locked + times.injectionLock
    flights[Int(index)].accounted = done
    schedule(.injected, index, at: done)
  }

  /// KVM makes the virtual interrupt pending, and kicks or wakes its virtual CPU.
  mutating func inject(_ index: Int32) {
    guard let target = makePending(index) else { return }
    switch virtualCPUs[Int(target)].state {
    case .running:
      count(.kick)
      flights[Int(index)].times.add(times.kick, at: .wakeUp)
      flights[Int(index)].accounted = now + times.kick
      takeFromHost(times.hypercall, on: virtualCPUs[Int(target)].cpu)
      loadListRegisters(target)
      if virtualCPUs[Int(target)].phase == .idle { enter(target, at: now + times.kick) }
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
      flights[Int(index)].times.add(times.directInjection, at: .injection)
      flights[Int(index)].accounted = now + times.directInjection
      if virtualCPUs[cpu].phase == .idle { enter(target, at: now + times.directInjection) }
    case .ready: break
    case .blocked where !virtualCPUs[cpu].isBeingWoken:
      virtualCPUs[cpu].isBeingWoken = true
      let start = physicalCPUs[Int(virtualCPUs[cpu].cpu)].interrupts.serve(
        at: now, for: times.hostEntry)
      count(.doorbell)
      takeFromHost(times.hostEntry, on: virtualCPUs[cpu].cpu)
      flights[Int(index)].times.add(start - now, at: .queueing)
      flights[Int(index)].times.add(times.hostEntry, at: .exits)
      flights[Int(index)].accounted = start + times.hostEntry
      schedule(.woken, target, at: start + times.hostEntry)
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
    count(.affinity)
    let old = Int(queues[Int(queue)].virtualCPU)
    takeFromHost(times.exitToKernel, on: virtualCPUs[old].cpu)
    if path.isDirect {
      _ = its.serve(at: now, for: times.itsCommand)
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
