internal import ArmFormats
internal import Bits
internal import Designs
internal import GIC
internal import Guest
internal import HostKernel
internal import KVM
internal import Machine
internal import Memory
internal import PCI
internal import SMMU
internal import Simulation
internal import Software
internal import Timing
internal import VMM

// The life of an MSI: device, platform, host, KVM, guest. Each hand-over is an event; what a message
// needs on its way is in its `Flight`.
extension Engine {
  // MARK: At the device

  /// A device signals a vector.
  mutating func emit(_ vector: Int, of device: DeviceIndex) {
    let index = Int32(truncatingIfNeeded: flights.count)
    if flights.isEmpty { costs.forgetUse() }
    if recorder.firstMessages[device.rawValue] == nil { captureFirstMessage(of: device) }
    flights.append(
      Flight(vector: vector, device: device, vm: host.vm(of: device), sent: queue.now))
    if specification.journeyOf == flights.sent[device.rawValue],
      specification.journeyDevice == device.rawValue
    {
      recorder.tracedMessage = index
    }
    flights.sent[device.rawValue] += 1
    if specification.journeyOf == nil ? index == 0 : recorder.recordsJourney(index) { endSetup() }
    recorder.timeline?.send(vector: vector, device: device.rawValue, at: queue.now)
    switch machine.functions[device.rawValue].signal(vector) {
    case .sent(let message): post(index, message)
    case .pending:
      flights[index].holder = .function
      flights.waiting.append(index)
    case .dropped: end(index, .lost, "the function may not send: MSI-X or bus mastering is off")
    }
  }

  /// Records what set-up led to, before the message in question leaves.
  private mutating func endSetup() {
    recorder.stepsBeforeMessage = recorder.steps.count
    recorder.mappings = presentMappings
  }

  /// The mappings of both stages for the device in question, where they are recorded.
  var presentMappings: StreamMappings? {
    let device = specification.journeyDevice
    return specification.wantsMappings
      ? machine.smmus[machine.smmu(of: device)].mappings(
        of: machine.streamID(of: device).rawValue, in: machine.memory) : nil
  }

  private mutating func captureFirstMessage(of device: DeviceIndex) {
    let function = machine.functions[device.rawValue]
    if let entry = function.tableEntry(0) {
      recorder.firstMessages[device.rawValue] = .init(
        address: IOVA(entry[.messageAddress]), data: entry[.messageData])
    } else if let message = function.message(forVector: 0) {
      recorder.firstMessages[device.rawValue] = .init(address: message.address, data: message.data)
    }
  }

  /// The function's write goes out.
  mutating func post(_ index: Int32, _ message: MSI) {
    flights[index].message = message
    if recorder.recordsJourney(index) {
      recorder.visit(
        .device, message.address.rawValue, [UInt64(message.data)],
        "vector \(flights[index].vector): write \(hex(UInt64(message.data))) to "
          + "\(message.address)", at: queue.now)
    }
    spend(costs.hop, at: .interconnect, index)
    schedule(.translate, message: index, after: costs.hop)
  }

  /// A device reads or writes memory.
  mutating func access(_ address: IOVA, isWrite: Bool, count: Int, of device: DeviceIndex) {
    let transaction = Transaction(
      streamID: machine.streamID(of: device.rawValue).rawValue, address: address, isWrite: isWrite)
    let result = machine.smmus[machine.smmu(of: device.rawValue)].translate(
      transaction, in: machine.memory)
    recorder.accesses.append(
      .init(address: address, isWrite: isWrite, count: count, translated: result.outputAddress))
  }

  // MARK: In the platform

  /// The device's write reaches the SMMU, and what stands behind it.
  mutating func translate(_ index: Int32) {
    var translation = ReadCounter()
    var tables = ReadCounter()
    translation.keepsReads = recorder.recordsJourney(index)
    tables.keepsReads = recorder.recordsJourney(index)
    let outcome = machine.send(
      flights[index].message, from: flights[index].device.rawValue,
      translation: &translation, tables: &tables)
    let walk =
      translation.reads == 0 ? costs.hit : costs.tableRead.times(translation.reads)
    let lookUp = tables.reads == 0 ? costs[.itsLookup] : costs.tableRead.times(tables.reads)
    let arrival = queue.now + walk + costs.hop
    spend(walk, at: .translation, index)
    spend(costs.hop, at: .interconnect, index)
    if recorder.recordsJourney(index) {
      recorder.visitPlatform(
        translation, tables, outcome, from: queue.now, walked: queue.now + walk,
        read: costs.tableRead, hop: costs.hop)
    }
    complete(index, outcome, at: arrival, lookUp)
  }

  /// Goes on with what became of the write.
  private mutating func complete(
    _ index: Int32, _ outcome: WriteOutcome, at time: SimulatedTime, _ lookUp: SimulatedTime
  ) {
    switch outcome {
    case .message(_, .delivered(let lpi, let cpu, let effect)):
      flights[index].lpi = lpi
      flights[index].cpu = cpu
      spend(lookUp, at: .its, index)
      spend(costs.hostEntry, at: .exits, index)
      follow(
        effect, index, leader: flights.leaders[lpi], isVirtual: false,
        at: time + lookUp + costs.hostEntry)
    case .message(_, .deliveredVirtual(let vPE, let intid, let cpu, let effect)):
      spend(lookUp, at: .its, index)
      recorder.injectedByHardware += 1
      if recorder.recordsJourney(index) { visitVirtualPE(intid, cpu, effect, at: time + lookUp) }
      arriveDirectly(
        index, intid, ofVirtualPE: vPE, at: cpu, wasPending: effect.wasPending,
        doorbell: effect.doorbell, at: time + lookUp)
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
    _ effect: LPIEffect, _ index: Int32, leader: Int32?, isVirtual: Bool, at time: SimulatedTime
  ) {
    switch effect {
    case .newlyPending:
      lead(index, isVirtual: isVirtual)
      if isVirtual {
        scheduleAcknowledge(index, at: time)
      } else {
        schedule(.hostInterrupt, message: index, at: time)
      }
    case .disabledButPending:
      lead(index, isVirtual: isVirtual)
      flights.waiting.append(index)
    case .alreadyPending: flights.join(index, to: leader)
    case .lpisDisabled, .intidOutOfRange, .tableAbort:
      end(index, .dropped, "the redistributor ignored the LPI: \(effect)")
    }
  }

  /// Messages that find this one's interrupt pending arrive with it.
  mutating func lead(_ index: Int32, isVirtual: Bool) {
    if isVirtual {
      flights.virtualLeaders[flights[index].vm.rawValue][flights[index].virtualLPI] = index
    } else {
      flights.leaders[flights[index].lpi] = index
    }
  }

  /// The leader of a guest's interrupt.
  func virtualLeader(of intid: UInt32, in vm: VMIndex) -> Int32? {
    flights.virtualLeaders[vm.rawValue][intid]
  }

  /// The host's GICv2m frame has made an SPI pending.
  private mutating func takePhysicalSPI(
    _ spi: UInt32, _ index: Int32, wasPending: Bool, at time: SimulatedTime
  ) {
    flights[index].lpi = spi
    spend(costs.hostEntry, at: .exits, index)
    guard !wasPending else { return flights.join(index, to: flights.leaders[spi]) }
    lead(index, isVirtual: false)
    if machine.distributor.isDue(spi) {
      schedule(.hostInterrupt, message: index, at: time + costs.hostEntry)
    } else {
      flights.waiting.append(index)
    }
  }

  // MARK: Faults

  /// A fault ends the message; who learns of it decides between `fault` and `lost`.
  private mutating func endByFault(
    _ index: Int32, _ event: EventRecord, _ recording: FaultRecording
  ) {
    let place = event[.stage2] ? ", IPA \(IPA(event[.ipa] << 12))" : ""
    let stage = event[.stage2] ? "stage 2" : "stage 1"
    let name = "\(event[.kind]) at \(stage)\(place), input \(IOVA(event[.inputAddress]))"
    guard recording == .recorded else {
      return end(index, .lost, "\(name); the record was \(recording)")
    }
    consumeEvents(of: flights[index].device)
    if host.guestEvent(for: event, of: host[flights[index].device].smmu) != nil {
      end(index, .fault, "\(name); relayed to the guest's event queue")
    } else {
      end(index, .lost, "\(name); recorded in the host's event queue only: the guest sees nothing")
    }
  }

  /// The host's handler empties the event queue, long before the next event as a rule: a later
  /// fault gets a record of its own, although a nested STE lets the SMMU merge equal ones
  /// (`arm_smmu_evtq_thread`).
  private mutating func consumeEvents(of device: DeviceIndex) {
    let smmu = machine.smmu(of: device.rawValue)
    let producer = machine.smmus[smmu].readRegister(SMMURegister.eventQueueProducer, width: 4)
    machine.write(
      producer, at: machine.layout.smmu(smmu) + SMMURegister.eventQueueConsumer, width: 4)
    note(
      Step<Never>(.host, "arm_smmu_evtq_thread", "the event queue is read", .decide),
      of: host.vm(of: device))
  }

  // MARK: In the host

  /// The host's handler takes the physical interrupt and signals the eventfd (`vfio_msihandler`).
  mutating func hostInterrupt(_ index: Int32) {
    let (lpi, cpu) = (flights[index].lpi, flights[index].cpu)
    if lpi < INTID.firstLPI {
      machine.distributor.acknowledge(lpi)
      machine.distributor.deactivate(lpi)
    } else {
      machine.redistributors.acknowledgeLPI(lpi, at: cpu, memory: machine.memory)
    }
    let isExit = countInterrupt(.physicalInterrupt, onCPU: cpu)
    if recorder.recordsJourney(index) {
      recorder.visit(
        .hostInterrupt, nil, [UInt64(lpi)],
        "CPU \(cpu) \(isExit ? "leaves the guest" : "wakes up") and acknowledges \(intidText(lpi))",
        at: queue.now)
    }
    let route: InjectionRoute
    switch host.signalTarget(ofLPI: lpi) {
    case .kvm(let target): route = target
    case .vmm(let vector):
      flights[index].holder = .vmm
      flights.waiting.append(index)
      let vm = flights[index].vm.rawValue
      let local = machines[vm].local(flights[index].device)
      return machines[vm].vmm.keepPending(vector, of: local)
    case nil:
      return end(index, .lost, "\(intidText(lpi)) has no eventfd bound to a KVM route")
    }
    flights[index].route = route
    if recorder.recordsJourney(index) {
      recorder.visit(
        .eventfd, nil, [],
        route.spi == nil
          ? "vfio_msihandler signals; irqfd sends (\(route.doorbell), DeviceID "
            + "\(hex(UInt64(route.deviceID))), EventID \(route.eventID)) to the virtual ITS"
          : "vfio_msihandler signals; irqfd injects \(route.text)", at: queue.now)
    }
    spend(costs.irqfd, at: .injection, index)
    schedule(.inject, message: index, after: costs.irqfd)
  }

  // MARK: In KVM

  /// KVM injects along the route of the vector's eventfd.
  mutating func inject(_ index: Int32) {
    guard let route = flights[index].route else {
      return end(index, .lost, "the KVM route went away while the VMM held the interrupt")
    }
    let vm = flights[index].vm
    var observer = ReadCounter()
    observer.keepsReads = recorder.recordsJourney(index)
    switch kvm[vm.rawValue].inject(route, observer: &observer) {
    case .noITS:
      end(index, .lost, "no virtual ITS has a doorbell at \(route.doorbell): KVM returns -EINVAL")
    case .forwarded(let physical): injectByCommand(index, physical)
    case .noSPI(let spi): end(index, .lost, "the guest's distributor has no SPI \(spi)")
    case .spi(let spi, let wasPending, let isDue):
      arriveAsSPI(index, spi, wasPending: wasPending, isDue: isDue)
    case .message(.delivered(let lpi, let cpu, let effect)):
      flights[index].virtualLPI = lpi
      flights[index].virtualCPU = VCPUIndex(cpu)
      if recorder.recordsJourney(index) {
        recorder.visit(
          .virtualITS, route.doorbell.rawValue, [UInt64(route.eventID)],
          "DeviceID \(hex(UInt64(route.deviceID))), EventID \(route.eventID) -> vLPI \(lpi)",
          at: queue.now)
        // The cost of KVM's reads is in that of the injection.
        recorder.visitTables(observer.tables, isVirtual: true, from: queue.now, each: .zero)
        recorder.visit(
          .listRegister, nil, [UInt64(lpi)],
          "vLPI \(lpi) is pending for virtual CPU \(cpu), which is kicked and entered",
          at: queue.now)
      }
      follow(
        effect, index, leader: virtualLeader(of: lpi, in: vm), isVirtual: true,
        at: acknowledgeTime(index))
    case .message(.deliveredVirtual):
      end(index, .misrouted, "the virtual ITS has a mapping of a nested guest")
    case .message(.dropped(let drop)):
      end(index, .dropped, "the virtual ITS dropped it: \(drop.explanation)")
    }
  }

  private mutating func arriveAsSPI(
    _ index: Int32, _ spi: UInt32, wasPending: Bool, isDue: Bool
  ) {
    flights[index].virtualLPI = spi
    if recorder.recordsJourney(index) {
      recorder.visit(
        .listRegister, nil, [UInt64(spi)],
        "SPI \(spi) is pending for \(flights[index].virtualCPU), which is kicked and entered",
        at: queue.now)
    }
    let time = acknowledgeTime(index)
    guard !wasPending else {
      return flights.join(index, to: virtualLeader(of: spi, in: flights[index].vm))
    }
    lead(index, isVirtual: true)
    if isDue {
      scheduleAcknowledge(index, at: time)
    } else {
      flights.waiting.append(index)
    }
  }

  // MARK: In the guest

  /// The guest will acknowledge the message's interrupt: until it is handled, its virtual CPU is busy.
  mutating func scheduleAcknowledge(_ index: Int32, at time: SimulatedTime) {
    let (vm, cpu) = (flights[index].vm.rawValue, flights[index].virtualCPU.rawValue)
    machines[vm].cpus[cpu].inService += 1
    schedule(.acknowledge, message: index, at: time)
  }

  mutating func acknowledge(_ index: Int32) {
    let planned = flights[index].virtualCPU
    let vm = flights[index].vm.rawValue
    if machines[vm].cpus.count > 1 { relocate(index) }
    let (intid, cpu) = (flights[index].virtualLPI, flights[index].virtualCPU)
    if cpu != planned {
      machines[vm].cpus[planned.rawValue].inService -= 1
      machines[vm].cpus[cpu.rawValue].inService += 1
    }
    if flights[index].isDirect {
      machine.redistributors.acknowledgeVirtual(
        intid, at: flights[index].cpu, memory: machine.memory)
    } else {
      kvm[vm].acknowledge(intid, at: cpu)
    }
    if recorder.recordsJourney(index) {
      recorder.visit(
        .acknowledge, nil, [UInt64(intid)], "ICC_IAR1_EL1 gives \(intid); no exit",
        at: queue.now)
    }
    spend(costs.handler, at: .handler, index)
    schedule(.handle, message: index, after: costs.handler)
  }

  mutating func handle(_ index: Int32) {
    let (vm, vector) = (flights[index].vm, flights[index].vector)
    let (intid, cpu) = (flights[index].virtualLPI, flights[index].virtualCPU)
    let expected = machines[vm.rawValue].interrupt(ofVector: vector, of: flights[index].device)
    if recorder.recordsJourney(index) {
      recorder.visit(
        .handler, nil, [],
        "the handler of vector \(vector) runs; EOI by ICC_EOIR1_EL1, no exit",
        at: queue.now)
    }
    if expected == nil || expected == intid {
      recorder.breakdown.add(
        flights[index].times.completed(after: queue.now - flights[index].sent))
      end(
        index, .delivered, handled: queue.now, "the guest's handler ran for \(intidText(intid))")
    } else {
      end(
        index, .misrouted, handled: queue.now,
        "\(intidText(intid)) arrived where vector \(vector) has " + intidText(expected ?? 0))
    }
    endInterrupt(intid, of: vm)
    machines[vm.rawValue].cpus[cpu.rawValue].inService -= 1
    blockIfIdle(cpu, of: vm)
  }

  /// The handler's end of interrupt: an SPI is active until then, and one that became pending
  /// meanwhile comes now.
  private mutating func endInterrupt(_ intid: UInt32, of vm: VMIndex) {
    guard intid < INTID.firstLPI else { return }
    kvm[vm.rawValue].distributor.deactivate(intid)
    retryWaiting()
  }

  // MARK: Masked vectors and disabled interrupts

  /// Messages that a function sends because they were unmasked, and whatever an enabled interrupt
  /// lets through.
  mutating func release(_ emissions: [Emission], of device: DeviceIndex) {
    for emission in emissions {
      if let first = releasePending(emission.vector, of: device, from: .function) {
        post(first, emission.message)
      }
    }
    retryWaiting()
  }

  /// The VMM injects a vector whose pending bit it keeps.
  mutating func injectPending(_ vector: Int, of device: DeviceIndex) {
    if let first = releasePending(vector, of: device, from: .vmm) {
      if case .kvm(let route) = host.signalTarget(ofLPI: flights[first].lpi) {
        flights[first].route = route
      }
      schedule(.inject, message: first, after: costs.systemCall)
    }
    retryWaiting()
  }

  /// Ends the wait of a vector's messages; the first of them, which the others arrive with, since a
  /// vector has one pending bit.
  private mutating func releasePending(
    _ vector: Int, of device: DeviceIndex, from holder: Flight.Holder
  ) -> Int32? {
    var first: Int32?
    var kept = 0
    for place in flights.waiting.indices {
      let index = flights.waiting[place]
      guard flights[index].holder == holder, flights[index].vector == vector,
        flights[index].device == device
      else {
        flights.waiting[kept] = index
        kept += 1
        continue
      }
      flights[index].holder = nil
      flights.join(index, to: first)
      first = first ?? index
    }
    flights.waiting.removeSubrange(kept...)
    return first
  }

  /// Goes on with messages that nothing holds back any more.
  mutating func retryWaiting() {
    guard !flights.waiting.isEmpty else { return }
    let held = flights.waiting
    flights.waiting = []
    for index in held {
      if flights[index].virtualLPI != 0 { relocate(index) }
      if flights[index].holder != nil || !retry(index) { flights.waiting.append(index) }
    }
  }

  private mutating func retry(_ index: Int32) -> Bool {
    let (lpi, virtualLPI) = (flights[index].lpi, flights[index].virtualLPI)
    if flights[index].isDirect {
      guard
        machine.redistributors.isVirtualDue(
          virtualLPI, at: flights[index].cpu, memory: machine.memory)
      else { return false }
      scheduleAcknowledge(index, at: queue.now + costs[.directInjection])
    } else if virtualLPI != 0 {
      guard kvm[flights[index].vm.rawValue].isDue(virtualLPI, at: flights[index].virtualCPU)
      else { return false }
      scheduleAcknowledge(index, at: queue.now + costs.kick)
    } else if lpi != 0, lpi < INTID.firstLPI {
      guard machine.distributor.isDue(lpi) else { return false }
      schedule(.hostInterrupt, message: index, after: costs.hostEntry)
    } else if lpi != 0 {
      guard machine.redistributors.isDue(lpi, at: flights[index].cpu, memory: machine.memory)
      else { return false }
      schedule(.hostInterrupt, message: index, after: costs.hostEntry)
    }
    return true
  }

  // MARK: Ends

  /// Puts `time` on the message's account.
  mutating func spend(_ time: SimulatedTime, at station: Station, _ index: Int32) {
    flights[index].times.add(time, at: station)
    recorder.timeline?.stay(Int(index), at: station, for: time, now: queue.now)
  }

  /// Ends a message.
  ///
  /// - Parameter handled: when the guest's handler ran for it.
  mutating func end(
    _ index: Int32, _ verdict: Verdict, handled: SimulatedTime? = nil,
    _ text: @autoclosure () -> String
  ) {
    let device = flights.records[Int(index)].device
    flights.end(index, verdict, handled: handled)
    recorder.end(index, of: device, verdict, at: queue.now, text)
  }
}

private func intidText(_ intid: UInt32) -> String {
  intid < INTID.firstLPI ? "SPI \(intid)" : "LPI \(intid)"
}
