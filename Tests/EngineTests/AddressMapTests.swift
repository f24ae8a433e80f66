import Bits
import Engine
import Guest
import Linux
import Machine
import Scenarios
import Software
import Testing
import VMM

@testable import Designs

/// The guest's address map, page sizes, firmware and its own guests, under the shipped designs.
@Suite struct AddressMapTests {
  private func run(
    _ design: String, _ change: (inout RunSpecification) -> Void
  ) throws -> RunResult {
    var specification = Fixtures.specification(
      try TopologyTests.folder.design(named: design),
      .synthetic(vectors: 2, messages: 4, every: 50_000))
    change(&specification)
    return try specification.run()
  }

  @Test(
    "the window is refused where it lies over RAM, and covers what the map puts there",
    arguments: [
      (.qemuVirt, .delivered, ["GICD", "ITS", "GICR"]), (.openVMM, .delivered, []),
      (.cloudHypervisor, .delivered, []), (.openVMMLowRAM, .refused, ["RAM"]),
    ] as [(VMMPersonality, Verdict, [String])])
  func window(vmm: VMMPersonality, verdict: Verdict, covered: [String]) throws {
    for design in ["rmr-identity", "forward-address", "untrapped", "cookie"] {
      let result = try run(design) { $0.vmm = vmm }
      #expect(result.verdict == verdict, "\(design): \(result.why)")
      #expect(result.windowCovers == covered)
    }
  }

  @Test("no part of a map lies over another", arguments: VMMPersonality.allCases)
  func disjoint(vmm: VMMPersonality) {
    for map in [vmm.map, vmm.map.withDoorbellAtWindow] {
      let parts: [(IPA, UInt64)] = [
        (map.distributor, 0x1_0000), (map.itsBase, 0x2_0000),
        (map.redistributors, map.redistributorsSize), (map.smmuBase, 0x8_0000),
        (map.msixTable, 0x41_0000), (map.ramBase, map.ramSize),
      ]
      for (index, part) in parts.enumerated() {
        let range = part.0.rawValue..<part.0.rawValue + part.1
        for other in parts[..<index] {
          let otherRange = other.0.rawValue..<other.0.rawValue + other.1
          // RAM from 0 lies under a doorbell at the window: that is what the run refuses.
          let isKnown = vmm == .openVMMLowRAM && part.0 == map.ramBase && other.0 == map.itsBase
          #expect(!range.overlaps(otherRange) || isKnown, "\(part) \(other)")
        }
      }
    }
  }

  @Test(
    "messages arrive with every pair of page sizes, at a page of the guest's or the host's size",
    arguments: PageSize.allCases, PageSize.allCases)
  func pageSizes(guest: PageSize, host: PageSize) throws {
    let forwarded = IOVA((1 << 32) - guest.byteCount + 0x40)
    for (design, address) in [
      ("rmr-identity", 0x800_0040), ("forward-address", forwarded), ("untrapped", forwarded),
      ("coincident", 0x800_0040),
    ] as [(String, IOVA)] {
      let result = try run(design) {
        $0.guestPageSize = guest
        $0.hostPageSize = host
      }
      #expect(result.verdict == .delivered, "\(design): \(result.why)")
      #expect(result.message?.address == address)
    }
  }

  @Test(
    "pages of the window follow each other by the host's page size", arguments: PageSize.allCases)
  func windowStride(host: PageSize) throws {
    let result = try run("rmr-identity") {
      $0.hostPageSize = host
      $0.topology.itses = 3
      $0.topology.devices = 3
    }
    let expected = (0..<UInt64(3)).map { IOVA(0x800_0040 + $0 * host.byteCount) }
    #expect(result.devices.map(\.message?.address) == expected)
  }

  @Test("a recorded guest with other pages is set up by the models", arguments: PageSize.allCases)
  func recorded(guest: PageSize) throws {
    var specification = Fixtures.specification(
      try TopologyTests.folder.design(named: "rmr-identity"),
      try Fixtures.recording.get().workload)
    specification.guestPageSize = guest
    let result = try specification.run()
    #expect(result.verdict == .delivered, "\(result.why)")
  }

  @Test(
    "a guest without ACPI has no identity range, and needs none where its own doorbell is used",
    arguments: [FirmwareVariant.deviceTree, .deviceTreeReserved])
  func deviceTree(variant: FirmwareVariant) throws {
    for (design, verdict) in [
      ("rmr-identity", .fault), ("rmr-relaxable", .fault), ("forward-address", .delivered),
      ("untrapped", .delivered), ("cookie", .delivered),
    ] as [(String, Verdict)] {
      let result = try run(design) { $0.firmware = variant }
      #expect(result.verdict == verdict, "\(design): \(result.why)")
    }
  }

  @Test("an L2 guest without an SMMU fares as VFIO in the guest; one with an SMMU is refused")
  func nestedGuest() throws {
    for design in ["rmr-identity", "rmr-relaxable", "forward-address", "untrapped", "coincident"] {
      let vfio = try run(design) { $0.usage = .vfio }
      let nested = try run(design) { $0.usage = .nestedGuest }
      #expect(nested.verdict == vfio.verdict, "\(design): \(nested.why)")
      #expect(nested.message == vfio.message)
      let withSMMU = try run(design) { $0.usage = .nestedGuestWithSMMU }
      guard case .refused(let refusal) = withSMMU.setup else {
        Issue.record("\(design) was set up")
        continue
      }
      #expect(refusal.errno == (design == "rmr-identity" ? "EINVAL" : "EOPNOTSUPP"))
    }
  }
}
