internal import ArmFormats
internal import Bits
internal import GIC
internal import Guest
internal import HostKernel
internal import Machine
internal import Memory
internal import PCI
internal import SMMU
internal import Simulation
internal import Software
internal import Timing
internal import VMM

// The data path: an MSI from the device's write to the guest's handler. Each hand-over is an
// event; what a message needs on its way is in its element of `messages`.
extension System {
  // MARK: At the device

  /// A device signals a vector.
  mutating func emit(_ vector: Int, of device: Int) {
    let index = Int32(truncatingIfNeeded: messages.count)
    if messages.isEmpty { costs.forgetUse() }
    if firstMessages[device] == nil { captureFirstMessage(of: device) }
    messages.append(MessageState(vector: vector, device: device, sent: queue.now))
    if specification.journeyOf == sent[device], specification.journeyDevice == device {
      wanted = index
    }
    sent[device] += 1
    if specification.journeyOf == nil ? index == 0 : isWanted(index) { endSetup() }
    timeline?.send(vector: vector, at: queue.now)
    switch machine.functions[device].signal(vector) {
    case .sent(let message): depart(index, message)
    case .pending:
      messages[Int(index)].holder = .function
      waiting.append(index)
    case .dropped: end(index, .lost, "the function may not send: MSI-X or bus mastering is off")
    }
  }

  /// Takes down what set-up came to, before the message in question leaves.
  private mutating func endSetup() {
    stepsBeforeMessage = performed.count
    mappings = presentMappings
  }

  /// What both stages map for the device in question now, where somebody asked for it.
  var presentMappings: StreamMappings? {
    let device = specification.journeyDevice
    return specification.wantsMappings
      ? machine.smmus[machine.smmu(of: device)].mappings(
        of: machine.streamID(of: device).rawValue, in: machine.memory) : nil
  }

  private mutating func captureFirstMessage(of device: Int) {
    if let entry = machine.functions[device].tableEntry(0) {
      firstMessages[device] = .init(
        address: IOVA(entry[.messageAddress]), data: entry[.messageData])
    } else if let message = machine.functions[device].message(forVector: 0) {
      firstMessages[device] = .init(address: message.address, data: message.data)
    }
  }

  mutating func depart(_ index: Int32, _ message: MSI) {
    messages[Int(index)].message = message
    if isWanted(index) {
      visit(
        .device, message.address.rawValue, [UInt64(message.data)],
        "vector \(messages[Int(index)].vector): write \(hex(UInt64(message.data))) to "
          + "\(message.address)")
    }
    spend(costs.hop, at: .interconnect, index)
    schedule(.translate, after: costs.hop, message: index)
  }

  /// A device reads or writes memory.
  mutating func access(_ address: IOVA, isWrite: Bool, count: Int, of device: Int) {
    let transaction = Transaction(
      streamID: machine.streamID(of: device).rawValue, address: address, isWrite: isWrite)
    let result = machine.smmus[machine.smmu(of: device)].translate(
      transaction, in: machine.memory)
    translations.append(
      .init(address: address, isWrite: isWrite, count: count, translated: result.place))
  }

  // MARK: In the platform

  /// The device's write reaches the SMMU, and what stands behind it.
  mutating func translate(_ index: Int32) {
    var translation = ReadCounter()
    var tables = ReadCounter()
    translation.keepsReads = isWanted(index)
    tables.keepsReads = isWanted(index)
    let outcome = machine.send(
      messages[Int(index)].message, from: messages[Int(index)].device,
      translation: &translation, tables: &tables)
    let walk =
      translation.reads == 0 ? costs.hit : costs.tableRead.times(translation.reads)
    let lookUp = tables.reads == 0 ? costs[.itsLookup] : costs.tableRead.times(tables.reads)
    let arrival = queue.now + walk + costs.hop
    spend(walk, at: .translation, index)
    spend(costs.hop, at: .interconnect, index)
    if isWanted(index) {
      visitPlatform(index, translation, tables, outcome, walked: queue.now + walk)
    }
    settle(index, outcome, at: arrival, lookUp)
  }

  private mutating func settle(
    _ index: Int32, _ outcome: WriteOutcome, at time: SimulatedTime, _ lookUp: SimulatedTime
  ) {
    switch outcome {
    case .message(_, .delivered(let lpi, let cpu, let effect)):
      messages[Int(index)].lpi = lpi
      messages[Int(index)].cpu = cpu
      spend(lookUp, at: .its, index)
      spend(costs.hostEntry, at: .exits, index)
      follow(
        effect, index, key: lpi, kind: .hostInterrupt, at: time + lookUp + costs.hostEntry)
    case .message(_, .deliveredVirtual(_, let intid, let cpu, let effect)):
      spend(lookUp, at: .its, index)
      injectedByHardware += 1
      if isWanted(index) { visitVirtualPE(intid, cpu, effect, at: time + lookUp) }
      arriveDirectly(
        index, intid, at: cpu, wasPending: effect.wasPending, doorbell: effect.doorbell,
        at: time + lookUp)
    case .message(_, .dropped(let drop)):
      end(index, .dropped, "the physical ITS dropped it: \(drop.explanation)")
    case .spi(_, let spi, let wasPending):
      takePhysicalSPI(spi, index, wasPending: wasPending, at: time)
    case .memory(let place):
      end(index, .corrupted, "four bytes of RAM at \(place) were overwritten")
    case .register(let place):
      end(index, .lost, "\(place) is a register page without a doorbell at that offset")
    case .externalAbort(let place): end(index, .lost, "nothing answers at \(place)")
    case .aborted:
      end(index, .lost, "the stream's entry aborts: terminated without an event")
    case .stalled: end(index, .lost, "the SMMU holds the write for a fault handler")
    case .fault(let event, let recording): endByFault(index, event, recording)
    }
  }

  /// Goes on with an interrupt that became pending; one that was pending already arrives with the
  /// message that made it so.
  private mutating func follow(
    _ effect: LPIEffect, _ index: Int32, key: UInt32, kind: Event.Kind, at time: SimulatedTime
  ) {
    let isVirtual = kind == .acknowledge
    switch effect {
    case .newlyPending:
      remember(index, key, isVirtual: isVirtual)
      schedule(kind, at: time, message: index)
    case .disabledButPending:
      remember(index, key, isVirtual: isVirtual)
      waiting.append(index)
    case .alreadyPending:
      messages[Int(index)].leader = lastMessage(of: key, isVirtual: isVirtual)
    case .lpisDisabled, .intidOutOfRange, .tableAbort:
      end(index, .dropped, "the redistributor ignored the LPI: \(effect)")
    }
  }

  mutating func remember(_ index: Int32, _ lpi: UInt32, isVirtual: Bool) {
    if isVirtual { virtualLeaders[lpi] = index } else { physicalLeaders[lpi] = index }
  }

  func lastMessage(of lpi: UInt32, isVirtual: Bool) -> Int32? {
    isVirtual ? virtualLeaders[lpi] : physicalLeaders[lpi]
  }

  // MARK: In the host

  /// The host's handler takes the physical LPI and signals the eventfd (`vfio_msihandler`).
  mutating func hostInterrupt(_ index: Int32) {
    let message = messages[Int(index)]
    if message.lpi < INTID.firstLPI {
      endPhysicalSPI(message.lpi)
    } else {
      machine.redistributors.acknowledgeLPI(
        message.lpi, at: message.cpu, memory: machine.memory)
    }
    countExit(.physicalInterrupt, by: .delivery)
    if isWanted(index) {
      visit(
        .hostInterrupt, nil, [UInt64(message.lpi)],
        "CPU \(message.cpu) leaves the guest and acknowledges \(Self.intidText(message.lpi))")
    }
    let route: InjectionRoute
    switch host.signalTarget(ofLPI: message.lpi) {
    case .kvm(let target): route = target
    case .vmm(let vector):
      messages[Int(index)].holder = .vmm
      waiting.append(index)
      return vmm.keepPending(vector, of: message.device)
    case nil:
      return end(index, .lost, "\(Self.intidText(message.lpi)) has no eventfd bound to a KVM route")
    }
    messages[Int(index)].route = route
    if isWanted(index) {
      visit(
        .eventfd, nil, [],
        route.spi == nil
          ? "vfio_msihandler signals; irqfd sends (\(route.doorbell), DeviceID "
            + "\(hex(UInt64(route.deviceID))), EventID \(route.eventID)) to the virtual ITS"
          : "vfio_msihandler signals; irqfd injects \(route.text)")
    }
    spend(costs.irqfd, at: .injection, index)
    schedule(.inject, after: costs.irqfd, message: index)
  }

  /// KVM's virtual ITS takes the message that the guest believes in.
  mutating func inject(_ index: Int32) {
    guard let route = messages[Int(index)].route else {
      return end(index, .lost, "the KVM route went away while the VMM held the interrupt")
    }
    if let spi = route.spi { return injectSPI(index, spi) }
    guard route.doorbell == vmm.map.doorbell else {
      end(index, .lost, "no virtual ITS has a doorbell at \(route.doorbell): KVM returns -EINVAL")
      return
    }
    if bypassesHost,
      let physical = virtualITS.forwarding(deviceID: route.deviceID, eventID: route.eventID)
    {
      return injectByCommand(index, physical)
    }
    var observer = ReadCounter()
    observer.keepsReads = isWanted(index)
    let outcome = virtualITS.receiveMessage(
      deviceID: route.deviceID, eventID: route.eventID, memory: guestMemory,
      redistributors: &virtualRedistributors, observer: &observer)
    switch outcome {
    case .delivered(let lpi, _, let effect):
      messages[Int(index)].virtualLPI = lpi
      if isWanted(index) {
        visit(
          .virtualITS, route.doorbell.rawValue, [UInt64(route.eventID)],
          "DeviceID \(hex(UInt64(route.deviceID))), EventID \(route.eventID) -> vLPI \(lpi)")
        // What KVM reads here is in the cost of the injection.
        visitTables(observer.tables, isVirtual: true, from: queue.now, each: .zero)
        visit(
          .listRegister, nil, [UInt64(lpi)],
          "vLPI \(lpi) is pending for virtual CPU 0, which is kicked and entered")
      }
      follow(effect, index, key: lpi, kind: .acknowledge, at: acknowledgeTime(index))
    case .deliveredVirtual:
      end(index, .misrouted, "the virtual ITS has a mapping of a nested guest")
    case .dropped(let drop):
      end(index, .dropped, "the virtual ITS dropped it: \(drop.explanation)")
    }
  }

  // MARK: In the guest

  mutating func acknowledge(_ index: Int32) {
    let message = messages[Int(index)]
    if message.virtualLPI < INTID.firstLPI {
      virtualDistributor.acknowledge(message.virtualLPI)
    } else if message.isDirect {
      machine.redistributors.acknowledgeVirtual(
        message.virtualLPI, at: message.cpu, memory: machine.memory)
    } else {
      virtualRedistributors.acknowledgeLPI(message.virtualLPI, at: 0, memory: guestMemory)
    }
    if isWanted(index) {
      visit(
        .acknowledge, nil, [UInt64(message.virtualLPI)],
        "ICC_IAR1_EL1 gives \(message.virtualLPI); no exit")
    }
    spend(costs.handler, at: .handler, index)
    schedule(.handle, after: costs.handler, message: index)
  }

  mutating func handle(_ index: Int32) {
    let message = messages[Int(index)]
    messages[Int(index)].handled = queue.now
    let event = UInt32(truncatingIfNeeded: message.vector)
    let expected = guest.lpi(ofEvent: event, of: message.device)
    if isWanted(index) {
      visit(
        .handler, nil, [],
        "the handler of vector \(message.vector) runs; EOI by ICC_EOIR1_EL1, no exit")
    }
    if expected == nil || expected == message.virtualLPI {
      breakdown.add(message.times.completed(after: queue.now - message.sent))
      end(index, .delivered, "the guest's handler ran for \(Self.intidText(message.virtualLPI))")
    } else {
      end(
        index, .misrouted,
        "\(Self.intidText(message.virtualLPI)) arrived where vector \(message.vector) has "
          + Self.intidText(expected ?? 0))
    }
    endSPI(message.virtualLPI)
    inService -= 1
    blockIfIdle()
  }

  // MARK: Ends

  /// Puts `time` on the message's account.
  mutating func spend(_ time: SimulatedTime, at station: Station, _ index: Int32) {
    messages[Int(index)].times.add(time, at: station)
    timeline?.stay(Int(index), at: station, for: time, now: queue.now)
  }

  mutating func end(_ index: Int32, _ verdict: Verdict, _ text: @autoclosure () -> String) {
    messages[Int(index)].verdict = verdict
    timeline?.end(Int(index), verdict, at: queue.now)
    let device = messages[Int(index)].device
    let isFirstOfItsKind = verdict != .delivered && reasons[device] == nil
    guard isFirstOfItsKind || isWanted(index) else { return }
    let text = text()
    if isFirstOfItsKind { reasons[device] = text }
    if isWanted(index) { journeyReason = text }
  }
}
