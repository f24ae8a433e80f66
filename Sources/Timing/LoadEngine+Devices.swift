internal import Simulation

// What devices do: events, coalescing, messages on their way to the ITS.
extension LoadEngine {
  /// The driver gives the device a command.
  mutating func submit(_ queue: Int32) {
    guard case .closed(_, let mean, _) = setting.devices[Int(queues[Int(queue)].load)].source
    else { return }
    let service = random.exponential(mean: mean)
    let start = channels[Int(queues[Int(queue)].device)].serve(at: now, for: service)
    schedule(.event, queue, at: start + service)
  }

  mutating func scheduleArrival(_ queue: Int32) {
    guard case .open(let gap, _, _) = setting.devices[Int(queues[Int(queue)].load)].source
    else { return }
    schedule(.event, queue, at: now + random.exponential(mean: gap))
  }

  /// A command is done, or a burst of packets comes in.
  mutating func deviceEvent(_ queue: Int32) {
    switch setting.devices[Int(queues[Int(queue)].load)].source {
    case .closed:
      if isCounting { result.offered &+= 1 }
      accept(queue, 1)
      coalesce(queue)
    case .open(_, let burst, let ring):
      scheduleArrival(queue)
      arrive(burst, at: queue, ring: ring)
    case .recorded(_, let ring): arrive(1, at: queue, ring: ring)
    }
  }

  /// Packets come in, as many as there is room for; the driver polls unless it sleeps.
  private mutating func arrive(_ burst: Int, at queue: Int32, ring: Int) {
    let room = max(0, ring - Int(queues[Int(queue)].waiting))
    let taken = min(burst, room)
    if isCounting {
      result.offered &+= burst
      result.dropped &+= burst - taken
    }
    guard taken > 0 else { return }
    accept(queue, taken)
    if queues[Int(queue)].isArmed { coalesce(queue) }
  }

  // MARK: Recordings

  mutating func schedulePlayback(_ player: Int32) {
    let state = players[Int(player)]
    let offset = setting.recordings[state.recording].events[state.next].time
    schedule(.recorded, player, at: state.start + offset)
  }

  /// The next event of a recording happens; after the last comes the first.
  mutating func play(_ player: Int32) {
    let state = players[Int(player)]
    let queue = setting.recordings[state.recording].events[state.next].queue % state.queues
    players[Int(player)].next = state.next &+ 1
    if state.next &+ 1 == setting.recordings[state.recording].events.count {
      players[Int(player)].next = 0
      players[Int(player)].start = state.start + setting.recordings[state.recording].period
    }
    schedulePlayback(player)
    deviceEvent(state.firstQueue &+ Int32(truncatingIfNeeded: queue))
  }

  /// The device writes the events' buffers and their entries in the ring.
  private mutating func accept(_ queue: Int32, _ events: Int) {
    queues[Int(queue)].waiting &+= Int32(truncatingIfNeeded: events)
    queues[Int(queue)].coalesced &+= Int32(truncatingIfNeeded: events)
    let place = Int(queues[Int(queue)].load)
    let count = setting.devices[place].pages
    guard count > 0 else { return }
    let isStrict = setting.devices[place].mapping == .strict
    for _ in 0..<events * count {
      // A strict driver never uses a mapping twice; a fixed one has as many as its ring.
      let page = queues[Int(queue)].pagesUsed & (isStrict ? .max : 255)
      queues[Int(queue)].pagesUsed &+= 1
      _ = translate(UInt64(UInt32(bitPattern: queue)) &<< 40 | page &+ 1, at: now)
    }
  }

  private mutating func coalesce(_ queue: Int32) {
    let load = Int(queues[Int(queue)].load)
    let enough = setting.devices[load].coalescedEvents
    let coalesced = Int(queues[Int(queue)].coalesced)
    if coalesced >= enough || setting.devices[load].coalescingTime == .zero { return send(queue) }
    // The time runs from the first event on.
    guard coalesced == 1 else { return }
    schedule(
      .coalesced, queue, at: now + setting.devices[load].coalescingTime,
      plan: queues[Int(queue)].coalescingPlan)
  }

  /// The device writes its MSI, which the SMMU translates.
  mutating func send(_ queue: Int32) {
    queues[Int(queue)].coalesced = 0
    queues[Int(queue)].coalescingPlan &+= 1
    if setting.devices[Int(queues[Int(queue)].load)].source.polls {
      queues[Int(queue)].isArmed = false
    }
    if isCounting { result.sent &+= 1 }
    let index = newFlight(queue)
    // The doorbell's page is one for each device.
    let tag = UInt64(1) &<< 63 | UInt64(UInt32(bitPattern: queues[Int(queue)].device))
    let translated = translate(tag, at: now + costs[.interconnectHop])
    spend(index, costs[.interconnectHop], at: .interconnect)
    spend(index, translated.start - (now + costs[.interconnectHop]), at: .queueing)
    spend(index, translated.service, at: .translation)
    spend(index, costs[.interconnectHop], at: .interconnect)
    let arrival = translated.start + translated.service + costs[.interconnectHop]
    if translated.isHit {
      lookUp(index, at: arrival)
    } else {
      schedule(.lookUp, index, at: arrival)
    }
  }

  /// The SMMU translates an access to the page that `tag` stands for.
  private mutating func translate(
    _ tag: UInt64, at time: SimulatedTime
  ) -> (start: SimulatedTime, service: SimulatedTime, isHit: Bool) {
    if pages.access(tag) || path.coldWalkReads == 0 { return (time, costs[.translationHit], true) }
    let reads = walkCache.access(tag &>> 9) ? path.cachedWalkReads : path.coldWalkReads
    let service = costs[.walkCacheHit] + costs[.tableRead].times(reads)
    return (walks.serve(at: time, for: service), service, false)
  }

  /// The ITS looks the message up, one at a time.
  mutating func lookUp(_ index: Int32, at time: SimulatedTime) {
    let queue = flights[Int(index)].queue
    let isCached = routes.access(UInt64(UInt32(bitPattern: queue)))
    let reads = isCached ? path.warmTableReads : path.coldTableReads
    let service = reads == 0 ? costs[.itsLookup] : costs[.tableRead].times(reads)
    let start = its.serve(at: time, for: service)
    spend(index, start - time, at: .queueing)
    spend(index, service, at: .its)
    flights[Int(index)].accounted = start + service
    schedule(.arrived, index, at: start + service)
  }

  private mutating func newFlight(_ queue: Int32) -> Int32 {
    var flight = Flight()
    flight.queue = queue
    flight.sent = now
    if result.trace != nil {
      let (state, time) = (queues[Int(queue)], now)
      flight.traced = result.trace?.send(queue, state, at: time) ?? -1
    }
    if let index = freeFlights.popLast() {
      flights[Int(index)] = flight
      return index
    }
    flights.append(flight)
    return Int32(truncatingIfNeeded: flights.count - 1)
  }

  /// The message arrives with an earlier one of the same interrupt.
  mutating func merge(_ index: Int32) {
    if flights[Int(index)].sent >= setting.warmUp { result.merged &+= 1 }
    let (traced, time) = (flights[Int(index)].traced, now)
    if traced >= 0 { result.trace?.end(traced, at: time) }
    freeFlights.append(index)
  }
}
