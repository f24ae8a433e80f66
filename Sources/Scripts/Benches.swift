/// The benches that scripts can use.
package enum Benches {
  package static var all: [any Bench.Type] {
    [IOMMUBench.self, SMMUBench.self, NestedBench.self, ITSBench.self, PeersBench.self]
  }

  package static func named(_ name: String) -> (any Bench.Type)? { all.first { $0.name == name } }
}
