internal import Simulation

// What devices do: events, coalescing, messages on their way to the ITS.
extension LoadEngine {
  /// The driver gives the device a command.
  mutating func submit(_ queue: Int32) {
    let service = random.exponential(mean: kinds[Int(queues[Int(queue)].load)].mean)
    let start = channels[Int(queues[Int(queue)].device)].serve(at: now, for: service)
    schedule(.event, queue, at: start + service)
  }

  mutating func scheduleArrival(_ queue: Int32) {
    let gap = kinds[Int(queues[Int(queue)].load)].mean
    schedule(.event, queue, at: now + random.exponential(mean: gap))
  }

  /// A command is done, or a burst of packets comes in: as many as there is room for.
  mutating func deviceEvent(_ queue: Int32) {
    let kind = kinds[Int(queues[Int(queue)].load)]
    let state = queues[Int(queue)]
    let held = Int(state.waiting) &+ Int(state.stalled) &+ Int(state.posting)
    let taken = min(kind.burst, max(0, kind.ring &- held))
    totals.offered &+= kind.burst
    totals.dropped &+= kind.burst &- taken
    guard taken > 0 else { return }
    queues[Int(queue)].stalled &+= Int32(truncatingIfNeeded: taken)
    if state.posting == 0 { needCredit(queue) }
  }

  /// A burst comes in, and the next one is due after it.
  mutating func burst(_ queue: Int32) {
    if !kinds[Int(queues[Int(queue)].load)].isClosed { scheduleArrival(queue) }
    deviceEvent(queue)
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

  // MARK: Posted writes

  /// A queue has something to write: it does at once, or waits behind others for a credit.
  private mutating func needCredit(_ queue: Int32) {
    guard !queues[Int(queue)].isWaiting else { return }
    let device = Int(queues[Int(queue)].device)
    if devices[device].credits > 0, devices[device].head < 0 {
      queues[Int(queue)].waitsSince = now
      return write(queue, on: device)
    }
    queues[Int(queue)].isWaiting = true
    queues[Int(queue)].waitsSince = now
    queues[Int(queue)].nextWaiting = -1
    if devices[device].head < 0 {
      devices[device].head = queue
    } else {
      queues[Int(devices[device].tail)].nextWaiting = queue
    }
    devices[device].tail = queue
  }

  /// A write of the device has left its link: the next queue that waits has the credit.
  mutating func returnCredit(of device: Int) {
    devices[device].credits &+= 1
    devices[device].returnedAt &+= now.picoseconds
    guard !devices[device].isGranting, devices[device].head >= 0 else { return }
    devices[device].isGranting = true
    while devices[device].credits > 0, devices[device].head >= 0 {
      let queue = devices[device].head
      devices[device].head = queues[Int(queue)].nextWaiting
      queues[Int(queue)].isWaiting = false
      devices[device].waited += now - queues[Int(queue)].waitsSince
      write(queue, on: device)
    }
    devices[device].isGranting = false
  }

  /// The device writes its events' buffers and their entries in the ring, and then the MSI.
  private mutating func write(_ queue: Int32, on device: Int) {
    devices[device].credits &-= 1
    devices[device].takenAt &+= now.picoseconds
    queues[Int(queue)].granted = now
    queues[Int(queue)].posting = queues[Int(queue)].stalled
    queues[Int(queue)].stalled = 0
    let ready = translateBuffers(queue)
    if ready > now { schedule(.posted, queue, at: ready) } else { post(queue) }
  }

  /// When the pages of the events that are being written have been translated.
  private mutating func translateBuffers(_ queue: Int32) -> SimulatedTime {
    let kind = kinds[Int(queues[Int(queue)].load)]
    guard kind.pages > 0 else { return now }
    var ready = now
    for _ in 0..<Int(queues[Int(queue)].posting) &* kind.pages {
      // A strict driver never uses a mapping twice; a fixed one has as many as its ring.
      let page = queues[Int(queue)].pagesUsed & (kind.mapping == .strict ? .max : 255)
      queues[Int(queue)].pagesUsed &+= 1
      let found = translate(UInt64(UInt32(bitPattern: queue)) &<< 40 | page &+ 1, at: now)
      if !found.isHit { ready = max(ready, found.start + found.service) }
    }
    return ready
  }

  /// The events stand in the ring; their MSI follows, if one is due.
  mutating func post(_ queue: Int32) {
    let kind = kinds[Int(queues[Int(queue)].load)]
    let events = queues[Int(queue)].posting
    queues[Int(queue)].posting = 0
    queues[Int(queue)].waiting &+= events
    if events > 0, kind.isClosed || queues[Int(queue)].isArmed { coalesce(queue, events, kind) }
    if queues[Int(queue)].isWanted, queues[Int(queue)].isMasked { hold(queue) }
    if queues[Int(queue)].isWanted {
      emit(queue)
    } else {
      returnCredit(of: Int(queues[Int(queue)].device))
    }
    if queues[Int(queue)].stalled > 0 { needCredit(queue) }
  }

  /// Whether the events make an MSI due now, or later.
  private mutating func coalesce(_ queue: Int32, _ events: Int32, _ kind: LoadKind) {
    let before = queues[Int(queue)].coalesced
    queues[Int(queue)].coalesced = before &+ events
    if Int(queues[Int(queue)].coalesced) >= kind.coalescedEvents || kind.coalescingTime == .zero {
      return want(queue)
    }
    // The time runs from the first event on.
    guard before == 0 else { return }
    schedule(
      .coalesced, queue, at: now + kind.coalescingTime, plan: queues[Int(queue)].coalescingPlan)
  }

  /// The device has an MSI to write, unless its vector is masked.
  private mutating func want(_ queue: Int32) {
    queues[Int(queue)].coalesced = 0
    queues[Int(queue)].coalescingPlan &+= 1
    if !kinds[Int(queues[Int(queue)].load)].isClosed { queues[Int(queue)].isArmed = false }
    if queues[Int(queue)].isMasked { hold(queue) } else { queues[Int(queue)].isWanted = true }
  }

  /// The MSI of a masked vector is pending in the device.
  private mutating func hold(_ queue: Int32) {
    queues[Int(queue)].isWanted = false
    if !queues[Int(queue)].isHeld { queues[Int(queue)].heldSince = now }
    queues[Int(queue)].isHeld = true
  }

  /// The coalescing time of a queue is over.
  mutating func endCoalescing(_ queue: Int32) {
    want(queue)
    if queues[Int(queue)].isWanted, queues[Int(queue)].posting == 0 { needCredit(queue) }
  }

  /// The guest has unmasked a vector: what is pending in the device for it follows.
  mutating func release(_ queue: Int32) {
    queues[Int(queue)].isMasked = false
    guard queues[Int(queue)].isHeld else { return }
    queues[Int(queue)].isWanted = true
    if queues[Int(queue)].posting == 0 { needCredit(queue) }
  }

  /// The device writes its MSI, which the SMMU translates.
  private mutating func emit(_ queue: Int32) {
    let state = queues[Int(queue)]
    queues[Int(queue)].isWanted = false
    queues[Int(queue)].isHeld = false
    // Where the device could not write for want of credits, its wait counts.
    let isLate = state.waitsSince < state.granted
    let free = isLate ? state.waitsSince : now
    let since = state.isHeld ? min(state.heldSince, free) : free
    let index = newFlight(queue, since: since)
    spend(index, free - since, at: .held)
    if isLate {
      spend(index, state.granted - free, at: .queueing)
      spend(index, now - state.granted, at: .translation)
    }
    // The doorbell's page is one for each device.
    let tag = UInt64(1) &<< 63 | UInt64(UInt32(bitPattern: queues[Int(queue)].device))
    let hop = costs[.interconnectHop]
    let translated = translate(tag, at: now + hop)
    spend(index, hop + hop, at: .interconnect)
    spend(index, translated.start - (now + hop), at: .queueing)
    spend(index, translated.service, at: .translation)
    let arrival = translated.start + translated.service + hop
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

  /// The ITS looks the message up, one at a time; there is room for so many on the way to it.
  mutating func lookUp(_ index: Int32, at time: SimulatedTime) {
    let queue = flights[Int(index)].queue
    if writesUnderWay < mostUnderWay {
      writesUnderWay &+= 1
      returnCredit(of: Int(queues[Int(queue)].device))
    } else if firstBlocked < 0 {
      (firstBlocked, lastBlocked) = (index, index)
    } else {
      flights[Int(lastBlocked)].next = index
      lastBlocked = index
    }
    let isCached = routes.access(UInt64(UInt32(bitPattern: queue)))
    let reads = isCached ? path.warmTableReads : path.coldTableReads
    let service = reads == 0 ? costs[.itsLookup] : costs[.tableRead].times(reads)
    let start = its.serve(at: time, for: service)
    spend(index, start - time, at: .queueing)
    spend(index, service, at: .its)
    flights[Int(index)].accounted = start + service
    schedule(.arrived, index, at: start + service)
  }

  /// The ITS has looked a message up: the first that waits for room moves up, and its device has
  /// the credit back.
  mutating func leaveITS() {
    guard firstBlocked >= 0 else { return writesUnderWay &-= 1 }
    let index = Int(firstBlocked)
    firstBlocked = flights[index].next
    flights[index].next = -1
    returnCredit(of: Int(queues[Int(flights[index].queue)].device))
  }

  private mutating func newFlight(_ queue: Int32, since: SimulatedTime) -> Int32 {
    totals.sent &+= 1
    totals.sentAt &+= UInt128(since.picoseconds)
    var flight = Flight()
    flight.queue = queue
    flight.sent = since
    if trace != nil {
      let state = queues[Int(queue)]
      flight.traced = trace?.send(queue, state, at: since) ?? -1
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
    totals.merged &+= 1
    end(index, at: now)
  }

  /// The message has ended.
  mutating func end(_ index: Int32, at time: SimulatedTime) {
    totals.endedAt &+= UInt128(time.picoseconds)
    let traced = flights[Int(index)].traced
    if traced >= 0 { trace?.end(traced, at: time) }
    freeFlights.append(index)
  }
}
