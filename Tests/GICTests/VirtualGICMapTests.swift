import Bits
import GIC
import Testing

/// The KVM selftest `vgic_init`, restated.
@Suite("VirtualGICMap")
struct VirtualGICMapTests {
  static let limit: UInt64 = 1 << 40

  static func map(cpus: Int = 4) -> VirtualGICMap {
    var map = VirtualGICMap(addressBits: 40)
    for _ in 0..<cpus { map.addCPU() }
    return map
  }

  static func error(_ body: () throws(VirtualGICError) -> Void) -> VirtualGICError? {
    do {
      try body()
      return nil
    } catch {
      return error
    }
  }

  static func region(_ count: UInt64, _ base: UInt64, _ index: UInt64, flags: UInt64 = 0)
    -> UInt64
  { count << 52 | base | flags << 12 | index }

  @Test("KI-01: the distributor is aligned, in range and of a known kind")
  func distributor() {
    var map = Self.map()
    #expect(Self.error { () throws(VirtualGICError) in try map.setDistributor(0x1000) } == .invalid)
    #expect(
      Self.error { () throws(VirtualGICError) in try map.setDistributor(IPA(Self.limit)) }
        == .tooBig)
    #expect(
      Self.error { () throws(VirtualGICError) in try map.setUnknownAttribute() } == .noSuchAddress)
  }

  @Test("KI-02, KI-03: the legacy range is set once and excludes regions")
  func legacy() throws {
    var map = Self.map()
    for (base, expected) in [
      (0x1000, .invalid), (Self.limit, .tooBig), (Self.limit - 0x1_0000, .tooBig), (0, nil),
      (0, .exists),
    ] as [(UInt64, VirtualGICError?)] {
      let error = Self.error { () throws(VirtualGICError) in try map.setRedistributors(IPA(base)) }
      #expect(error == expected, "\(hex(base))")
    }
    let mixed = Self.error { () throws(VirtualGICError) in
      try map.addRegion(Self.region(1, 0x20_0000, 0))
    }
    #expect(mixed == .invalid)
    var other = Self.map()
    try other.addRegion(Self.region(1, 0x20_0000, 0))
    let legacy = Self.error { () throws(VirtualGICError) in try other.setRedistributors(0) }
    #expect(legacy == .invalid)
  }

  @Test("KI-05 to KI-07: regions come in order, do not overlap and fit")
  func regions() {
    var map = Self.map()
    for (value, expected) in [
      (Self.region(1, 0x20_0000, 0, flags: 1), .invalid), (Self.region(0, 0x20_0000, 0), .invalid),
      (Self.region(1, 0x20_0000, 1), .invalid), (Self.region(2, 0x20_1000, 0), .invalid),
      (Self.region(2, 0x20_0000, 0), nil), (Self.region(2, 0x20_0000, 0), .invalid),
      (Self.region(1, 0x21_0000, 1), .invalid), (Self.region(1, 0x24_0000, 2), .invalid),
      (Self.region(1, 0x24_0000, 1), nil), (Self.region(1, Self.limit, 2), .tooBig),
      (Self.region(2, Self.limit - 0x3_0000, 2), .tooBig),
    ] as [(UInt64, VirtualGICError?)] {
      let error = Self.error { () throws(VirtualGICError) in try map.addRegion(value) }
      #expect(error == expected, "\(hex(value))")
    }
  }

  @Test("KI-09: running takes a redistributor for every vCPU, and initialisation")
  func running() throws {
    var map = Self.map()
    try map.setDistributor(0)
    try map.addRegion(Self.region(2, 0x20_0000, 0))
    try map.addRegion(Self.region(1, 0x24_0000, 1))
    map.initialize()
    #expect(Self.error(map.checkRun) == .noSuchAddress)
    var late = Self.map()
    try late.setDistributor(0)
    try late.addRegion(Self.region(4, 0x20_0000, 0))
    #expect(Self.error(late.checkRun) == .busy)
    try map.addRegion(Self.region(1, 0x28_0000, 2))
    #expect(Self.error(map.checkRun) == nil)
    #expect(map.redistributor(of: 3) == 0x28_0000)
  }

  @Test("KI-12 to KI-14: GICR_TYPER, before and after initialisation")
  func types() throws {
    var map = Self.map(cpus: 3)
    #expect(
      Self.error { () throws(VirtualGICError) in _ = try map.redistributorType(of: 3) } == .invalid)
    #expect(
      Self.error { () throws(VirtualGICError) in _ = try map.redistributorType(of: 1) } == .busy)
    map.initialize()
    #expect(try (0..<3).map { try map.redistributorType(of: $0) } == [0, 0x100, 0x200])
    try map.setRedistributors(0x1_0000)
    #expect(try (0..<3).map { try map.redistributorType(of: $0) } == [0, 0x100, 0x210])
    var tight = Self.map()
    try tight.setDistributor(0)
    try tight.setRedistributors(IPA(Self.limit - 3 * 0x2_0000))
    tight.initialize()
    #expect(Self.error(tight.checkRun) == .invalid)
  }

  @Test("KI-17: the GIC is created once; an unknown type does not exist")
  func creation() {
    var map = Self.map()
    for (type, expected) in [
      (VirtualGICMap.gicType, nil), (VirtualGICMap.gicType, .exists), (0xdead, .noDevice),
    ] as [(Int, VirtualGICError?)] {
      let error = Self.error { () throws(VirtualGICError) in try map.createDevice(type: type) }
      #expect(error == expected)
    }
  }

  @Test("KI-15: the ITS is aligned, in range and set once")
  func its() {
    var map = Self.map()
    for (base, expected) in [
      (0x40_1000, .invalid), (Self.limit, .tooBig), (Self.limit - 0x1_0000, .tooBig),
      (0x40_0000, nil), (0x40_0000, .exists),
    ] as [(UInt64, VirtualGICError?)] {
      let error = Self.error { () throws(VirtualGICError) in try map.setITS(IPA(base)) }
      #expect(error == expected, "\(hex(base))")
    }
  }
}
