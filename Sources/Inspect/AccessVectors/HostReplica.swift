internal import ArmFormats
internal import Bits
internal import HostKernel
internal import IOMMU
internal import Linux
internal import Machine
internal import Software
internal import VMM

/// The models of a VM and of its host in the situation of a recorded host: the guest's model touches
/// the function, the VMM's makes calls of it, and the host's carries them out.
struct HostReplica {
  private var guest: GuestReplica
  private var vmm: VMM
  private var host: HostKernel
  private let layout: FunctionLayout
  private let hasIOCTLOfAtomics: Bool
  /// Whether the guest has an SMMU, behind iommufd.
  private let isNested: Bool
  /// What is left to do when VFIO's driver lets the function go.
  private var leftover: [Step<Never>] = []
  private(set) var normalizer: AccessNormalizer

  /// - Parameter steps: those of the recorded host, in order.
  /// - Returns: `nil` for a kernel that no model knows.
  init?(_ vector: AccessVector, _ layout: FunctionLayout, steps: [String]) throws(Refusal) {
    let situation = vector.situation
    guard let release = Release(situation.kernel), Kernel(release).isKnown else { return nil }
    let kernel = Kernel(release)
    var inner = situation
    inner.kernel = situation.guestKernel
    inner.cpus = situation.guestCPUs
    inner.pageSize = 4096
    inner.vectors = 0
    inner.machine =
      "virt,gic-version=3,accel=kvm" + (situation.usesType1 ? "" : ",iommu=smmuv3")
    guard
      let guest = try GuestReplica(
        AccessVector(situation: inner, accesses: []), layout,
        steps: steps.compactMap { Self.innerName(of: $0) })
    else { return nil }
    self.guest = guest
    self.layout = layout
    let isPlain = situation.tableSize == 0
    let size = isPlain ? layout.messageVectors : situation.tableSize
    hasIOCTLOfAtomics = layout.isExpress && kernel.has(.vfioReportsAtomics)
    vmm = VMM(
      map: .qemuVirt, advertisement: .nothing, stageTwoDoorbell: .softwareWindow,
      msixEntry: .replaced,
      devices: [.init(guestID: 0x8, vectors: size, hasINTx: layout.hasINTx)], iommu: .none,
      vectorSequence: .asUnmasked(addsVectors: kernel.has(.dynamicMSIX)))
    let pageSize: PageSize =
      situation.pageSize == 0x1_0000 ? .kib64 : situation.pageSize == 0x4000 ? .kib16 : .kib4
    host = try HostKernel(
      kernel: kernel,
      platforms: [
        .init(
          smmuBase: PA(GuestReplica.Map.smmu), itsBase: PA(GuestReplica.Map.its),
          redistributors: PA(GuestReplica.Map.redistributors), cpus: situation.cpus,
          msixTable: PA(GuestReplica.Map.table), msixCapability: layout.msixCapability,
          streamID: StreamID(8), deviceID: DeviceID(8), vectors: size,
          store: isPlain ? .msi : .msiX, msiCapability: layout.msiCapability)
      ],
      stageTwoDoorbell: .softwareWindow, eventIDOwner: .host, pageSize: pageSize,
      frames: BumpFrames(base: 0x4000_0000, size: 0x4000_0000),
      stageTwoFrames: PlacedFrames([:], rest: BumpFrames(base: 0x1_0000_0000, size: 0x1000_0000)),
      streamTable: nil)
    normalizer = AccessNormalizer(layout)
    // The queues' pointers go on from where the host's boot has left them.
    let stride = situation.redistributorStride
    for step in try host.boot() {
      for access in step.accesses(step: "", stride: stride) { _ = normalizer.normalize(access) }
    }
    isNested = !situation.usesType1
    _ = try host.handle(.createStageTwo([]), for: .first)
    guard !isNested else { return }
    _ = try host.handle(.attachStageTwo, for: .first)
  }

  /// What the guest calls a step of the host; `nil` for one that is none of the guest's.
  private static func innerName(of step: String) -> String? {
    step.hasPrefix("guest: ") ? String(step.dropFirst(7)) : nil
  }

  /// What the host's kernel does for its guest in a step, as far as the function's interrupts go.
  mutating func perform(
    _ name: String, _ recorded: [NormalizedAccess], stride: UInt64
  ) throws(Refusal) -> [NormalizedAccess] {
    var steps: [Step<Never>] = []
    if let inner = Self.innerName(of: name) {
      if inner == "boot" { steps += try attachAtOpening() + open() }
      let accesses = recorded.filter { $0.access.phase.hasPrefix("msi") }
      // A guest that ends lets its function go as if it were unbound.
      for step in try guest.perform(inner == "end" ? "unbind" : inner, accesses) ?? [] {
        steps += try answer(step)
      }
      steps += try follow(inner)
    } else if name == "vfio-unbind" {
      steps += isNested ? leftover : host.endMachine(.first)
      leftover = []
    }
    return steps.flatMap { $0.accesses(step: name, stride: stride) }
      .filter { Self.phases.contains($0.phase) }
      .map { normalizer.normalize($0) }
  }

  /// The phases that come of the guest's touching the function.
  static let phases: Set<String> = Set(
    [
      KernelPhase.vfioSetIRQs, .vfioIOCTL, .msixEnable, .msixDisable, .msiEnable, .msiDisable,
      .requestIRQ, .freeIRQ, .itsDeviceFree, .iommufdAttach, .iommufdDetach,
    ].map(\.rawValue))

  /// QEMU opens the function and resets it (`vfio_realize`, `vfio_pci_reset`).
  private mutating func open() throws(Refusal) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    if hasIOCTLOfAtomics {
      // VFIO_DEVICE_GET_INFO
      steps.append(
        Step<Never>(.host, "vfio_pci_info_atomic_cap", "atomics of the function", .decide)
          .reading([.configuration(offset: layout.expressCapability &+ 0x24, width: 4)])
          .during(.vfioIOCTL))
    }
    steps += try call(.command(2))
    steps.append(host.irqCount(of: .first))
    guard layout.hasINTx else { return steps }
    for call in [INTxChange.enable, .mask, .unmask, .mask, .unmask, .disable] {
      steps += try self.call(.setINTx(call))
    }
    steps += try call(.command(0))
    for call in [INTxChange.enable, .mask, .unmask] { steps += try self.call(.setINTx(call)) }
    return steps
  }

  /// QEMU attaches the function to the stage 2 of its RAM, then to a nested domain that passes stage 1
  /// over (`iommufd_cdev_attach`, `smmuv3_accel_set_iommu_device`).
  private mutating func attachAtOpening() throws(Refusal) -> [Step<Never>] {
    guard isNested else { return [] }
    return try
      (call(.attachStageTwo) + call(.createVirtualSMMU(guestStream: nil))
      + call(.attach(guestEntry: .bypass)) + call(.createVirtualSMMU(guestStream: 8)))
      .during(.iommufdAttach)
  }

  /// What a step of the guest does to its SMMU's entry of the function, and the end of the VM.
  private mutating func follow(_ step: String) throws(Refusal) -> [Step<Never>] {
    guard isNested else { return [] }
    switch step.prefix(while: { $0 != "#" }) {
    case "boot", "type=DMA", "type=DMA-FQ":
      return try call(.attach(guestEntry: .stage1(context: 0x4800_0000))).during(.iommufdAttach)
    case "type=identity": return try call(.attach(guestEntry: .bypass)).during(.iommufdAttach)
    case "end":
      let steps = host.endMachine(.first)
      leftover = steps.filter { $0.phase == .itsDeviceFree }
      return steps.filter { $0.phase == nil }.during(.iommufdDetach)
    default: return []
    }
  }

  private mutating func call(_ call: HostCall) throws(Refusal) -> [Step<Never>] {
    try host.handle(call, for: .first)
  }

  /// What the VMM and the host make of one step of the guest.
  private mutating func answer(_ step: Step<Never>) throws(Refusal) -> [Step<Never>] {
    guard step.device ?? 0 == 0 else { return [] }
    var calls: [Step<HostCall>] = []
    switch step.action {
    case .mmio(let place, let value, _):
      let offset = place.rawValue &- GuestReplica.Map.table
      guard offset < 0x8000 else { return [] }
      calls = vmm.msixWrite(UInt32(truncatingIfNeeded: value), at: offset)
    case .config(let offset, let value, _):
      if offset == 4 {
        calls = vmm.commandWrite(UInt16(truncatingIfNeeded: value))
      } else if offset == layout.msixCapability &+ 2 {
        calls = vmm.msixControlWrite(UInt16(truncatingIfNeeded: value))
      } else if offset &- layout.msiCapability < 14 {
        calls = vmm.msiWrite(value, at: offset &- layout.msiCapability)
      }
    default: break
    }
    var steps: [Step<Never>] = []
    for step in calls {
      if case .call(let call) = step.action { steps += try self.call(call) }
    }
    return steps
  }
}
