internal import Bits
internal import Designs
internal import Machine
internal import PCI
internal import Platforms
internal import RISCV
internal import RISCVFormats
internal import Software
internal import Timing

// An MSI from its device to the guest's handler.
extension RISCVSystem {
  mutating func stop(_ place: Journey.Place, _ address: UInt64?, _ words: [UInt64], _ text: String)
  {
    guard traced != nil else { return }
    stops.append(
      Journey.Stop(time: now, place: place, address: address, words: words, meaning: text))
  }

  /// The device signals a vector.
  mutating func signal(_ vector: Int, of index: Int, isTraced: Bool) {
    let number = flights.count
    let identity =
      devices[index].vectors.indices.contains(vector)
      ? devices[index].vectors[vector].data : 0
    flights.append(Flight(device: index, vector: vector, identity: identity))
    if isTraced {
      traced = number
      stepsBeforeMessage = steps.count
    }
    switch devices[index].function.signal(vector) {
    case .sent(let message): send(message, flight: number)
    case .pending: flights[number].reason = "the vector is masked: its pending bit is set"
    case .dropped:
      end(number, .lost, "MSI-X or bus mastering is off: the device does not write")
    }
    settle()
  }

  /// Messages that an unmasking let out.
  mutating func emit(_ emissions: [Emission], of index: Int) {
    for emission in emissions {
      let waiting = flights.indices.first {
        flights[$0].device == index && flights[$0].vector == emission.vector
          && flights[$0].verdict == nil
      }
      if let waiting { send(emission.message, flight: waiting) }
    }
  }

  private mutating func send(_ message: MSI, flight number: Int) {
    let index = flights[number].device
    let isShown = traced == number
    if isShown {
      stop(
        .device, message.address.rawValue, [UInt64(message.data)],
        "vector \(flights[number].vector): write \(hex(UInt64(message.data))) to "
          + "\(message.address)")
      platform.iommu.log = TableReadLog()
    }
    let outcome = platform.post(
      PostedWrite(
        from: devices[index].function.profile.requesterID, to: message.address, message.data))
    if isShown { tell(platform.iommu.log?.reads ?? []) }
    platform.iommu.log = nil
    take(outcome, flight: number)
  }

  private mutating func take(_ outcome: PostOutcome, flight number: Int) {
    switch outcome {
    case .host(let identity, let hart):
      let file = platform.files.address(hart: Int(hart ?? 0))
      if traced == number {
        stop(
          .riscv(.interruptFile), file.rawValue, [UInt64(identity)],
          "identity \(identity) of hart \(hart ?? 0) is pending")
      }
      flights[number].reason = "identity \(identity) of the host stays pending and disabled"
    case .guest(let identity, .file(let file)):
      if traced == number {
        stop(
          .riscv(.guestFile), file.rawValue, [UInt64(identity)],
          "identity \(identity) of the guest's file is pending")
      }
      flights[number].reason = "identity \(identity) of the guest's file stays pending and disabled"
    case .guest(let identity, _):
      flights[number].reason = "identity \(identity) is recorded in memory"
    case .memory(let place):
      end(
        number, .corrupted,
        "the write reaches RAM at \(place.map(\.description) ?? "an unknown place")")
    case .failed(let failure):
      end(
        number, failure.code == nil ? .dropped : .lost,
        failure.code.map {
          "fault \($0): \(failure.name), which the host's fault queue has and the "
            + "guest does not see"
        } ?? failure.name)
    }
  }

  /// What the IOMMU read.
  private mutating func tell(_ reads: [TableRead]) {
    for read in reads {
      let (place, text) = read.told
      stop(.riscv(place), read.address, read.words, text)
    }
  }

  mutating func end(_ number: Int, _ verdict: Verdict, _ reason: String) {
    guard flights[number].verdict == nil else { return }
    flights[number].verdict = verdict
    flights[number].reason = reason
  }

  // MARK: Interrupts that are taken

  /// Takes whatever signals: the host's interrupts first, then the guests'.
  mutating func settle() {
    for hart in 0..<RISCVMap.harts {
      while platform.files.file(hart: hart)?.isSignalling == true {
        let top = platform.files.withFile(hart: hart) { $0.claim() }
        takeHostInterrupt(UInt32(top?[.identity] ?? 0), hart: hart)
      }
    }
    for vm in vms.indices where vms[vm].file > 0 {
      let (hart, file) = (vms[vm].hart, vms[vm].file)
      while platform.files.file(hart: hart, guest: file)?.isSignalling == true {
        if isBlocking, vm == 0 {
          // hgeie lets the hart's guest external interrupt wake the virtual hart up.
          exits.wakeUps += 1
        }
        let top = platform.files.withFile(hart: hart, guest: file) { $0.claim() }
        takeGuestInterrupt(UInt32(top?[.identity] ?? 0), vm: vm)
      }
    }
  }

  private var isBlocking: Bool { specification.idle == .blocks }

  /// The host's handler of an identity: an eventfd, which KVM injects (`vfio_msihandler`,
  /// `irqfd_wakeup`).
  private mutating func takeHostInterrupt(_ identity: UInt32, hart: Int) {
    guard
      let index = devices.indices.first(where: { vector(identity, ofHart: hart, device: $0) != nil }
      ),
      let number = vector(identity, ofHart: hart, device: index)
    else {
      strayInterrupts.append(identity)
      return
    }
    let vm = devices[index].vm
    let isShown = traced.map { flights[$0].device == index && flights[$0].vector == number }
    if isShown == true {
      stop(
        .hostInterrupt, nil, [UInt64(identity)], "hart \(hart) takes identity \(identity) by stopei"
      )
      stop(.eventfd, nil, [], "vfio_msihandler signals; irqfd injects the guest's message")
    }
    if vms[vm].hart == hart, !isBlocking {
      exits.add(.physicalInterrupt, on: .delivery)
    } else {
      exits.wakeUps += isBlocking ? 0 : 1
    }
    let data = devices[index].vectors[number].data
    if isShown == true { inject(data, intoVM: vm) } else { injectQuietly(data, intoVM: vm) }
  }

  private mutating func injectQuietly(_ identity: UInt32, intoVM vm: Int) {
    let traced = traced
    self.traced = nil
    inject(identity, intoVM: vm)
    self.traced = traced
  }

  /// The vector of a device to which a host's identity belongs.
  func vector(_ identity: UInt32, ofHart hart: Int, device: Int) -> Int? {
    devices[device].vectors.firstIndex {
      $0.isRouted && $0.hart == hart && $0.hostIdentity == identity
    }
  }

  /// The guest's handler of an identity (`imsic_handle_irq`).
  private mutating func takeGuestInterrupt(_ identity: UInt32, vm: Int) {
    takenByGuests.append((vm, identity))
    if isBlocking, vm == 0 { exits.add(.waitForInterrupt, on: .idle) }
    let owner = devices.indices.first { index in
      devices[index].vm == vm && devices[index].vectors.contains { $0.data == identity }
    }
    guard let owner,
      let vector = devices[owner].vectors.firstIndex(where: { $0.data == identity })
    else { return }
    let open = flights.indices.filter { flights[$0].verdict == nil && !isWaiting($0) }
    // What the devices meant by it; of several, all arrive with one interrupt.
    var isMeant = false
    for number in open
    where flights[number].device == owner && flights[number].vector == vector {
      isMeant = true
      if traced == number {
        stop(.acknowledge, nil, [UInt64(identity)], "stopei gives \(identity); no exit")
        stop(.handler, nil, [], "the handler of vector \(vector) runs; no exit")
      }
      end(number, .delivered, "the guest's handler ran for identity \(identity)")
    }
    guard !isMeant, let number = open.first(where: { devices[flights[$0].device].vm == vm }) else {
      return
    }
    end(
      number, .misrouted,
      "identity \(identity) arrives, which is vector \(vector) of device \(owner)")
  }

  /// Whether it is a pending bit of its device still.
  private func isWaiting(_ number: Int) -> Bool {
    let flight = flights[number]
    return devices[flight.device].function.isPending(flight.vector)
  }
}

extension TableRead {
  /// Where it stands in a journey, and what the words say.
  fileprivate var told: (RISCVPlace, String) {
    let word = words.first ?? 0
    switch kind {
    case .deviceDirectory(let level):
      let entry = DirectoryEntry(rawValue: word)
      return (
        .deviceDirectory(level: level),
        entry[.valid] ? "table at \(PA(entry.table))" : "not valid"
      )
    case .deviceContext:
      let context = DeviceContext(words: words)
      guard context[.valid] else { return (.deviceContext, "not valid") }
      let stages = [
        context[.firstStageMode] != .bare ? "S1 at \(PA(context.firstStageTable))" : nil,
        context[.secondStageMode] != .bare ? "G at \(PA(context.secondStageTable))" : nil,
        context[.messageTableMode] != .off
          ? "MSI table at \(PA(context.messageTable)) for page \(hex(context[.messagePattern])), mask "
            + hex(context[.messageMask]) : nil,
      ].compactMap { $0 }
      return (.deviceContext, stages.isEmpty ? "no translation" : stages.joined(separator: "; "))
    case .processDirectory: return (.processDirectory, hex(word))
    case .firstStage(let level): return (.firstStage(level: level), Self.text(word))
    case .secondStage(let level): return (.secondStage(level: level), Self.text(word))
    case .messageEntry:
      let entry = MSIPageTableEntry(words: words)
      guard entry[.valid] else { return (.messageEntry, "not valid") }
      return (
        .messageEntry,
        entry[.mode] == MSIPageTableEntry.basic
          ? "-> \(PA(entry.address))"
          : "recorded at \(PA(entry.file)), notice \(entry.noticeIdentity) to "
            + "\(PA(entry.noticeAddress))"
      )
    }
  }

  private static func text(_ word: UInt64) -> String {
    let entry = PageTableEntry(rawValue: word)
    guard entry[.valid] else { return "not valid" }
    return entry.isLeaf ? "-> \(PA(entry.address))" : "table at \(PA(entry.address))"
  }
}
