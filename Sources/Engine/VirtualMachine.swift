package import Designs
package import Guest
package import HostKernel
package import Memory
package import Simulation
package import Software
package import VMM

/// A VM of a run: its VMM, its guest's kernel and RAM, and how far its software has come.
package struct VirtualMachine {
  let index: VMIndex
  package var vmm: VMM
  package var guest: any GuestOS
  /// The guest's RAM at its IPAs: the same bytes as behind the PAs.
  package let memory: PhysicalMemory
  package let extents: [HostCall.RAMExtent]
  /// Its functions as the guest and the host know them, with their numbers in the machine.
  package let devices: [Workload.Device]
  let numbers: [DeviceIndex]
  let operations: DeviceOperations
  /// When in its life the guest is.
  var occasion = RunResult.Exits.Occasion.setup
  package internal(set) var nextOperation = 0
  /// Whether its VMM has begun to build it.
  var isStarted = false
  /// Whether its software waits for the host's kernel, which serves another VM.
  var waitsForHost = false
  /// When the workload's times start: once the guest has booted and attached its devices.
  var epoch: SimulatedTime?
  /// The outcome of set-up, for each device.
  var setups: [RunResult.Setup]
  package internal(set) var cpus: [VirtualCPU]

  init(
    index: VMIndex, vmm: VMM, guest: any GuestOS, memory: PhysicalMemory,
    extents: [HostCall.RAMExtent], devices: [Workload.Device], numbers: [DeviceIndex],
    operations: DeviceOperations, cpus: Int
  ) {
    self.index = index
    self.vmm = vmm
    self.guest = guest
    self.memory = memory
    self.extents = extents
    self.devices = devices
    self.numbers = numbers
    self.operations = operations
    setups = Array(repeating: .enabled, count: devices.count)
    self.cpus = Array(repeating: VirtualCPU(), count: cpus)
  }

  /// That of the first device that was refused; enabled when none was.
  package var setup: RunResult.Setup { setups.first { $0 != .enabled } ?? .enabled }

  /// Whether the next step on its call stack is the host's.
  var holdsHost: Bool {
    for frame in cpus[VCPUIndex.boot.rawValue].frames.reversed()
    where frame.next < frame.steps.count {
      if case .host = frame.steps[frame.next] { return true }
      return false
    }
    return false
  }

  /// The machine's number of one of the VM's devices.
  package func device(_ local: Int) -> DeviceIndex { numbers[local] }

  /// The VM's number of one of its devices; as a rule they follow each other in the machine.
  func local(_ device: DeviceIndex) -> Int {
    let near = device.rawValue - (numbers.first?.rawValue ?? 0)
    if numbers.indices.contains(near), numbers[near] == device { return near }
    return numbers.firstIndex(of: device) ?? numbers.startIndex
  }

  /// The guest's interrupt of a device's vector; `nil` when it has none.
  ///
  /// It changes nothing, and is `mutating` so that it is called in place: on the way of every MSI,
  /// anything else would get a copy of the VM.
  mutating func interrupt(ofVector vector: Int, of device: DeviceIndex) -> UInt32? {
    guest.lpi(ofEvent: UInt32(truncatingIfNeeded: vector), of: local(device))
  }
}

/// A virtual CPU as the engine drives it.
package struct VirtualCPU {
  /// The call stack, the innermost flow last.
  package internal(set) var frames: [CallFrame] = []
  /// The event that ends its wait for its next operation; `nil` while it is busy or done.
  var pause: EventQueue<EngineEvent>.Ticket?
  /// Whether its software has carried out everything.
  package internal(set) var isDone = false
  /// When it gets its physical CPU, where it is being woken.
  var runsFrom = SimulatedTime.zero
  /// Interrupts that it acknowledges or handles.
  var inService = 0

  package init() {}
}

/// A call frame: the steps of a software flow and the next one to execute.
package struct CallFrame {
  package let steps: [PendingStep]
  package internal(set) var next = 0
}

/// A step with the software whose step it is.
package enum PendingStep {
  case guest(Step<Never>)
  case vmm(Step<HostCall>)
  case host(Step<Never>)
}
