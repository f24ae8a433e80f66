public import ArmFormats
internal import Bits
internal import IOMMU
internal import Linux
public import Software

// VMs that come and go while the host runs.
extension HostKernel {
  /// A function appears on a bus, to be assigned to the VM that its platform names
  /// (`pci_device_add`, `arm_smmu_probe_device`).
  ///
  /// - Parameter platform: behind an SMMU and an ITS that the host has.
  /// - Throws: `Refusal` with `ENODEV` where it has not, and with `ENOMEM`.
  public mutating func add(
    _ platform: Platform
  ) throws(Refusal) -> (device: DeviceIndex, steps: [Step<Never>]) {
    let list = AssignedDevice.list(
      devices.map(\.platform) + [platform],
      separatesITSs: stageTwoDoorbell == .guestDoorbellPerITS, frame: messageFrame?.doorbell,
      window: messageWindow, kernel: kernel, pageSize: pageSize)
    guard let added = list.last, smmus.indices.contains(added.smmu),
      itses.indices.contains(added.its)
    else {
      throw Refusal(
        by: .host, in: "iommu_probe_device", errno: "ENODEV", message: "no such SMMU or ITS")
    }
    let steps = try outOfMemory("arm_smmu_init_sid_strtab") { () throws(SMMUDriver.Failure) in
      try smmus[added.smmu].prepareLeaf(of: platform.streamID.rawValue, frames: &frames)
    }
    devices.append(added)
    openFiles()
    return (DeviceIndex(devices.count - 1), steps)
  }

  /// A function goes to another VM, whose VMM opens it next; its VM has ended.
  public mutating func reassign(_ device: DeviceIndex, to vm: VMIndex) {
    var platforms = devices.map(\.platform)
    platforms[device.rawValue].vm = vm
    let list = AssignedDevice.list(
      platforms, separatesITSs: stageTwoDoorbell == .guestDoorbellPerITS,
      frame: messageFrame?.doorbell, window: messageWindow, kernel: kernel, pageSize: pageSize)
    let command = devices[device.rawValue].command
    devices[device.rawValue] = list[device.rawValue]
    devices[device.rawValue].command = command
    openFiles()
  }

  /// The STE of a device, as last written.
  public func entry(of device: DeviceIndex) -> StreamTableEntry {
    smmus[self[device].smmu].entry(of: self[device].platform.streamID.rawValue)
  }

  /// Takes the functions of a VM from it, and ends the VM: vectors, translation tables, STEs, stage 2
  /// (`vfio_df_close`, `vfio_msi_disable`, `its_free_device`, `iommufd_device_detach`,
  /// `free_io_pgtable_ops`). What the hardware injects is KVM's to unmap first.
  public mutating func endMachine(_ vm: VMIndex) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    for index in devices.indices where devices[index].vm == vm {
      let device = DeviceIndex(index)
      steps += disableVectors(of: device) + removeEvents(of: device) + disableATS(of: device)
      steps += smmus[self[device].smmu].write(
        .abort, of: self[device].platform.streamID.rawValue,
        function: "arm_smmu_attach_dev_blocked",
        text: "abort")
    }
    return steps + closeFile(of: vm)
  }

  /// A VMM's file is closed, with all that it had (`iommufd_fops_release`); its VMIDs are free when
  /// no TLB has them any more.
  private mutating func closeFile(of vm: VMIndex) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    for (index, stage) in machines[vm.rawValue].stageTwos.enumerated() where stage.vmid != 0 {
      let owner = devices.first { $0.vm == vm && $0.stageTwo == index }
      var command = SMMUCommand(.tlbiS12VMAll)
      command[.vmid] = stage.vmid
      if let owner {
        steps += smmus[owner.smmu].send(
          [command], "arm_smmu_tlb_inv_context", "TLBI_S12_VMALL, VMID \(stage.vmid)")
      }
      vmids.remove(stage.vmid)
    }
    for index in devices.indices where devices[index].vm == vm {
      // The default domain is never refused.
      try? devices[index].group.release()
      devices[index].bound = nil
      devices[index].nested = nil
      devices[index].guestStream = nil
    }
    let count = machines[vm.rawValue].stageTwos.count
    machines[vm.rawValue] = newFile()
    machines[vm.rawValue].stageTwos = Array(repeating: StageTwo(), count: count)
    return steps
  }
}
