import ArmFormats
import Bits
import GIC
import HostKernel
import Linux
import Machine
import Memory
import PCI
import SMMU
import Software
import Testing

/// A device with a copy engine that a process drives through VFIO, without a VM: the host's kernel
/// sets the machine up, and its user reads eventfds.
final class UserDriver {
  static let layout = Machine.Layout(
    smmuBase: 0x905_0000, itsBase: 0x808_0000, redistributors: 0x80a_0000, bar: 0x1000_0000,
    barSize: 0x1_0000)
  /// The regions of the kernel's tests: 1 GiB to copy in, and 2 MiB of the driver's own.
  static let copies = HostCall.RAMExtent(ipa: 0x1_0000_0000, pa: 0x2_0000_0000, size: 1 << 30)
  static let driver = HostCall.RAMExtent(ipa: 0x2_0000_0000, pa: 0x3_0000_0000, size: 2 << 20)
  static let unmapped: IOVA = 0x3_0000_0000

  var machine: Machine
  var kernel: HostKernel

  /// - Parameter extents: what the user maps.
  init(
    vectors: Int = 16, store: MessageStore = .msiX, pagesOnly: Bool = false,
    extents: [HostCall.RAMExtent] = [copies, driver]
  ) throws {
    let memory = try PhysicalMemory(regions: [
      .init(base: 0x1_0000_0000, size: 64 << 20), .init(base: 0x2_0000_0000, size: 1 << 30),
      .init(base: 0x3_0000_0000, size: 2 << 20),
    ])
    machine = Machine(
      memory: memory, layout: Self.layout, smmu: SMMU(profile: .qemu),
      its: ITS(profile: ITSProfile()),
      redistributors: Redistributors(profile: RedistributorProfile(count: 2)),
      function: PCIFunction(
        profile: PCIFunctionProfile(
          requesterID: RequesterID(rawValue: 0x10),
          msi: store == .msi ? .init(logVectors: MSIDriver.exponent(of: vectors)) : nil,
          msix: store == .msi ? nil : .init(vectors: vectors), barSize: Self.layout.bars[0].length))
    )
    kernel = try HostKernel(
      kernel: Kernel(7, 3),
      platforms: [
        .init(
          smmuBase: Self.layout.smmuBase, itsBase: Self.layout.itsBase,
          redistributors: Self.layout.redistributors, cpus: 2,
          msixTable: Self.layout.bar(of: 0) + 0x2000,
          msixCapability: UInt16(machine.function.msixCapability), streamID: 0x10, deviceID: 0x10,
          vectors: vectors, store: store, msiCapability: UInt16(machine.function.msiCapability))
      ],
      stageTwoDoorbell: .softwareWindow, eventIDOwner: .host,
      frames: BumpFrames(base: 0x1_0000_0000, size: 32 << 20),
      stageTwoFrames: PlacedFrames([:], rest: BumpFrames(base: 0x1_0200_0000, size: 32 << 20)),
      streamTable: nil)
    carryOut(try kernel.boot())
    if pagesOnly { try handle(.disableLargePages) }
    try handle(.createStageTwo(extents))
    try handle(.attachStageTwo)
    try handle(.command(6))
    if store == .msi {
      try handle(.enableMSI(count: vectors, guestAddress: nil))
    } else {
      try handle(
        .setIRQs(first: 0, Array(repeating: .kvm(guestAddress: nil), count: vectors)))
    }
  }

  func handle(_ call: HostCall) throws { carryOut(try kernel.handle(call, for: .first)) }

  private func carryOut(_ steps: [Step<Never>]) {
    Executor(memory: machine.memory).execute(steps) { access in
      switch access {
      case .register(let address, let value, let width):
        #expect(machine.write(value, at: address, width: width).isAnswered, "\(address)")
      case .configuration(let offset, let value, let width):
        _ = machine.writeConfig(value, at: offset, width: width)
      }
    }
  }

  /// The device sends a vector's MSI; the host's handler runs if it arrives.
  func send(_ vector: Int) {
    guard case .sent(let message) = machine.function.signal(vector) else { return }
    var translation = NoObserver()
    var tables = NoITSObserver()
    let outcome = machine.send(message, translation: &translation, tables: &tables)
    guard case .message(_, .delivered(let lpi, let cpu, _)) = outcome else { return }
    machine.redistributors.acknowledgeLPI(lpi, at: cpu, memory: machine.memory)
    kernel.handleInterrupt(lpi: lpi)
  }

  /// What a read of a vector's eventfd gives; its errno where it gives nothing.
  func read(_ vector: Int) -> String {
    do throws(Refusal) { return "\(try kernel.readEvents(vector: vector, of: .first))" } catch {
      return error.errno
    }
  }

  /// Whether no vector was signalled.
  func isSilent(_ vectors: Int = 16) -> Bool {
    (0..<vectors).map(read).allSatisfy { $0 == "EAGAIN" }
  }

  /// The records of the event queue from the first on.
  var events: [EventRecord] {
    get {
      let base = machine.smmu.readRegister(SMMURegister.eventQueueBase, width: 8)
      let count = machine.smmu.readRegister(SMMURegister.eventQueueProducer, width: 4)
      return (0..<count).compactMap {
        machine.memory.load(
          EventRecord.self, at: PA(base & 0xf_ffff_ffff_ffe0) + $0 * 32)
      }
    }
  }
}

/// The rows of the kernel's VFIO selftests (tools/testing/selftests/vfio).
@Suite("VFIO rows")
struct UserDriverRowTests {
  @Test("VF-01: each vector's eventfd is silent, reads 1 when it is triggered, and only that")
  func vectors() throws {
    for store in [MessageStore.msi, .msiX] {
      let user = try UserDriver(store: store)
      for vector in 0..<16 {
        #expect(user.read(vector) == "EAGAIN")
        try user.kernel.trigger(vector: vector, of: .first)
        #expect(user.read(vector) == "1", "\(store) vector \(vector)")
        #expect(user.isSilent())
      }
      #expect(user.read(16) == "EBADF")
    }
  }

  @Test("VF-05: an MSI of the device itself reads 1, two before a read read 2")
  func messages() throws {
    for store in [MessageStore.msi, .msiX] {
      let user = try UserDriver(store: store)
      for vector in (0..<16).reversed() {
        user.send(vector)
        #expect(user.read(vector) == "1", "\(store) vector \(vector)")
        #expect(user.isSilent())
      }
      user.send(3)
      user.send(3)
      #expect(user.read(3) == "2")
      try user.handle(.disableVectors)
      user.send(3)
      #expect(user.read(3) == "EBADF")
      #expect(throws: Refusal.self) { try user.kernel.trigger(vector: 3, of: .first) }
    }
  }

  /// Fills a range with a pattern that depends on every address.
  private func fill(_ memory: PhysicalMemory, _ place: PA, _ size: UInt64) {
    for offset in stride(from: 0, to: size, by: 8) {
      memory.store64(place + offset, (place.rawValue + offset) &* 0x9e37_79b9_7f4a_7c15)
    }
  }

  private func bytes(_ memory: PhysicalMemory, _ place: PA, _ size: UInt64) -> [UInt64?] {
    stride(from: 0, to: size, by: 8).map { memory.load64(place + $0) }
  }

  @Test("VF-02: a copy inside the region moves the data, and sends no MSI")
  func copy() throws {
    let user = try UserDriver()
    let region = UserDriver.copies
    let half = region.size / 2
    // From one end to the other half, not at the start of a page, and over blocks' borders.
    for (source, target, size) in [
      (0, half, 0x4000), (0x1ff_f008, half + 0x10, 0x3000), (region.size - 0x1000, 0, 0x1000),
    ] as [(UInt64, UInt64, UInt64)] {
      fill(user.machine.memory, region.pa + source, size)
      let expected = bytes(user.machine.memory, region.pa + source, size)
      let input = IOVA(region.ipa.rawValue)
      let outcome = user.machine.copy(size, from: input + source, to: input + target)
      #expect(outcome == .copied)
      #expect(bytes(user.machine.memory, region.pa + target, size) == expected)
    }
    #expect(user.isSilent())
    #expect(user.events.isEmpty)
  }

  @Test("VF-03: a copy from or to what is not mapped changes nothing, and the device works on")
  func unmapped() throws {
    let user = try UserDriver()
    let region = UserDriver.copies
    let input = IOVA(region.ipa.rawValue)
    let size: UInt64 = 0x2000
    fill(user.machine.memory, region.pa, size)
    let before = bytes(user.machine.memory, region.pa, size)
    for (isWrite, source, target) in [
      (false, UserDriver.unmapped, input), (true, input, UserDriver.unmapped),
    ] {
      let count = user.events.count
      let outcome = user.machine.copy(size, from: source, to: target)
      #expect(outcome == .failed(at: UserDriver.unmapped, isWrite: isWrite))
      #expect(bytes(user.machine.memory, region.pa, size) == before)
      #expect(user.isSilent())
      let events = user.events.dropFirst(count)
      let event = try #require(events.first)
      #expect(events.count == 1)
      #expect(event[.kind] == .translation)
      #expect(event[.stage2])
      #expect(event[.stream] == 0x10)
      #expect(event[.read] == !isWrite)
      #expect(event[.inputAddress] == UserDriver.unmapped.rawValue)
    }
    #expect(user.machine.copy(size, from: input, to: input + 0x10_0000) == .copied)
    #expect(bytes(user.machine.memory, region.pa + 0x10_0000, size) == before)
    user.send(0)
    #expect(user.read(0) == "1")
  }

  @Test("without bus mastering the copy engine makes no request")
  func notMaster() throws {
    let user = try UserDriver()
    try user.handle(.command(2))
    #expect(user.machine.copy(8, from: UserDriver.unmapped, to: 0) == .notMaster)
    #expect(user.events.isEmpty)
  }

  /// What stands at each level of the walk of a page, from the first; the last is the leaf.
  private func walk(_ user: UserDriver, _ page: IPA) throws -> [UInt64] {
    let place = try #require(user.kernel.streamEntryAddress(of: .first))
    let entry = try #require(user.machine.memory.load(StreamTableEntry.self, at: place))
    var table = entry[.stage2Table] << 4
    var words: [UInt64] = []
    // 44 bits of input start at level 0 with one entry for 512 GiB.
    for level in 0..<4 as Range<UInt64> {
      let index = page.rawValue >> (39 - 9 * level) & 0x1ff
      let word = try #require(user.machine.memory.load64(PA(table + index * 8)))
      words.append(word)
      guard word & 3 == 3, level < 3 else { break }
      table = word & 0xffff_ffff_f000
    }
    return words
  }

  @Test(
    "VF-08: a mapping has its leaf at the level of its backing, or pages in compatibility mode",
    arguments: [(0x1000, 3), (0x20_0000, 2), (0x4000_0000, 1)] as [(UInt64, Int)])
  func levels(size: UInt64, level: Int) throws {
    // Memory that is contiguous as a page, a 2 MiB or a 1 GiB page of hugetlbfs is.
    let extent = HostCall.RAMExtent(ipa: 0x1_0000_0000, pa: 0x2_0000_0000, size: size)
    for pagesOnly in [false, true] {
      // The tables of a gigabyte in pages are 2 MiB, and slow to build.
      if pagesOnly && size > 0x20_0000 { continue }
      let user = try UserDriver(vectors: 1, pagesOnly: pagesOnly, extents: [extent])
      let words = try walk(user, extent.ipa)
      #expect(words.count - 1 == (pagesOnly ? 3 : level))
      let leaf = try #require(words.last)
      #expect(leaf & 0xffff_ffff_f000 == extent.pa.rawValue)
      #expect(leaf & 3 == (words.count == 4 ? 3 : 1))
    }
  }

  @Test("large pages cannot be turned off when something is mapped")
  func lateOption() throws {
    let user = try UserDriver(vectors: 1)
    #expect(throws: Refusal.self) { try user.handle(.disableLargePages) }
  }
}
