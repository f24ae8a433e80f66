import Memory
import SMMU

/// Translation by the SMMU: hits, cold walks, and the loads that the walks consist of.
enum TranslationBenchmarks {
  static let pageCount = 1 << 20

  static func run() throws -> [Measurement] {
    [try hit()] + (try cold(stage2: true)) + (try cold(stage2: false))
  }

  /// 64 pages over and over: the TLB has them.
  private static func hit() throws -> Measurement {
    var tables = try NestedTables(pageCount: 64, stage2: true, caches: .default)
    let memory = tables.memory
    var sum: UInt64 = 0
    let operations = 4_000_000
    let result = Measurement.best("warm nested translation (TLB hit)", operations: operations) {
      for number in 0..<UInt32(operations) {
        let access = NestedTables.access(number & 63)
        if case .translated(let page) = tables.smmu.translate(access, in: memory) {
          sum &+= page.address.rawValue
        }
      }
    }
    keep(sum)
    return result
  }

  /// Every page once, in random order, with STE and CD cached: without walk caches, and with.
  private static func cold(stage2: Bool) throws -> [Measurement] {
    let order = shuffled(pageCount)
    let kind = stage2 ? "nested 4x4 walk" : "stage 1 walk"
    var bare = SMMUCacheGeometry.default
    bare.pages = 0
    bare.stage2Pages = 0
    bare.stage1Tables = 0
    bare.stage2Tables = 0
    var tables = try NestedTables(pageCount: pageCount, stage2: stage2, caches: bare)
    let loads = self.loads(tables, order, stage2 ? "24 dependent loads" : "4 dependent loads")
    let walk = self.walk("cold \(kind), no TLB, no walk caches", &tables, order, loads)
    var cached = try NestedTables(pageCount: pageCount, stage2: stage2, caches: .default)
    return [loads, walk, self.walk("cold \(kind), walk caches on", &cached, order, loads)]
  }

  private static func walk(
    _ name: String, _ tables: inout NestedTables, _ order: [UInt32], _ loads: Measurement
  ) -> Measurement {
    let memory = tables.memory
    var sum: UInt64 = 0
    let result = Measurement.best(
      name, rounds: 3, operations: order.count, relativeTo: loads
    ) {
      for page in order {
        if case .translated(let result) = tables.smmu.translate(
          NestedTables.access(page), in: memory)
        {
          sum &+= result.address.rawValue
        }
      }
    }
    keep(sum)
    return result
  }

  private static func loads(
    _ tables: borrowing NestedTables, _ order: [UInt32], _ name: String
  ) -> Measurement {
    let walk = tables.bareWalk
    var sum: UInt64 = 0
    let result = Measurement.best(name, rounds: 3, operations: order.count) {
      for page in order { sum &+= walk.translate(NestedTables.base &+ UInt64(page) &* 4096) }
    }
    keep(sum)
    return result
  }
}
