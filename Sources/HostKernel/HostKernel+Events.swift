public import ArmFormats
internal import Bits
internal import Linux

/// Which events of stage 2 a guest is told of.
public enum StageTwoFaultPolicy: String, CaseIterable, Sendable {
  /// None: they end in the host's log (Linux).
  case drop
  /// Those of its own structures, as events of stage 1 (IHI 0070, 3.12.5, 7.3.10 and 7.3.12).
  case specification = "spec"
}

extension HostKernel {
  /// What the guest is told of an event of its device: the record for its vEVENTQ, with its own
  /// StreamID; `nil` for what ends in the host's log (`arm_smmu_handle_event`), as everything does
  /// before there are vEVENTQs.
  ///
  /// - Parameter smmu: the SMMU that recorded it, in the order in which the kernel finds them:
  ///   StreamIDs are its own.
  public func guestEvent(for event: EventRecord, of smmu: Int) -> EventRecord? {
    guard kernel.has(.virtualEventQueue) else { return nil }
    let owner = devices.first {
      $0.smmu == smmu && $0.platform.streamID.rawValue == event[.stream]
    }
    guard let guestStream = owner?.guestStream, !event[.stall] else { return nil }
    var relayed = event
    if event[.stage2] {
      guard let own = stageOneEvent(for: event) else { return nil }
      relayed = own
    } else if !Self.relayedKinds.contains(event[.kind]) {
      return nil
    }
    if !defects.contains(.keepsPhysicalStream) { relayed[.stream] = guestStream }
    return relayed
  }

  /// The kinds that Linux passes on.
  private static let relayedKinds: [EventKind] = [
    .badStreamEntry, .streamDisabled, .badSubstreamID, .badContext, .translation, .addressSize,
    .access, .permission,
  ]

  /// What a stage 2 fault looks like to a guest that has no stage 2: its table or its CD could not
  /// be read. A fault of the final address concerns the host alone.
  private func stageOneEvent(for event: EventRecord) -> EventRecord? {
    guard stageTwoFaultPolicy == .specification else { return nil }
    var relayed = EventRecord()
    relayed[.substreamValid] = event[.substreamValid]
    relayed[.substream] = event[.substream]
    switch event[.faultClass] {
    case .table:
      relayed[.kind] = .walkAbort
      relayed[.read] = event[.read]
      relayed[.privileged] = event[.privileged]
      relayed[.instruction] = event[.instruction]
      relayed[.faultClass] = .table
      relayed[.inputAddress] = event[.inputAddress]
    case .context: relayed[.kind] = .contextFetch
    default: return nil
    }
    // The event names the page of the structure, not the structure.
    relayed[.fetchAddress] = event[.ipa] << 9
    return relayed
  }
}

/// iommufd's vEVENTQ: records for a VMM, with a sequence that shows losses
/// (drivers/iommu/iommufd/driver.c `iommufd_viommu_report_event`).
public struct VirtualEventQueue: Sendable {
  /// What a read returns: a header with its record.
  public struct Entry: Equatable, Sendable {
    public let sequence: UInt32
    /// `nil` for a header with IOMMU_VEVENTQ_FLAG_LOST_EVENTS.
    public let record: EventRecord?
  }

  /// How many records wait at most.
  public let depth: Int
  private var entries: [Entry] = []
  private var sequence: UInt32 = 0
  /// The sequence of the last record that was lost since the queue was full.
  private var lost: UInt32?

  public init(depth: Int) { self.depth = max(1, depth) }

  public mutating func report(_ record: EventRecord) {
    defer { sequence &+= 1 }
    guard entries.count < depth else { return lost = sequence }
    entries.append(Entry(sequence: sequence, record: record))
  }

  /// Reads everything: the records, and behind them that some were lost.
  public mutating func read() -> [Entry] {
    defer {
      entries = []
      lost = nil
    }
    return entries + (lost.map { [Entry(sequence: $0, record: nil)] } ?? [])
  }
}
