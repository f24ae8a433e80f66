internal import Guest
internal import Linux

/// How many accesses of its configuration space a function costs in the phases that are compared by
/// their number: they decide no MSI, but each is an exit.
struct ConfigurationCount {
  let layout: FunctionLayout
  let kernel: Kernel
  let driver: DeviceDriverSaves
  /// Whether the function's driver is part of the kernel, and probes it at boot.
  let probesAtBoot: Bool
  /// Whether VFIO puts an unused function to sleep (CONFIG_PM).
  let sleeps: Bool

  /// How often a driver saves its function's state.
  struct DeviceDriverSaves {
    /// In its probe (`pci_save_state`).
    var atProbe: Int
    /// Whether it lets the function go before a reset and probes it again.
    var probesAgain: Bool
  }

  /// - Returns: `nil` for a kernel that no model knows.
  init?(
    _ vector: AccessVector, _ layout: FunctionLayout, _ steps: [String: [NormalizedAccess]]
  ) {
    let situation = vector.situation
    guard let release = Release(situation.kernel), Kernel(release).isKnown else { return nil }
    kernel = Kernel(release)
    self.layout = layout
    let bound = situation.deviceDriver
    driver = DeviceDriverSaves(
      atProbe: [.nvme, .e1000e, .igb].contains(bound) ? 1 : 0, probesAgain: bound == .nvme)
    let loads = steps.keys.contains { $0.hasPrefix("modprobe ") && $0 != "modprobe virtio_pci" }
    probesAtBoot =
      !loads && (steps["boot"] ?? []).contains { $0.access.phase == "msix-enable" }
    sleeps = (steps["vfio-bind"] ?? []).contains { $0.access.phase == "config-save" }
  }

  /// The phases that are looked at.
  static let phases: Set<String> = ["config-save", "config-restore", "pci-power", "pci-resources"]

  /// How many accesses a phase of a step has; `nil` where no rule is known.
  func count(of phase: String, in step: String) -> Int? {
    let verb = step.prefix { $0 != " " && $0 != "#" }
    switch phase {
    case "config-save": return saves(in: verb, step).map { $0 * save }
    case "config-restore": return restores(in: verb, step)
    case "pci-power": return verb == "boot" ? power : nil
    case "pci-resources": return verb == "boot" ? resources : nil
    default: return nil
    }
  }

  // MARK: Saving and restoring

  /// One `pci_save_state`: the header, what PCI Express controls, and walks that look for capabilities
  /// with a state of their own.
  private var save: Int {
    16 + expressWords + layout.capabilities.count + 2 + 4 * walk + (layout.hasAER ? 4 : 0)
  }

  /// DEVCTL, with version 2 DEVCTL2, and up to 6.1 LNKCTL2.
  private var expressWords: Int {
    guard layout.isExpress else { return 0 }
    return 1 + (layout.expressVersion < 2 ? 0 : kernel.has(.linkControlUnsaved) ? 1 : 2)
  }

  /// Reads of one walk of the extended capabilities: an empty list is looked at, too.
  private var walk: Int {
    layout.isExpress ? max(1, layout.extendedCapabilities.count) : 0
  }

  private func saves(in verb: Substring, _ step: String) -> Int? {
    let isVFIO = kernel.has(.vfioSleeps)
    switch verb {
    case "boot":
      return (kernel.has(.savedAtEnumeration) ? 1 : 0) + (probesAtBoot ? driver.atProbe : 0)
    case "modprobe", "bind": return driver.atProbe
    case "reset": return 1 + (driver.probesAgain ? driver.atProbe : 0)
    case "vfio-bind", "vfio-unbind": return isVFIO ? 1 : 0
    case "vfio-use": return isVFIO && layout.powerCapability != nil ? 3 : 2
    case "guest:" where step.hasSuffix("boot"): return 3
    case "guest:": return 1
    default: return nil
    }
  }

  /// One `pci_restore_state` of words that hold what they should.
  private var restore: Int {
    16 + expressWords + layout.capabilities.count + 2
      + (kernel.has(.restoreWalksOnceLess) ? 4 : 5) * walk
  }

  /// What a function-level reset adds: each word that it cleared is written, and a BAR read back.
  private var resetWords: Int { kernel.has(.barNotReadBack) ? 3 : 4 }

  private func restores(in verb: Substring, _ step: String) -> Int? {
    // The state of an error reporting or SR-IOV capability is not looked at.
    guard layout.extendedCapabilities.isEmpty else { return nil }
    let isReset = layout.isExpress
    let asleep = sleeps ? restore : 0
    switch verb {
    case "reset": return isReset ? restore + resetWords : nil
    case "vfio-unbind": return kernel.has(.vfioSleeps) ? 2 * restore : 0
    case "vfio-use" where isReset:
      return 2 * (restore + resetWords) + (kernel.has(.vfioSleeps) ? restore : 0)
    // The command register alone.
    case "vfio-use": return 2 * restore + 1
    case "guest:" where step.hasSuffix("boot") && isReset:
      return 2 * (restore + resetWords) - 1 + asleep
    case "guest:" where isReset: return restore + resetWords
    default: return nil
    }
  }

  // MARK: Enumeration

  /// `pci_pm_init` and its like: the walk to the capability for power management.
  private var power: Int {
    let place = layout.powerCapability.flatMap { layout.capabilities.firstIndex(of: $0) }
    guard let place else { return 2 + layout.capabilities.count }
    return 2 + place + 1 + 2 + (layout.isExpress && kernel.has(.attachAtEnumeration) ? 1 : 0)
  }

  /// `pci_std_update_resource`: a BAR is written and read back; the halves of a wide one with memory
  /// space off.
  private var resources: Int {
    layout.bars.reduce(0) { $0 + ($1 ? 7 : 2) } + 3 * layout.virtualBARs
  }
}
