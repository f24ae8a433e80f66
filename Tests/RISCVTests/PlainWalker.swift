import Bits
import Memory
import RISCV

/// A second walker, written from the specification as one procedure over words: no caches, no
/// types of the model, every rule in the order of the manual.
struct PlainWalker {
  enum Answer: Equatable {
    case granted(UInt64)
    case resident(file: UInt64, notice: UInt64, identity: UInt64)
    case refused(cause: UInt16, value2: UInt64)
  }

  private struct Refusal: Error {
    var cause: UInt16
    var value2: UInt64 = 0
  }

  let memory: PhysicalMemory
  let capabilities: UInt64
  let directory: UInt64

  private func has(_ bit: UInt64) -> Bool { capabilities >> bit & 1 != 0 }

  // The request at hand.
  private var cause = (access: UInt16(0), page: UInt16(0), guest: UInt16(0))
  private var wants: UInt64 = 0
  private var supervisor = false
  private var control: UInt64 = 0
  private var guestPointer: UInt64 = 0

  init(memory: PhysicalMemory, capabilities: UInt64, directory: UInt64) {
    self.memory = memory
    self.capabilities = capabilities
    self.directory = directory
  }

  /// Answers an untranslated request, changing A and D in memory as the tables ask for.
  mutating func answer(_ request: DeviceRequest) -> Answer {
    switch request.access {
    case .read: (cause, wants) = ((5, 13, 21), 2)
    case .write: (cause, wants) = ((7, 15, 23), 4)
    case .execute: (cause, wants) = ((1, 12, 20), 8)
    }
    supervisor = request.hasProcess && request.isPrivileged
    do {
      return try translate(request)
    } catch let refusal as Refusal {
      return .refused(cause: refusal.cause, value2: refusal.value2)
    } catch {
      return .refused(cause: 0, value2: 0)
    }
  }

  private func word(_ address: UInt64, _ cause: UInt16) throws -> UInt64 {
    guard address >> (capabilities >> 32 & 0x3f) == 0, let word = memory.load64(PA(address)) else {
      throw Refusal(cause: cause)
    }
    return word
  }

  private mutating func translate(_ request: DeviceRequest) throws -> Answer {
    let mode = directory & 0xf
    if mode == 0 { throw Refusal(cause: 256) }
    if mode == 1 { return .granted(request.address.rawValue) }
    let dc = try context(UInt64(request.device), levels: mode - 1)
    control = dc[0]
    guestPointer = dc[1]
    let hasDirectory = control >> 5 & 1 != 0
    var first = dc[3]
    var sum = false
    if request.hasProcess {
      let width: UInt64 = [20, 8, 17, 20][Int(min(dc[3] >> 60, 3))]
      if !hasDirectory || UInt64(request.process) >> width != 0 { throw Refusal(cause: 260) }
    }
    if hasDirectory {
      first = 0
      let usesProcess = request.hasProcess || control >> 9 & 1 != 0
      if usesProcess && dc[3] >> 60 != 0 {
        let pc = try process(request.hasProcess ? UInt64(request.process) : 0, dc[3])
        if supervisor && pc[0] & 2 == 0 { throw Refusal(cause: 260) }
        first = pc[1]
        sum = pc[0] & 4 != 0
      }
    }
    let guest = try stageOne(request.address.rawValue, first, sum)
    if let message = try message(guest, dc) { return message }
    return .granted(try stageTwo(guest, wants, value2: guest & ~3))
  }

  private func context(_ device: UInt64, levels: UInt64) throws -> [UInt64] {
    let size: UInt64 = has(22) ? 64 : 32
    let bits: UInt64 = has(22) ? 6 : 7
    if device >> 24 != 0 || (levels < 3 && device >> (bits + 9 * (levels - 1)) != 0) {
      throw Refusal(cause: 260)
    }
    var table = (directory >> 10 & 0xfff_ffff_ffff) << 12
    for level in stride(from: levels - 1, to: 0, by: -1) {
      let index = device >> (bits + 9 * (level - 1)) & 0x1ff
      let entry = try word(table + 8 * index, 257)
      if entry & 1 == 0 { throw Refusal(cause: 258) }
      if entry & 0xffc0_0000_0000_03fe != 0 { throw Refusal(cause: 259) }
      table = (entry >> 10) << 12
    }
    var dc: [UInt64] = []
    for index in 0..<size / 8 {
      dc.append(try word(table + (device & (1 << bits - 1)) * size + 8 * index, 257))
    }
    while dc.count < 8 { dc.append(0) }
    if dc[0] & 1 == 0 { throw Refusal(cause: 258) }
    if !isLegal(dc) { throw Refusal(cause: 259) }
    return dc
  }

  private func isLegal(_ dc: [UInt64]) -> Bool {
    func tc(_ bit: UInt64) -> Bool { dc[0] >> bit & 1 != 0 }
    if dc[0] & 0xffff_ffff_00ff_f000 != 0 || dc[2] & ~0xffff_f000 != 0 { return false }
    if dc[3] >> 44 & 0xffff != 0 || dc[4] >> 44 & 0xffff != 0 || dc[7] != 0 { return false }
    let width: UInt64 = has(19) ? 47 : has(18) ? 38 : has(17) ? 29 : has(16) ? 22 : 44
    if (dc[5] | dc[6]) >> width != 0 { return false }
    if !has(25) && (tc(1) || tc(2) || tc(6)) { return false }
    if !tc(1) && (tc(2) || tc(3)) || !tc(2) && tc(6) { return false }
    if tc(3) && (!has(26) || dc[1] >> 60 == 0) { return false }
    if tc(10) || tc(11) { return false }
    if (tc(7) || tc(8)) && !has(24) { return false }
    if tc(5) {
      switch dc[3] >> 60 {
      case 0: break
      case 1...3: if !has(37 + dc[3] >> 60) { return false }
      default: return false
      }
    } else if tc(9) || !isFirstMode(dc[3] >> 60) {
      return false
    }
    switch dc[1] >> 60 {
    case 0: if dc[4] >> 60 != 0 { return false }
    case 8...10: if !has(9 + dc[1] >> 60) || dc[1] & 3 != 0 { return false }
    default: return false
    }
    return dc[4] >> 60 <= 1
  }

  private func isFirstMode(_ mode: UInt64) -> Bool {
    mode == 0 || (8...10).contains(mode) && has(1 + mode)
  }

  private func process(_ process: UInt64, _ pointer: UInt64) throws -> [UInt64] {
    var table = (pointer & 0xfff_ffff_ffff) << 12
    for level in stride(from: pointer >> 60 - 1, to: 0, by: -1) {
      let index = level == 2 ? process >> 17 : process >> 8 & 0x1ff
      let guest = table + 8 * index
      let place = try stageTwo(guest, 2, value2: guest & ~3 | 1, access: 265)
      let entry = try word(place, 265)
      if entry & 1 == 0 { throw Refusal(cause: 266) }
      if entry & 0xffc0_0000_0000_03fe != 0 { throw Refusal(cause: 267) }
      table = (entry >> 10) << 12
    }
    let guest = table + 16 * (process & 0xff)
    let place = try stageTwo(guest, 2, value2: guest & ~3 | 1, access: 265)
    let pc = [try word(place, 265), try word(place + 8, 265)]
    if pc[0] & 1 == 0 { throw Refusal(cause: 266) }
    if pc[0] & 0xffff_ffff_0000_0ff8 != 0 || pc[1] >> 44 & 0xffff != 0 || !isFirstMode(pc[1] >> 60)
    {
      throw Refusal(cause: 267)
    }
    return pc
  }

  /// Whether an entry at a level is legal; a leaf has R or X.
  private func isBad(_ entry: UInt64, _ level: UInt64) -> Bool {
    if entry & 1 == 0 || entry & 6 == 4 || entry >> 54 & 0x1f != 0 { return true }
    if entry >> 59 & 3 != 0 && !has(14) { return true }
    let type = entry >> 61 & 3
    if type == 3 || type != 0 && !has(15) { return true }
    if entry & 0xa == 0 { return level == 0 || type != 0 || entry >> 63 != 0 || entry & 0xd0 != 0 }
    if level > 0 { return entry >> 63 != 0 || entry >> 10 & (1 << (9 * level) - 1) != 0 }
    return entry >> 63 != 0 && entry >> 10 & 0xf != 8
  }

  private func output(_ entry: UInt64, _ input: UInt64, _ level: UInt64) -> UInt64 {
    let size: UInt64 = entry >> 63 != 0 ? 16 : 12 + 9 * level
    let page = (entry >> 10 & 0xfff_ffff_ffff) << 12
    return (page >> size) << size | input & (1 << size - 1)
  }

  private mutating func stageOne(_ address: UInt64, _ pointer: UInt64, _ sum: Bool) throws
    -> UInt64
  {
    let mode = pointer >> 60
    if mode == 0 { return address }
    let bits = 39 + 9 * (mode - 8)
    let sign = Int64(bitPattern: address) >> Int64(bits - 1)
    if sign != 0 && sign != -1 { throw Refusal(cause: cause.page) }
    var table = (pointer & 0xfff_ffff_ffff) << 12
    for level in stride(from: Int(mode) - 6, through: 0, by: -1).map(UInt64.init) {
      let guest = table + 8 * (address >> (12 + 9 * level) & 0x1ff)
      let place = try stageTwo(guest, 2, value2: guest & ~3 | 1)
      var entry = try word(place, cause.access)
      if isBad(entry, level) { throw Refusal(cause: cause.page) }
      if entry & 0xa == 0 {
        table = (entry >> 10) << 12
        continue
      }
      if entry & wants == 0 { throw Refusal(cause: cause.page) }
      let isUser = entry & 0x10 != 0
      if supervisor ? isUser && (!sum || wants == 8) : !isUser { throw Refusal(cause: cause.page) }
      let needed: UInt64 = wants == 4 ? 0xc0 : 0x40
      if entry & needed != needed {
        if control >> 8 & 1 == 0 { throw Refusal(cause: cause.page) }
        _ = try stageTwo(guest, 4, value2: guest & ~3 | 3)
        entry |= needed
        memory.store64(PA(place), entry)
      }
      return output(entry, address, level)
    }
    throw Refusal(cause: cause.page)
  }

  private func stageTwo(
    _ address: UInt64, _ wants: UInt64, value2: UInt64, access: UInt16? = nil
  ) throws -> UInt64 {
    let mode = guestPointer >> 60
    if mode == 0 { return address }
    let refusal = Refusal(cause: cause.guest, value2: value2)
    if address >> (41 + 9 * (mode - 8)) != 0 { throw refusal }
    var table = (guestPointer & 0xfff_ffff_ffff) << 12
    let top = mode - 6
    for level in stride(from: Int(top), through: 0, by: -1).map(UInt64.init) {
      let index = address >> (12 + 9 * level) & (level == top ? 0x7ff : 0x1ff)
      let place = table + 8 * index
      var entry = try word(place, access ?? cause.access)
      if isBad(entry, level) { throw refusal }
      if entry & 0xa == 0 {
        table = (entry >> 10) << 12
        continue
      }
      if entry & 0x10 == 0 || entry & wants == 0 { throw refusal }
      let needed: UInt64 = wants == 4 ? 0xc0 : 0x40
      if entry & needed != needed {
        if control >> 7 & 1 == 0 { throw refusal }
        entry |= needed
        memory.store64(PA(place), entry)
      }
      return output(entry, address, level)
    }
    throw refusal
  }

  private func message(_ guest: UInt64, _ dc: [UInt64]) throws -> Answer? {
    if dc[4] >> 60 == 0 { return nil }
    if (guest >> 12 & ~dc[5]) != (dc[6] & ~dc[5]) { return nil }
    var number: UInt64 = 0
    for bit in stride(from: 51, through: 0, by: -1).map(UInt64.init) where dc[5] >> bit & 1 != 0 {
      number = number << 1 | guest >> (12 + bit) & 1
    }
    let place = (dc[4] & 0xfff_ffff_ffff) << 12 | number * 16
    let (low, high) = (try word(place, 261), try word(place + 8, 261))
    if low & 1 == 0 { throw Refusal(cause: 262) }
    let bad = Refusal(cause: 263)
    switch (low >> 63, low >> 1 & 3) {
    case (0, 3):
      if low & 0x7fc0_0000_0000_03f8 != 0 { throw bad }
      if wants == 8 { throw Refusal(cause: 1) }
      return .granted((low >> 10) << 12 | guest & 0xfff)
    case (0, 1):
      if !has(23) || low & 0x7fc0_0000_0000_0078 != 0 || high & 0xefc0_0000_0000_0000 != 0 {
        throw bad
      }
      if wants == 8 { throw Refusal(cause: 1) }
      return .resident(
        file: (low >> 7) << 9, notice: (high >> 10 & 0xfff_ffff_ffff) << 12,
        identity: high & 0x3ff | (high >> 60 & 1) << 10)
    default: throw bad
    }
  }
}
