internal import Linux
public import Software

// Tables of single PASIDs (drivers/iommu/iommufd/device.c, Linux 6.15).
extension IOMMUFD {
  /// Attaches a table to one PASID of a device (`iommufd_device_attach` with a PASID).
  ///
  /// - Parameter pasid: 1 or more; 0 (`IOMMU_NO_PASID`) is the device itself.
  public func attach(device id: UInt32, pasid: UInt32, to target: UInt32) throws(Refusal) {
    let (_, device) = try device(id)
    let function = "iommufd_hwpt_pasid_compat"
    guard kernel.has(.pasidAttach) else {
      throw refusal("vfio_df_ioctl_attach_pt", "EINVAL", "no PASIDs are attached before 6.15")
    }
    guard pasid != 0 else {
      throw refusal("iommufd_device_attach", "EINVAL", "PASID 0 stands for the device itself")
    }
    let (tableID, table) = try table(for: target)
    guard table.flags.contains(.pasid) else {
      throw refusal(function, "EINVAL", "the table was not made for PASIDs")
    }
    if let own = attachments[id], case .pageTable(let current) = objects[own],
      !current.flags.contains(.pasid)
    {
      throw refusal(
        function, "EINVAL", "the table of \(device.name) itself was not made for PASIDs")
    }
    guard pasidAttachments[id]?[pasid] == nil else {
      throw refusal(
        "iommufd_hw_pagetable_attach", "EINVAL", "PASID \(pasid) is attached already")
    }
    pasidAttachments[id, default: [:]][pasid] = tableID
  }

  /// Ends it (`iommufd_device_detach`).
  public func detach(device id: UInt32, pasid: UInt32) {
    pasidAttachments[id]?[pasid] = nil
  }

  /// Returns the ID of the page table that a PASID of a device is attached to; `nil` if there is
  /// none.
  public func table(ofDevice id: UInt32, pasid: UInt32) -> UInt32? {
    pasidAttachments[id]?[pasid]
  }

  /// Whether a device whose PASIDs are in use may move to a table.
  func checkPASIDs(
    of id: UInt32, _ device: IOMMUDevice, under table: PageTableObject
  ) throws(Refusal) {
    guard pasidAttachments[id]?.isEmpty == false else { return }
    if case .nested = table.kind {
      throw refusal(
        "arm_smmu_attach_dev_nested", "EBUSY", "PASIDs of \(device.name) have CDs of their own")
    }
    guard table.flags.contains(.pasid) else {
      throw refusal(
        "iommufd_hwpt_pasid_compat", "EINVAL", "PASIDs of \(device.name) are attached")
    }
  }
}
