import Designs
import HostKernel
import Linux
import ResultFixtures
import Scenarios
import TestRandom
import Testing
import VMM

@Suite("What designs are measured by")
struct DesignMeasuresTests {
  static let interfaces: [ReleaseSwitch] = {
    var design = Fixtures.other
    design.msixEntry = .forwarded
    return design.missingInterfaces
  }()

  /// Measures over three columns, of numbers so small that many are equal.
  static func measures(_ random: inout SplitMix) -> DesignMeasures {
    let exits = (0..<3).map { _ -> DesignMeasures.Exits? in
      random.oneIn(3)
        ? nil : .init(setup: Int(random.below(3)), perInterrupt: Double(random.below(2)))
    }
    return DesignMeasures(
      exits: exits, interfaces: Array(interfaces.prefix(Int(random.below(3)))),
      breaches: ["a", "b"].filter { _ in random.oneIn(2) })
  }

  @Test("better is a strict partial order", arguments: 0..<300 as Range<UInt64>)
  func order(seed: UInt64) {
    var random = SplitMix(state: seed)
    let all = (0..<12).map { _ in Self.measures(&random) }
    for first in all {
      #expect(!first.isBetter(than: first))
      for second in all where first.isBetter(than: second) {
        #expect(!second.isBetter(than: first))
        for third in all where second.isBetter(than: third) {
          #expect(first.isBetter(than: third))
        }
      }
    }
  }

  @Test("exits count only where both deliver, and each respect is told apart")
  func shortfalls() {
    let light = DesignMeasures(exits: [.init(setup: 1, perInterrupt: 0), nil], interfaces: [])
    let heavy = DesignMeasures(
      exits: [.init(setup: 2, perInterrupt: 1), .init(setup: 9, perInterrupt: 9)],
      interfaces: Self.interfaces)
    #expect(light.shortfalls(against: heavy) == [.fails(column: 1)])
    #expect(
      heavy.shortfalls(against: light) == [.exitsPerInterrupt, .exitsAtSetup, .interfaces])
    #expect(!light.isBetter(than: heavy))
    #expect(!heavy.isBetter(than: light))
  }

  @Test("a breach counts where the other design has none by the same attack")
  func breaches() {
    func measures(_ breaches: [String]) -> DesignMeasures {
      DesignMeasures(exits: [.init(setup: 1, perInterrupt: 1)], interfaces: [], breaches: breaches)
    }
    #expect(measures(["a"]).shortfalls(against: measures(["b"])) == [.breach(attack: "a")])
    #expect(measures(["a"]).isBetter(than: measures(["a", "b"])))
    #expect(!measures(["a"]).isBetter(than: measures(["b"])))
  }

  @Test("what delivers nowhere is worse than what delivers somewhere, whatever else it needs")
  func nowhere() {
    let nowhere = DesignMeasures(exits: [nil], interfaces: [])
    let somewhere = DesignMeasures(
      exits: [.init(setup: 9, perInterrupt: 9)], interfaces: Self.interfaces, breaches: ["a"])
    #expect(somewhere.isBetter(than: nowhere))
    #expect(!nowhere.isBetter(than: somewhere))
  }

  @Test(
    "a design needs the interfaces that its proposal asks for",
    arguments: [
      ("rmr-identity", []), ("rmr-relaxable", []), ("coincident", []), ("cookie", []),
      ("msi-direct", ["resv-msi-direct"]),
      (
        "forward-address",
        [
          "ioas-map-msi",
          "vfio-msi-iova",
        ]
      ),
      (
        "forward-moved-window",
        ["sw-msi-start", "vfio-msi-iova"]
      ),
      (
        "untrapped",
        [
          "ioas-map-msi",
          "itt-mirror",
        ]
      ),
    ] as [(String, [String])])
  func interfaces(design: String, expected: [String]) throws {
    let found = try DesignTableTests.folder.design(named: design).missingInterfaces
    #expect(found.map(\.rawValue) == expected)
  }
}
