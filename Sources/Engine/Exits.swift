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
  /// What stands at an address of a guest, and the offset in it.
  private enum Registers {
    case distributor(offset: UInt64)
    case its(offset: UInt64)
    case redistributor(VCPUIndex, offset: UInt64)
    /// By the VM's numbers, as the device of a table.
    case smmu(Int, offset: UInt64)
    case messageTable(device: Int, offset: UInt64)
    case unclaimed
  }

  private func registers(at address: IPA, of vm: VMIndex) -> Registers {
    let map = machines[vm.rawValue].vmm.map
    let distributor = address.rawValue &- map.distributor.rawValue
    let its = address.rawValue &- map.itsBase.rawValue
    if map.messageFrame != nil {
      if distributor < 0x1_0000 { return .distributor(offset: distributor) }
    } else if its < 0x2_0000 {
      return .its(offset: its)
    }
    if let frame = redistributorFrame(at: address, of: vm) {
      return .redistributor(frame.cpu, offset: frame.offset)
    }
    let smmu = address.rawValue &- map.smmuBase.rawValue
    if smmu < 0x2_0000 * UInt64(machines[vm.rawValue].vmm.smmuCount) {
      return .smmu(Int(smmu / 0x2_0000), offset: smmu % 0x2_0000)
    }
    if let table = messageTable(at: address, of: vm) {
      return .messageTable(device: table.device, offset: table.offset)
    }
    return .unclaimed
  }

  /// A guest writes a register: an exit, unless the page is a device's own.
  mutating func guestWrite(
    _ value: UInt64, at address: IPA, width: Int, by vm: VMIndex
  ) -> SimulatedTime {
    switch registers(at: address, of: vm) {
    case .distributor(let offset):
      recorder.count(.virtualDistributor, isRead: false)
      kvm[vm.rawValue].distributor.writeRegister(offset, value, width: width)
      retryWaiting()
      return costs.exitToKernel
    case .its(let offset): return virtualITSWrite(value, at: offset, width: width, by: vm)
    case .redistributor(let cpu, let offset):
      recorder.count(.virtualRedistributor, isRead: false)
      kvm[vm.rawValue].writeRedistributor(of: cpu, value, at: offset, width: width)
      push(forwardingSteps(of: vm), on: vm)
      retryWaiting()
      return costs.exitToKernel
    case .smmu(let smmu, let offset):
      recorder.count(.virtualSMMU, isRead: false)
      let memory = machines[vm.rawValue].memory
      push(
        machines[vm.rawValue].vmm.smmuWrite(
          value, at: offset, width: width, of: smmu, memory: memory
        ).map(PendingStep.vmm), on: vm)
      return costs.exitToVMM
    case .messageTable(let device, let offset):
      return guestTableWrite(value, at: offset, width: width, of: device, by: vm)
    case .unclaimed:
      recorder.count(.unclaimed, isRead: false)
      return costs.exitToVMM
    }
  }

  /// A guest reads registers and configuration space: an exit each, unless the page is a device's own.
  /// What they return changes nothing.
  ///
  /// - Returns: how long that takes.
  mutating func guestReads(_ reads: [RegisterRead], by vm: VMIndex) -> SimulatedTime {
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
    switch registers(at: IPA(place.rawValue), of: vm) {
    case .distributor: return (.virtualDistributor, costs.exitToKernel)
    case .its: return (.virtualITS, costs.exitToKernel)
    case .redistributor: return (.virtualRedistributor, costs.exitToKernel)
    case .smmu: return (.virtualSMMU, costs.exitToVMM)
    case .messageTable(let device, _):
      let isInternal = machines[vm.rawValue].devices[device].store == .device
      let isTrapped = specification.design.msixEntry != .untrapped && !isInternal
      return isTrapped ? (.msixTable, costs.exitToVMM) : nil
    case .unclaimed: return (.unclaimed, costs.exitToVMM)
    }
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
    // In place: a copy of the VM for each access would retain all its parts.
    let number = vm.rawValue
    let table = address.rawValue &- machines[number].vmm.map.msixTable.rawValue
    guard table < AddressMap.barSpacing * UInt64(machines[number].devices.count) else { return nil }
    let device = Int(table / AddressMap.barSpacing)
    let offset = table % AddressMap.barSpacing
    guard offset < UInt64(machines[number].devices[device].vectors) * MSIXTableEntry.byteCount
    else { return nil }
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
