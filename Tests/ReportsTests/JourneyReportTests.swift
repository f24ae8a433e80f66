import Bits
import Designs
import Files
import Reports
import ResultFixtures
import Scenarios
import Simulation
import Software
import Testing

@Suite("JourneyReport")
struct JourneyReportTests {
  static func report(_ result: RunResult, withSteps: Bool = false) throws -> JourneyReport {
    try #require(
      JourneyReport(
        Comparison(scenario: Fixtures.scenario(), results: [result]), withSteps: withSteps))
  }

  @Test("each station is a row: time since the write, place, address, words, meaning")
  func stations() throws {
    let report = try Self.report(
      Fixtures.result(steps: [Fixtures.step], journey: Fixtures.journey), withSteps: true)
    #expect(
      report.text() == """
        fixture, rmr-identity
        A title.
        guest-usage dma-api; guest-kernel 6.5; host-kernel 7.3; costs fixture; seed 7; workload synthetic

        step  time ns  agent        what it does
           1      100  host kernel  iommufd_sw_msi: maps the doorbell page at 0x8000000

        MSI 2, vector 1, sent at 5000 ns: delivered
        SMMU and ITS cache nothing here, so that every table read shows: times are those of a cold walk.

        time ns  station     address  words       meaning
              0  device    0x8000040  0x3         writes the message
            0.5  STE      0x40a28400  0x4033800f  both stages are on
                                      0x800d6
            600  handler                          the guest's handler runs

        It arrived.

        Times rest on assumed costs: table-read ('doorbell costs show fixture').

        """)
  }

  @Test("like steps share a line; one that tells a belief has its own, and a table sums them up")
  func setup() throws {
    func step(_ text: String, _ belief: DoorbellBelief? = nil) -> RunResult.PerformedStep {
      .init(
        time: .nanoseconds(5), agent: .host, function: "map", text: text, belief: belief)
    }
    let belief = DoorbellBelief("MSI domain", .iova(0x800_0040), leadsTo: .pa(0x809_0040))
    let old = DoorbellBelief("MSI domain", .iova(0x40))
    var result = Fixtures.result(
      steps: (1...5).map { step("page \($0)") } + [step("x", old), step("y", belief), step("z")],
      journey: Fixtures.journey)
    result.stepsBeforeMessage = 7
    let text = try Self.report(result, withSteps: true).text()
    #expect(
      text.contains(
        """
        step  time ns  agent        what it does
         1-5        5  host kernel  map: 5 steps, from 'page 1' to 'page 5'
           6        5  host kernel  map: x
                                    => MSI domain: IOVA 0x40
           7        5  host kernel  map: y
                                    => MSI domain: IOVA 0x8000040 -> PA 0x8090040
        Software performed 1 more step after the MSI had left: --format json lists them.

        agent        piece          address of the doorbell         step
        host kernel  MSI domain     IOVA 0x8000040 -> PA 0x8090040     7
        device       MSI-X entry 0  IOVA 0x8000040

        """), "\(text)")
  }

  @Test("long meanings are wrapped in their column")
  func wrapped() throws {
    let station = Journey.Stop(
      time: .zero, place: .device, address: 1, words: [2],
      meaning: "one two three four five six seven eight nine ten")
    let journey = Journey(
      index: 0, vector: 0, stations: [station], verdict: .lost, reason: "It is gone.")
    let text = try Self.report(Fixtures.result(journey: journey)).text(on: Terminal(width: 60))
    #expect(
      text.contains(
        """
        time ns  station  address  words  meaning
              0  device       0x1  0x2    one two three four five
                                          six seven eight nine ten
        """))
  }

  @Test("a refused set-up says who refused, and in which words")
  func refused() throws {
    let text = try Self.report(Fixtures.refused()).text(on: Terminal(width: 400))
    #expect(
      text.contains(
        "No MSI was sent: set-up was refused by the guest kernel in __iommu_take_dma_ownership with "
          + "EINVAL: \"Firmware has requested this device have a 1:1 IOMMU mapping\". Both stages"))
  }

  @Test("the JSON has the stations, and the steps when they are wanted")
  func json() throws {
    let result = Fixtures.result(steps: [Fixtures.step], journey: Fixtures.journey)
    let json = try Self.report(result, withSteps: true).json
    guard case .array(let stations) = json["journey"]?["stations"],
      case .array(let steps) = json["steps"]
    else {
      Issue.record("stations or steps is no list")
      return
    }
    #expect(
      stations[1]
        == [
          "time": .number(5000.5), "station": .string("STE"), "address": .string("0x40a28400"),
          "words": .array([.string("0x4033800f"), .string("0x800d6")]),
          "meaning": .string("both stages are on"),
        ])
    #expect(stations[2]["address"] == .null)
    #expect(steps.first?["function"] == .string("iommufd_sw_msi"))
    #expect(try Self.report(result).json["steps"] == nil)
    #expect(try Self.report(Fixtures.refused()).json["journey"] == .null)
  }
}
