internal import Files
internal import Scenarios
internal import Simulation

/// T3: two numbers from one row, and what the mechanism alone says of the others.
struct CommandQueueScaling: PublishedModel {
  private let table: PublishedTable
  private let effort: Effort
  private let operationsPerCPU: Int
  private let batch: Int
  private let service: (low: Double, high: Double)
  private static let calibrationRow = "v5.9-rc1"
  /// The row whose mechanism nothing that was read describes.
  private static let bounded = "W. Deacon's change"
  private static let added = "J. Garry's change"

  init(_ table: PublishedTable, _ effort: Effort) throws(InputError) {
    self.table = table
    self.effort = effort
    operationsPerCPU = effort.part(of: try table.count("operations-per-cpu"))
    batch = try table.count("batch")
    service = try table.range("service")
  }

  /// What one number of CPUs comes to, each way.
  private struct Point {
    let cpus: Int
    let swap, add, batched: ContendedQueue.Result

    /// Thousands of operations a second of each CPU.
    func each(_ result: ContendedQueue.Result) -> Double { result.rate / Double(cpus) / 1000 }
  }

  func predict() throws(InputError) -> Prediction {
    var prediction = Prediction()
    let queues = try [calibrated(service.low), calibrated(service.high)]
    let counts = table.columns(of: Self.calibrationRow).compactMap(Int.init)
      .filter { (1...4096).contains($0) }
    let low = counts.map { point(queues[0], $0) }
    let high = counts.map { point(queues[1], $0) }
    for (first, second) in zip(low, high) {
      let column = String(first.cpus)
      let swap = [first.each(first.swap), second.each(second.swap)]
      let add = [first.each(first.add), second.each(second.add)]
      prediction.predict(Self.calibrationRow, column, between: swap)
      prediction.predict(Self.added, column, between: add)
      prediction.predict(Self.bounded, column, between: swap + add)
    }
    for (name, queue) in zip(["shortest", "longest"], queues) {
      prediction.calibrate(
        "work, \(name) service", Double(queue.work.picoseconds) / 1e6, "us",
        "a map and an unmap beside the queue")
      prediction.calibrate(
        "transfer, \(name) service", queue.transfer / 1000, "ns",
        "a cache line's way to the next CPU, times the square root of the CPUs")
    }
    addRates(low, high, &prediction)
    addShape(low, high, &prediction)
    return prediction
  }

  private func point(_ queue: ContendedQueue, _ cpus: Int) -> Point {
    var batched = queue
    batched.batch = batch
    return Point(
      cpus: cpus, swap: run(queue, cpus, .compareAndSwap), add: run(queue, cpus, .fetchAndAdd),
      batched: run(batched, cpus, .compareAndSwap))
  }

  private func run(
    _ queue: ContendedQueue, _ cpus: Int, _ allocation: ContendedQueue.Allocation
  ) -> ContendedQueue.Result {
    var queue = queue
    queue.cpus = cpus
    queue.allocation = allocation
    return queue.run(operations: operationsPerCPU * (cpus + 20), seed: effort.seed)
  }

  // MARK: Calibration

  /// The work from 2 CPUs and the line's transfer from 16, for one service time in nanoseconds.
  private func calibrated(_ service: Double) throws(InputError) -> ContendedQueue {
    let period = try [2, 16].map { cpus throws(InputError) in
      try 1e6 / table.measured(Self.calibrationRow, String(cpus))
    }
    var queue = ContendedQueue()
    queue.work = .init(roundingNanoseconds: period[0])
    queue.service = .init(roundingNanoseconds: service)
    for _ in 0..<4 {
      queue.transfer = transfer(for: period[1], cpus: 16, queue)
      let found = 2e9 / max(run(queue, 2, .compareAndSwap).rate, 1)
      let work = Double(queue.work.picoseconds) / 1000 + period[0] - found
      queue.work = .init(roundingNanoseconds: work)
    }
    return queue
  }

  /// The transfer time at which a CPU's period is so many nanoseconds: it grows with it.
  private func transfer(for period: Double, cpus: Int, _ queue: ContendedQueue) -> Double {
    var queue = queue
    var (low, high) = (1000.0, 200_000.0)
    for _ in 0..<9 {
      queue.transfer = (low * high).squareRoot()
      let rate = run(queue, cpus, .compareAndSwap).rate
      if rate * period > Double(cpus) * 1e9 {
        low = queue.transfer
      } else {
        high = queue.transfer
      }
    }
    return (low * high).squareRoot()
  }

  // MARK: What all CPUs do

  private func addRates(_ low: [Point], _ high: [Point], _ prediction: inout Prediction) {
    let rows = zip(low, high).map { first, second -> [Study.Value] in
      func rate(_ of: (Point) -> ContendedQueue.Result) -> Study.Value {
        let ends = [of(first).rate / 1000, of(second).rate / 1000].sorted()
        return .interval(ends[0], ends[1])
      }
      return [
        .number(Double(first.cpus)), rate(\.swap), .number(first.swap.attempts), rate(\.add),
        rate(\.batched), .number(first.batched.attempts),
      ]
    }
    prediction.studies.append(
      Study(
        title: "all CPUs together, thousands of maps and unmaps a second",
        columns: [
          "CPUs", "compare-and-swap", "attempts", "fetch-and-add", "batches of \(batch)",
          "attempts",
        ], rows: rows,
        note: "The batches use compare-and-swap, with one CMD_SYNC for \(batch) buffers."))
  }

  private func addShape(_ low: [Point], _ high: [Point], _ prediction: inout Prediction) {
    let ends = [low, high].compactMap { points in
      points.max { $0.swap.rate < $1.swap.rate }
    }
    prediction.claims["peak-at-16"] = (
      ends.contains { $0.cpus == 16 },
      ends.map { "\(brief($0.swap.rate / 1e6)) M/s at \($0.cpus) CPUs" }.joined(separator: "; ")
    )
    let falls = zip(ends, [low, high]).map { $0.swap.rate / ($1.last?.swap.rate ?? 1) }
    prediction.claims["fall-by-96"] = (
      falls.contains { (4...6.5).contains($0) },
      "\(falls.map { brief($0) }.joined(separator: " to ")) times less at "
        + "\(low.last?.cpus ?? 0) CPUs"
    )
    let exponents = [exponent(low, \.swap), exponent(low, \.add)]
    prediction.claims["exponents"] = (
      exponents[0] > exponents[1] + 0.25,
      "the period grows with the power \(brief(exponents[0])) of the CPUs for compare-and-swap, "
        + "\(brief(exponents[1])) for fetch-and-add"
    )
  }

  /// The power with which a CPU's period grows from 32 CPUs on.
  private func exponent(_ points: [Point], _ of: (Point) -> ContendedQueue.Result) -> Double {
    let many = points.filter { $0.cpus >= 32 && of($0).rate > 0 }
    guard let first = many.first, let last = many.last, last.cpus > first.cpus else { return 0 }
    let periods = first.each(of(first)) / last.each(of(last))
    return logarithm(periods) / logarithm(Double(last.cpus) / Double(first.cpus))
  }
}
