public import Bits
internal import Linux
public import Software

// Command queues that a guest owns: objects and register pages of Tegra241's CMDQV
// (drivers/iommu/iommufd/viommu.c, drivers/iommu/arm/arm-smmu-v3/tegra241-cmdqv.c; Linux 6.17).
extension IOMMUFD {
  public struct HardwareQueueObject: Equatable, Sendable {
    public let viommu: UInt32
    /// Which of the virtual interface's queues.
    public let index: UInt32
    /// Range of IPAs that holds the guest's queue.
    public let range: ClosedRange<UInt64>
  }

  /// The queues of a virtual interface (`num_lvcmdqs_per_vintf` on Grace).
  public static let hardwareQueuesPerVirtualIOMMU: UInt32 = 2

  /// The registers of a virtual interface that user space may map, in bytes.
  public static let registerPages: UInt64 = 0x1_0000

  /// `IOMMU_HW_QUEUE_ALLOC`: gives the guest's queue to the hardware.
  ///
  /// - Parameter isKnownType: whether the type is the driver's, not the default one.
  public func allocateHardwareQueue(
    viommu id: UInt32, index: UInt32, at address: IPA, length: UInt64, isKnownType: Bool = true
  ) throws(Refusal) -> UInt32 {
    let function = "iommufd_hw_queue_alloc_ioctl"
    guard kernel.has(.hardwareQueues) else {
      throw refusal("iommufd_fops_ioctl", "ENOTTY", "there are no hardware queues before 6.17")
    }
    guard isKnownType else {
      throw refusal(function, "EOPNOTSUPP", "the driver does not know the type of the queue")
    }
    guard length > 0 else { throw refusal(function, "EINVAL", "the queue has no length") }
    let last = address.rawValue.addingReportingOverflow(length - 1)
    guard !last.overflow else {
      throw refusal(function, "EOVERFLOW", "the queue passes the end of the address space")
    }
    let range = address.rawValue...last.partialValue
    let space = try parentSpace(of: id, function)
    try space.lock(range)
    do { try checkIndex(index, of: id) } catch {
      space.unlock(range)
      throw error
    }
    return add(.hardwareQueue(.init(viommu: id, index: index, range: range)))
  }

  /// Queues come in order, each once (`tegra241_vintf_alloc_lvcmdq_user`).
  private func checkIndex(_ index: UInt32, of viommu: UInt32) throws(Refusal) {
    let function = "tegra241_vintf_alloc_lvcmdq_user"
    func exists(_ index: UInt32) -> Bool {
      objects.values.contains {
        if case .hardwareQueue(let queue) = $0 {
          queue.viommu == viommu && queue.index == index
        } else {
          false
        }
      }
    }
    guard index < Self.hardwareQueuesPerVirtualIOMMU else {
      throw refusal(function, "EINVAL", "there is no queue \(index)")
    }
    guard !exists(index) else { throw refusal(function, "EEXIST", "queue \(index) is in use") }
    guard index == 0 || exists(index - 1) else {
      throw refusal(function, "EIO", "queue \(index - 1) comes first")
    }
  }

  private func parentSpace(of id: UInt32, _ function: String) throws(Refusal) -> IOAddressSpace {
    guard case .virtualIOMMU(let viommu) = objects[id],
      case .pageTable(let table) = objects[viommu.parent],
      case .paging(let space, _) = table.kind
    else { throw refusal(function, "ENOENT", "object \(id) is no vIOMMU") }
    return try addressSpace(space)
  }

  func unlock(_ queue: HardwareQueueObject) {
    (try? parentSpace(of: queue.viommu, ""))?.unlock(queue.range)
  }

  // MARK: Register pages

  /// `mmap` of a vIOMMU's register pages: at the offset and with the length that
  /// `IOMMU_VIOMMU_ALLOC` returned, and nothing else (`iommufd_fops_mmap`).
  ///
  /// - Parameter offset: from the pages' start.
  public func mapRegisters(viommu id: UInt32, offset: UInt64, length: UInt64) throws(Refusal) {
    guard case .virtualIOMMU(var viommu) = objects[id], offset == 0, length == Self.registerPages
    else { throw refusal("iommufd_fops_mmap", "ENXIO", "no object has this range of registers") }
    viommu.mappings += 1
    objects[id] = .virtualIOMMU(viommu)
  }

  /// `munmap` of them.
  public func unmapRegisters(viommu id: UInt32) {
    guard case .virtualIOMMU(var viommu) = objects[id], viommu.mappings > 0 else { return }
    viommu.mappings -= 1
    objects[id] = .virtualIOMMU(viommu)
  }

  func isMapped(_ id: UInt32) -> Bool {
    if case .virtualIOMMU(let viommu) = objects[id] { viommu.mappings > 0 } else { false }
  }
}
