internal import Files
internal import Scenarios
internal import Scripts
internal import Simulation

/// T4: what invalidations cost a guest that nests its tables, and what other ways to send them buy.
struct InvalidationCollapse: PublishedModel {
  let table: PublishedTable
  private let effort: Effort
  private static let alone = "1"
  private static let collapsed = "16"
  private static let throughput = "throughput"
  private static let submit = "submit"
  private static let sync = "IOTLB sync"

  init(_ table: PublishedTable, _ effort: Effort) throws(InputError) {
    self.table = table
    self.effort = effort
  }

  func predict() throws(InputError) -> Prediction {
    var prediction = Prediction()
    let bench = try calibrated(&prediction)
    let columns = table.columns(of: Self.throughput)
    var results: [InvalidationBench.Result] = []
    for column in columns {
      guard let cores = Int(column), (1...1024).contains(cores) else { continue }
      let result = run(bench, cores)
      results.append(result)
      prediction.predict(Self.throughput, column, result.throughput)
      prediction.predict(Self.submit, column, result.submit)
      prediction.predict(Self.sync, column, result.sync)
    }
    addShape(columns, results, &prediction)
    try addBudgets(bench, &prediction)
    try addVariants(bench, columns.compactMap(Int.init), &prediction)
    return prediction
  }

  private func run(_ bench: InvalidationBench, _ cores: Int) -> InvalidationBench.Result {
    var bench = bench
    bench.cores = cores
    return bench.run(buffers: effort.part(of: 400 * (cores + 10)))
  }

  // MARK: Calibration

  private func calibrated(_ prediction: inout Prediction) throws(InputError) -> InvalidationBench {
    var bench = InvalidationBench()
    bench.pages = try table.count("pages")
    bench.linkGigabits = try table.value("link")
    let submit = try table.measured(Self.submit, Self.alone) * 1000
    let sync = try table.measured(Self.sync, Self.alone) * 1000
    let bits = Double(bench.pages) * 4096 * 8
    let period = try bits / table.measured(Self.throughput, Self.alone)
    let wakeUp = try table.measured(Self.submit, Self.collapsed) * 1000 - submit
    bench.submission = .init(roundingNanoseconds: submit)
    bench.completion = .init(roundingNanoseconds: sync - submit)
    bench.work = .init(roundingNanoseconds: period - sync)
    bench.wakeUp = .init(roundingNanoseconds: wakeUp)
    bench.spin = try .init(roundingNanoseconds: table.value("spin") * 1000)
    bench.command = try .init(roundingNanoseconds: table.value("further-command") * 1000)
    prediction.calibrate("submission", submit / 1000, "us", "one command with its trap, lock held")
    prediction.calibrate(
      "completion", (sync - submit) / 1000, "us", "from the submission to the end of the sync")
    prediction.calibrate(
      "work", (period - sync) / 1000, "us", "a core's work for one buffer beside its invalidation")
    prediction.calibrate(
      "wake-up", wakeUp / 1000, "us", "from the hand-over to a waiter that sleeps to its start")
    return bench
  }

  // MARK: Shape

  private func addShape(
    _ columns: [String], _ results: [InvalidationBench.Result], _ prediction: inout Prediction
  ) {
    func throughput(_ cores: String) -> Double {
      columns.firstIndex(of: cores).map { results[$0].throughput } ?? 0
    }
    let gain = throughput("8") / max(throughput("1"), 1e-9)
    prediction.claims["near-linear-to-8"] = (
      gain >= 5, "\(brief(gain)) times the throughput of one core"
    )
    let fall = throughput("8") / max(throughput("16"), 1e-9)
    prediction.claims["collapse-at-16"] = (fall >= 9, "\(brief(fall)) times less than on 8 cores")
    var constant = InvalidationBench.Result()
    if let bench = try? calibratedWithoutWakeUp() { constant = run(bench, 16) }
    prediction.claims["constant-service-only-plateaus"] = (
      constant.throughput > 0.9 * throughput("8"),
      "\(brief(constant.throughput)) Gb/s on 16 cores when waking costs nothing"
    )
  }

  private func calibratedWithoutWakeUp() throws(InputError) -> InvalidationBench {
    var ignored = Prediction()
    var bench = try calibrated(&ignored)
    bench.wakeUp = .zero
    return bench
  }

  /// For which spin times the collapse comes between 8 and 16 cores.
  private func addBudgets(_ bench: InvalidationBench, _ prediction: inout Prediction)
    throws(InputError)
  {
    var rows: [[Study.Value]] = []
    for spin in [5.0, 10, 15, 20, 30, 45, 60, 90, 120, 200] {
      var bench = bench
      bench.spin = .init(roundingNanoseconds: spin * 1000)
      let values = [4, 8, 12, 16, 20].map { run(bench, $0).throughput }
      rows.append([.number(spin)] + values.map { .number($0) })
    }
    prediction.studies.append(
      Study(
        title: "throughput in Gb/s by the time that a waiter spins",
        columns: ["spin us", "4 cores", "8", "12", "16", "20"], rows: rows,
        note: "The spin time is assumed; this shows what rests on it. The collapse is a state that "
          + "keeps itself up: once waiters sleep, each hand-over takes a wake-up, and the line "
          + "never gets short enough to spin again."))
  }

  // MARK: What is left out

  /// The same machine with a part of each invalidation left out, predicted from what calibrates the
  /// whole: its work for a buffer, its link, its lock and who sleeps on it.
  func study(of variant: PublishedTable.Variant) throws(InputError) -> Prediction {
    var prediction = Prediction()
    let bench = try calibrated(&prediction)
    let columns = table.columns(of: Self.throughput).compactMap { Int($0) }
    let descriptor = try table.range("descriptor")
    var rows: [[Study.Value]] = []
    for cores in columns where (1...1024).contains(cores) {
      let trapped = run(bench, cores)
      rows.append(row("trapped", cores, trapped, trapped))
      let ends = [descriptor.low, descriptor.high].map { time -> InvalidationBench.Result in
        var bench = bench
        bench.variant = variant == .noTail ? .withoutTail : .withoutDescriptor
        bench.submission = variant == .noTail ? .init(roundingNanoseconds: time) : .zero
        bench.completion = .zero
        return run(bench, cores)
      }
      rows.append(row(variant.rawValue, cores, ends[0], ends[1]))
    }
    prediction.studies = [
      Study(
        title: variant.meaning,
        columns: [
          "variant", "cores", "Gb/s", "submit us", "sync us", "exits/s", "stale us", "at most",
        ], rows: rows,
        note: "The lock is what collapses: it is held while a submission traps, for longer than "
          + "waiters spin once there are many. Without the trap it is held for as long as a "
          + "descriptor takes, no waiter sleeps, and the cores' own work and the link are what is "
          + "left. What the NIC loses to misses of its translations is not in the model, so these are "
          + "upper bounds where the link is reached.")
    ]
    return prediction
  }

  // MARK: Variants

  private func addVariants(
    _ bench: InvalidationBench, _ cores: [Int], _ prediction: inout Prediction
  ) throws(InputError) {
    let batch = try table.count("batch")
    let variants: [(String, InvalidationBench.Variant)] = [
      ("trapped", .trapped), ("trapped, \(batch) to an exit", .batched(batch)),
      (
        "deferred",
        .deferred(
          entries: try table.count("flush-entries"),
          age: .init(roundingNanoseconds: try table.value("flush-age") * 1e6))
      ),
    ]
    var rows: [[Study.Value]] = []
    for count in cores {
      for (name, variant) in variants {
        var bench = bench
        bench.variant = variant
        let result = run(bench, count)
        rows.append(row(name, count, result, result))
      }
      let owned = try ownedQueue(bench, count)
      rows.append(row("guest-owned queue", count, owned.low, owned.high))
    }
    prediction.studies.append(
      Study(
        title: "ways to send invalidations",
        columns: [
          "variant", "cores", "Gb/s", "submit us", "sync us", "exits/s", "stale us", "at most",
        ], rows: rows,
        note: "stale: how long a translation stays usable after its unmap. The guest-owned queue's "
          + "times are a range: no figure for a CMD_SYNC on silicon is published."))
    try addSaving(bench, &prediction)
    try addIsolation(&prediction)
  }

  private func row(
    _ name: String, _ cores: Int, _ low: InvalidationBench.Result, _ high: InvalidationBench.Result
  ) -> [Study.Value] {
    func interval(_ field: KeyPath<InvalidationBench.Result, Double>) -> Study.Value {
      let ends = [low[keyPath: field], high[keyPath: field]].sorted()
      return .interval(ends[0], ends[1])
    }
    return [
      .text(name), .number(Double(cores)), interval(\.throughput), interval(\.submit),
      interval(\.sync), interval(\.exits), interval(\.staleMean), interval(\.staleMost),
    ]
  }

  /// A guest's own queue, at both ends of what its commands may take.
  private func ownedQueue(
    _ bench: InvalidationBench, _ cores: Int
  ) throws(InputError) -> (low: InvalidationBench.Result, high: InvalidationBench.Result) {
    let command = try table.range("hardware-command")
    let sync = try table.range("hardware-sync")
    func end(_ command: Double, _ sync: Double) -> InvalidationBench.Result {
      var bench = bench
      bench.variant = .owned
      bench.submission = .init(roundingNanoseconds: command)
      bench.completion = .init(roundingNanoseconds: sync)
      return run(bench, cores)
    }
    return (end(command.low, sync.low), end(command.high, sync.high))
  }

  private func addSaving(_ bench: InvalidationBench, _ prediction: inout Prediction)
    throws(InputError)
  {
    let row = "guest-owned queue"
    guard table.columns(of: row).contains("time saved") else { return }
    let trapped = run(bench, 1)
    let owned = try ownedQueue(bench, 1)
    let saved = [owned.high, owned.low].map { (1 - $0.sync / max(trapped.sync, 1e-9)) * 100 }
    prediction.predict(row, "time saved", between: saved)
  }
}
