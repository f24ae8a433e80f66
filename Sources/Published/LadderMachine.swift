internal import Simulation

/// What the loops of kvm-unit-tests' micro-bench do on two virtual CPUs, event by event.
struct LadderMachine {
  /// A loop, by the name of its column.
  enum Loop: String, CaseIterable {
    case hypercall = "hvc"
    case kernelRead = "mmio_vgic"
    case userRead = "mmio_user"
    case endOfInterrupt = "eoi"
    case softwareInterrupt = "ipi"
    case message = "lpi"
  }

  enum CPU: UInt8, BitwiseCopyable { case sender, receiver }

  /// Something that takes its time.
  enum Event: UInt8, CaseIterable, BitwiseCopyable {
    /// A guest's exit and its entry.
    case trap
    /// The kernel decodes the access and emulates the register.
    case emulation
    /// The VMM is asked, answers, and comes back.
    case vmm
    /// The virtual ITS takes a command.
    case command
    /// From the injection to the acknowledge of another virtual CPU that runs, but for its exit.
    case kick
    /// The same when the ITS reaches the virtual CPU itself.
    case directInjection
    /// A system register that does not trap.
    case register
  }

  /// What each event takes, in picoseconds.
  var costs: InlineArray<7, UInt64> = .init(repeating: 0)
  /// Whether LPIs reach a running virtual CPU without the host (GICv4).
  var isDirect = false

  subscript(_ event: Event) -> Double {
    get { Double(costs[Int(event.rawValue)]) / 1000 }
    set { costs[Int(event.rawValue)] = SimulatedTime(roundingNanoseconds: newValue).picoseconds }
  }

  /// The events of one iteration, in order.
  func events(of loop: Loop) -> [(CPU, Event)] {
    switch loop {
    case .hypercall: [(.sender, .trap)]
    case .kernelRead: [(.sender, .trap), (.sender, .emulation)]
    case .userRead: [(.sender, .trap), (.sender, .emulation), (.sender, .vmm)]
    case .endOfInterrupt: [(.sender, .register)]
    // ICC_SGI1R_EL1 traps; the receiver spins, so that the kick makes it exit.
    case .softwareInterrupt: [(.sender, .trap), (.receiver, .trap), (.receiver, .kick)]
    // GITS_CWRITER is emulated in the kernel, which takes the command at once. An LPI that GICv4
    // owns is made pending in the physical ITS (`vgic_its_trigger_msi`).
    case .message:
      [(.sender, .trap), (.sender, .emulation), (.sender, .command)]
        + (isDirect
          ? [(.receiver, .directInjection)] : [(.receiver, .trap), (.receiver, .kick)])
    }
  }

  /// The result of a loop.
  struct Result: Equatable {
    /// Nanoseconds for an iteration.
    var time = 0.0
    /// Exits for an iteration.
    var senderTraps = 0.0
    var receiverTraps = 0.0
  }

  /// Runs a loop, each iteration after the one before.
  func run(_ loop: Loop, iterations: Int) -> Result {
    let program = events(of: loop)
    var queue = EventQueue<UInt8>()
    var traps = (sender: 0, receiver: 0)
    var left = iterations
    queue.schedule(0, at: .zero)
    while left > 0, let (now, step) = queue.next() {
      let place = Int(step)
      guard place < program.count else {
        left -= 1
        queue.schedule(0, at: now)
        continue
      }
      let (cpu, event) = program[place]
      if event == .trap {
        if cpu == .sender { traps.sender += 1 } else { traps.receiver += 1 }
      }
      let cost = SimulatedTime(picoseconds: costs[Int(event.rawValue)])
      queue.schedule(step + 1, at: now + cost)
    }
    let count = Double(iterations)
    return Result(
      time: Double(queue.now.picoseconds) / 1000 / count,
      senderTraps: Double(traps.sender) / count, receiverTraps: Double(traps.receiver) / count)
  }
}
