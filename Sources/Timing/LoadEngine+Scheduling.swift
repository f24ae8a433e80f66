internal import Simulation

// Which virtual CPU runs where: a run queue for each physical CPU, with time slices. One that
// slept comes first, as it has used less of its share; it preempts one that does other work.
extension LoadEngine {
  /// A virtual CPU may run.
  mutating func makeReady(_ target: Int32, first: Bool) {
    let home = virtualCPUs[Int(target)].cpu
    if virtualCPUs[Int(target)].state == .blocked { adaptPolling(target) }
    let cpu = setting.isPinned ? home : placed(home)
    virtualCPUs[Int(target)].state = .ready
    let current = physicalCPUs[Int(cpu)].current
    if current < 0 { return dispatch(target, on: cpu) }
    enqueue(target, on: cpu, first: first)
    if virtualCPUs[Int(current)].state == .polled {
      // KVM polls only where nothing else can run.
      virtualCPUs[Int(current)].waitsSince = now
      virtualCPUs[Int(current)].polling = .zero
      block(current)
    } else if first, virtualCPUs[Int(current)].phase == .idle {
      yield(current)
    } else {
      startSlice(cpu)
    }
  }

  /// Its own physical CPU if that is idle, or else the next idle one, or else its own.
  private func placed(_ home: Int32) -> Int32 {
    for step in 0..<physicalCPUs.count {
      let cpu = (Int(home) + step) % physicalCPUs.count
      if physicalCPUs[cpu].current < 0 { return Int32(truncatingIfNeeded: cpu) }
    }
    return home
  }

  private mutating func enqueue(_ target: Int32, on cpu: Int32, first: Bool) {
    let place = Int(cpu)
    if physicalCPUs[place].head < 0 {
      virtualCPUs[Int(target)].next = -1
      physicalCPUs[place].head = target
      physicalCPUs[place].tail = target
    } else if first {
      virtualCPUs[Int(target)].next = physicalCPUs[place].head
      physicalCPUs[place].head = target
    } else {
      virtualCPUs[Int(target)].next = -1
      virtualCPUs[Int(physicalCPUs[place].tail)].next = target
      physicalCPUs[place].tail = target
    }
  }

  /// Puts a virtual CPU on an idle physical one.
  private mutating func dispatch(_ target: Int32, on cpu: Int32) {
    var time = costs[.contextSwitch]
    let hasMoved = virtualCPUs[Int(target)].cpu != cpu
    if hasMoved { time += costs[.migration] }
    if virtualCPUs[Int(target)].isDirect {
      if hasMoved {
        let start = vPEMoves.serve(at: now, for: costs[.itsMoveVPE])
        time += start - now + costs[.itsMoveVPE]
      }
      time += costs[.residency]
    }
    let ready = useHost(time, on: cpu) + time
    physicalCPUs[Int(cpu)].current = target
    physicalCPUs[Int(cpu)].isSliceOver = false
    virtualCPUs[Int(target)].cpu = cpu
    virtualCPUs[Int(target)].state = .running
    virtualCPUs[Int(target)].debt = .zero
    virtualCPUs[Int(target)].dispatched = now
    virtualCPUs[Int(target)].entered = ready
    loadListRegisters(target)
    enter(target, at: ready)
    if physicalCPUs[Int(cpu)].head >= 0 { startSlice(cpu) }
  }

  /// Gives the current virtual CPU the rest of a time slice.
  private mutating func startSlice(_ cpu: Int32) {
    guard !physicalCPUs[Int(cpu)].hasSlice else { return }
    physicalCPUs[Int(cpu)].hasSlice = true
    physicalCPUs[Int(cpu)].plan &+= 1
    schedule(.slice, cpu, at: now + setting.timeSlice, plan: physicalCPUs[Int(cpu)].plan)
  }

  /// A time slice is over: the current virtual CPU yields as soon as no handler runs.
  mutating func endSlice(_ cpu: Int32) {
    physicalCPUs[Int(cpu)].hasSlice = false
    let current = physicalCPUs[Int(cpu)].current
    guard current >= 0, physicalCPUs[Int(cpu)].head >= 0 else { return }
    count(.timeSlice)
    if virtualCPUs[Int(current)].phase == .idle {
      yield(current)
    } else {
      physicalCPUs[Int(cpu)].isSliceOver = true
    }
  }

  /// The current virtual CPU goes to the end of the run queue, if it has something to do.
  mutating func yield(_ target: Int32) {
    let cpu = virtualCPUs[Int(target)].cpu
    physicalCPUs[Int(cpu)].isSliceOver = false
    let hasWork = virtualCPUs[Int(target)].hasWork
    leave(target, as: hasWork ? .ready : .blocked)
    if hasWork { enqueue(target, on: cpu, first: false) }
    runNext(on: cpu)
  }

  /// A virtual CPU without interrupts goes on with other work, or waits.
  mutating func rest(_ target: Int32) {
    guard !virtualCPUs[Int(target)].isBusy else { return }
    count(.waitForInterrupt)
    let cpu = Int(virtualCPUs[Int(target)].cpu)
    virtualCPUs[Int(target)].waitsSince = now
    let polling = virtualCPUs[Int(target)].polling
    guard polling > .zero, physicalCPUs[cpu].head < 0 else { return block(target) }
    virtualCPUs[Int(target)].state = .polled
    virtualCPUs[Int(target)].plan &+= 1
    schedule(.pollEnd, target, at: now + polling, plan: virtualCPUs[Int(target)].plan)
  }

  /// A virtual CPU sleeps; the next one runs.
  mutating func block(_ target: Int32) {
    if virtualCPUs[Int(target)].state == .polled {
      totals.hostTime += now - virtualCPUs[Int(target)].waitsSince
    }
    let cpu = virtualCPUs[Int(target)].cpu
    leave(target, as: .blocked)
    runNext(on: cpu)
  }

  /// An interrupt has come while KVM polled for it: the virtual CPU runs on without a switch.
  mutating func endPolling(_ target: Int32) {
    let cpu = virtualCPUs[Int(target)].cpu
    totals.polledWakeUps &+= 1
    totals.hostTime += now - virtualCPUs[Int(target)].waitsSince
    adaptPolling(target)
    virtualCPUs[Int(target)].state = .running
    let time =
      costs[.hypercall] + (virtualCPUs[Int(target)].isDirect ? costs[.residency] : .zero)
    let ready = useHost(time, on: cpu) + time
    virtualCPUs[Int(target)].dispatched = now
    virtualCPUs[Int(target)].entered = ready
    loadListRegisters(target)
    enter(target, at: ready)
  }

  /// KVM polls longer where a wait was shorter than the longest poll, and not at all where it was
  /// longer (`kvm_vcpu_halt`).
  private mutating func adaptPolling(_ target: Int32) {
    guard setting.haltPolling > .zero else { return }
    let place = Int(target)
    let waited = now - virtualCPUs[place].waitsSince
    if waited > setting.haltPolling {
      virtualCPUs[place].polling = .zero
    } else if waited > virtualCPUs[place].polling {
      let longer = max(virtualCPUs[place].polling.times(2), .nanoseconds(10_000))
      virtualCPUs[place].polling = min(longer, setting.haltPolling)
    }
  }

  private mutating func leave(_ target: Int32, as state: VirtualCPU.State) {
    virtualCPUs[Int(target)].state = state
    virtualCPUs[Int(target)].phase = .idle
    virtualCPUs[Int(target)].plan &+= 1
    physicalCPUs[Int(virtualCPUs[Int(target)].cpu)].current = -1
  }

  private mutating func runNext(on cpu: Int32) {
    let next = physicalCPUs[Int(cpu)].head
    guard next >= 0 else { return }
    physicalCPUs[Int(cpu)].head = virtualCPUs[Int(next)].next
    if physicalCPUs[Int(cpu)].head < 0 { physicalCPUs[Int(cpu)].tail = -1 }
    dispatch(next, on: cpu)
  }
}
