internal import ArmFormats
internal import GIC
internal import HostKernel
internal import Machine
internal import PCI
internal import Simulation
internal import Software
internal import Timing

// Messages that a masked vector or a disabled LPI holds back.
extension System {
  /// Messages that the function sends because they were unmasked, and whatever an enabled LPI
  /// lets through.
  mutating func release(_ emissions: [Emission], of device: Int) {
    for emission in emissions {
      if let first = letGo(emission.vector, of: device, from: .function) {
        depart(first, emission.message)
      }
    }
    retryWaiting()
  }

  /// The VMM injects what its pending bit of a vector stands for.
  mutating func injectPending(_ vector: Int, of device: Int) {
    if let first = letGo(vector, of: device, from: .vmm) {
      if case .kvm(let route) = host.signalTarget(ofLPI: messages[Int(first)].lpi) {
        messages[Int(first)].route = route
      }
      schedule(.inject, after: costs.systemCall, message: first)
    }
    retryWaiting()
  }

  /// Ends the wait of a vector's messages; the first of them, which the others arrive with: one
  /// pending bit stands for every signal of a vector.
  private mutating func letGo(_ vector: Int, of device: Int, from holder: Holder) -> Int32? {
    var first: Int32?
    for index in waiting
    where messages[Int(index)].holder == holder && messages[Int(index)].vector == vector
      && messages[Int(index)].device == device
    {
      messages[Int(index)].holder = nil
      messages[Int(index)].leader = first
      first = first ?? index
    }
    waiting.removeAll { index in
      index == first || (first != nil && messages[Int(index)].leader == first)
    }
    return first
  }

  /// Lets go on what is not held back any more.
  mutating func retryWaiting() {
    guard !waiting.isEmpty else { return }
    let held = waiting
    waiting = []
    for index in held {
      let message = messages[Int(index)]
      if message.holder != nil || !retry(index, message) { waiting.append(index) }
    }
  }

  private mutating func retry(_ index: Int32, _ message: MessageState) -> Bool {
    if message.virtualLPI != 0, message.virtualLPI < INTID.firstLPI {
      guard virtualDistributor.isDue(message.virtualLPI) else { return false }
      schedule(.acknowledge, after: costs.kick, message: index)
    } else if message.isDirect {
      guard
        machine.redistributors.isVirtualDue(
          message.virtualLPI, at: message.cpu, memory: machine.memory)
      else { return false }
      schedule(.acknowledge, after: costs[.directInjection], message: index)
    } else if message.virtualLPI != 0 {
      guard virtualRedistributors.isDue(message.virtualLPI, at: 0, memory: guestMemory)
      else { return false }
      schedule(.acknowledge, after: costs.kick, message: index)
    } else if message.lpi != 0, message.lpi < INTID.firstLPI {
      guard machine.distributor.isDue(message.lpi) else { return false }
      schedule(.hostInterrupt, after: costs.hostEntry, message: index)
    } else if message.lpi != 0 {
      guard machine.redistributors.isDue(message.lpi, at: message.cpu, memory: machine.memory)
      else { return false }
      schedule(.hostInterrupt, after: costs.hostEntry, message: index)
    }
    return true
  }
}
