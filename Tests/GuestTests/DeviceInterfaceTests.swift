import Bits
import Firmware
import Linux
import Software
import Testing

@testable import Guest

/// VFIO inside the guest: where type 1 and iommufd differ.
@Suite("DeviceInterface")
struct DeviceInterfaceTests {
  static let window: PA = 0x800_0000

  static func firmware(
    region: (base: IPA, remapPermitted: Bool)? = nil, hasFrame: Bool = false, hasSMMU: Bool = true
  ) -> GuestFirmware {
    let streams: ClosedRange<UInt32> = 0x1000...0x11ff
    return GuestFirmware(
      itsBase: hasFrame ? nil : 0x808_0000, redistributors: 0x80a_0000,
      smmus: hasSMMU ? [.init(base: 0xc00_0000, requesterIDs: [streams])] : [],
      reserved: region.map {
        [
          ReservedMemoryRange(
            base: $0.base, length: 0x10_0000, remapPermitted: $0.remapPermitted, streams: streams)
        ]
      } ?? [], preservesBootConfiguration: true,
      messageFrame: hasFrame
        ? .init(base: 0x802_0000, spis: 80..<144, distributor: 0x800_0000) : nil)
  }

  static func kernel(_ kernel: Kernel, _ firmware: GuestFirmware) throws -> GuestKernel {
    try GuestKernel(
      kernel: kernel, firmware: firmware,
      devices: [
        .init(
          requesterID: GuestBench.device, vectors: 4, msixTable: IPA(GuestBench.table.rawValue),
          msixCapability: 0x70)
      ],
      frames: BumpFrames(base: 0x400b_0000, size: 0x28_0000),
      tableFrames: PlacedFrames([:], rest: BumpFrames(base: 0x6000_0000, size: 0x100_0000)),
      contextTable: nil)
  }

  /// A guest whose user has the device, with the steps that led there.
  static func assigned(
    _ interface: DeviceInterface, _ kernel: Kernel, _ firmware: GuestFirmware
  ) throws -> (kernel: GuestKernel, steps: [Step<Never>]) {
    var guest = try Self.kernel(kernel, firmware)
    var steps: [Step<Never>] = []
    for operation in [.boot, .attachDMADomain, .claim(interface), .attachUserDomain]
      as [GuestOperation]
    {
      steps += try guest.perform(operation)
    }
    return (guest, steps)
  }

  static func refusal(
    _ interface: DeviceInterface, _ kernel: Kernel, _ firmware: GuestFirmware
  ) throws -> Refusal? {
    var guest = try Self.kernel(kernel, firmware)
    do throws(Refusal) {
      for operation in [.boot, .attachDMADomain, .claim(interface), .attachUserDomain]
        as [GuestOperation]
      {
        _ = try guest.perform(operation)
      }
      return nil
    } catch let refusal {
      return refusal
    }
  }

  /// Who places the doorbell's page, and the leaf: `iommu_dma_get_msi_page` maps it never to be
  /// executed, `iommufd_sw_msi` for reading and writing (io-pgtable-arm.c
  /// `arm_lpae_prot_to_pte`: nothing is write-only at stage 1).
  @Test(
    "the domain's cookie places the doorbell, or iommufd's list since 6.15",
    arguments: [
      (.type1, Kernel(5, 19), "iommu_get_msi_cookie", "iommu_dma_get_msi_page", true),
      (.type1, Kernel(7, 3), "iommu_get_msi_cookie", "iommu_dma_get_msi_page", true),
      (.iommufd, Kernel(6, 2), "iommu_get_msi_cookie", "iommu_dma_get_msi_page", true),
      (.iommufd, Kernel(6, 14), "iommu_get_msi_cookie", "iommu_dma_get_msi_page", true),
      (
        .iommufd, Kernel(6, 15), "iommufd_group_setup_msi", "iommufd_sw_msi_install", false
      ),
    ] as [(DeviceInterface, Kernel, String, String, Bool)])
  func doorbell(
    interface: DeviceInterface, kernel: Kernel, window: String, install: String,
    neverExecutes: Bool
  ) throws {
    var (guest, steps) = try Self.assigned(interface, kernel, Self.firmware())
    #expect(steps.contains { $0.function == window })
    let vectors = try guest.perform(.enableVectors(1))
    #expect(tableWrites(vectors).first == [0, 0x800_0040])
    let step = try #require(vectors.first { $0.function == install })
    guard case .write(let words) = step.action else {
      Issue.record("no mapping")
      return
    }
    #expect(words.last?.value == 0x809_0e4b | (neverExecutes ? 1 << 54 : 0))
  }

  @Test("each refusal names its function and its errno")
  func refusals() throws {
    let direct = Self.firmware(region: (0x800_0000, false))
    let frame = Self.firmware(hasFrame: true)
    let bare = Self.firmware(hasSMMU: false)
    let new = Kernel(7, 3)
    let cases: [(DeviceInterface, Kernel, GuestFirmware, (String, String)?)] = [
      (.type1, Kernel(5, 19), Self.firmware(), nil),
      (.iommufd, Kernel(5, 19), Self.firmware(), ("openat (/dev/iommu)", "ENOENT")),
      (.iommufd, Kernel(6, 1), Self.firmware(), ("openat (/dev/iommu)", "ENOENT")),
      (.iommufd, Kernel(6, 2), Self.firmware(), nil),
      (.type1, Kernel(6, 5), direct, nil),
      (.iommufd, Kernel(6, 5), direct, nil),
      (.type1, Kernel(6, 6), direct, ("__iommu_device_set_domain", "EINVAL")),
      (.iommufd, Kernel(6, 6), direct, ("__iommu_device_set_domain", "EINVAL")),
      (.type1, new, frame, ("vfio_iommu_type1_attach_group", "EPERM")),
      (.iommufd, Kernel(6, 5), frame, ("iommufd_device_setup_msi", "EPERM")),
      (.iommufd, new, frame, ("iommufd_device_bind", "EPERM")),
      (.type1, new, bare, ("vfio_group_find_or_alloc", "EINVAL")),
      (.iommufd, new, bare, ("vfio_group_find_or_alloc", "EINVAL")),
    ]
    for (interface, kernel, firmware, expected) in cases {
      let refusal = try Self.refusal(interface, kernel, firmware)
      #expect(refusal?.function == expected?.0, "\(interface) in \(kernel)")
      #expect(refusal?.errno == expected?.1, "\(interface) in \(kernel)")
      #expect(refusal?.agent ?? .guest == .guest)
    }
  }

  @Test("the chain of a refusal names the system call and the function that claims the device")
  func chain() throws {
    for (interface, words) in [
      (.type1, ["VFIO_GROUP_SET_CONTAINER", "iommu_group_claim_dma_owner"]),
      (.iommufd, ["VFIO_DEVICE_BIND_IOMMUFD", "iommu_device_claim_dma_owner"]),
    ] as [(DeviceInterface, [String])] {
      let refusal = try #require(
        try Self.refusal(
          interface, Kernel(7, 3), Self.firmware(region: (0x800_0000, false))))
      #expect(refusal.chain.count == 3)
      for word in words { #expect(refusal.chain[1].contains(word)) }
    }
  }

  @Test("what a user maps must lie outside the reserved regions but for relaxable ones")
  func reserved() throws {
    let cases: [(place: IOVA, remapPermitted: Bool, isRefused: Bool)] = [
      (0x800_0000, true, true), (0x80f_f000, true, true), (0x810_0000, true, false),
      (0x9000_0000, true, false), (0x9000_0000, false, true), (0x900f_f000, false, true),
      (0x9010_0000, false, false),
    ]
    for (interface, function) in [
      (.type1, "vfio_iommu_iova_dma_valid"), (.iommufd, "iopt_check_iova"),
    ] as [(DeviceInterface, String)] {
      for (place, remapPermitted, isRefused) in cases {
        // Before 6.6 a direct region does not keep the device from its user.
        var (kernel, _) = try Self.assigned(
          interface, Kernel(6, 5), Self.firmware(region: (0x9000_0000, remapPermitted)))
        let map = Workload.Activity.map(place, 0x4100_0000, size: 0x1000, .buffer)
        var refusal: Refusal?
        do throws(Refusal) { _ = try kernel.perform(.activity(map)) } catch { refusal = error }
        #expect(refusal?.function == (isRefused ? function : nil), "\(interface) at \(place)")
        #expect(refusal?.errno == (isRefused ? "EINVAL" : nil))
      }
    }
  }

  @Test("a user's mapping is gone after its unmapping, and can be made again")
  func mapAgain() throws {
    for interface in [.type1, .iommufd] as [DeviceInterface] {
      var (kernel, _) = try Self.assigned(interface, Kernel(7, 3), Self.firmware())
      let map = Workload.Activity.map(0x9000_0000, 0x4100_0000, size: 0x2000, .buffer)
      for _ in 0..<2 {
        _ = try kernel.perform(.activity(map))
        #expect(kernel.translate(0x9000_1000) == 0x4100_1000)
        _ = try kernel.perform(.activity(.unmap(0x9000_0000, size: 0x2000)))
        #expect(kernel.translate(0x9000_1000) == nil)
      }
    }
  }
}
