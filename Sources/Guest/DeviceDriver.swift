package import Linux
package import Software

/// A device driver of the guest, as far as it turns its function on and asks for vectors: drivers
/// differ in when they do, in how many they ask for and in which of them they request.
public enum DeviceDriver: String, CaseIterable, Sendable {
  /// No driver of Linux: it asks once for all its vectors, requests each, and the user may move them.
  case plain
  case nvme
  case e1000e
  case igb
  case virtioNet = "virtio_net"
  case virtioBlock = "virtio_blk"
  case ahci
  case xhci = "xhci-pci"

  /// What it does with its vectors, as help texts say it.
  public var meaning: String {
    switch self {
    case .plain: "asks once for its vectors and requests each"
    case .nvme: "enables one vector, tears down, enables all; managed but for the first"
    case .e1000e: "asks when it is probed, requests when the interface goes up"
    case .igb: "enables one vector, then all; requests when the interface goes up"
    case .virtioNet: "behind virtio_pci; asks once and requests each"
    case .virtioBlock: "behind virtio_pci; managed but for the first"
    case .ahci: "reads the MSI capability itself, masters the bus last"
    case .xhci: "requests the first vector alone since 6.12"
    }
  }

  /// What the driver asks the kernel to do about its function.
  package enum Action: Equatable, Sendable {
    /// `pci_enable_device`.
    case decode
    /// `pci_set_master`.
    case setMaster
    /// `pci_disable_device`.
    case disable
    /// `pci_msi_vec_count` of the driver's own.
    case countMessages
    /// `pci_alloc_irq_vectors` of so many, `pci_alloc_irq_vectors_affinity` for those from
    /// `managedFrom` on.
    case allocate(Int, managedFrom: Int?)
    /// `request_irq`.
    case request(Int)
    /// `free_irq`.
    case free(Int)
    /// `pci_free_irq_vectors`.
    case freeVectors
    /// The driver's `remove` has returned; what `devres` holds is freed only now.
    case leave
  }

  /// Whether the driver takes its vectors when its interface goes up, not when it is probed.
  package var requestsWhenOpened: Bool { self == .e1000e || self == .igb }

  /// What the driver of the bus in between does before (`virtio_pci_probe`).
  package var bus: [Action] {
    switch self {
    case .virtioNet, .virtioBlock: [.decode, .setMaster]
    case .plain, .nvme, .e1000e, .igb, .ahci, .xhci: []
    }
  }

  /// What the kernel does about the function when it is enumerated (`quirk_usb_early_handoff`).
  package var handOff: [Action] { self == .xhci ? [.decode, .disable] : [] }

  /// The driver finds its function.
  ///
  /// - Parameter vectors: how many the device and the CPUs let it have, 1 or more.
  package func probe(vectors: Int, in kernel: Kernel) -> [Action] {
    switch self {
    case .plain:
      [.decode, .setMaster, .allocate(vectors, managedFrom: nil)]
        + (0..<vectors).map { .request($0) }
    case .nvme:
      // One vector for the admin queue, until the number of queues is known (`nvme_setup_io_queues`).
      [.decode, .setMaster, .allocate(1, managedFrom: nil), .request(0), .free(0), .freeVectors]
        + [.allocate(vectors, managedFrom: 1)] + (0..<vectors).map { .request($0) }
    case .e1000e: [.decode, .setMaster, .allocate(vectors, managedFrom: nil)]
    case .igb:
      // `igb_sw_init` counts its queues only after a first enable (`igb_init_interrupt_scheme`).
      [.decode, .setMaster, .allocate(1, managedFrom: nil), .freeVectors]
        + [.allocate(vectors, managedFrom: nil)]
    case .virtioNet:
      [.allocate(vectors, managedFrom: nil)] + (0..<vectors).map { .request($0) }
    case .virtioBlock:
      [.allocate(vectors, managedFrom: 1)] + (0..<vectors).map { .request($0) }
    case .ahci:
      [.decode, .countMessages, .allocate(vectors, managedFrom: nil), .setMaster]
        + (0..<vectors).map { .request($0) }
    case .xhci:
      [.decode, .setMaster, .allocate(vectors, managedFrom: nil)]
        + requested(vectors, in: kernel).map { .request($0) }
    }
  }

  private func requested(_ vectors: Int, in kernel: Kernel) -> Range<Int> {
    self == .xhci && kernel.has(.xhciOneInterrupter) ? 0..<1 : 0..<vectors
  }

  /// The interface goes up.
  package func open(vectors: Int) -> [Action] {
    requestsWhenOpened ? (0..<vectors).map { .request($0) } : []
  }

  /// The interface goes down.
  package func close(vectors: Int) -> [Action] {
    requestsWhenOpened ? (0..<vectors).map { .free($0) } : []
  }

  /// The driver lets its function go.
  package func remove(vectors: Int, in kernel: Kernel) -> [Action] {
    switch self {
    case .plain: (0..<vectors).map { .free($0) } + [.freeVectors, .disable]
    case .nvme: (0..<vectors).reversed().map { .free($0) } + [.freeVectors, .disable]
    case .e1000e, .igb: close(vectors: vectors) + [.freeVectors, .disable]
    case .virtioNet, .virtioBlock:
      // The queues' vectors first, then that of configuration changes.
      (1..<max(1, vectors)).map { .free($0) } + [.free(0), .freeVectors, .disable]
    case .ahci: [.leave] + (0..<vectors).map { .free($0) } + [.freeVectors, .disable]
    case .xhci:
      requested(vectors, in: kernel).map { .free($0) } + [.freeVectors, .disable]
    }
  }
}

extension GuestKernel {
  /// A driver finds its function, and its interface goes up.
  ///
  /// - Parameter vectors: how many it is to have, 1 or more.
  mutating func bind(
    _ driver: DeviceDriver, vectors: Int, to device: Int
  ) throws(Refusal) -> [Step<Never>] {
    devices[device].driver = driver
    devices[device].driverVectors = vectors
    var steps: [Step<Never>] = []
    for action in driver.bus + driver.probe(vectors: vectors, in: kernel)
      + driver.open(vectors: vectors)
    {
      steps += try perform(action, of: device)
    }
    return steps
  }

  /// A driver lets its function go (`device_release_driver`); nothing happens for a function without
  /// one.
  mutating func unbind(_ device: Int) throws(Refusal) -> [Step<Never>] {
    guard let driver = devices[device].driver else { return [] }
    devices[device].driver = nil
    var steps: [Step<Never>] = []
    for action in driver.remove(vectors: devices[device].driverVectors, in: kernel) {
      steps += try perform(action, of: device)
    }
    return steps + releaseEvents(of: device)
  }

  /// Carries out what a driver asks for.
  package mutating func perform(
    _ action: DeviceDriver.Action, of device: Int
  ) throws(Refusal) -> [Step<Never>] {
    switch action {
    case .decode:
      devices[device].isLeft = false
      return decode(device)
    case .setMaster: return setMaster(device)
    case .disable: return disableDevice(device)
    case .countMessages: return [devices[device].msi.count].during(.msiEnable)
    case .allocate(let count, let first):
      let managed = first.map { min($0, count)..<count } ?? 0..<0
      return try allocateVectors(count, managed: managed, of: device)
    case .request(let vector): return try requestVector(vector, of: device)
    case .free(let vector): return freeVector(vector, of: device)
    case .freeVectors: return freeVectors(of: device)
    case .leave:
      devices[device].isLeft = true
      return []
    }
  }
}
