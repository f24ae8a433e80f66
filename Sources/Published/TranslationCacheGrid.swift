internal import Files
internal import Scenarios
internal import Simulation

/// T5: what a translation cache in front of the virtual ITS does to the rate of LPIs.
struct TranslationCacheGrid: PublishedModel {
  private let table: PublishedTable
  private let effort: Effort
  private let iterations: Int
  private typealias Cache = InjectionBench.Cache

  init(_ table: PublishedTable, _ effort: Effort) throws(InputError) {
    self.table = table
    self.effort = effort
    iterations = effort.part(of: try table.count("iterations"))
  }

  func predict() throws(InputError) -> Prediction {
    var prediction = Prediction()
    let bench = try calibrated(&prediction)
    var rates: [[Cache: Double]] = []
    var grids: [[[Study.Value]]] = [[], []]
    let columns = table.columns(of: "before")
    for column in columns {
      let cell = try bench.placed(column, table)
      let historic = rate(of: cell, targetsFirst: true)
      let correct = rate(of: cell, targetsFirst: false)
      rates.append(historic)
      for (place, rates) in [historic, correct].enumerated() {
        grids[place].append(
          [.text(column)] + Cache.allCases.map { .number((rates[$0] ?? 0) / 1000) })
      }
      predict(column, historic, &prediction)
    }
    for (place, target) in ["virtual CPU 0", "each device's own virtual CPU"].enumerated() {
      prediction.studies.append(
        Study(
          title: "thousands of LPIs a second to \(target)",
          columns: ["v,d,e"] + Cache.allCases.map(\.rawValue), rows: grids[place],
          note: place == 0
            ? "What the selftest measured until October 2025: its collections all led to one CPU."
            : "No measurement of these is published: a prediction."))
    }
    addClaims(columns, rates, bench, &prediction)
    try addDevice(bench, &prediction)
    return prediction
  }

  private func rate(of bench: InjectionBench, targetsFirst: Bool) -> [Cache: Double] {
    var bench = bench
    bench.targetsFirst = targetsFirst
    var rates: [Cache: Double] = [:]
    for cache in Cache.allCases {
      bench.cache = cache
      rates[cache] = bench.run().rate
    }
    return rates
  }

  private func predict(
    _ column: String, _ rates: [Cache: Double], _ prediction: inout Prediction
  ) {
    let (before, after) = (rates[.none] ?? 0, rates[.limitedWithGracePeriod] ?? 0)
    prediction.predict("before", column, before)
    prediction.predict("after", column, after)
    prediction.predict("speed-up", column, before > 0 ? after / before : 0)
  }

  // MARK: Calibration

  private func calibrated(_ prediction: inout Prediction) throws(InputError) -> InjectionBench {
    func period(_ row: String, _ column: String) throws(InputError) -> Double {
      try 1e9 / table.measured(row, column)
    }
    let slow = try period("before", "1,1,1")
    let fast = try period("after", "1,1,1")
    let hold = try period("after", "16,16,16")
    let handOver = try (period("before", "16,16,16") - slow) / 4
    let grace = try period("after", "1,1,17") - slow
    var bench = InjectionBench()
    bench.iterations = iterations
    bench.slow = .init(roundingNanoseconds: slow)
    bench.fast = .init(roundingNanoseconds: fast)
    bench.hold = .init(roundingNanoseconds: hold)
    bench.handOver = max(0, handOver * 1000)
    bench.gracePeriod = .init(roundingNanoseconds: grace)
    bench.stagger = try .init(roundingNanoseconds: table.value("stagger") * 1000)
    bench.wakeUp = try .init(roundingNanoseconds: table.value("wake-up") * 1000)
    prediction.calibrate("slow", slow, "ns", "translation under the lock, and injection")
    prediction.calibrate("fast", fast, "ns", "cached translation, and injection")
    prediction.calibrate("hold", hold, "ns", "the part that needs the destination alone")
    prediction.calibrate(
      "hand-over", handOver, "ns", "of the lock, times the square root of the threads")
    prediction.calibrate("grace period", grace / 1e6, "ms", "what an eviction waits for")
    return bench
  }

  // MARK: Claims

  private func addClaims(
    _ columns: [String], _ rates: [[Cache: Double]], _ bench: InjectionBench,
    _ prediction: inout Prediction
  ) {
    func rate(_ column: String, _ cache: Cache) -> Double {
      columns.firstIndex(of: column).flatMap { rates[$0][cache] } ?? 0
    }
    let alone = rate("1,1,17", .limitedWithGracePeriod)
    let floor = 1e12 / Double(max(1, bench.gracePeriod.picoseconds))
    prediction.claims["grace-period-collapse"] = (
      alone > floor * 0.9 && alone < floor * 1.5, "\(brief(alone)) LPIs a second"
    )
    let losers = columns.filter { rate($0, .unlimited) < rate($0, .none) }
    prediction.claims["unlimited-does-not-collapse"] = (
      losers.isEmpty,
      losers.isEmpty
        ? "faster in all \(columns.count) cells" : "slower at \(losers.joined(separator: "; "))"
    )
    let shared = rate("16,16,17", .limitedWithGracePeriod) / max(1, rate("16,16,17", .none))
    let single = alone / max(1, rate("1,1,17", .none))
    prediction.claims["crossover"] = (
      shared > 1 && single < 1,
      "\(brief(shared)) times as fast for 16 threads, \(brief(1 / max(single, 1e-9))) times slower for one"
    )
  }

  // MARK: A NIC

  /// Context switches a second of a NIC's MSIs: irqfd can inject from the interrupt handler only
  /// what is cached (`kvm_arch_set_irq_inatomic`), and leaves the rest to a worker.
  private func addDevice(_ bench: InjectionBench, _ prediction: inout Prediction) throws(InputError)
  {
    let row = "NIC at 500 k/s"
    let queues = try table.count("nic-queues")
    let wanted = try effort.part(of: table.count("nic-interrupts"))
    for (column, isCached) in [("no cache", false), ("cache", true)] {
      let load = WorkerLoad(
        queues: queues, gap: .init(roundingNanoseconds: 1e9 / max(1, try table.value("nic-rate"))),
        wakeUp: bench.wakeUp, work: bench.slow, isCached: isCached)
      prediction.predict(row, column, load.switches(interrupts: wanted, seed: effort.seed))
    }
  }
}

extension InjectionBench {
  /// The bench with the numbers of a column: `v,d,e`.
  fileprivate func placed(
    _ column: String, _ table: PublishedTable
  ) throws(InputError) -> InjectionBench {
    let parts = column.split(separator: ",").compactMap { Int($0) }
    guard parts.count == 3, parts.allSatisfy({ (1...256).contains($0) }) else {
      throw InputError(
        expected: "a column 'v,d,e' with numbers from 1 to 256", found: "'\(column)'",
        at: Place(file: table.file), field: "rows")
    }
    var bench = self
    (bench.virtualCPUs, bench.devices, bench.events) = (parts[0], parts[1], parts[2])
    return bench
  }
}
