import Bits
import Firmware
import Foundation
import Guest
import IOMMU
import Linux
import Testing

/// What recorded machines of QEMU's `virt` held in their MSI capabilities, and what sysfs listed
/// (`Fixtures/recorded-guests.jsonl`): the same configuration must give the same numbers here.
@Suite("Recorded guests")
struct RecordedGuestsTests {
  struct Record: Decodable, Sendable, CustomTestStringConvertible {
    let `case`: String
    /// `guest`, or `L2` for the guest of a recorded hypervisor.
    let view: String
    let kernel: String
    /// The bytes of a page.
    let page: UInt64
    let passthrough: Bool
    let smmu: Bool
    let v2m: Bool
    /// The flags of the IORT's RMR.
    let rmr: UInt32?
    /// Who programmed the device: `driver`, `type1` or `iommufd`.
    let user: String?
    let address: String?
    let domain: String?
    let regions: [String]?

    var testDescription: String {
      "\(`case`), \(view): \(user.map { "\($0)'s \(address ?? "")" } ?? "regions")"
    }

    var doorbell: PA { v2m ? 0x802_0040 : 0x809_0040 }

    var sources: [RegionSource] {
      let range = rmr.map {
        RegionSource.armRMR(base: 0x800_0000, length: 0x10_0000, flags: .init(rawValue: $0))
      }
      return [range, .softwareMSI].compactMap(\.self)
    }

    func group() throws -> IOMMUGroup {
      let device = IOMMUDevice(
        name: "device", function: .storage, sources: sources, doorbell: doorbell)
      return IOMMUGroup(
        [device], kernel: Kernel(try #require(Release(kernel))),
        defaultKind: passthrough ? .identity : .dma, granule: page)
    }
  }

  static let records: [Record] = {
    guard
      let place = Bundle.module.url(
        forResource: "recorded-guests", withExtension: "jsonl", subdirectory: "Fixtures"),
      let text = try? String(contentsOf: place, encoding: .utf8)
    else { return [] }
    return text.split(separator: "\n").compactMap {
      try? JSONDecoder().decode(Record.self, from: Data($0.utf8))
    }
  }()

  @Test("every recorded machine is in the list, with each of the addresses that the field knows")
  func list() {
    #expect(Set(Self.records.map(\.case)).count == 19)
    let addresses = Set(Self.records.compactMap(\.address))
    #expect(addresses == ["0xfffff040", "0xffffc040", "0x8000040", "0x8090040"])
    #expect(Set(Self.records.compactMap(\.rmr)) == [0, 1])
  }

  @Test(
    "the address in the device is the recorded one, and reaches the doorbell",
    arguments: records.filter { $0.address != nil && $0.smmu })
  func messageAddress(record: Record) throws {
    let group = try record.group()
    let file = IOMMUFD(kernel: group.kernel, pageSize: record.page)
    switch record.user {
    case "type1": try Type1Container().attach(group)
    case "iommufd":
      let device = try #require(group.devices.first)
      let space = file.allocateAddressSpace()
      let id = try file.bind(device, of: group)
      let parent = try file.allocatePaging(device: id, addressSpace: space, flags: .nestParent)
      try file.attach(device: id, to: parent)
    default: #expect(record.user == "driver")
    }
    let address = try group.prepareMessage(for: record.doorbell, window: file.doorbells)
    #expect("\(address)" == record.address)
    #expect(group.domain.translate(address) == record.doorbell)
  }

  @Test(
    "without an SMMU a message holds the doorbell's own address",
    arguments: records.filter { !$0.smmu })
  func noSMMU(record: Record) throws {
    var kernel = try GuestKernel(
      kernel: Kernel(try #require(Release(record.kernel))),
      firmware: GuestFirmware(
        itsBase: 0x808_0000, redistributors: 0x80a_0000, smmus: [], reserved: [],
        preservesBootConfiguration: false),
      devices: [
        .init(
          requesterID: 0x10, vectors: 1, msixTable: IPA(GuestBench.table.rawValue),
          msixCapability: 0x70)
      ],
      frames: BumpFrames(base: 0x400b_0000, size: 0x28_0000),
      tableFrames: PlacedFrames([:], rest: BumpFrames(base: 0x6000_0000, size: 0x100_0000)),
      contextTable: nil)
    _ = try kernel.perform(.boot)
    let writes = tableWrites(try kernel.perform(.enableVectors(1)))
    #expect(writes.first.map { "\(IOVA($0[1]))" } == record.address)
  }

  @Test(
    "sysfs lists the recorded regions and the recorded kind of domain",
    arguments: records.filter { $0.regions != nil })
  func regions(record: Record) throws {
    let group = try record.group()
    #expect(group.regions.map(\.sysfsLine) == record.regions)
    #expect(group.defaultDomain.kind == (record.domain == "identity" ? .identity : .dma))
  }
}
