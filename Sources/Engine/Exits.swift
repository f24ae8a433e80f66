internal import ArmFormats
internal import Bits
internal import Designs
internal import GIC
internal import Guest
internal import HostKernel
internal import KVM
internal import Linux
internal import Machine
internal import Memory
internal import PCI
internal import Simulation
internal import Software
internal import Timing
internal import VMM

// Accesses of a guest that leave it: KVM answers those of its interrupt controllers, the VMM the
// others.
extension Engine {
  /// A guest writes a register: an exit, unless the page is a device's own.
  mutating func guestWrite(
    _ value: UInt64, at address: IPA, width: Int, by vm: VMIndex
  ) -> SimulatedTime {
    let map = machines[vm.rawValue].vmm.map
    let its = address.rawValue &- map.itsBase.rawValue
    if map.messageFrame != nil {
      let distributor = address.rawValue &- map.distributor.rawValue
      if distributor < 0x1_0000 {
        recorder.count(.virtualDistributor, isRead: false)
        kvm[vm.rawValue].distributor.writeRegister(distributor, value, width: width)
        retryWaiting()
        return costs.exitToKernel
      }
    } else if its < 0x2_0000 {
      return virtualITSWrite(value, at: its, width: width, by: vm)
    }
    if let frame = redistributorFrame(at: address, of: vm) {
      recorder.count(.virtualRedistributor, isRead: false)
      kvm[vm.rawValue].writeRedistributor(of: frame.cpu, value, at: frame.offset, width: width)
      push(forwardingSteps(of: vm), on: vm)
      retryWaiting()
      return costs.exitToKernel
    }
    let smmu = address.rawValue &- map.smmuBase.rawValue
    if smmu < 0x2_0000 * UInt64(machines[vm.rawValue].vmm.smmuCount) {
      recorder.count(.virtualSMMU, isRead: false)
      let memory = machines[vm.rawValue].memory
      push(
        machines[vm.rawValue].vmm.smmuWrite(
          value, at: smmu % 0x2_0000, width: width, of: Int(smmu / 0x2_0000), memory: memory
        ).map(PendingStep.vmm), on: vm)
      return costs.exitToVMM
    }
    if let table = messageTable(at: address, of: vm) {
      return guestTableWrite(value, at: table.offset, width: width, of: table.device, by: vm)
    }
    recorder.count(.unclaimed, isRead: false)
    return costs.exitToVMM
  }

  /// A guest reads registers and configuration space: an exit each, unless the page is a device's own.
  /// What they return changes nothing.
  ///
  /// - Returns: how long that takes.
  mutating func guestReads(
    _ reads: [RegisterRead], of device: Int, by vm: VMIndex
  ) -> SimulatedTime {
    var time = SimulatedTime.zero
    for read in reads {
      guard let (cause, cost) = exit(at: read, by: vm) else {
        time += costs.softwareStep
        continue
      }
      recorder.count(cause, isRead: true)
      time += cost
    }
    return time
  }

  /// Why a read of a guest leaves it, and what that costs; `nil` where it does not.
  private mutating func exit(at read: RegisterRead, by vm: VMIndex) -> (ExitCause, SimulatedTime)? {
    guard case .register(let place, _) = read else { return (.configuration, costs.exitToVMM) }
    let map = machines[vm.rawValue].vmm.map
    let address = IPA(place.rawValue)
    if map.messageFrame != nil {
      let distributor = address.rawValue &- map.distributor.rawValue
      if distributor < 0x1_0000 { return (.virtualDistributor, costs.exitToKernel) }
    } else if address.rawValue &- map.itsBase.rawValue < 0x2_0000 {
      return (.virtualITS, costs.exitToKernel)
    }
    if redistributorFrame(at: address, of: vm) != nil {
      return (.virtualRedistributor, costs.exitToKernel)
    }
    let smmus = 0x2_0000 * UInt64(machines[vm.rawValue].vmm.smmuCount)
    if address.rawValue &- map.smmuBase.rawValue < smmus { return (.virtualSMMU, costs.exitToVMM) }
    if let table = messageTable(at: address, of: vm) {
      let isInternal = machines[vm.rawValue].devices[table.device].store == .device
      let isTrapped = specification.design.msixEntry != .untrapped && !isInternal
      return isTrapped ? (.msixTable, costs.exitToVMM) : nil
    }
    return (.unclaimed, costs.exitToVMM)
  }

  /// The virtual CPU whose redistributor stands at an address, and the offset in it.
  private func redistributorFrame(
    at address: IPA, of vm: VMIndex
  ) -> (cpu: VCPUIndex, offset: UInt64)? {
    let map = machines[vm.rawValue].vmm.map
    let stride = map.redistributorStride
    let count = machines[vm.rawValue].cpus.count
    let first = min(count, map.firstRedistributors)
    let frame = address.rawValue &- map.redistributors.rawValue
    if frame < stride &* UInt64(first) { return (VCPUIndex(Int(frame / stride)), frame % stride) }
    guard let further = map.furtherRedistributors else { return nil }
    let beyond = address.rawValue &- further.base
    guard beyond < stride &* UInt64(count - first) else { return nil }
    return (VCPUIndex(first + Int(beyond / stride)), beyond % stride)
  }

  /// The device whose MSI-X table stands at an address, by the VM's numbers, and the offset in it.
  private func messageTable(
    at address: IPA, of vm: VMIndex
  ) -> (device: Int, offset: UInt64)? {
    let machine = machines[vm.rawValue]
    let table = address.rawValue &- machine.vmm.map.msixTable.rawValue
    guard table < AddressMap.barSpacing * UInt64(machine.devices.count) else { return nil }
    let device = Int(table / AddressMap.barSpacing)
    let offset = table % AddressMap.barSpacing
    guard offset < UInt64(machine.devices[device].vectors) * MSIXTableEntry.byteCount else {
      return nil
    }
    return (device, offset)
  }

  private mutating func guestTableWrite(
    _ value: UInt64, at offset: UInt64, width: Int, of device: Int, by vm: VMIndex
  ) -> SimulatedTime {
    let word = UInt32(truncatingIfNeeded: value)
    if machines[vm.rawValue].devices[device].store == .device {
      return storeWrite(word, at: offset, of: machines[vm.rawValue].device(device))
    }
    guard specification.design.msixEntry != .untrapped else {
      // The page is mapped to the guest: the write goes straight to the device.
      let function = machines[vm.rawValue].device(device)
      let table =
        machine.layout.bar(of: function.rawValue) + MachineDescription.Device.tableOffset
      let response = machine.write(value, at: table + offset, width: width)
      release(response.emissions, of: function)
      return costs.softwareStep
    }
    recorder.count(.msixTable, isRead: false)
    let memory = machines[vm.rawValue].memory
    push(
      machines[vm.rawValue].vmm.msixWrite(word, at: offset, of: device, memory: memory)
        .map(PendingStep.vmm), on: vm)
    return costs.exitToVMM
  }

  /// A guest's driver hands its device a word of a message, on a page that no design can trap: only
  /// the device knows what it means.
  private mutating func storeWrite(
    _ value: UInt32, at offset: UInt64, of device: DeviceIndex
  ) -> SimulatedTime {
    let vector = Int(truncatingIfNeeded: offset / MSIXTableEntry.byteCount)
    guard var entry = machine.functions[device.rawValue].tableEntry(vector) else {
      return costs.softwareStep
    }
    let word = Int(truncatingIfNeeded: offset >> 3 & 1)
    let shift: UInt64 = offset & 4 == 0 ? 0 : 32
    entry[word: word] = entry[word: word] & ~(lowBits(32) << shift) | UInt64(value) << shift
    let emissions = machine.functions[device.rawValue].writeInternalStore(vector, entry) ?? []
    release(emissions, of: device)
    return costs.softwareStep
  }

  mutating func guestConfigWrite(
    _ value: UInt32, at offset: UInt16, width: Int, of device: Int, by vm: VMIndex
  ) -> SimulatedTime {
    recorder.count(.configuration, isRead: false)
    let word = UInt16(truncatingIfNeeded: value)
    let memory = machines[vm.rawValue].memory
    let msi = MachineDescription.Device.msiCapability
    var steps: [PendingStep] = []
    if offset == MachineDescription.Device.msixCapability + 2 {
      steps = machines[vm.rawValue].vmm.msixControlWrite(word, of: device, memory: memory)
        .map(PendingStep.vmm)
    } else if machines[vm.rawValue].devices[device].store == .msi,
      (msi..<msi + 14).contains(offset)
    {
      steps = machines[vm.rawValue].vmm.msiWrite(
        value, at: offset - msi, of: device, memory: memory
      ).map(PendingStep.vmm)
    } else if offset == 4 {
      steps = machines[vm.rawValue].vmm.commandWrite(word).map { .vmm($0.about(device)) }
    }
    push(steps, on: vm)
    return costs.exitToVMM
  }

  /// KVM's virtual ITS: commands are carried out before the guest goes on, and repeated for the
  /// physical device where the guest owns the EventIDs.
  private mutating func virtualITSWrite(
    _ value: UInt64, at offset: UInt64, width: Int, by vm: VMIndex
  ) -> SimulatedTime {
    recorder.count(.virtualITS, isRead: false)
    let commands = kvm[vm.rawValue].writeITS(value, at: offset, width: width)
    var steps = forwardingSteps(of: vm)
    if specification.design.eventIDOwner == .guest {
      let doorbell = machines[vm.rawValue].vmm.map.doorbell
      steps += commands.map { command in
        let owner = machines[vm.rawValue].devices.firstIndex { $0.guestID == command[.deviceID] }
        return .vmm(
          Step(
            .kvm, "vgic_its_process_commands (proposed)",
            "\(command[.opcode].name ?? "command") goes on to the physical ITS",
            .call(.mirror(command, doorbell: doorbell))
          ).about(owner ?? 0))
      }
    }
    push(steps, on: vm)
    retryWaiting()
    return costs.exitToKernel
  }

  /// The host's steps for what a guest's commands and registers ask of the hardware. Where the
  /// guest's commands drive the physical ITT, its DISCARD and MAPD are repeated as such.
  private mutating func forwardingSteps(of vm: VMIndex) -> [PendingStep] {
    kvm[vm.rawValue].forwardingSteps(
      repeatsCommands: specification.design.eventIDOwner == .guest, host: &host
    ).map(PendingStep.host)
  }
}
