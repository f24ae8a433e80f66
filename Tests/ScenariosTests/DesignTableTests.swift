import Bits
import Designs
import Engine
import Guest
import Linux
import Scenarios
import Testing
import Timing

/// The table of designs that the mailing list's proposals amount to, each cell from a run of the
/// shipped design file on a guest that the models set up.
@Suite struct DesignTableTests {
  /// What one design comes to: the address in the device, whether it is the guest's EventID that
  /// indexes the physical table, whether the guest's writes of the MSI-X table trap, the fate under
  /// VFIO in the guest, and exits for each interrupt.
  struct Row: Sendable, CustomTestStringConvertible {
    let design: String
    let address: IOVA
    let traps: Bool
    let vfio: Verdict
    let identity: Verdict
    let exits: Int
    var testDescription: String { design }
  }

  static let window: IOVA = 0x800_0040
  static let dynamic: IOVA = 0xffff_f040

  static let rows = [
    Row(
      design: "cookie", address: window, traps: true, vfio: .refused, identity: .delivered,
      exits: 1),
    Row(
      design: "rmr-identity", address: window, traps: true, vfio: .refused, identity: .delivered,
      exits: 1),
    Row(
      design: "direct-doorbell", address: window, traps: true, vfio: .refused,
      identity: .delivered, exits: 1),
    Row(
      design: "translate-in-vmm", address: window, traps: true, vfio: .refused,
      identity: .delivered, exits: 1),
    // The RMR is dropped when VFIO takes the device, and its own window maps elsewhere.
    Row(
      design: "rmr-relaxable", address: window, traps: true, vfio: .lost, identity: .delivered,
      exits: 1),
    Row(
      design: "msi-direct", address: window, traps: true, vfio: .delivered, identity: .delivered,
      exits: 1),
    Row(
      design: "coincident", address: window, traps: true, vfio: .delivered, identity: .delivered,
      exits: 1),
    Row(
      design: "forward-address", address: dynamic, traps: true, vfio: .delivered,
      identity: .delivered, exits: 1),
    Row(
      design: "forward-address-vfio", address: dynamic, traps: true, vfio: .delivered,
      identity: .delivered, exits: 1),
    Row(
      design: "forward-moved-window", address: dynamic, traps: true, vfio: .delivered,
      identity: .delivered, exits: 1),
    Row(
      design: "untrapped", address: dynamic, traps: false, vfio: .delivered,
      identity: .delivered, exits: 1),
  ]

  /// GICv4 on a base: as the base in all that comes before the ITS, and no exit behind it.
  static let bypassing = rows.flatMap { row in
    ["gicv4", "gicv4.1"].map { delivery in
      Row(
        design: "\(row.design),delivery=\(delivery)", address: row.address, traps: row.traps,
        vfio: row.vfio,
        identity: row.identity, exits: 0)
    }
  }

  /// A guest with a GICv2m frame. Its interrupts are not isolated, so that VFIO refuses; and they
  /// are no LPIs, so that nothing injects them but software.
  static let messageFrame = Row(
    design: "gicv2m", address: window, traps: true, vfio: .refused, identity: .delivered, exits: 1)

  static let allRows = rows + bypassing + [messageFrame]

  static let folder = ScenarioFolder(
    path: "\(#filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" })/scenarios")

  func run(_ design: String, _ usage: GuestUsage, kernel: String = "7.3") throws -> RunResult {
    try RunSpecification(
      design: Self.folder.design(named: design),
      workload: .synthetic(vectors: 2, messages: 6, every: 50_000), usage: usage,
      guestKernel: Kernel(name: kernel), hostKernel: Kernel(7, 3),
      costs: Self.folder.costs(named: Scenario.standardCosts)
    ).run()
  }

  @Test("under the DMA API every design delivers, with the address of its row", arguments: allRows)
  func dmaAPI(row: Row) throws {
    let result = try run(row.design, .dmaAPI)
    #expect(result.verdict == .delivered, "\(result.why)")
    #expect(result.message?.address == row.address)
    #expect(result.exits.delivery == row.exits * 6)
    #expect(result.exits.causes.contains { $0.cause == .msixTable } == row.traps)
  }

  @Test("VFIO in the guest comes to what its row says, by either interface", arguments: allRows)
  func vfio(row: Row) throws {
    for usage in [.vfio, .iommufd] as [GuestUsage] {
      let result = try run(row.design, usage)
      #expect(result.verdict == row.vfio, "\(usage): \(result.why)")
    }
  }

  @Test("the identity domain comes to what its row says", arguments: allRows)
  func identity(row: Row) throws {
    let result = try run(row.design, .identity)
    #expect(result.verdict == row.identity, "\(result.why)")
  }

  @Test("VFIO in a guest before 6.6 loses the interrupt in stage 2, unseen by the guest")
  func oldGuest() throws {
    let result = try run("rmr-identity", .vfio, kernel: "6.5")
    #expect(result.verdict == .lost)
    #expect(result.why.contains("IPA 0x8090000"), "\(result.why)")
    #expect(result.why.contains("host's event queue only"), "\(result.why)")
  }

  @Test("a route with the guest's untranslated address matches no virtual ITS")
  func untranslatedRoute() throws {
    let result = try run("route-as-is", .dmaAPI)
    #expect(result.verdict == .lost)
    #expect(result.why.contains("no virtual ITS has a doorbell"), "\(result.why)")
    // Without translation the guest's address is the doorbell's own.
    #expect(try run("route-as-is", .identity).verdict == .delivered)
  }
}
