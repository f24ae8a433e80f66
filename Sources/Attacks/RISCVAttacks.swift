internal import Designs
internal import RISCVSystem

// The attacks in the terms of a RISC-V host: an identity for an EventID, an interrupt file for a
// doorbell, a device context for an STE.
extension Attack {
  /// Carries the attack out on a RISC-V host.
  func onRISCV(_ specification: RunSpecification) throws(AttackFailure) -> AttackOutcome {
    if let reason = absentOnRISCV { return .without(reason) }
    var system: RISCVSystem
    do throws(RunFailure) { system = try RISCVSystem(specification) } catch { throw .run(error) }
    if let reason = system.setUpBesideNeighbour() { throw .notApplicable(reason) }
    switch name {
    case "foreign-event": return Self.identities(Array(1...255), &system)
    case "event-out-of-range":
      return Self.identities([0, 256, 2047, 2048, 0xffff, 0x1_0000, .max], &system)
    case "doorbell-page": return Self.page(&system)
    case "doorbell-window":
      return Self.reached(system.pagesAround.map { ("page", $0) }, &system)
    case "host-addresses": return Self.reached(system.hostAddresses, &system)
    case "cached-translation": return Self.cachedTranslation(&system)
    case "spoofed-requester":
      return AttackOutcome(outcome: .unknown, detail: "the models of this platform have no ports")
    case "spoofed-requester-same-bus", "spoofed-requester-no-acs": return Self.spoof(&system)
    case "msix-entry": return Self.entry(&system)
    case "flood-events": return Self.floodFaults(&system)
    case "flood-messages": return Self.floodMessages(&system)
    case "unplugged-device": return Self.unplug(&system)
    case "reused-device": return Self.reuse(&system)
    default:
      return AttackOutcome(
        outcome: .unknown, detail: "the models of RISC-V's software do not follow it")
    }
  }

  /// Why there is nothing on RISC-V that could be attacked so.
  private var absentOnRISCV: String? {
    switch name {
    case "foreign-its": "there is no ITS: each hart has its interrupt files"
    case "restored-tables", "older-snapshot": "there are no ITS tables in the guest's RAM"
    case "doorbell-alias", "stage1-anywhere", "tables-anywhere", "foreign-vmid", "foreign-stream",
      "illegal-commands", "forged-entry", "flood-commands", "boot-dma", "stale-translation",
      "stale-translation-lazy":
      "the guest has no IOMMU of its own"
    default: nil
    }
  }

  /// The device writes identities to its own doorbell.
  private static func identities(_ list: [UInt32], _ system: inout RISCVSystem) -> AttackOutcome {
    let address = system.message(of: 0).address
    var own = 0
    var reason = "its identities are those of its own guest's file"
    for identity in list {
      switch system.write(identity, to: address) {
      case .guestInterrupt(0, _): own += 1
      case .guestInterrupt(_, let arrived):
        return .breach(
          of: .neighbour,
          "identity \(identity) of the host's file is the neighbour's, and the host "
            + "injects it as \(arrived): nothing checks the data of a message")
      case .hostInterrupt(let taken, let hart):
        guard taken != 0 else { continue }
        return .breach(
          of: .host,
          "identity \(taken) becomes pending in hart \(hart)'s own file: 1 is that of IPIs")
      case .nothing(let why): reason = why
      case .guestMemory, .hostMemory: continue
      }
    }
    return .contained(
      reason, [.init("messages", list.count), .init("own interrupts", own)])
  }

  /// Every word of its doorbell's page but the doorbell.
  private static func page(_ system: inout RISCVSystem) -> AttackOutcome {
    let address = system.message(of: 0).address
    var effects = 0
    for offset in stride(from: UInt64(4), to: 4096, by: 4) {
      switch system.write(UInt32(2).byteSwapped, to: address + offset) {
      case .guestInterrupt(0, _): effects += 1
      case .guestInterrupt: return .breach(of: .neighbour, "offset \(offset) reaches the neighbour")
      case .hostInterrupt(let identity, _):
        return .breach(of: .host, "offset \(offset) makes identity \(identity) of the host pending")
      case .guestMemory, .hostMemory, .nothing: continue
      }
    }
    return .contained(
      "the big-endian doorbell does what the little-endian one does; all other words are ignored",
      [.init("words with an effect", effects)])
  }

  /// Addresses that it has no business with.
  private static func reached(
    _ list: [(name: String, address: UInt64)], _ system: inout RISCVSystem
  ) -> AttackOutcome {
    var reasons: [String] = []
    for (name, address) in list {
      switch system.write(3, to: address) {
      case .guestInterrupt(0, _), .guestMemory(0): continue
      case .guestInterrupt, .guestMemory:
        return .breach(of: .neighbour, "\(name): a write to \(address.hexadecimal) arrives there")
      case .hostInterrupt(let identity, let hart):
        return .breach(
          of: .host,
          "\(name): a write to \(address.hexadecimal) makes identity \(identity) of hart "
            + "\(hart)'s own file pending")
      case .hostMemory(let place):
        return .breach(of: .host, "\(name): a write to \(address.hexadecimal) reaches \(place)")
      case .nothing(let why): if !reasons.contains(why) { reasons.append(why) }
      }
    }
    return .contained(
      reasons.isEmpty ? "all of them are its guest's own" : reasons.joined(separator: "; "),
      [.init("addresses", list.count)])
  }

  private static func cachedTranslation(_ system: inout RISCVSystem) -> AttackOutcome {
    let address = system.ownBuffer
    _ = system.write(1, to: address, from: 1)
    switch system.write(2, to: address) {
    case .guestMemory(0):
      return .contained(
        "cached translations are tagged with GSCID and PSCID: it reaches its own RAM")
    case .guestMemory: return .breach(of: .neighbour, "the neighbour's buffer is written")
    default: return .contained("nothing is reached")
    }
  }

  private static func spoof(_ system: inout RISCVSystem) -> AttackOutcome {
    let requester = system.requester(of: 1)
    let message = system.message(of: 1)
    let reaches = [
      system.write(message.data, to: message.address, as: requester),
      system.write(7, to: system.ownBuffer, as: requester),
    ]
    for case .guestInterrupt(1, let identity) in reaches {
      return .breach(
        of: .neighbour,
        "the device context is that of the requester ID: identity \(identity) arrives at the neighbour"
      )
    }
    for case .guestMemory(1) in reaches {
      return .breach(of: .neighbour, "the neighbour's RAM is written")
    }
    return .contained("nothing of the neighbour's is reached")
  }

  private static func entry(_ system: inout RISCVSystem) -> AttackOutcome {
    let identity = system.hostIdentities(of: 1).first ?? 0
    let address = system.hostAddresses[1].address
    system.writeGuestEntry(address: address, data: identity)
    let held = system.message(of: 0)
    switch system.write(held.data, to: held.address) {
    case .guestInterrupt(0, _), .nothing, .guestMemory(0):
      return .contained(
        "the write traps: the device holds \(held.address.hexadecimal), which the guest did not choose"
      )
    case .guestInterrupt, .guestMemory:
      return .breach(of: .neighbour, "the neighbour's interrupt arrives")
    case .hostInterrupt, .hostMemory: return .breach(of: .host, "the host is reached")
    }
  }

  private static func floodFaults(_ system: inout RISCVSystem) -> AttackOutcome {
    for page in 0..<UInt64(1000) { _ = system.write(0, to: 0x7000_0000_0000 + page << 12) }
    _ = system.write(0, to: 0x7000_0000_0000, from: 1)
    return system.hasLostFaults
      ? .breach(of: .neighbour, "the fault queue is full: the neighbour's record is lost")
      : .contained("every fault has its record")
  }

  private static func floodMessages(_ system: inout RISCVSystem) -> AttackOutcome {
    let own = system.message(of: 0)
    for _ in 0..<1000 { _ = system.write(own.data, to: own.address) }
    let other = system.message(of: 1)
    guard case .guestInterrupt(1, _) = system.write(other.data, to: other.address, from: 1) else {
      return .breach(of: .neighbour, "the neighbour's interrupt does not arrive")
    }
    return .contained(
      "an interrupt file has a bit for each identity: the neighbour's arrives",
      [.init("messages", 1000)])
  }

  private static func unplug(_ system: inout RISCVSystem) -> AttackOutcome {
    let held = system.message(of: 0)
    system.takeAway(0)
    switch system.write(held.data, to: held.address) {
    case .nothing(let why): return .contained(why)
    case .guestInterrupt(0, _): return .breach(of: .guest, "its interrupt arrives")
    case .guestInterrupt: return .breach(of: .neighbour, "an interrupt arrives")
    case .hostInterrupt(let identity, _):
      return .breach(of: .host, "identity \(identity) of the host becomes pending")
    case .guestMemory, .hostMemory: return .breach(of: .host, "memory is written")
    }
  }

  private static func reuse(_ system: inout RISCVSystem) -> AttackOutcome {
    let held = system.message(of: 0)
    system.takeAway(0)
    system.giveToNeighbour(0)
    switch system.write(held.data, to: held.address) {
    case .guestInterrupt(0, _):
      return .breach(of: .guest, "the first VM gets an interrupt of a device that it has not")
    case .guestInterrupt:
      return .contained("the message names an identity of the VM that has the device now")
    case .hostInterrupt(let identity, _):
      return .contained(
        "identity \(identity) of the host's file is disabled, since the first VM's vectors are freed"
      )
    case .guestMemory, .hostMemory, .nothing: return .contained("no interrupt comes of it")
    }
  }
}

extension UInt64 {
  fileprivate var hexadecimal: String { "0x" + String(self, radix: 16) }
}
