import ArmFormats
import Bits
import PCI
import TestRandom
import Testing

@Suite("PCIFunction")
struct PCIFunctionTests {
  static func function(vectors: Int = 4, store: PCIFunctionProfile.MessageStore = .table)
    -> PCIFunction
  {
    PCIFunction(
      profile: PCIFunctionProfile(
        requesterID: RequesterID(bus: 1, device: 2, function: 0),
        msi: .init(logVectors: 2, hasVectorMasking: true),
        msix: .init(vectors: vectors, store: store)))
  }

  /// Bus master and MSI-X on, every vector programmed and unmasked.
  static func running(vectors: Int = 4) -> PCIFunction {
    var function = function(vectors: vectors)
    function.writeConfig(4, 0x6, width: 2)
    function.writeConfig(function.msixCapability + 2, 0x8000, width: 2)
    for vector in 0..<UInt64(vectors) {
      function.writeTable(0x2000 + 16 * vector, 0xffff_f040, width: 4)
      function.writeTable(0x2004 + 16 * vector, 0, width: 4)
      function.writeTable(0x2008 + 16 * vector, 0x20 + vector, width: 4)
      function.writeTable(0x200c + 16 * vector, 0, width: 4)
    }
    return function
  }

  @Test("the ATS capability is there where the profile says so, and off until software turns it on")
  func translationServices() {
    var profile = PCIFunctionProfile(requesterID: RequesterID(rawValue: 0x10))
    #expect(PCIFunction(profile: profile).readConfig(PCIFunction.atsCapability, width: 4) == 0)
    profile.hasATS = true
    var function = PCIFunction(profile: profile)
    #expect(function.readConfig(PCIFunction.atsCapability, width: 4) == 0x1_000f)
    #expect(!function.isATSEnabled)
    function.writeConfig(PCIFunction.atsCapability + 6, 0xffff, width: 2)
    #expect(function.readConfig(PCIFunction.atsCapability + 6, width: 2) == 0x801f)
    #expect(function.isATSEnabled)
  }

  @Test("software finds both capabilities by walking the list")
  func capabilities() {
    let function = Self.function(vectors: 33)
    var found: [UInt32: Int] = [:]
    var place = Int(function.readConfig(0x34, width: 1))
    while place != 0 && found.count < 8 {
      found[function.readConfig(place, width: 1)] = place
      place = Int(function.readConfig(place + 1, width: 1))
    }
    #expect(found == [0x05: function.msiCapability, 0x11: function.msixCapability])
    #expect(function.readConfig(function.msixCapability + 2, width: 2) == 32, "vectors minus one")
    #expect(function.readConfig(function.msixCapability + 4, width: 4) == 0x2000)
    #expect(function.readConfig(6, width: 2) & 0x10 != 0)
  }

  @Test("after reset every vector is masked and nothing is sent")
  func reset() {
    var function = Self.function()
    #expect(function.tableEntry(0)?[.mask] == true)
    #expect(function.signal(0) == .dropped)
    #expect(function.readTable(0x200c, width: 4) == 1)
  }

  @Test("the message is what software wrote to the table")
  func message() {
    var function = Self.running()
    #expect(function.signal(2) == .sent(MSI(address: 0xffff_f040, data: 0x22)))
    #expect(function.readTable(0x2000 + 16, width: 8) == 0xffff_f040)
    #expect(function.readTable(0x2008 + 16, width: 8) == 0x21)
    #expect(function.message(forVector: 3) == MSI(address: 0xffff_f040, data: 0x23))
    #expect(function.signal(4) == .dropped, "no such vector")
    #expect(function.signal(-1) == .dropped)
  }

  @Test("without bus mastering nothing leaves")
  func busMaster() {
    var function = Self.running()
    function.writeConfig(4, 0, width: 2)
    #expect(function.signal(0) == .dropped)
    function.writeConfig(4, 4, width: 2)
    #expect(function.signal(0) != .dropped)
  }

  @Test("a masked vector remembers one interrupt and sends it when it is unmasked")
  func vectorMask() {
    var function = Self.running()
    function.writeTable(0x201c, 1, width: 4)
    #expect(function.signal(1) == .pending)
    #expect(function.signal(1) == .pending)
    #expect(function.isPending(1))
    #expect(function.readTable(0x3000, width: 8) == 2, "the pending bit array")
    // The message is the one at the time of unmasking.
    #expect(function.writeTable(0x2018, 0x99, width: 4) == [])
    let released = function.writeTable(0x201c, 0, width: 4)
    #expect(released == [Emission(vector: 1, message: MSI(address: 0xffff_f040, data: 0x99))])
    #expect(!function.isPending(1))
    #expect(function.writeTable(0x201c, 0, width: 4) == [])
  }

  @Test("the function mask holds every vector back and releases them in order")
  func functionMask() {
    var function = Self.running()
    let control = function.msixCapability + 2
    function.writeConfig(control, 0xc000, width: 2)
    #expect(function.signal(3) == .pending)
    #expect(function.signal(0) == .pending)
    let released = function.writeConfig(control, 0x8000, width: 2)
    #expect(released.map(\.vector) == [0, 3])
  }

  @Test("software cannot write the pending bits or the size of the table")
  func readOnly() {
    var function = Self.running()
    function.writeTable(0x3000, ~0, width: 8)
    #expect(function.readTable(0x3000, width: 8) == 0)
    let control = function.msixCapability + 2
    function.writeConfig(control, 0xffff, width: 2)
    #expect(function.readConfig(control, width: 2) == 0xc003)
  }

  @Test("odd accesses to the table read as zero and are ignored")
  func badAccess() {
    var function = Self.running()
    for (offset, width) in [(0x2001, 4), (0x2000, 2), (0x2004, 8), (0x9000, 4), (0, 8)]
      as [(UInt64, Int)]
    {
      #expect(function.readTable(offset, width: width) == 0)
      function.writeTable(offset, ~0, width: width)
    }
    #expect(
      function.tableEntry(0) == MSIXTableEntry(address: 0xffff_f040, data: 0x20, masked: false))
    #expect(function.readConfig(4095, width: 4) == ~0)
    #expect(function.readConfig(-4, width: 4) == ~0)
  }

  @Test("a store inside the device cannot be reached through the BAR")
  func internalStore() {
    var function = Self.function(store: .device)
    function.writeConfig(4, 4, width: 2)
    function.writeConfig(function.msixCapability + 2, 0x8000, width: 2)
    function.writeTable(0x2000, 0x1234, width: 8)
    #expect(function.readTable(0x2000, width: 8) == 0)
    let entry = MSIXTableEntry(address: 0x1000, data: 5, masked: false)
    #expect(function.writeInternalStore(1, entry) == [])
    #expect(function.signal(1) == .sent(MSI(address: 0x1000, data: 5)))
    #expect(function.writeInternalStore(9, entry) == nil)
  }

  @Test("MSI puts the vector into the low bits of the data that were granted")
  func plainMSI() {
    var function = Self.function()
    let capability = function.msiCapability
    function.writeConfig(4, 4, width: 2)
    function.writeConfig(capability + 4, 0x809_0040, width: 4)
    function.writeConfig(capability + 8, 1, width: 4)
    function.writeConfig(capability + 12, 0x47, width: 2)
    // Four vectors asked for, two granted.
    function.writeConfig(capability + 2, 0x11, width: 2)
    #expect(function.signal(1) == .sent(MSI(address: 0x1_0809_0040, data: 0x47)))
    #expect(function.signal(0) == .sent(MSI(address: 0x1_0809_0040, data: 0x46)))
    #expect(function.signal(2) == .dropped)
    function.writeConfig(capability + 16, 2, width: 4)
    #expect(function.signal(1) == .pending)
    #expect(function.readConfig(capability + 20, width: 4) == 2)
    let released = function.writeConfig(capability + 16, 0, width: 4)
    #expect(released.map(\.message.data) == [0x47])
  }

  @Test("a BAR reads back its size")
  func barSize() {
    var function = Self.function()
    function.writeConfig(0x10, ~0, width: 4)
    function.writeConfig(0x14, ~0, width: 4)
    #expect(function.readConfig(0x10, width: 4) == 0xffff_0004)
    #expect(function.readConfig(0x14, width: 4) == 0xffff_ffff)
    function.writeConfig(0x10, 0x1000_0000, width: 4)
    function.writeConfig(0x14, 0x80, width: 4)
    #expect(function.barAddress == 0x80_1000_0000)
  }

  @Test("requester IDs: aliases, ARI and virtual functions")
  func requesterIDs() {
    let physical = RequesterID(bus: 1, device: 0, function: 0)
    #expect(physical.virtualFunction(number: 1, firstOffset: 0x80, stride: 2)?.rawValue == 0x180)
    #expect(physical.virtualFunction(number: 65, firstOffset: 0x80, stride: 2)?.rawValue == 0x200)
    #expect(physical.virtualFunction(number: 0, firstOffset: 1, stride: 1) == nil)
    let last = RequesterID(rawValue: 0xffff)
    #expect(last.virtualFunction(number: 1, firstOffset: 1, stride: 1) == nil)
    #expect(RequesterID(bus: 0x11, device: 2, function: 3).description == "11:02.3")
    var profile = PCIFunctionProfile(requesterID: RequesterID(bus: 2, device: 5, function: 1))
    #expect(profile.effectiveRequesterID.rawValue == 0x229)
    profile.alias = RequesterID(bus: 2, device: 0, function: 0)
    #expect(profile.effectiveRequesterID.rawValue == 0x200)
    profile.isVirtualFunction = true
    #expect(PCIFunction(profile: profile).readConfig(0, width: 4) == ~0)
  }

  @Test("random accesses neither trap nor send what no entry holds", arguments: 0..<8)
  func randomAccesses(seed: UInt64) {
    var random = SplitMix(state: seed)
    var function = Self.running(vectors: 70)
    for _ in 0..<4000 {
      let width = [1, 2, 4, 8][Int(random.next() % 4)]
      switch random.next() % 3 {
      case 0:
        function.writeConfig(
          Int(random.next() % 5000) - 400, UInt32(truncatingIfNeeded: random.next()), width: width)
      case 1:
        function.writeTable(random.next() % 0x4000, random.next(), width: width)
      default:
        let vector = Int(random.next() % 80)
        guard function.isMSIXEnabled, case .sent(let message) = function.signal(vector) else {
          continue
        }
        let entry = function.tableEntry(vector)
        #expect(entry?[.mask] == false)
        #expect(entry?[.messageData] == message.data)
        #expect(entry.map { IOVA($0[.messageAddress]) } == message.address)
      }
    }
  }
}
