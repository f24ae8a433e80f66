internal import Bits
internal import Designs
package import Guest
package import HostKernel
internal import KVM
internal import Linux
package import Machine
package import Memory
package import PCI
package import Software
package import VMM

// VMs that come and go while the host runs.
extension Engine {
  /// Another VM comes up: its function appears on a bus, or was another VM's, and its VMM builds it.
  /// It runs no workload; operations and requests are the caller's.
  ///
  /// - Parameters:
  ///   - function: with the description's requester ID; `nil` for the function of the first VM.
  ///   - described: the device, with SMMU and ITS of the first.
  ///   - extents: its RAM.
  /// - Throws: `Refusal` by the host's kernel.
  package mutating func addMachine(
    _ described: MachineDescription.Device, function: PCIFunction?, vmm: VMM, guest: any GuestOS,
    memory: PhysicalMemory, extents: [HostCall.RAMExtent]
  ) throws(Refusal) -> (vm: VMIndex, device: DeviceIndex) {
    let vm = VMIndex(machines.count)
    var device = DeviceIndex.first
    var steps: [Step<Never>] = []
    if let function {
      var platform = host[.first].platform
      platform.streamID = description.host.stream(of: described.requester)
      platform.deviceID = description.host.device(of: described.requester)
      platform.vectors = described.vectors
      platform.msixTable = PA(described.bar.base) + MachineDescription.Device.tableOffset
      platform.store = .msiX
      platform.vm = vm
      let added = try host.add(platform)
      device = added.device
      steps = added.steps
      machine.add(function, bar: described.bar, like: DeviceIndex.first.rawValue)
      description.devices.append(described)
      recorder.firstMessages.append(nil)
      recorder.reasons.append(nil)
      flights.sent.append(0)
    } else {
      host.reassign(.first, to: vm)
    }
    let known = Workload.Device(
      name: described.name, guestID: UInt32(described.guestRequester.rawValue),
      hostID: UInt32(described.requester.rawValue), vectors: described.vectors)
    machines.append(
      VirtualMachine(
        index: vm, vmm: vmm, guest: guest, memory: memory, extents: extents, devices: [known],
        numbers: [device],
        operations: DeviceOperations([], over: [known], like: known, order: .forward), cpus: 1))
    machines[vm.rawValue].isStarted = true
    kvm.append(
      KVM(
        vm, cpus: 1, itsBase: vmm.map.itsBase, doorbell: vmm.map.doorbell,
        redistributors: vmm.map.redistributors, delivery: specification.design.delivery,
        memory: memory))
    flights.virtualLeaders.append(Leaders())
    push(vmm.start(ram: extents).map(PendingStep.vmm), on: vm)
    push(steps.map(PendingStep.host), on: vm)
    resumeSoftware(of: vm)
    return (vm, device)
  }

  /// A VM ends; its functions are unassigned then.
  ///
  /// - Returns: the host's steps, which the caller has carried out.
  package mutating func endMachine(_ vm: VMIndex) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    for device in machines[vm.rawValue].numbers {
      steps += kvm[vm.rawValue].unforwardAll(of: device, host: &host)
    }
    return steps + host.endMachine(vm)
  }
}
