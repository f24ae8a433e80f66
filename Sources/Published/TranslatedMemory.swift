internal import ArmFormats
internal import Bits
internal import Linux
internal import Memory
internal import SMMU
internal import Software

/// One device behind the real SMMU model: tables in memory, mapped and unmapped as a driver does,
/// alone or over a stage 2 that maps each address to itself.
struct TranslatedMemory: ~Copyable {
  /// Stage 2, by the size of its pages.
  enum StageTwo: String, CaseIterable, Sendable {
    case none = "stage 1"
    case pages4K = "4K"
    case pages2M = "2M"
    case pages1G = "1G"

    /// Table reads of a walk without any cache: (n + 1)(m + 1) - 1.
    var uncachedReads: Int {
      switch self {
      case .none: 4
      case .pages4K: 24
      case .pages2M: 19
      case .pages1G: 14
      }
    }

    fileprivate var size: UInt64 {
      switch self {
      case .none, .pages4K: 1 << 12
      case .pages2M: 1 << 21
      case .pages1G: 1 << 30
      }
    }
  }

  /// Which tables an unmap's invalidation drops from the walk caches.
  enum Invalidation: Sendable {
    /// The leaf alone, as Linux's SMMUv3 driver asks for.
    case leaf
    /// The tables on the way, too, as Linux's VT-d driver asks for.
    case tables
    /// Nothing is sent at all.
    case none
  }

  enum Failure: Error { case setUp, exhausted }

  private static let ram: UInt64 = 0x4000_0000
  /// Where buffers stand; tables stand below, and those of stage 2 behind.
  private static let buffers: UInt64 = ram + 64 << 20
  private static let bufferSpace: UInt64 = 32 << 20
  private static let stream: UInt32 = 1
  private static let registers: PA = 0x1000_0000

  private let memory: PhysicalMemory
  private var smmu: SMMU
  private var driver: SMMUDriver
  private var frames: BumpFrames
  private var table: PageTable
  private let vmid: UInt16
  private let invalidation: Invalidation
  private(set) var counter = WalkCounter()
  /// Commands that unmaps sent, with their CMD_SYNCs.
  private(set) var commands = 0

  /// How many distinct buffer pages there are.
  static var bufferPages: Int { Int(bufferSpace >> 12) }

  private init(
    _ memory: PhysicalMemory, _ driver: SMMUDriver, _ frames: BumpFrames, _ table: PageTable,
    caches: SMMUCacheGeometry, vmid: UInt16, invalidation: Invalidation
  ) {
    self.memory = memory
    self.driver = driver
    self.frames = frames
    self.table = table
    self.vmid = vmid
    self.invalidation = invalidation
    smmu = SMMU(profile: .full, caches: caches)
  }

  /// RAM with an SMMU that translates the device's accesses, with nothing mapped yet.
  static func setUp(
    _ stageTwo: StageTwo, caches: SMMUCacheGeometry, invalidation: Invalidation
  ) throws(Failure) -> TranslatedMemory {
    guard let memory = try? PhysicalMemory(regions: [.init(base: PA(ram), size: 1 << 30)]) else {
      throw .setUp
    }
    var frames = BumpFrames(base: PA(ram), size: 64 << 20)
    guard
      let driver = try? SMMUDriver(
        agent: .host, base: registers, streamBits: 16, frames: &frames),
      let table = try? PageTable(stage: .one, inputBits: 48, outputBits: 44, frames: &frames)
    else { throw .setUp }
    var translated = TranslatedMemory(
      memory, driver, frames, table, caches: caches, vmid: stageTwo == .none ? 0 : 1,
      invalidation: invalidation)
    try translated.start(stageTwo)
    return translated
  }

  private mutating func start(_ stageTwo: StageTwo) throws(Failure) {
    do {
      perform(try driver.probe(bypassing: [], frames: &frames))
      perform(try driver.prepareLeaf(of: Self.stream, frames: &frames))
      guard let context = frames.allocate(size: 64) else { throw Failure.exhausted }
      memory.store(
        ContextDescriptor.paging(table, asid: 1, outputSize: .bits44), at: context)
      var entry = StreamTableEntry.stage1(context: context)
      if stageTwo != .none { entry = try nested(entry, stageTwo) }
      perform(driver.write(entry, of: Self.stream, function: "attach", text: "a paging domain"))
    } catch { throw .setUp }
  }

  /// The entry over a stage 2 that maps RAM to itself.
  private mutating func nested(
    _ guest: StreamTableEntry, _ stageTwo: StageTwo
  ) throws -> StreamTableEntry {
    var own = BumpFrames(base: PA(Self.ram + 128 << 20), size: 64 << 20)
    var second = try PageTable(stage: .two, inputBits: 44, outputBits: 44, frames: &own)
    // Only what is used, except that no page is smaller than asked for.
    let used = max(Self.buffers + Self.bufferSpace - Self.ram, stageTwo.size)
    var base = Self.ram
    while base < Self.ram + used {
      for word in try second.map(
        base, to: base, size: stageTwo.size, .buffer, frames: &own)
      { memory.store64(word.address, word.value) }
      base += stageTwo.size
    }
    var entry = StreamTableEntry.stage2(second, vmid: vmid, outputSize: .bits44)
    entry[word: 0] = guest[word: 0]
    entry[.config] = .nested
    entry[word: 1] |= guest[word: 1]
    return entry
  }

  private mutating func perform(_ steps: [Step<Never>]) {
    Executor(memory: memory).execute(steps) { access in
      guard case .register(let address, let value, let width) = access else { return }
      smmu.writeRegister(
        address.rawValue &- Self.registers.rawValue, value, width: width, memory: memory)
    }
  }

  // MARK: What drivers and devices do

  /// Maps a page to a buffer, which is counted from 0.
  mutating func map(_ address: UInt64, to buffer: Int) throws(Failure) {
    let output = Self.buffers + UInt64(buffer % Self.bufferPages) << 12
    do {
      for word in try table.map(address, to: output, size: 1 << 12, .buffer, frames: &frames) {
        memory.store64(word.address, word.value)
      }
    } catch { throw .exhausted }
  }

  /// Unmaps pages, each strictly: its invalidation is complete before anything else happens.
  mutating func unmap(_ addresses: [UInt64]) {
    var pending: [SMMUCommand] = []
    for address in addresses {
      if let word = table.unmap(address) { memory.store64(word.address, word.value) }
      var command = SMMUCommand(.tlbiNHVA)
      command[.vmid] = vmid
      command[.asid] = 1
      command[.leaf] = invalidation == .leaf
      command[.page] = address >> 12
      pending.append(command)
    }
    guard invalidation != .none else { return }
    commands += 2 * pending.count
    for start in stride(from: 0, to: pending.count, by: 63) {
      let part = Array(pending[start..<min(start + 63, pending.count)])
      perform(driver.send(part, "arm_smmu_tlb_inv_range_domain", "TLBI"))
    }
  }

  /// An access of the device; whether the SMMU gave the page that is mapped there now.
  mutating func access(_ address: UInt64, isWrite: Bool) -> Bool {
    let transaction = Transaction(
      streamID: Self.stream, address: IOVA(address), isWrite: isWrite)
    counter.begin()
    let result = smmu.translate(transaction, in: memory, observer: &counter)
    counter.end()
    guard case .translated(let found) = result else { return false }
    return found.address.rawValue == table.output(of: address)
  }

  mutating func resetCounts() {
    counter = WalkCounter()
    commands = 0
  }
}

/// Counts what translations read.
struct WalkCounter: TranslationObserver {
  static var isOn: Bool { true }
  private(set) var accesses = 0
  /// Accesses whose page the TLB did not have.
  private(set) var misses = 0
  private(set) var stage1Reads = 0
  private(set) var stage2Reads = 0
  /// Addresses that stage 2 had to translate, and those that its TLB had.
  private(set) var stage2Inputs = 0
  private(set) var stage2Hits = 0
  private var isMiss = false

  var reads: Int { stage1Reads + stage2Reads }

  mutating func begin() {
    accesses += 1
    isMiss = false
  }

  mutating func end() { if isMiss { misses += 1 } }

  mutating func didRead(_ read: DescriptorRead) {
    switch read.step {
    case .stage1:
      stage1Reads += 1
      isMiss = true
    case .stage2(let level):
      stage2Reads += 1
      isMiss = true
      if level == 0 { stage2Inputs += 1 }
    case .cachedTable(true, _): stage2Inputs += 1
    case .cachedPage(true):
      stage2Hits += 1
      stage2Inputs += 1
    default: break
    }
  }
}
