public import ArmFormats
public import Bits
public import GIC
public import Memory
public import PCI
public import SMMU

/// Where a device's write ended.
public enum WriteOutcome: Equatable, Sendable {
  /// At the doorbell; what the ITS made of it.
  case message(PA, MessageOutcome)
  /// At the doorbell of a GICv2m frame: the SPI that it named, whoever wrote.
  case spi(PA, UInt32, wasPending: Bool)
  /// In RAM, four bytes of which it overwrote.
  case memory(PA)
  /// At a register that is no doorbell, which ignores it.
  case register(PA)
  /// Nothing answers at the translated address.
  case externalAbort(PA)
  /// Terminated by the SMMU without an event.
  case aborted
  /// Terminated by the SMMU, whose event record this is.
  case fault(EventRecord, FaultRecording)
  /// Held by the SMMU.
  case stalled
}

extension Machine {
  /// A function's write of an MSI: through its SMMU to whatever stands at the translated address.
  @inlinable
  public mutating func send(
    _ message: MSI, from index: Int = 0, translation: inout some TranslationObserver,
    tables: inout some ITSObserver
  ) -> WriteOutcome {
    let transaction = Transaction(
      streamID: streamID(of: index).rawValue, address: message.address, isWrite: true)
    let place: PA
    switch smmus[smmu(of: index)].translate(transaction, in: memory, observer: &translation) {
    case .translated(let result): place = result.address
    case .bypassed(let address): place = address
    case .aborted, .ignored, .refused: return .aborted
    case .faulted(let event, let recording): return .fault(event, recording)
    case .stalled, .blocked: return .stalled
    }
    // RAM claims its addresses first, as for every access.
    guard let target = its(at: place), itses[target.unit].isDoorbell(target.offset, width: 4),
      !memory.contains(place)
    else { return completeWrite(message.data, toNonDoorbell: place) }
    return .message(
      place,
      itses[target.unit].receiveMessage(
        deviceID: deviceID(of: index).rawValue, eventID: message.data, memory: memory,
        redistributors: &redistributors, observer: &tables))
  }

  /// Completes a write to an address without a doorbell.
  @usableFromInline
  mutating func completeWrite(_ data: UInt32, toNonDoorbell place: PA) -> WriteOutcome {
    switch target(of: place) {
    case .ram: memory.store32(place, data) ? .memory(place) : .externalAbort(place)
    case .nothing: .externalAbort(place)
    case .messageFrame(let offset): signal(data, at: place, offset)
    default: .register(place)
    }
  }

  /// A write of a device into the GICv2m frame.
  private mutating func signal(_ data: UInt32, at place: PA, _ offset: UInt64) -> WriteOutcome {
    let wasPending = distributor.isPending(data)
    let spi = messageFrame.receiveWrite(offset, data, distributor: &distributor)
    return spi.map { .spi(place, $0, wasPending: wasPending) } ?? .register(place)
  }
}
