package import Files
import Timing

extension Shape {
  static let smmu = Shape.record([
    .optional("tlb", cache, "Pages; 2048 entries if not given."),
    .optional("walkCache", cache, "Tables of each stage; 256 entries if not given."),
    .optional(
      "ways", .integer(1...16), "Entries of a set of either.",
      standard: .integer(CacheSizes().ways)),
  ])

  static let its = Shape.record([
    .optional("cache", cache, "Routes of events; 4096 entries if not given.")
  ])

  private static let cache = Shape.record([
    .required("entries", .integer(0...1_048_576), "How many it holds; 0 turns it off.")
  ])
}

extension CacheSizes {
  /// The sizes that a checked scenario file gives.
  init(_ value: CheckedValue) {
    self.init()
    func entries(_ part: CheckedValue?, _ standard: Int) -> Int {
      part?["entries"].map { Int(clamping: $0.integer) } ?? standard
    }
    pages = entries(value["smmu"]?["tlb"], pages)
    walks = entries(value["smmu"]?["walkCache"], walks)
    routes = entries(value["its"]?["cache"], routes)
    ways = value["smmu"]?["ways"].map { Int(clamping: $0.integer) } ?? ways
  }
}
