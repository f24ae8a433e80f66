import ArmFormats
import Bits
import Memory
import RISCVFormats
import TestRandom
import Testing

@testable import RISCV

/// Random directories, contexts and tables in 2 MiB of RAM, mostly legal.
private struct RandomTables {
  static let size: UInt64 = 0x20_0000
  static let directory: UInt64 = 0x10_0000
  var random: SplitMix
  let memory: PhysicalMemory

  init(seed: UInt64, memory: PhysicalMemory) {
    random = SplitMix(state: seed)
    self.memory = memory
  }

  /// A page number in the tables' part of RAM; rarely anything.
  mutating func page() -> UInt64 {
    random.oneIn(60) ? random.next() & 0xfff_ffff_ffff : 0x100 + random.below(16) * 4
  }

  mutating func entry() -> UInt64 {
    if random.oneIn(20) { return random.next() }
    if random.oneIn(20) { return 0 }
    // Pointers and leaves, with the permissions that most requests want.
    if random.oneIn(2) { return page() << 10 | 1 }
    var leaf = page() << 10 | 1 | (random.oneIn(4) ? random.below(128) << 1 : 0x6f << 1)
    if random.oneIn(3) { leaf &= ~(lowBits(9 * random.below(3)) << 10) }
    if random.oneIn(12) { leaf = leaf & ~(0xf << 10) | 8 << 10 | 1 << 63 }
    if random.oneIn(12) { leaf |= random.below(4) << 61 }
    return leaf
  }

  /// A context whose GSCID and PSCID are the device's own: shared ones would have to have the same
  /// tables.
  mutating func context(of device: UInt64) -> DeviceContext {
    var context = DeviceContext.bare
    context[.processSoftContext] = UInt32(device)
    if random.oneIn(3) { context[.updatesFirstStage] = true }
    if random.oneIn(3) { context[.updatesSecondStage] = true }
    if random.oneIn(3) {
      context[.hasProcessDirectory] = true
      context[.defaultsProcess] = random.oneIn(2)
      context[word: 3] = page() | random.below(4) << 60
    } else {
      context[word: 3] = page() | random.pick([0, 8, 8, 9, 10]) << 60
    }
    if random.oneIn(2) {
      context[word: 1] = page() & ~3 | random.pick([8, 8, 9, 10]) << 60 | device << 44
      if random.oneIn(2) {
        context[word: 4] = page() | 1 << 60
        context[.messageMask] = random.below(16)
        context[.messagePattern] = page()
      }
    }
    if random.oneIn(12) {
      context[word: random.pick([0, 3, 4, 5, 6, 7])] ^= 1 << random.below(64)
    }
    return context
  }

  mutating func fill() {
    for page in 0..<16 as Range<UInt64> {
      for slot in 0..<2048 as Range<UInt64> where slot < 24 || random.oneIn(2) {
        memory.store64(PA(0x10_0000 + page * 0x4000 + slot * 8), entry())
      }
    }
    for device in 0..<32 as Range<UInt64> {
      let context = context(of: device)
      for index in 0..<8 {
        memory.store64(PA(0x2_0000 + device * 64 + 8 * UInt64(index)), context[word: index])
      }
    }
    // Process contexts in one of the pages.
    for process in 0..<64 as Range<UInt64> {
      let place = PA(0x10_0000 + 0x4000 + process * 16)
      memory.store64(place, 1 | random.below(4) << 1 | (64 + process) << 12)
      memory.store64(place + 8, page() | random.pick([0, 8, 9]) << 60)
    }
  }

  mutating func address() -> UInt64 {
    switch random.below(4) {
    case 0: random.next()
    case 1: page() << 12 | random.below(4096)
    case 2: random.next() & lowBits(39)
    default: random.below(64) << 30 | random.below(64) << 21 | random.below(64) << 12
    }
  }

  mutating func request() -> DeviceRequest {
    var request = DeviceRequest(
      device: UInt32(random.oneIn(30) ? random.below(1 << 25) : random.below(33)),
      address: IOVA(address()), access: random.pick([.read, .write, .execute]))
    if random.oneIn(3) {
      request.hasProcess = true
      request.process = UInt32(random.oneIn(8) ? random.below(1 << 20) : random.below(64))
    }
    request.isPrivileged = random.oneIn(4)
    return request
  }
}

@Suite("A plain second walker")
struct PlainWalkerTests {
  private func plain(_ result: RequestResult) -> PlainWalker.Answer {
    switch result {
    case .translated(let translation): .granted(translation.address.rawValue)
    case .memoryResident(let target):
      .resident(
        file: target.file.rawValue, notice: target.notice.rawValue,
        identity: UInt64(target.identity))
    case .refused(let fault): .refused(cause: fault.cause.rawValue, value2: fault.value2)
    case .completed: .refused(cause: 0, value2: 0)
    }
  }

  @Test(
    "random tables are walked as the plain walker walks them, and change in the same way",
    arguments: 0..<8 as Range<UInt64>)
  func agreement(part: UInt64) throws {
    let regions = [PhysicalMemory.Region(base: 0, size: RandomTables.size)]
    let (memory, other) = (
      try PhysicalMemory(regions: regions), try PhysicalMemory(regions: regions)
    )
    var kinds: [String: Int] = [:]
    for seed in 0..<12 as Range<UInt64> {
      memory.clear()
      other.clear()
      var tables = RandomTables(seed: part * 1000 + seed, memory: memory)
      tables.fill()
      var copy = RandomTables(seed: part * 1000 + seed, memory: other)
      copy.fill()
      let profile = RISCVIOMMUProfile.full
      var iommu = RISCVIOMMU(profile: profile, caches: .none)
      let directory: UInt64 = 0x20 << 10 | 2
      iommu.writeRegister(IOMMURegister.ddtp, directory, width: 8, memory: memory)
      var walker = PlainWalker(
        memory: other, capabilities: profile.capabilities.rawValue & ~(1 << 27),
        directory: directory)
      for _ in 0..<400 {
        let request = tables.request()
        // Both byte orders are the fixtures' matter: the plain walker knows one.
        let context = memory.load64(PA(0x2_0000 + UInt64(request.device & 31) * 64)) ?? 0
        if context >> 10 & 1 != 0 { continue }
        let expected = walker.answer(request)
        let found = plain(iommu.translate(request, in: memory))
        #expect(found == expected, "seed \(part * 1000 + seed): \(request)")
        switch found {
        case .granted: kinds["granted", default: 0] += 1
        case .resident: kinds["resident", default: 0] += 1
        case .refused(let cause, _): kinds["\(cause)", default: 0] += 1
        }
      }
      for address in stride(from: 0 as UInt64, to: RandomTables.size, by: 8)
      where memory.load64(PA(address)) != other.load64(PA(address)) {
        Issue.record("seed \(part * 1000 + seed): memory differs at \(hex(address))")
        break
      }
    }
    #expect(kinds["granted", default: 0] > 200, "\(kinds)")
    for cause in ["13", "15", "12", "21", "259", "260", "266"] {
      #expect(kinds[cause, default: 0] > 0, "no cause \(cause): \(kinds)")
    }
  }

  @Test("with caches, and after every invalidation, the answers are those without")
  func caches() throws {
    let memory = try PhysicalMemory(regions: [.init(base: 0, size: RandomTables.size)])
    for seed in 0..<24 as Range<UInt64> {
      memory.clear()
      var tables = RandomTables(seed: seed, memory: memory)
      tables.fill()
      var cached = RISCVIOMMU(profile: .full)
      var plainOne = RISCVIOMMU(profile: .full, caches: .none)
      cached.writeRegister(IOMMURegister.ddtp, 0x20 << 10 | 2, width: 8, memory: memory)
      plainOne.writeRegister(IOMMURegister.ddtp, 0x20 << 10 | 2, width: 8, memory: memory)
      cached.writeRegister(IOMMURegister.cqb, 0x40 << 10 | 5, width: 8, memory: memory)
      cached.writeRegister(IOMMURegister.cqcsr, 1, width: 4, memory: memory)
      var tail: UInt64 = 0
      let requests = (0..<40).map { _ in tables.request() }
      for _ in 0..<20 {
        for _ in 0..<30 {
          let request = tables.random.pick(requests)
          let expected = plain(plainOne.translate(request, in: memory))
          #expect(plain(cached.translate(request, in: memory)) == expected, "seed \(seed)")
        }
        for _ in 0..<200 {
          let page = tables.random.below(16)
          let slot = tables.random.below(2048)
          memory.store64(PA(0x10_0000 + page * 0x4000 + slot * 8), tables.entry())
        }
        for command in [IOMMUCommand.make(.iodir), .make(.iotinval)]
          + (0..<32).map(guestInvalidation) + [.make(.iotinval, 1)]
        {
          memory.store(command, at: PA(0x4_0000 + 16 * tail))
          tail = (tail + 1) & 0x3f
          cached.writeRegister(IOMMURegister.cqt, tail, width: 4, memory: memory)
        }
      }
    }
  }

  private func guestInvalidation(_ guest: Int) -> IOMMUCommand {
    var command = IOMMUCommand.make(.iotinval)
    command[.guestValid] = true
    command[.guestSoftContext] = UInt16(guest)
    return command
  }
}
