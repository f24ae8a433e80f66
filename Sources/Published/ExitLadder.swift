internal import Files
internal import Scenarios

/// T1: five costs from one machine, and what they say of the others.
struct ExitLadder: PublishedModel {
  private let table: PublishedTable
  private let iterations: Int
  private let directInjection: (low: Double, high: Double)
  /// The machine that calibrates, and the second one that a split of W needs.
  private static let first = "Ampere Altra"
  private static let second = "Phytium S2500"
  private static let promised = ["Kunpeng 920", "Phytium S2500"]
  private typealias Loop = LadderMachine.Loop

  init(_ table: PublishedTable, _ effort: Effort) throws(InputError) {
    self.table = table
    iterations = effort.part(of: try table.count("iterations"))
    directInjection = try table.range("direct-injection")
  }

  func predict() throws(InputError) -> Prediction {
    let base = try calibrated(from: Self.first)
    var prediction = Prediction()
    let meanings: [(String, LadderMachine.Event, String)] = [
      ("E", .trap, "an exit and its entry"), ("K", .emulation, "the kernel's emulation"),
      ("U", .vmm, "the VMM's part"),
      ("W", .kick, "kick, wake-up and acknowledge of another virtual CPU, but for its exit"),
      ("V", .command, "the virtual ITS's command"),
    ]
    for (name, event, meaning) in meanings {
      prediction.calibrate(name, base[event], "ns", meaning)
    }
    for row in table.rows {
      let machine = base.scaled(by: try scale(row))
      for column in table.columns(of: row) {
        guard let loop = Loop(rawValue: column) else { continue }
        prediction.predict(row, column, machine.run(loop, iterations: iterations).time)
      }
    }
    try addSplit(base, to: &prediction)
    addControls(base, to: &prediction)
    addOrdering(to: &prediction)
    return prediction
  }

  /// hvc of a machine, as a multiple of the first one's.
  private func scale(_ row: String) throws(InputError) -> Double {
    try table.measured(row, Loop.hypercall.rawValue)
      / table.measured(Self.first, Loop.hypercall.rawValue)
  }

  private func calibrated(from row: String) throws(InputError) -> LadderMachine {
    func time(_ loop: Loop) throws(InputError) -> Double {
      try table.measured(row, loop.rawValue)
    }
    let exit = try time(.hypercall)
    var machine = LadderMachine()
    machine[.trap] = exit
    machine[.emulation] = try time(.kernelRead) - exit
    machine[.vmm] = try time(.userRead) - time(.kernelRead)
    machine[.register] = try time(.endOfInterrupt)
    machine[.kick] = try time(.softwareInterrupt) - 2 * exit
    machine[.command] = try time(.message) - time(.kernelRead) - exit - machine[.kick]
    return machine
  }

  // MARK: W in two parts

  /// W as a part of E and a fixed part, from the ipi cells of two machines.
  private func addSplit(
    _ base: LadderMachine, to prediction: inout Prediction
  ) throws(InputError) {
    let exits = try (scale(Self.first), scale(Self.second))
    let kicks = try (
      base[.kick],
      table.measured(Self.second, Loop.softwareInterrupt.rawValue) - 2 * base[.trap] * exits.1
    )
    let scaling = (kicks.1 - kicks.0) / (exits.1 - exits.0)
    let fixed = kicks.0 - scaling
    prediction.calibrate("W, scaled", scaling, "ns", "the part of W that scales with E")
    prediction.calibrate("W, fixed", fixed, "ns", "the part that does not: \(Self.second), ipi")
    var rows: [[Study.Value]] = []
    var errors = (whole: 0.0, split: 0.0)
    for row in Self.promised {
      var machine = base.scaled(by: try scale(row))
      machine[.kick] = try scaling * scale(row) + fixed
      for loop in [Loop.softwareInterrupt, .message] {
        let measured = try table.measured(row, loop.rawValue)
        let whole = prediction.cells[.init(row, loop.rawValue)]?.lowerBound ?? 0
        let split = machine.run(loop, iterations: iterations).time
        let isCalibration = row == Self.second && loop == .softwareInterrupt
        errors.whole = max(errors.whole, abs(whole / measured - 1))
        if !isCalibration { errors.split = max(errors.split, abs(split / measured - 1)) }
        rows.append([
          .text(row), .text(loop.rawValue), .number(measured), .number(split),
          isCalibration ? .text("calibration") : .error(split / measured - 1),
          .error(whole / measured - 1),
        ])
      }
    }
    prediction.studies.append(
      Study(
        title: "W in a part that scales with E and a fixed part",
        columns: ["machine", "loop", "measured ns", "predicted ns", "error", "W scaled whole"],
        rows: rows,
        note: "A second machine calibrates the split: one row cannot tell the parts apart. "
          + "Kunpeng 920 could not serve: its ipi takes less time than Altra's although its exits "
          + "take more."))
    prediction.claims["split-halves-the-error"] = (
      errors.split <= errors.whole / 2,
      "the largest error falls from \(brief(errors.whole * 100)) to \(brief(errors.split * 100)) %"
    )
  }

  // MARK: Controls

  private func addControls(_ base: LadderMachine, to prediction: inout Prediction) {
    var direct = base
    direct.isDirect = true
    var slow = direct
    direct[.directInjection] = directInjection.low
    slow[.directInjection] = directInjection.high
    var rows: [[Study.Value]] = []
    var isRight = true
    for loop in Loop.allCases {
      let software = base.run(loop, iterations: iterations)
      let low = direct.run(loop, iterations: iterations)
      let high = slow.run(loop, iterations: iterations)
      if loop == .message {
        isRight = isRight && low.receiverTraps == 0 && software.receiverTraps > 0
        isRight = isRight && low.senderTraps == software.senderTraps
      } else {
        isRight = isRight && low == software && high == software
      }
      rows.append([
        .text(loop.rawValue), .number(software.senderTraps), .number(software.receiverTraps),
        .number(software.time), .number(low.receiverTraps), .interval(low.time, high.time),
      ])
    }
    prediction.studies.append(
      Study(
        title: "Exits of an iteration on \(Self.first), without and with GICv4",
        columns: [
          "loop", "sender", "receiver", "ns", "receiver, GICv4", "ns, GICv4",
        ], rows: rows,
        note: "No latency of direct injection is published, so it is a range."))
    prediction.claims["direct-injection-removes-receive-traps"] = (
      isRight,
      "lpi: \(brief(base.run(.message, iterations: 1).receiverTraps)) exits of the receiver become "
        + brief(direct.run(.message, iterations: 1).receiverTraps)
    )
    let eoi = base.run(.endOfInterrupt, iterations: iterations)
    prediction.claims["eoi-does-not-trap"] = (
      eoi.senderTraps == 0, "\(brief(eoi.senderTraps)) exits"
    )
  }

  private func addOrdering(to prediction: inout Prediction) {
    let chains: [[Loop]] = [
      [.endOfInterrupt, .hypercall, .kernelRead, .userRead], [.softwareInterrupt, .message],
    ]
    var wrong: [String] = []
    var worst: [String] = []
    for row in table.rows {
      for chain in chains {
        for (first, second) in zip(chain, chain.dropFirst()) {
          let keys = [first, second].map { PublishedTable.Key(row, $0.rawValue) }
          let values = keys.compactMap { prediction.cells[$0]?.lowerBound }
          let measured = keys.compactMap { table[$0.row, $0.column] }
          guard values.count == 2, measured.count == 2 else { continue }
          let isRight = values[0] < values[1] && measured[0] < measured[1]
          if !isRight { wrong.append("\(row): \(first.rawValue), \(second.rawValue)") }
        }
      }
      if Self.promised.contains(row), !kickIsWorst(row, prediction) { worst.append(row) }
    }
    prediction.claims["ordering"] = (
      wrong.isEmpty, wrong.isEmpty ? "as measured" : wrong.joined(separator: "; ")
    )
    prediction.claims["kick-does-not-scale"] = (
      worst.isEmpty,
      worst.isEmpty
        ? "so on \(Self.promised.joined(separator: " and "))"
        : "not on \(worst.joined(separator: ", "))"
    )
  }

  /// Whether ipi and lpi are off by more than whatever involves no other virtual CPU.
  private func kickIsWorst(_ row: String, _ prediction: Prediction) -> Bool {
    func error(_ loop: Loop) -> Double {
      guard let measured = table[row, loop.rawValue],
        let value = prediction.cells[.init(row, loop.rawValue)]?.lowerBound
      else { return 0 }
      return abs(value / measured - 1)
    }
    return min(error(.softwareInterrupt), error(.message))
      > max(error(.kernelRead), error(.userRead))
  }
}

extension LadderMachine {
  /// The same machine with every event taking `factor` times as long.
  func scaled(by factor: Double) -> LadderMachine {
    var machine = self
    for event in Event.allCases { machine[event] = self[event] * factor }
    return machine
  }
}
