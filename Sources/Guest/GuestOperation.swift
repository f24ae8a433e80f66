internal import Bits
internal import Linux

/// What a guest does with its device, one operation at a time.
public enum GuestOperation: Equatable, Sendable {
  /// The kernel brings its SMMU and its interrupt controllers up.
  case boot
  /// The device gets the default domain that the DMA API uses.
  case attachDMADomain
  /// The device gets the identity domain.
  case attachIdentityDomain
  /// A user of VFIO claims the device: its group gets a blocked domain.
  case claim(DeviceInterface)
  /// The user attaches a domain of its own.
  case attachUserDomain
  /// The guest's own VMM maps its L2 guest's RAM for the device, and has KVM inject the vectors.
  case startNestedGuest
  /// The guest's own VMM asks for a stage 2 table to nest its L2 guest's tables in.
  case allocateNestParent
  /// A driver enables the device: memory space and bus mastering.
  case enableDevice
  /// A driver enables that many MSI-X vectors.
  case enableVectors(Int)
  /// A driver is bound to the device, enables it and takes that many vectors.
  case bind(DeviceDriver, vectors: Int)
  /// An activity of the workload.
  case activity(Workload.Activity)
}

extension Workload {
  /// An operation at its time.
  public struct TimedOperation: Equatable, Sendable {
    public let nanoseconds: UInt64
    public let operation: GuestOperation
  }

  /// What the guest does in a run, in order.
  ///
  /// A recorded guest is replayed as it was recorded, as far as its own choices go: what it maps
  /// because firmware says so depends on the design and is left to the guest's kernel. For another
  /// usage than the recorded one the kernel makes its own set-up and the device does what was
  /// recorded.
  ///
  /// - Parameters:
  ///   - window: the range that firmware may reserve.
  ///   - isMachineAsRecorded: whether the guest finds its SMMU, its doorbell and its device where
  ///     the recorded one did, so that its choices would be the same.
  ///   - translates: whether the guest has an SMMU.
  public func operations(
    for usage: GuestUsage, window: Range<UInt64>, isMachineAsRecorded: Bool = true,
    translates: Bool = true
  ) -> [TimedOperation] {
    let isRecorded =
      usage == .dmaAPI && isMachineAsRecorded && translates && isRecorded
    var operations: [GuestOperation] = [.boot]
    switch usage {
    case .dmaAPI: operations.append(.attachDMADomain)
    case .identity: operations.append(.attachIdentityDomain)
    case .vfio: operations += [.attachDMADomain, .claim(.type1), .attachUserDomain]
    case .iommufd: operations += [.attachDMADomain, .claim(.iommufd), .attachUserDomain]
    case .nestedGuest:
      operations += [.attachDMADomain, .claim(.type1), .attachUserDomain, .startNestedGuest]
    case .nestedGuestWithSMMU:
      operations += [.attachDMADomain, .claim(.iommufd), .allocateNestParent]
    }
    if !isRecorded, usage == .dmaAPI || usage == .identity {
      operations.append(.bind(device.driver, vectors: usedVectors))
    } else {
      // VFIO is the driver, or the recording tells what the driver did.
      operations.append(.enableDevice)
      if !isRecorded { operations.append(.enableVectors(usedVectors)) }
    }
    // One pass: there may be millions.
    var timed: [TimedOperation] = []
    timed.reserveCapacity(operations.count + entries.count)
    for operation in operations { timed.append(.init(nanoseconds: 0, operation: operation)) }
    for entry in entries {
      let activity = entry.activity
      guard isRecorded || !activity.isGuestSetup, !activity.isIdentityMapping(in: window),
        (usage != .identity && translates) || !activity.isDMA
      else { continue }
      timed.append(.init(nanoseconds: entry.nanoseconds, operation: .activity(activity)))
    }
    return timed
  }

  /// The same work without what a recorded guest did to set its interrupts up, which the model of
  /// its kernel then does under every design, so that exits at set-up compare.
  public var withModelledSetup: Workload {
    Workload(
      device: device, placement: placement, entries: entries.filter { !$0.activity.isGuestSetup })
  }

  /// The same work up to the MSI of this number, counted from 1.
  public func limited(toMessages limit: Int) -> Workload {
    var count = 0
    let kept = entries.prefix { entry in
      if case .message = entry.activity { count += 1 }
      return count <= limit
    }
    return Workload(device: device, placement: placement, entries: Array(kept))
  }

  /// Whether it holds what a guest did to set its interrupts up.
  public var isRecorded: Bool { entries.contains { $0.activity.isGuestSetup } }

  /// One more than the highest vector that sends a message.
  var usedVectors: Int {
    entries.reduce(1) { highest, entry in
      if case .message(let vector) = entry.activity { max(highest, vector + 1) } else { highest }
    }
  }
}

extension Workload.Activity {
  /// Whether the guest's kernel does it to set interrupts up.
  package var isGuestSetup: Bool {
    switch self {
    case .itsCommands, .lpiConfiguration, .redistributorWrite, .msixWrite, .msixControl: true
    // The doorbell's mapping: device memory.
    case .map(_, _, size: _, let attributes): attributes.contains(.mmio)
    default: false
    }
  }

  var isDMA: Bool {
    switch self {
    case .map, .unmap, .dma: true
    default: false
    }
  }

  func isIdentityMapping(in window: Range<UInt64>) -> Bool {
    guard case .map(let input, let output, size: _, _) = self else { return false }
    return input.rawValue == output.rawValue && window.contains(input.rawValue)
  }
}
