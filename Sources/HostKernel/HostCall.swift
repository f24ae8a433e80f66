public import ArmFormats
public import Bits

/// What a VMM, or KVM's virtual ITS, asks of the host kernel.
public enum HostCall: Sendable {
  /// A range of guest RAM: `size` bytes at `ipa` are those at `pa`.
  public struct RAMExtent: Equatable, Sendable {
    public let ipa: IPA
    public let pa: PA
    public let size: UInt64

    public init(ipa: IPA, pa: PA, size: UInt64) {
      self.ipa = ipa
      self.pa = pa
      self.size = size
    }
  }

  /// IOMMU_IOAS_ALLOC, IOMMU_HWPT_ALLOC with NEST_PARENT, IOMMU_IOAS_MAP.
  case createStageTwo([RAMExtent])
  /// IOMMU_OPTION_HUGE_PAGES 0 of the address space, before anything is mapped in it: what
  /// iommufd's VFIO_TYPE1_IOMMU compatibility always has.
  case disableLargePages
  /// VFIO_DEVICE_ATTACH_IOMMUFD_PT to the stage 2 table itself, without a vIOMMU.
  case attachStageTwo
  /// IOMMU_OPTION_SW_MSI_START and _SIZE: where the software MSI window starts. No such option
  /// exists upstream.
  case moveWindow(IOVA)
  /// IOMMU_VIOMMU_ALLOC where the device's SMMU has none yet, and IOMMU_VDEVICE_ALLOC with the
  /// device's StreamID as the guest knows it; `nil` leaves the vDEVICE for later.
  case createVirtualSMMU(guestStream: UInt32?)
  /// Maps the guest's doorbell page to the physical doorbell in stage 2. No such call exists
  /// upstream.
  case mapGuestDoorbell(IPA)
  /// IOMMU_HWPT_ALLOC of a nested table and VFIO_DEVICE_ATTACH_IOMMUFD_PT, for the guest's STE;
  /// abort and bypass entries attach tables that exist already.
  case attach(guestEntry: StreamTableEntry)
  /// IOMMU_HWPT_INVALIDATE with the guest's command.
  case invalidate(SMMUCommand)
  /// VFIO_DEVICE_SET_IRQS of the MSI-X index for the vectors from `first` on, with an eventfd or
  /// none for each.
  case setIRQs(first: Int, [VectorSignal])
  /// VFIO_DEVICE_SET_IRQS of the INTx index.
  case setINTx(INTxChange)
  /// VFIO_DEVICE_SET_IRQS for plain MSI: `count` vectors, a power of two, with an eventfd each.
  case enableMSI(count: Int, guestAddress: IOVA?)
  /// VFIO_DEVICE_SET_IRQS that ends every vector.
  case disableVectors
  /// KVM_SET_GSI_ROUTING and KVM_IRQFD: where KVM injects the vector's eventfd.
  case route(vector: Int, InjectionRoute)
  /// KVM_IRQFD with KVM_IRQFD_FLAG_DEASSIGN: the vector's eventfd keeps what comes until it has a
  /// route again.
  case unroute(vector: Int)
  /// KVM_SIGNAL_MSI for a vector whose pending bit the VMM kept, along the vector's route.
  case signal(vector: Int)
  /// The message control register of the function's MSI-X capability, as the guest wrote it: for
  /// a guest that owns the MSI-X table.
  case messageControl(enable: Bool, functionMask: Bool)
  /// The command register of the function, as the guest wrote it.
  case command(UInt16)
  /// A command of the guest's ITS driver that KVM's virtual ITS, whose doorbell is named, has
  /// carried out, to be repeated for the physical device. No such call exists upstream.
  case mirror(ITSCommand, doorbell: IPA)
}

/// What VFIO_DEVICE_SET_IRQS binds a vector to.
public enum VectorSignal: Equatable, Sendable {
  /// No eventfd (-1): its interrupt is freed.
  case none
  /// The eventfd that KVM reads: `guestAddress` is what a VMM that forwards the guest's message
  /// address passes.
  case kvm(guestAddress: IOVA?)
  /// One that the VMM itself reads: what QEMU does while its guest masks the vector.
  case vmm

  /// The guest's message address, where it comes with the call.
  var guestAddress: IOVA? {
    if case .kvm(let address) = self { address } else { nil }
  }
}

extension [VectorSignal] {
  /// The first message address of a guest among them.
  var guestAddress: IOVA? { lazy.compactMap(\.guestAddress).first }
}

/// What VFIO_DEVICE_SET_IRQS does to a function's INTx.
public enum INTxChange: Equatable, Sendable {
  case mask
  case unmask
  /// An eventfd for it.
  case enable
  /// None any more.
  case disable
}

/// Who reads a vector's eventfd.
public enum SignalTarget: Equatable, Sendable {
  /// KVM, which injects at once.
  case kvm(InjectionRoute)
  /// The VMM, which keeps a pending bit.
  case vmm(vector: Int)
}

/// Where KVM's software injection sends an eventfd: the MSI that the guest believes in.
public struct InjectionRoute: Equatable, Sendable {
  /// The virtual ITS's doorbell.
  public let doorbell: IPA
  public let deviceID: UInt32
  public let eventID: UInt32
  /// The SPI that is injected instead of an MSI, where a VMM names it by itself from the data of
  /// the message (QEMU's `kvm_gsi_direct_mapping`).
  public let spi: UInt32?

  public init(doorbell: IPA, deviceID: UInt32, eventID: UInt32) {
    self.doorbell = doorbell
    self.deviceID = deviceID
    self.eventID = eventID
    spi = nil
  }

  /// - Parameter doorbell: that of the guest's GICv2m frame.
  public init(spi: UInt32, doorbell: IPA) {
    self.doorbell = doorbell
    self.spi = spi
    deviceID = 0
    eventID = spi
  }

  /// What is injected, in words.
  public var text: String {
    spi.map { "SPI \($0)" }
      ?? "doorbell \(doorbell), DeviceID \(hex(UInt64(deviceID))), EventID \(eventID)"
  }
}
