internal import Guest
public import Linux

/// Number of devices in a run, and of the SMMUs and ITSs in front of them.
///
/// Device number i stands behind SMMU i modulo the number of SMMUs, and its MSIs go to ITS i modulo
/// the number of ITSs. The guest has a vSMMU for each physical SMMU, and one virtual ITS.
public struct Topology: Hashable, Sendable {
  /// 1 to `maximumDevices`, all of the same kind; one on each ITS and SMMU where nothing is said.
  public var devices: Int {
    get { statedDevices ?? max(itses, smmus) }
    set { statedDevices = newValue }
  }
  private var statedDevices: Int?
  /// 1 to `maximumITSs`: one more than iommufd has doorbell pages for.
  public var itses = 1
  /// 1 to `maximumSMMUs`: each takes two of the guest's buses.
  public var smmus = 1
  public var order = SetupOrder.forward
  /// Physical MSI controller.
  public var controller = HostMSIController.its
  /// Scope of VMOVP with several ITSs that have virtual LPIs.
  public var vmovp = VMOVPScope.all

  public static let maximumDevices = 65
  public static let maximumITSs = 65
  public static let maximumSMMUs = 4
  /// `GITS_CTLR.ITS_Number` has four bits.
  public static let maximumListedITSs = 16

  public init() {}

  /// One device behind one SMMU and one ITS.
  public static let single = Topology()

  /// The SMMU in front of a device.
  public func smmu(of device: Int) -> Int { device % max(1, smmus) }

  /// The ITS that a device's MSIs go to.
  public func its(of device: Int) -> Int { device % max(1, itses) }

  /// Reason why no such machine can exist; `nil` if it can.
  package var problem: String? {
    let counts = [
      ("devices", devices, Self.maximumDevices), ("ITSs", itses, Self.maximumITSs),
      ("SMMUs", smmus, Self.maximumSMMUs),
    ]
    if let wrong = counts.first(where: { !(1...$0.2).contains($0.1) }) {
      return "a machine has 1 to \(wrong.2) \(wrong.0), not \(wrong.1)"
    }
    if controller != .its, itses > 1 {
      return "a host whose MSIs go to a GICv2m frame has no ITS, and not \(itses)"
    }
    guard vmovp == .listed, itses > Self.maximumListedITSs else { return nil }
    return "an ITS list holds \(Self.maximumListedITSs) ITSs, not \(itses): GITS_CTLR.ITS_Number "
      + "has four bits"
  }

  /// A device as the guest and the host know it: functions that follow the first one, in the guest
  /// each on a bus behind its vSMMU.
  func device(_ index: Int, like first: Workload.Device) -> Workload.Device {
    let behind = UInt32(index / max(1, smmus))
    return Workload.Device(
      name: first.name, guestID: first.guestID &+ UInt32(smmu(of: index)) * 0x200 &+ behind,
      hostID: first.hostID &+ UInt32(index), vectors: first.vectors, store: first.store)
  }
}

/// Order in which the guest's drivers set several devices up: the host's kernel gives doorbell
/// pages out in the order of first use.
public enum SetupOrder: String, Choice {
  case forward
  case reverse

  public var meaning: String {
    switch self {
    case .forward: "The first device first."
    case .reverse: "The last device first."
    }
  }
}

/// Which ITSs a VMOVP command moves a vPE on (`GITS_TYPER.VMOVP`).
public enum VMOVPScope: String, Choice {
  case all
  case listed = "its-list"

  public var meaning: String {
    switch self {
    case .all: "All of them (GITS_TYPER.VMOVP)."
    case .listed: "Only the one that gets the command, so that software keeps an ITS list."
    }
  }
}

/// Controller of the physical machine's MSIs.
public enum HostMSIController: String, Choice {
  case its
  case gicv2m
  case gicv2mUnsafe = "gicv2m-unsafe"

  public var meaning: String {
    switch self {
    case .its: "ITSs, which know devices by their DeviceIDs."
    case .gicv2m: "A GICv2m frame: any device can signal any of its SPIs, so VFIO refuses."
    case .gicv2mUnsafe: "The same, with allow_unsafe_interrupts for the host's VFIO."
    }
  }
}
