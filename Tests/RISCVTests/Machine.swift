import ArmFormats
import Bits
import Memory
import RISCV
import RISCVFormats

/// An IOMMU in front of 16 MiB of RAM at 0, with room for tables from 1 MiB on.
final class Machine {
  static let faultQueue: UInt64 = 0x1_0000
  static let commandQueue: UInt64 = 0x2_0000
  static let pageQueue: UInt64 = 0x3_0000
  static let directory: UInt64 = 0x4_0000

  let memory: PhysicalMemory
  var iommu: RISCVIOMMU
  /// The next free page.
  private var free: UInt64 = 0x10_0000
  private var produced: UInt64 = 0
  private var consumed: UInt64 = 0
  let queueBits: UInt64

  init(
    _ profile: RISCVIOMMUProfile = .full, personality: RISCVIOMMUPersonality = .architecture,
    caches: RISCVIOMMUCacheGeometry = .default, mode: DirectoryMode = .threeLevels,
    queueBits: UInt64 = 7, memory shared: PhysicalMemory? = nil
  ) throws {
    memory = try shared ?? PhysicalMemory(regions: [.init(base: 0, size: 0x100_0000)])
    iommu = RISCVIOMMU(profile: profile, personality: personality, caches: caches)
    self.queueBits = queueBits
    write(IOMMURegister.fqb, (Self.faultQueue >> 12) << 10 | (queueBits - 1), width: 8)
    write(IOMMURegister.cqb, (Self.commandQueue >> 12) << 10 | (queueBits - 1), width: 8)
    write(IOMMURegister.pqb, (Self.pageQueue >> 12) << 10 | (queueBits - 1), width: 8)
    write(IOMMURegister.fqcsr, 1)
    write(IOMMURegister.cqcsr, 1)
    write(IOMMURegister.pqcsr, 1)
    write(
      IOMMURegister.ddtp, (Self.directory >> 12) << 10 | UInt64(mode.rawValue), width: 8)
  }

  // MARK: Registers and queues

  func write(_ offset: UInt64, _ value: UInt64, width: Int = 4) {
    iommu.writeRegister(offset, value, width: width, memory: memory)
  }

  func read(_ offset: UInt64, width: Int = 4) -> UInt64 {
    iommu.readRegister(offset, width: width)
  }

  /// Puts commands on the queue; they are consumed when this returns.
  func submit(_ commands: [IOMMUCommand]) {
    for command in commands {
      memory.store(command, at: PA(Self.commandQueue + 16 * (produced & lowBits(queueBits))))
      produced += 1
    }
    write(IOMMURegister.cqt, produced & lowBits(queueBits))
  }

  /// The fault records since the last call.
  func faults() -> [FaultRecord] {
    let tail = read(IOMMURegister.fqt)
    var records: [FaultRecord] = []
    while consumed != tail {
      if let record = memory.load(FaultRecord.self, at: PA(Self.faultQueue + 32 * consumed)) {
        records.append(record)
      }
      consumed = (consumed + 1) & lowBits(queueBits)
    }
    write(IOMMURegister.fqh, consumed)
    return records
  }

  /// The next message for an interrupt file of the machine.
  func nextMessage() -> IOMMUMessage? { iommu.nextOutgoingMessage() }
  /// The next request to the IO bridge.
  func nextBridgeMessage() -> IOMMUBridgeMessage? { iommu.nextBridgeMessage() }

  func causes() -> [UInt16] { faults().map { $0[.cause].rawValue } }

  // MARK: Tables

  /// A fresh zeroed range of `pages` pages, aligned to its size.
  func allocate(pages: UInt64 = 1) -> UInt64 {
    let size = pages << 12
    let base = (free + size - 1) & ~(size - 1)
    free = base + size
    return base
  }

  func load(_ address: UInt64) -> UInt64 { memory.load64(PA(address)) ?? 0 }
  func store(_ address: UInt64, _ value: UInt64) { memory.store64(PA(address), value) }

  /// The table behind a non-leaf entry, made when there is none.
  private func table(at entry: UInt64) -> UInt64 {
    let word = load(entry)
    if word & 1 != 0 { return (word >> 10 & lowBits(44)) << 12 }
    let page = allocate()
    store(entry, (page >> 12) << 10 | 1)
    return page
  }

  /// Where the context of a device is, in the directory of `ddtp`'s levels.
  func place(of device: UInt64) -> UInt64 {
    let isExtended = IOMMUCapabilities(rawValue: read(0, width: 8))[.messageTables]
    let leaf: UInt64 = isExtended ? 6 : 7
    var table = Self.directory
    var level = (read(IOMMURegister.ddtp, width: 8) & 0xf) - 2
    while level > 0 {
      table = self.table(at: table + 8 * (device >> (leaf + 9 * (level - 1)) & 0x1ff))
      level -= 1
    }
    return table + (device & lowBits(leaf)) * (isExtended ? 64 : 32)
  }

  func set(_ context: DeviceContext, for device: UInt64) {
    let isExtended = IOMMUCapabilities(rawValue: read(0, width: 8))[.messageTables]
    let place = place(of: device)
    for index in 0..<(isExtended ? 8 : 4) {
      store(place + 8 * UInt64(index), context[word: index])
    }
  }

  /// Maps a page of a table with `levels` levels and `rootBits` index bits at the root.
  ///
  /// - Parameters:
  ///   - level: of the leaf, 0 for 4 KiB.
  ///   - translate: where a table at a guest address is in RAM, and how a new one is made.
  /// - Returns: where the leaf is.
  @discardableResult
  func map(
    _ input: UInt64, to output: UInt64, root: UInt64, levels: UInt64, level: UInt64 = 0,
    rootBits: UInt64 = 9, bits: UInt64 = 0xdf
  ) -> UInt64 {
    var table = root
    var current = levels - 1
    while current > level {
      let mask = lowBits(current == levels - 1 ? rootBits : 9)
      table = self.table(at: table + 8 * (input >> (12 + 9 * current) & mask))
      current -= 1
    }
    let mask = lowBits(level == levels - 1 ? rootBits : 9)
    let place = table + 8 * (input >> (12 + 9 * level) & mask)
    store(place, (output >> 12) << 10 | bits)
    return place
  }

  // MARK: Requests

  func request(
    _ device: UInt32, _ address: UInt64, _ access: DeviceAccess = .read,
    process: UInt32? = nil, privileged: Bool = false
  ) -> RequestResult {
    var request = DeviceRequest(device: device, address: IOVA(address), access: access)
    if let process {
      request.hasProcess = true
      request.process = process
    }
    request.isPrivileged = privileged
    return iommu.translate(request, in: memory)
  }

  /// The output address of a read, or `nil`.
  func output(_ device: UInt32, _ address: UInt64, _ access: DeviceAccess = .read) -> UInt64? {
    if case .translated(let translation) = request(device, address, access) {
      return translation.address.rawValue
    }
    return nil
  }

  /// The cause of a refusal, or `nil`.
  func cause(
    _ device: UInt32, _ address: UInt64, _ access: DeviceAccess = .read,
    process: UInt32? = nil, privileged: Bool = false
  ) -> UInt16? {
    let result = request(device, address, access, process: process, privileged: privileged)
    if case .refused(let fault) = result { return fault.cause.rawValue }
    return nil
  }
}

extension DeviceContext {
  /// A valid context: both stages are Bare.
  static var bare: Self {
    var context = Self()
    context[.valid] = true
    return context
  }

  /// A context with a first stage alone.
  static func firstStage(_ mode: FirstStageMode, _ root: UInt64, pscid: UInt32 = 0) -> Self {
    var context = bare
    context[.firstStageMode] = mode
    context[.firstStagePage] = root >> 12
    context[.processSoftContext] = pscid
    return context
  }

  /// The same context with a second stage.
  func with(_ mode: SecondStageMode, _ root: UInt64, gscid: UInt16 = 1) -> Self {
    var context = self
    context[.secondStageMode] = mode
    context[.secondStagePage] = root >> 12
    context[.guestSoftContext] = gscid
    return context
  }

  /// The same context with an MSI page table.
  func with(messageTable table: UInt64, mask: UInt64, pattern: UInt64) -> Self {
    var context = self
    context[.messageTableMode] = .flat
    context[.messageTablePage] = table >> 12
    context[.messageMask] = mask
    context[.messagePattern] = pattern
    return context
  }
}

extension IOMMUCommand {
  static func make(_ opcode: IOMMUOpcode, _ function: UInt8 = 0) -> Self {
    var command = Self()
    command[.opcode] = opcode
    command[.function] = function
    return command
  }

  static let fence = make(.iofence)
}
