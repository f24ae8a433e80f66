import ArmFormats
import Bits
import Memory
import TestRandom
import Testing

@testable import VTD

@Suite("VT-d")
struct VTDTests {
  static let table: UInt64 = 0x1_0000
  static let descriptor: UInt64 = 0x3_0000
  static let root: UInt64 = 0x4_0000
  let memory: PhysicalMemory

  init() throws { memory = try PhysicalMemory(regions: [.init(base: 0, size: 1 << 20)]) }

  /// A unit with interrupt remapping on, 256 entries, in xAPIC mode unless `extended`.
  private func unit(_ profile: VTDProfile = .full, extended: Bool = false) -> VTDUnit {
    var unit = VTDUnit(profile: profile)
    unit.writeRegister(
      VTDRegister.interruptTable, Self.table | (extended ? 1 << 11 : 0) | 7, width: 8,
      memory: memory)
    unit.writeRegister(VTDRegister.command, VTDCommand.interruptTable, width: 4, memory: memory)
    unit.writeRegister(VTDRegister.command, VTDCommand.interrupts, width: 4, memory: memory)
    return unit
  }

  private func store(_ entry: InterruptEntry, at index: UInt64) {
    memory.store(entry, at: PA(Self.table + index * 16))
  }

  private func posted(vector: UInt8, isUrgent: Bool = false) -> InterruptEntry {
    var entry = InterruptEntry()
    entry[.present] = true
    entry[.isPosted] = true
    entry[.isUrgent] = isUrgent
    entry[.vector] = vector
    entry[word: 0] |= (Self.descriptor >> 6) << 38
    return entry
  }

  @Test("a posted interrupt sets its request bit, and one notification goes out until it is taken")
  func posting() {
    var unit = unit()
    store(posted(vector: 0x41), at: 3)
    var control = PostedDescriptor()
    control[.notificationVector] = 0xf2
    control[.notificationDestination] = 0x500
    memory.store64(PA(Self.descriptor + 32), control[word: 4])
    let place = PA(Self.descriptor)
    let first = unit.remap(address: 0xfee0_0070, data: 0, from: 8, memory: memory)
    let notification = APICMessage(
      destination: 5, isLogical: false, redirects: false, mode: 0, vector: 0xf2, isLevel: false)
    #expect(first == .posted(descriptor: place, vector: 0x41, notification: notification))
    #expect(memory.load64(PA(Self.descriptor + 8)) == 1 << 1)
    let second = unit.remap(address: 0xfee0_0070, data: 0, from: 8, memory: memory)
    #expect(second == .posted(descriptor: place, vector: 0x41, notification: nil))
  }

  @Test("SN holds notifications back, save of urgent interrupts", arguments: [false, true])
  func suppressed(isUrgent: Bool) {
    var unit = unit()
    store(posted(vector: 0x20, isUrgent: isUrgent), at: 0)
    memory.store64(PA(Self.descriptor + 32), 2)
    let outcome = unit.remap(address: 0xfee0_0010, data: 0, from: 8, memory: memory)
    guard case .posted(_, 0x20, let notification) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect((notification != nil) == isUrgent)
  }

  @Test("without CAP.PI a posted entry has a reserved bit")
  func noPosting() {
    var profile = VTDProfile.full
    profile.capabilities &= ~(1 << 59)
    var unit = unit(profile)
    store(posted(vector: 0x20), at: 0)
    let outcome = unit.remap(address: 0xfee0_0010, data: 0, from: 8, memory: memory)
    #expect(outcome == .blocked(.entryReserved, isRecorded: true))
  }

  @Test(
    "SQ leaves out bits of the function, SVT 2 takes a range of buses",
    arguments: [
      (0x4_0105, 0x0105, true), (0x4_0105, 0x0101, false), (0x5_0105, 0x0101, true),
      (0x5_0105, 0x0107, false), (0x6_0105, 0x0103, true), (0x7_0105, 0x0100, true),
      (0x7_0105, 0x0108, false), (0x8_0103, 0x0200, true), (0x8_0103, 0x0400, false),
      (0x8_0301, 0x0200, false), (0x0_0000, 0xffff, true),
    ] as [(UInt64, UInt16, Bool)])
  func sources(high: UInt64, requester: UInt16, isAccepted: Bool) {
    var unit = unit()
    memory.store64(PA(Self.table), 1 | 0x41 << 16)
    memory.store64(PA(Self.table + 8), high)
    let outcome = unit.remap(address: 0xfee0_0010, data: 0, from: requester, memory: memory)
    #expect((outcome != .blocked(.sourceMismatch, isRecorded: true)) == isAccepted)
  }

  @Test("an entry that changes is met again after an invalidation of its index only")
  func cachedEntries() {
    var unit = unit()
    let queue: UInt64 = 0x2_0000
    unit.writeRegister(VTDRegister.queueAddress, queue, width: 8, memory: memory)
    unit.writeRegister(
      VTDRegister.command, VTDCommand.interrupts | VTDCommand.queue, width: 4, memory: memory)
    memory.store64(PA(Self.table), 1 | 0x41 << 16)
    func vector() -> UInt8? {
      guard
        case .message(let message) = unit.remap(
          address: 0xfee0_0010, data: 0, from: 8, memory: memory)
      else { return nil }
      return message.vector
    }
    #expect(vector() == 0x41)
    memory.store64(PA(Self.table), 1 | 0x42 << 16)
    #expect(vector() == 0x41)
    for (index, expected) in [(7, 0x41), (0, 0x42)] as [(UInt64, UInt8)] {
      let tail = unit.readRegister(VTDRegister.queueTail, width: 8)
      memory.store64(PA(queue + tail), 4 | 1 << 4 | index << 32)
      unit.writeRegister(VTDRegister.queueTail, tail + 16, width: 8, memory: memory)
      #expect(vector() == expected)
    }
  }

  // MARK: Walks, beside a plain walker

  /// Both stages as the manual has them, without caches.
  private struct PlainWalker {
    let memory: PhysicalMemory

    func second(_ address: UInt64, _ root: UInt64, write: Bool) -> UInt64? {
      var table = root
      for level in [3, 2, 1, 0] as [UInt64] {
        let word = memory.load64(PA(table + (address >> (12 + 9 * level) & 0x1ff) * 8)) ?? 0
        guard word & (write ? 2 : 1) != 0, word & 0x400f_0000_0000_0000 == 0,
          word & 0x800 == 0
        else { return nil }
        let next = word & 0xffff_ffff_f000
        if level == 0 { return next | address & 0xfff }
        if word & 0x80 != 0 {
          let offset = lowBits(12 + 9 * level)
          guard level < 3, next & offset == 0 else { return nil }
          return next | address & offset
        }
        table = next
      }
      return nil
    }

    func nested(_ address: UInt64, _ first: UInt64, _ root: UInt64, write: Bool) -> UInt64? {
      guard Int64(bitPattern: address) >> 47 == 0 || Int64(bitPattern: address) >> 47 == -1 else {
        return nil
      }
      var table = first
      for level in [3, 2, 1, 0] as [UInt64] {
        let place = table + (address >> (12 + 9 * level) & 0x1ff) * 8
        guard let real = second(place, root, write: false) else { return nil }
        let word = memory.load64(PA(real)) ?? 0
        guard word & 5 == 5, !write || word & 2 != 0, word & 0xf_0000_0000_0000 == 0 else {
          return nil
        }
        let next = word & 0xffff_ffff_f000
        if level == 0 { return second(next | address & 0xfff, root, write: write) }
        if word & 0x80 != 0 {
          let offset = lowBits(12 + 9 * level)
          // Bit 12 is PAT.
          guard level < 3, next & offset & ~0x1000 == 0 else { return nil }
          return second(next & ~offset | address & offset, root, write: write)
        }
        table = next
      }
      return nil
    }
  }

  /// Random tables in the first 256 KiB: each word is most often an entry that leads there.
  private func fill(_ random: inout SplitMix) {
    for place in stride(from: UInt64(0), to: Self.root, by: 8) {
      var word = random.below(64) << 12 | (random.oneIn(20) ? random.below(8) : 7)
      if random.oneIn(12) { word = word & ~0x1f_f000 | 0x80 }
      if random.oneIn(100) { word |= 1 << random.pick([11, 48, 62, 63, 9]) }
      memory.store64(PA(place), word)
    }
  }

  @Test(
    "nested translation leads where a plain walker comes", arguments: 1...6 as ClosedRange<UInt64>)
  func nested(seed: UInt64) {
    var random = SplitMix(state: seed)
    fill(&random)
    let (context, directory, pasids) = (Self.root + 0x1000, Self.root + 0x2000, Self.root + 0x3000)
    memory.store64(PA(Self.root), context | 1)
    memory.store64(PA(context), directory | 1)
    memory.store64(PA(directory), pasids | 1)
    let walker = PlainWalker(memory: memory)
    var reached = 0
    for _ in 0..<600 {
      let (first, second) = (random.below(64) << 12, random.below(64) << 12)
      var entry = PASIDTableEntry()
      entry[.present] = true
      entry[.type] = PASIDTableEntry.Translation.nested
      entry[.width] = 2
      entry[.secondStageTable] = second >> 12
      entry[.firstStageTable] = first >> 12
      memory.store(entry, at: PA(pasids))
      let address = random.next() & lowBits(47)
      let isWrite = random.oneIn(2)
      // Entries are read before A and D are set in them.
      let expected = walker.nested(address, first, second, write: isWrite)
      var unit = VTDUnit(profile: .full)
      unit.writeRegister(VTDRegister.rootTable, Self.root | 1 << 10, width: 8, memory: memory)
      unit.writeRegister(VTDRegister.command, VTDCommand.rootTable, width: 4, memory: memory)
      unit.writeRegister(VTDRegister.command, VTDCommand.translation, width: 4, memory: memory)
      let outcome = unit.translate(
        DMARequest(from: 0, at: IOVA(address), isWrite: isWrite), in: memory)
      if case .translated(let place, _, _) = outcome {
        reached += 1
        #expect(place.rawValue == expected)
      } else {
        #expect(expected == nil)
      }
    }
    #expect(reached > 20)
  }

  @Test(
    "whatever comes, it ends and memory outside of tables stays",
    arguments: 1...4 as ClosedRange<UInt64>)
  func garbage(seed: UInt64) {
    var random = SplitMix(state: seed)
    for place in stride(from: UInt64(0), to: 1 << 20, by: 8) {
      memory.store64(PA(place), random.oneIn(3) ? random.next() : random.below(256) << 12 | 7)
    }
    var unit = VTDUnit(
      profile: VTDProfile(capabilities: random.next(), extended: random.next()),
      personality: VTDPersonality(rawValue: UInt32(truncatingIfNeeded: random.next())))
    var outcomes = 0
    for _ in 0..<4000 {
      switch random.below(4) {
      case 0:
        unit.writeRegister(
          random.oneIn(4) ? random.next() : random.below(64) * 4, random.next(),
          width: random.pick([4, 8, 3]), memory: memory)
      case 1:
        unit.writeRegister(
          VTDRegister.command, random.next(), width: 4, memory: memory)
        _ = unit.readRegister(random.below(0x400), width: random.pick([4, 8]))
      case 2:
        _ = unit.translate(
          DMARequest(
            from: UInt16(truncatingIfNeeded: random.next()), at: IOVA(random.next()),
            isWrite: random.oneIn(2)), in: memory)
        outcomes += 1
      default:
        _ = unit.remap(
          address: 0xfee0_0000 | random.below(1 << 20),
          data: UInt32(truncatingIfNeeded: random.next()),
          from: UInt16(truncatingIfNeeded: random.next()), isMessage: random.oneIn(2),
          memory: memory)
        outcomes += 1
      }
      while unit.nextMessage() != nil {}
    }
    #expect(outcomes > 1000)
  }

  @Test("no two fields of a record overlap")
  func fields() {
    func overlaps<Record: WordRecord>(_: Record.Type) -> Int {
      Record.fields.enumerated().reduce(0) { sum, item in
        sum
          + Record.fields[..<item.offset].count {
            $0.word == item.element.word && $0.mask & item.element.mask != 0
          }
      }
    }
    #expect(overlaps(RootEntry.self) == 0)
    #expect(overlaps(ContextEntry.self) == 0)
    #expect(overlaps(ScalableContextEntry.self) == 0)
    #expect(overlaps(PASIDDirectoryEntry.self) == 0)
    #expect(overlaps(PASIDTableEntry.self) == 0)
    #expect(overlaps(PagingEntry.self) == 0)
    #expect(overlaps(InterruptEntry.self) == 0)
    #expect(overlaps(PostedDescriptor.self) == 0)
    #expect(overlaps(FaultRecord.self) == 0)
  }
}
