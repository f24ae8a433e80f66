internal import Files
internal import SMMU
internal import Scenarios

/// T2: what an IOMMU reads for each page that a NIC receives, what that costs in throughput, and
/// what nesting adds.
struct WalkReads: PublishedModel {
  let table: PublishedTable
  let effort: Effort
  /// Nanoseconds for a page without any read, and for each read.
  private let base: Double
  private let read: Double
  private let link: Double
  private static let formula = "formula"
  private static let flows = [5, 10, 20, 40]

  init(_ table: PublishedTable, _ effort: Effort) throws(InputError) {
    self.table = table
    self.effort = effort
    base = try table.value("page-time")
    read = try table.value("read-time")
    link = try table.value("link")
  }

  /// Gigabits a second at so many reads for each page of 4 KiB.
  func throughput(reads: Double) -> Double {
    min(link, 4096 * 8 / max(base + reads * read, 1e-9))
  }

  func predict() throws(InputError) -> Prediction {
    var prediction = Prediction()
    for column in table.columns(of: Self.formula) {
      guard let reads = Double(column), reads >= 0 else { continue }
      // The formula has no link in it.
      let value = 4096 * 8 / max(base + reads * read, 1e-9)
      prediction.predict(Self.formula, column, value)
    }
    var results: [ReceiveLoad.Result] = []
    var rows: [[Study.Value]] = []
    for count in Self.flows {
      let result = try run(try load(flows: count))
      results.append(result)
      let throughput = throughput(reads: result.reads)
      let values = [result.misses, result.reads, (1 - throughput / link) * 100]
      for (row, value) in zip(["misses", "reads", "loss"], values) {
        prediction.predict(row, String(count), value)
      }
      rows.append(([Double(count)] + values + [throughput]).map { .number($0) })
    }
    prediction.studies.append(
      Study(
        title: "by the number of flows",
        columns: ["flows", "misses/page", "reads/page", "loss %", "Gb/s"], rows: rows,
        note: "Only the ends were published as numbers."))
    addShape(results, &prediction)
    try addInvalidations(&prediction)
    try addNesting(&prediction)
    return prediction
  }

  // MARK: The load

  func load(flows: Int) throws(InputError) -> ReceiveLoad {
    var load = ReceiveLoad()
    load.flows = flows
    load.cores = try table.count("cores")
    load.descriptorPages = try table.count("descriptor-pages")
    load.ring = try table.count("ring")
    load.poll = try table.count("poll")
    load.caches = try caches(secondStage: table.count("second-stage-entries"))
    return load
  }

  /// The SMMU's caches with so many entries for stage 2, 0 for none.
  func caches(secondStage: Int) throws(InputError) -> SMMUCacheGeometry {
    SMMUCacheGeometry(
      streamEntries: 64, contexts: 64, pages: try table.count("tlb-entries"),
      stage2Pages: secondStage, stage1Tables: try table.count("walk-cache-entries"),
      stage2Tables: secondStage)
  }

  func run(_ load: ReceiveLoad) throws(InputError) -> ReceiveLoad.Result {
    let pages = try effort.part(of: table.count("pages"))
    do throws(TranslatedMemory.Failure) {
      return try load.run(pages: pages, seed: effort.seed)
    } catch {
      throw InputError(
        expected: "a ring and a number of pages for which addresses and memory suffice",
        found: "\(load.cores) rings of \(load.ring) descriptors of \(load.descriptorPages) pages",
        at: Place(file: table.file), field: "parameters")
    }
  }

  private func addShape(
    _ results: [ReceiveLoad.Result], _ prediction: inout Prediction
  ) {
    let misses = results.map(\.misses)
    let reads = results.map(\.reads)
    prediction.claims["rising"] = (
      misses == misses.sorted() && reads == reads.sorted() && misses.count > 1,
      "misses \(list(misses)); reads \(list(reads))"
    )
    let each = results.map { $0.reads / max($0.misses, 1e-9) }
    prediction.claims["reads-per-miss-rise"] = (
      each == each.sorted() && each.count > 1, "reads of a miss: \(list(each))"
    )
    let exact = table.columns(of: Self.formula).allSatisfy { column in
      guard let measured = table[Self.formula, column],
        let predicted = prediction.cells[.init(Self.formula, column)]?.lowerBound
      else { return false }
      return abs(predicted - measured) <= 0.05 + 1e-9
    }
    prediction.claims["formula-exact"] = (exact, exact ? "to the last digit" : "not")
    let wrong = results.map(\.wrong).max() ?? 0
    prediction.claims["strict-is-safe"] = (
      wrong == 0, "\(brief(wrong * 100)) % of accesses reached a page that was not mapped"
    )
  }

  private func list(_ values: [Double]) -> String {
    values.map { brief($0) }.joined(separator: ", ")
  }

  // MARK: Invalidations

  /// What rests on how much an invalidation drops, and that it costs anything.
  private func addInvalidations(_ prediction: inout Prediction) throws(InputError) {
    let command = try table.range("smmu-command")
    let sync = try table.range("smmu-sync")
    let kinds: [(String, TranslatedMemory.Invalidation)] = [
      ("pages and tables (VT-d)", .tables), ("pages alone (arm-smmu-v3)", .leaf), ("free", .none),
    ]
    var rows: [[Study.Value]] = []
    var differs = true
    for count in [Self.flows.min(), Self.flows.max()].compactMap(\.self) {
      var throughputs: [Double] = []
      for (name, kind) in kinds {
        var load = try load(flows: count)
        load.invalidation = kind
        let result = try run(load)
        let walks = throughput(reads: result.reads)
        // One queue takes a command and its CMD_SYNC for every unmapped page.
        let pages = result.commands / 2
        let bounds = [(command.low, sync.low), (command.high, sync.high)].map { ends in
          pages == 0 ? link : min(link, 4096 * 8 / max(pages * (ends.0 + ends.1), 1e-9))
        }
        throughputs.append(walks)
        rows.append([
          .number(Double(count)), .text(name), .number(result.misses), .number(result.reads),
          .number(walks), .interval(min(walks, bounds[1]), min(walks, bounds[0])),
          .number(result.wrong * 100),
        ])
      }
      differs = differs && throughputs[2] > throughputs[0] * 1.1
    }
    prediction.studies.append(
      Study(
        title: "what an unmap's invalidation does",
        columns: [
          "flows", "invalidates", "misses", "reads", "Gb/s by walks", "with the queue's time",
          "% wrong",
        ], rows: rows,
        note: "free: unmaps send nothing, as a model has it in which invalidations take no time "
          + "and drop nothing. '% wrong' counts accesses that reached a page which was no longer "
          + "mapped. The queue's time is a range, one CMD_SYNC for each page."))
    prediction.claims["free-invalidation-misleads"] = (
      differs, "without invalidations the walks alone give over 10 % more throughput"
    )
  }
}
