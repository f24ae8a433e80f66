import ArmFormats
import Bits
import Linux
import Software
import TestRandom
import Testing

@testable import Guest

@Suite("GuestKernel")
struct GuestKernelTests {
  private func entry(_ bench: GuestBench) -> PA? {
    bench.kernel.smmus[0]?.address(of: GuestBench.device)
  }

  // MARK: Domains

  @Test("a direct region is mapped one to one in the DMA domain, page by page")
  func directRegion() throws {
    var bench = try GuestBench()
    try bench.perform(.boot, .attachDMADomain)
    for place in [0x800_0000, 0x800_0040, 0x800_1000, 0x80f_ffff] as [UInt64] {
      #expect(bench.kernel.translate(IOVA(place)) == IPA(place))
    }
    #expect(bench.kernel.translate(0x7ff_f000) == nil)
    #expect(bench.kernel.translate(0x810_0000) == nil)
  }

  @Test("without an RMR, or without its effect, the window is unmapped")
  func noRegion() throws {
    for (remap, preserves) in [(nil, true), (false, false)] as [(Bool?, Bool)] {
      var bench = try GuestBench(remapPermitted: remap, preserves: preserves)
      try bench.perform(.boot, .attachDMADomain)
      #expect(bench.kernel.translate(0x800_0000) == nil)
    }
  }

  @Test("the SMMU's reset bypasses the streams of every RMR, and makes the others abort")
  func reset() throws {
    for (remap, preserves, config) in [
      (false, true, .bypass), (true, true, .bypass), (false, false, .bypass), (nil, true, nil),
    ] as [(Bool?, Bool, StreamConfig?)] {
      var bench = try GuestBench(remapPermitted: remap, preserves: preserves)
      let steps = try bench.perform(.boot)
      #expect(streamConfigs(steps, at: entry(bench)).last == config)
    }
  }

  @Test("the identity domain bypasses stage 1, and a message holds the doorbell's own address")
  func identity() throws {
    var bench = try GuestBench(remapPermitted: nil)
    let steps = try bench.perform(.boot, .attachIdentityDomain)
    #expect(streamConfigs(steps, at: entry(bench)).last == .bypass)
    #expect(!bench.kernel.isTranslating())
    let writes = tableWrites(try bench.perform(.enableVectors(1)))
    // Messages, the mask of the whole table, and the vector that is requested.
    #expect(
      writes == [
        [0, 0x809_0040], [4, 0], [8, 0], [12, 1], [28, 1], [44, 1], [60, 1], [12, 0],
      ])
    #expect(bench.kernel.translate(0x809_0040) == 0x809_0040)
  }

  @Test("in the DMA domain the doorbell is the highest free page below 4 GiB")
  func doorbell() throws {
    var bench = try GuestBench()
    let writes = tableWrites(
      try bench.perform(.boot, .attachDMADomain, .enableVectors(2)))
    #expect(
      writes == [
        [0, 0xffff_f040], [4, 0], [8, 0], [16, 0xffff_f040], [20, 0], [24, 1], [12, 1], [28, 1],
        [44, 1], [60, 1], [12, 0], [28, 0],
      ])
    #expect(bench.kernel.translate(0xffff_f040) == 0x809_0040)
  }

  @Test("VFIO's domain maps the doorbell at the window's base and nothing else")
  func userDomain() throws {
    var bench = try GuestBench(remapPermitted: nil)
    let writes = tableWrites(
      try bench.perform(
        .boot, .attachDMADomain, .claim(.type1), .attachUserDomain, .enableVectors(1)))
    #expect(writes.first == [0, 0x800_0040])
    #expect(bench.kernel.translate(0x800_0040) == 0x809_0040)
    #expect(bench.kernel.translate(0x800_1000) == nil)
  }

  @Test(
    "VFIO may not claim a device with a direct region since 6.6",
    arguments: [
      (Kernel(6, 5), false, nil), (Kernel(6, 6), false, "EINVAL"),
      (Kernel(7, 3), false, "EINVAL"), (Kernel(7, 3), true, nil),
      (Kernel(7, 3), nil, nil),
    ] as [(Kernel, Bool?, String?)])
  func claim(kernel: Kernel, remap: Bool?, errno: String?) throws {
    var bench = try GuestBench(kernel: kernel, remapPermitted: remap)
    try bench.perform(.boot, .attachDMADomain)
    let refusal = bench.refusal(.claim(.type1))
    #expect(refusal?.errno == errno)
    #expect(refusal == nil || refusal?.message.contains("1:1 IOMMU mapping") == true)
  }

  @Test("a region that only an ignored RMR names does not keep VFIO out")
  func ignoredRegion() throws {
    var bench = try GuestBench(preserves: false)
    try bench.perform(.boot, .attachDMADomain)
    #expect(bench.refusal(.claim(.type1)) == nil)
  }

  @Test("a claimed device aborts until VFIO attaches its domain")
  func blocked() throws {
    var bench = try GuestBench(remapPermitted: true)
    try bench.perform(.boot, .attachDMADomain)
    let claim = try bench.perform(.claim(.type1))
    #expect(streamConfigs(claim, at: entry(bench)).last == .abort)
    let attach = try bench.perform(.attachUserDomain)
    #expect(streamConfigs(attach, at: entry(bench)).last == .stage1)
  }

  // MARK: Interrupts

  @Test("more vectors than the table has are ENOSPC")
  func tooManyVectors() throws {
    var bench = try GuestBench()
    try bench.perform(.boot, .attachDMADomain)
    #expect(bench.refusal(.enableVectors(5))?.errno == "ENOSPC")
    #expect(bench.refusal(.enableVectors(4)) == nil)
    #expect((0..<5).map { bench.kernel.lpi(ofEvent: $0) } == [8192, 8193, 8194, 8195, nil])
  }

  @Test("a vector is mapped in the ITS, enabled and invalidated before its entry is unmasked")
  func order() throws {
    var bench = try GuestBench()
    try bench.perform(.boot, .attachDMADomain)
    let functions = try bench.perform(.enableVectors(1)).map(\.function)
    let order = [
      "its_create_device", "iommu_dma_get_msi_page", "its_irq_domain_activate",
      "pci_write_msg_msix", "lpi_write_config", "direct_lpi_inv", "pci_msix_unmask",
    ].map { functions.firstIndex(of: $0) ?? -1 }
    #expect(order == order.sorted())
    #expect(order.first != -1)
  }

  @Test("the first message's mapping is write-only device memory")
  func mapping() throws {
    var bench = try GuestBench()
    try bench.perform(.boot, .attachDMADomain)
    let step = try bench.perform(.enableVectors(1)).first {
      $0.function == "iommu_dma_get_msi_page"
    }
    guard case .write(let words)? = step?.action else {
      Issue.record("no mapping")
      return
    }
    #expect(words.last?.value == 0x40_0000_0809_0e4b)
  }

  // MARK: Recorded activities

  @Test("a recorded mapping is found, and gone after its unmapping, which is invalidated")
  func mapAndUnmap() throws {
    var bench = try GuestBench()
    try bench.perform(.boot, .attachDMADomain)
    let map = Workload.Activity.map(0xffff_e000, 0x4123_4000, size: 0x2000, .buffer)
    try bench.perform(.activity(map))
    #expect(bench.kernel.translate(0xffff_f123) == 0x4123_5123)
    let steps = try bench.perform(.activity(.unmap(0xffff_e000, size: 0x2000)))
    #expect(bench.kernel.translate(0xffff_e000) == nil)
    #expect(steps.contains { $0.function == "arm_smmu_iotlb_sync" })
    #expect(try bench.perform(.activity(.unmap(0xffff_e000, size: 0x2000))).isEmpty)
  }

  @Test("an address that a recorded guest was given is not given again")
  func taken() throws {
    var bench = try GuestBench()
    try bench.perform(
      .boot, .attachDMADomain,
      .activity(.map(0xffff_f000, 0x4123_4000, size: 0x1000, .buffer)))
    let writes = tableWrites(try bench.perform(.enableVectors(1)))
    #expect(writes.first == [0, 0xffff_e040])
  }

  @Test("a mapping that overlaps, or that no table can hold, is refused")
  func badMappings() throws {
    var bench = try GuestBench()
    let map = { (input: UInt64, output: UInt64, size: UInt64) in
      GuestOperation.activity(.map(IOVA(input), IPA(output), size: size, .buffer))
    }
    #expect(bench.refusal(map(0x1000, 0, 0x1000))?.errno == "EINVAL")
    try bench.perform(.boot, .attachDMADomain)
    #expect(bench.refusal(map(0x800_0000, 0, 0x1000))?.errno == "EEXIST")
    for (input, output, size) in [
      (0x1800, 0, 0x1000), (0x1000, 0, 0), (1 << 48, 0, 0x1000), (0x1000, ~0xfff, 0x2000),
      (~0xfff, 0, ~0xfff),
    ] as [(UInt64, UInt64, UInt64)] {
      #expect(bench.refusal(map(input, output, size))?.errno == "EINVAL")
    }
  }

  @Test("random activities are carried out or refused", arguments: [1, 2, 3])
  func garbage(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var bench = try GuestBench()
    try bench.perform(.boot, .attachDMADomain)
    for _ in 0..<300 {
      let wild = random.below(4) == 0
      let input = wild ? random.next() : random.below(64) << 12
      let activity: Workload.Activity =
        switch random.below(7) {
        case 0, 1:
          .map(
            IOVA(input), IPA(wild ? random.next() : input), size: random.below(16) << 12,
            MappingAttributes(rawValue: UInt8(truncatingIfNeeded: random.next())))
        case 2: .unmap(IOVA(input), size: random.below(64) << 12)
        case 3:
          .itsCommands([
            ITSCommand(random.next(), random.next(), random.next(), random.next())
          ])
        case 4: .lpiConfiguration(IPA(random.next()), UInt8(random.below(256)))
        case 5: .redistributorWrite(offset: random.next(), value: random.next())
        default: .msixWrite(offset: random.next(), value: UInt32(random.below(1 << 32)))
        }
      _ = bench.refusal(.activity(activity))
    }
  }
}
