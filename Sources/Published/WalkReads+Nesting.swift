internal import Files
internal import SMMU
internal import Scenarios

// The same load with the guest's tables over a stage 2.
extension WalkReads {
  func addNesting(_ prediction: inout Prediction) throws(InputError) {
    let flows = try table.count("nested-flows")
    let alone = try run(try load(flows: flows))
    var rows: [[Study.Value]] = []
    var isBounded = true
    for stageTwo in TranslatedMemory.StageTwo.allCases {
      var cached = try load(flows: flows)
      cached.stageTwo = stageTwo
      var bare = cached
      bare.caches = .none
      bare.caches.streamEntries = 64
      bare.caches.contexts = 64
      let with = try run(cached)
      let without = try run(bare)
      let each = without.reads / max(without.misses, 1e-9)
      isBounded = isBounded && abs(each - Double(stageTwo.uncachedReads)) < 1e-6
      rows.append([
        .text(stageTwo.rawValue), .number(Double(stageTwo.uncachedReads)), .number(each),
        .number(with.misses), .number(with.reads), .number(throughput(reads: with.reads)),
        .error(throughput(reads: with.reads) / throughput(reads: alone.reads) - 1),
      ])
    }
    prediction.claims["uncached-bound"] = (
      isBounded, "reads of a walk without caches are 4, 24, 19 and 14"
    )
    prediction.studies.append(
      Study(
        title: "nested, by the size of stage 2's pages (\(flows) flows)",
        columns: [
          "stage 2", "reads of a walk, bound", "without caches", "misses", "reads", "Gb/s",
          "against stage 1",
        ], rows: rows,
        note: "misses and reads are for each page received, with the walk caches. Nested VT-d "
          + "machines were seen at 2.0 to 2.5 reads a page (the data of T4)."))
    try addHitRatio(flows, alone, &prediction)
  }

  /// How large stage 2's caches must be for nesting to cost less than a tenth.
  private func addHitRatio(
    _ flows: Int, _ alone: ReceiveLoad.Result, _ prediction: inout Prediction
  ) throws(InputError) {
    var rows: [[Study.Value]] = []
    var thresholds: [String] = []
    for stageTwo in [TranslatedMemory.StageTwo.pages4K, .pages2M, .pages1G] {
      var first: Double?
      for entries in [0, 4, 16, 64, 256, 1024, 16384] {
        var load = try load(flows: flows)
        load.stageTwo = stageTwo
        load.caches = try caches(secondStage: entries)
        let result = try run(load)
        let cost = throughput(reads: result.reads) / throughput(reads: alone.reads) - 1
        if cost > -0.1 && first == nil { first = result.stage2Hits }
        rows.append([
          .text(stageTwo.rawValue), .number(Double(entries)), .number(result.stage2Hits * 100),
          .number(result.reads), .error(cost),
        ])
      }
      thresholds.append(
        "\(stageTwo.rawValue) " + (first.map { "\(brief($0 * 100)) %" } ?? "never"))
    }
    prediction.studies.append(
      Study(
        title: "nesting's cost by what stage 2's TLB hits",
        columns: ["stage 2", "entries", "hits %", "reads", "throughput"], rows: rows,
        note: "The least hit ratio of these with a cost below 10 %: "
          + thresholds.joined(separator: ", ") + "."))
  }
}
