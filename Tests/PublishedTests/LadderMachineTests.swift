import Testing

@testable import Published

@Suite("The loops of micro-bench")
struct LadderMachineTests {
  static var machine: LadderMachine {
    var machine = LadderMachine()
    for (place, event) in LadderMachine.Event.allCases.enumerated() {
      machine[event] = Double(100 << place)
    }
    return machine
  }

  @Test("a loop takes the sum of its events", arguments: LadderMachine.Loop.allCases)
  func sum(loop: LadderMachine.Loop) {
    let machine = Self.machine
    let sum = machine.events(of: loop).reduce(0) { $0 + machine[$1.1] }
    for iterations in [1, 7, 100] {
      #expect(abs(machine.run(loop, iterations: iterations).time - sum) < 1e-6)
    }
  }

  @Test("times scale with the machine, exits do not", arguments: LadderMachine.Loop.allCases)
  func scale(loop: LadderMachine.Loop) {
    let (one, three) = (Self.machine, Self.machine.scaled(by: 3))
    let results = [one, three].map { $0.run(loop, iterations: 10) }
    #expect(abs(results[1].time - 3 * results[0].time) < 1e-6)
    #expect(results[0].senderTraps == results[1].senderTraps)
    #expect(results[0].receiverTraps == results[1].receiverTraps)
  }

  @Test("GICv4 takes the receiver's exits from LPIs and changes nothing else")
  func direct() {
    var direct = Self.machine
    direct.isDirect = true
    for loop in LadderMachine.Loop.allCases {
      let (software, hardware) = (
        Self.machine.run(loop, iterations: 5), direct.run(loop, iterations: 5)
      )
      guard loop == .message else {
        #expect(software == hardware)
        continue
      }
      #expect((software.receiverTraps, hardware.receiverTraps) == (1, 0))
      #expect(software.senderTraps == hardware.senderTraps)
    }
  }
}
