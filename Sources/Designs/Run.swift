internal import ArmFormats
internal import Bits
internal import GLibSupport
internal import Guest
internal import HostKernel
internal import Linux
internal import Machine
internal import Simulation
internal import Software
internal import Timing
internal import VMM

/// Why a run could not be carried out at all: not a verdict, a limit of the model.
public struct RunFailure: Error, Equatable, Sendable {
  /// What is missing or inconsistent, in one sentence.
  public let message: String

  public init(_ message: String) { self.message = message }
}

extension RunSpecification {
  /// Carries the run out.
  ///
  /// - Throws: `RunFailure` when the design, the usage or the workload cannot be modelled.
  public func run() throws(RunFailure) -> RunResult {
    if let inconsistency = design.inconsistency {
      throw RunFailure("design '\(design.name)': \(inconsistency)")
    }
    var low = self
    low.costs = conditions.costs.at(.low)
    var result = try low.perform()
    let ranges = result.usedCosts.map { Set($0).intersection(conditions.costs.items(.range)) } ?? []
    if spansRanges, !ranges.isEmpty {
      var high = self
      high.costs = conditions.costs.at(.high)
      high.isTraced = false
      result.latenciesAtHighEnd = try high.perform().latencies
    }
    return result
  }

  /// Carries the run out at the end at which the cost model is read.
  private func perform() throws(RunFailure) -> RunResult {
    guard isTraced else { return try perform(sink: NoTrace()) { _ in nil } }
    return try perform(sink: TraceLog()) { $0.digest }
  }

  private func perform<Sink: TraceSink>(
    sink: Sink, digest: (Sink) -> String?
  ) throws(RunFailure) -> RunResult where Sink.Record == SystemEvent {
    var system = try System(self, sink: sink)
    system.start()
    // Far more events than set-up and messages can make.
    let count = machine?.devices.count ?? conditions.topology.devices
    let limit = 10_000_000 + 100 * workload.messageCount * count
    var events = 0
    while system.step() {
      events += 1
      guard events < limit else { throw RunFailure("the run does not end: \(events) events") }
    }
    let text = digest(system.sink)
    return system.result(digest: text)
  }
}

extension System {
  /// Begins to boot the host and to build the virtual machine.
  mutating func start() {
    do {
      // The host boots first: the flow that is begun last is the first.
      let boot = try host.boot().map(PendingStep.host)
      let virtualGIC = try startVirtualGIC()
      begin(vmm.start(ram: extents).map(PendingStep.vmm))
      begin(virtualGIC)
      begin(boot)
    } catch {
      refuse(error, for: nil)
      return
    }
    setOut()
  }

  /// Lets the next event happen; `false` when none is left.
  mutating func step() -> Bool {
    guard let (time, event) = queue.next() else { return false }
    sink.record(event, at: time)
    switch event.kind {
    case .proceed: isDone = !proceed()
    case .translate: translate(event.message)
    case .hostInterrupt: hostInterrupt(event.message)
    case .inject: inject(event.message)
    case .acknowledge: acknowledge(event.message)
    case .handle: handle(event.message)
    case .doorbell: takeDoorbell(event.message)
    case .enter: enter(event.message)
    case .flush: flush(Int(event.message))
    }
    return true
  }

  /// What never ended is lost; what merged into another message shares its fate.
  private mutating func closeAccounts() {
    for index in messages.indices where messages[index].verdict == nil {
      let number = Int32(truncatingIfNeeded: index)
      if let leader = messages[index].leader, let verdict = messages[Int(leader)].verdict {
        messages[index].handled = messages[Int(leader)].handled
        messages[index].verdict = verdict
        timeline?.end(index, verdict, at: messages[index].handled ?? queue.now)
      } else if messages[index].holder != nil {
        end(number, .lost, "the vector stayed masked: its pending bit is set")
      } else {
        end(number, .lost, "the interrupt stayed pending and disabled")
      }
    }
  }

  /// What the run came to.
  consuming func result(digest: String? = nil) -> RunResult {
    closeAccounts()
    let unsent = specification.workload.messageCount * devices.count - messages.count
    // What a refused set-up never sends was refused.
    let verdicts =
      messages.map { $0.verdict ?? .lost }
      + Array(repeating: Verdict.refused, count: max(0, unsent))
    let latencies = messages.compactMap { message in
      message.verdict == .delivered ? message.handled.map { $0 - message.sent } : nil
    }
    var result = RunResult(
      design: specification.design, setup: setup, verdicts: verdicts,
      message: firstMessage,
      exits: exits, latencies: latencies, why: why, steps: performed, journey: journey,
      accesses: translations, digest: digest)
    result.breakdown = breakdown
    result.machine = description
    result.stepsBeforeMessage = stepsBeforeMessage
    result.timeline = timeline
    result.mappings = mappings ?? presentMappings
    result.injectedByHardware = injectedByHardware
    result.merged = messages.count { $0.leader != nil && $0.verdict == .delivered }
    result.usedCosts = messages.isEmpty ? [] : costs.usedItems
    result.windowCovers = vmm.map.parts(over: host.window)
    if devices.count > 1 {
      result.devices = deviceResults
      result.firstFailure = firstFailure
    }
    return result
  }

  /// The first message that was sent and not delivered, by its device.
  private var firstFailure: RunResult.SentMessage? {
    guard let index = messages.firstIndex(where: { $0.verdict?.isFailure == true }) else {
      return nil
    }
    let device = messages[index].device
    return .init(device: device, number: messages[..<index].count { $0.device == device })
  }

  /// What became of each device.
  private var deviceResults: [DeviceResult] {
    devices.indices.map { device in
      let own = messages.lazy.filter { $0.device == device }.compactMap(\.verdict)
      let verdict = own.max() ?? .delivered
      let isRefused = setups[device] != .enabled
      return DeviceResult(
        guestID: devices[device].guestID, hostID: devices[device].hostID,
        smmu: description.devices[device].smmu, its: description.devices[device].its,
        verdict: isRefused ? max(.refused, verdict) : verdict, message: firstMessages[device],
        why: why(of: device))
    }
  }

  private var journey: Journey? {
    guard wanted >= 0 else { return nil }
    let message = messages[Int(wanted)]
    return Journey(
      index: specification.journeyOf ?? Int(wanted), vector: message.vector, stations: stations,
      verdict: message.verdict ?? .lost,
      reason: journeyReason ?? "it arrived with an earlier message of the same interrupt",
      isSent: message.holder != nil || !stations.isEmpty)
  }

  /// Why it came out so: one sentence, or one for each kind of outcome of several devices.
  private var why: String {
    guard devices.count > 1 else { return why(of: 0) }
    return DeviceResult.summary(deviceResults)
  }

  /// One sentence: why it came out so for a device.
  private func why(of device: Int) -> String {
    if case .refused(let refusal) = setups[device] {
      return "the \(refusal.agent.title) refused in \(refusal.function): \(refusal.message) "
        + "(\(refusal.errno))"
    }
    let reason = reasons[device]
    guard let message = firstMessages[device] else {
      return reason ?? "the device sent no message"
    }
    let path = self.path(of: message.address, from: device)
    return reason.map { "\(path); \($0)" } ?? "\(path); \(deliveryText)"
  }

  /// How software mapped the message's address, stage by stage.
  private func path(of address: IOVA, from device: Int) -> String {
    let origin =
      switch specification.design.msixEntry {
      case _ where devices[device].store == .device:
        "the device holds, in a store of its own that nothing traps, the guest's address \(address) "
          + "and EventID"
      case .forwarded
      where devices[device].store == .msi && specification.design.addressOverride == .vfio:
        "the device holds the host's address \(address), which the PCI core wrote, not VFIO"
      case .replaced: "the device holds the host's address \(address)"
      case .forwarded: "the device holds the guest's address \(address), passed on at the trap"
      case .untrapped: "the device holds the guest's own address \(address) and EventID"
      }
    guard let ipa = guest.translate(address, of: device) else {
      return "\(origin); the guest's stage 1 does not map it"
    }
    let stage1 = "\(origin); S1 \(stage1Text(address, ipa, device)) IPA \(ipa)"
    guard let pa = host.translate(ipa, of: device) else {
      return "\(stage1), which S2 does not map"
    }
    let entry =
      switch specification.design.stageTwo {
      case .softwareWindow: "software MSI window"
      case .movedWindow: "software MSI window, moved"
      case .guestDoorbell: "guest doorbell to host doorbell"
      case .guestDoorbellPerITS: "guest doorbell to the doorbell of the device's ITS"
      }
    return "\(stage1), S2 -> \(pa) (\(entry))"
  }

  private func stage1Text(_ address: IOVA, _ ipa: IPA, _ device: Int) -> String {
    if !guest.isTranslating(for: device) { return "bypassed ->" }
    return ipa.rawValue == address.rawValue ? "identity (RMR) ->" : "->"
  }

  private var deliveryText: String {
    let isByHardware = injectedByHardware > 0
    if specification.topology.controller != .its {
      return
        "the message names the host's SPI, and its GICv2m frame takes no DeviceID: any device of "
        + "the host can name it; irqfd injects the guest's interrupt"
    }
    switch specification.design.eventIDOwner {
    case .host where specification.design.controller == .gicv2m:
      return "the host's EventID gives the host's LPI, and irqfd injects the SPI of the guest's "
        + "GICv2m frame, which takes no DeviceID: any device of the guest can name any of its SPIs"
    case .host where isByHardware:
      return "the host's EventID gives the guest's LPI, which the hardware injects"
    case .host: return "the host's EventID gives the host's LPI, and irqfd injects the guest's"
    case .guest:
      return "the guest's EventID indexes the physical ITT, which the virtual ITS drives"
        + (isByHardware ? "; the hardware injects" : "")
    }
  }
}

extension TraceLog where Record == SystemEvent {
  /// The SHA-256 of the events in order: time, kind and message of each, little-endian.
  var digest: String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(entries.count * 13)
    for entry in entries {
      withLittleEndianBytes(of: entry.time.picoseconds) { bytes += $0 }
      bytes.append(entry.record.kind.rawValue)
      withLittleEndianBytes(of: UInt32(bitPattern: entry.record.message)) { bytes += $0 }
    }
    return Digest.sha256(bytes)
  }

  private func withLittleEndianBytes(
    of value: some FixedWidthInteger, _ body: ([UInt8]) -> Void
  ) {
    body((0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) })
  }
}
