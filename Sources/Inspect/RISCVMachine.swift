internal import ArmFormats
internal import Bits
internal import Memory
internal import RISCV
internal import RISCVFormats

/// Answer of the model in a step.
struct RISCVFound {
  var answer = RISCVAnswer()
  /// Refused without a fault record: over qtest that looks as if nothing happened.
  var isUnseen = false
}

/// A RISC-V IOMMU set up as vector files have it, driven through registers and memory alone.
struct RISCVMachine: ~Copyable {
  private var iommu: RISCVIOMMU
  private let memory: PhysicalMemory
  private let base: UInt64
  private let isExecuting: Bool
  /// Entries of each queue.
  private static let queueEntries: UInt64 = 128
  private var produced: UInt64 = 0
  private var consumed: UInt64 = 0
  /// Words that are compared before and after a step.
  private var watched: [UInt64]

  private var faultQueue: UInt64 { base + 0x20_0000 }
  private var commandQueue: UInt64 { base + 0x21_0000 }
  private var messages: UInt64 { base + 0x23_0000 }

  /// The RAM of the recording's machine.
  static func ram(_ recorder: RISCVVector.Recorder) -> PhysicalMemory.Region {
    switch recorder {
    case .referenceModel: .init(base: 0, size: 1 << 36)
    case .qemu: .init(base: 0x8000_0000, size: 0xc000_0000)
    }
  }

  init(
    _ vector: RISCVVector, personality: RISCVIOMMUPersonality, caches: RISCVIOMMUCacheGeometry,
    memory: PhysicalMemory
  ) {
    self.memory = memory
    isExecuting = vector.recorder == .qemu
    base = Self.ram(vector.recorder).base.rawValue
    watched = Self.words(of: vector)
    iommu = RISCVIOMMU(
      profile: RISCVIOMMUProfile(
        capabilities: vector.capabilities, features: vector.features,
        writesEndianness: vector.writesEndianness),
      personality: personality, caches: caches)
    iommu.corruptPages = ContiguousArray(vector.corruptPages.map { $0 & ~0xfff })
    configure(vector.directory)
  }

  /// Every word that the vector names, and those that its commands write.
  private static func words(of vector: RISCVVector) -> [UInt64] {
    var all = vector.memory.map(\.address) + vector.watched
    for step in vector.steps {
      all += (step.answer.writes + (step.fresh?.writes ?? [])).map(\.address)
      switch step.action {
      case .store(let words): all += words.map(\.address)
      case .commands(let commands):
        all += commands.map { IOMMUCommand(words: $0)[.wordAddress] &<< 2 }
      case .request: break
      }
    }
    return Set(all.map { $0 & ~7 }).sorted()
  }

  private mutating func configure(_ directory: UInt64) {
    let size = UInt64(Self.queueEntries.trailingZeroBitCount) - 1
    write(IOMMURegister.fqb, (faultQueue >> 12) << 10 | size, width: 8)
    write(IOMMURegister.cqb, (commandQueue >> 12) << 10 | size, width: 8)
    write(IOMMURegister.icvec, 0x3210, width: 8)
    for vector in 0..<UInt64(4) {
      let entry = IOMMURegister.messageTable + 16 * vector
      write(entry, messages + 16 * vector, width: 8)
      write(entry + 8, 0x100 + vector)
      write(entry + 12, 0)
    }
    let interrupts: UInt64 = isExecuting ? 0 : 2
    write(IOMMURegister.fqcsr, 1 | interrupts)
    write(IOMMURegister.cqcsr, 1 | interrupts)
    write(IOMMURegister.ddtp, directory, width: 8)
  }

  private mutating func write(_ offset: UInt64, _ value: UInt64, width: Int = 4) {
    iommu.writeRegister(offset, value, width: width, memory: memory)
  }

  private func read(_ offset: UInt64) -> UInt64 { iommu.readRegister(offset, width: 4) }

  // MARK: Steps

  mutating func run(_ action: RISCVAction) -> RISCVFound {
    if case .store(let words) = action {
      for word in words { memory.store64(PA(word.address), word.value) }
      return RISCVFound()
    }
    let before = watched.map { memory.load64(PA($0)) }
    var found = RISCVFound()
    switch action {
    case .request(let request): perform(request, &found)
    case .commands(let commands): run(commands, &found.answer)
    case .store: break
    }
    for (address, old) in zip(watched, before) {
      if let new = memory.load64(PA(address)), new != old {
        found.answer.writes.append(MemoryWord(address: address, value: new))
      }
    }
    found.answer.faults = takeFaults()
    found.answer.interrupts = takeInterrupts()
    return found
  }

  private mutating func run(_ commands: [[UInt64]], _ answer: inout RISCVAnswer) {
    let isBigEndian = iommu.readRegister(IOMMURegister.fctl, width: 4) & 1 != 0
    for command in commands {
      let slot = PA(commandQueue + 16 * (produced % Self.queueEntries))
      for (index, word) in command.enumerated() {
        memory.store64(slot + 8 * UInt64(index), isBigEndian ? word.byteSwapped : word)
      }
      produced += 1
    }
    write(IOMMURegister.cqt, produced % Self.queueEntries)
    answer.commandState = CommandState(
      head: read(IOMMURegister.cqh), control: read(IOMMURegister.cqcsr),
      pending: read(IOMMURegister.ipsr))
    while let message = iommu.nextBridgeMessage() { answer.messages.append(Self.text(message)) }
  }

  private mutating func takeFaults() -> [[UInt64]] {
    let tail = read(IOMMURegister.fqt)
    let isBigEndian = iommu.readRegister(IOMMURegister.fctl, width: 4) & 1 != 0
    var records: [[UInt64]] = []
    while consumed != tail && records.count < Int(Self.queueEntries) {
      let slot = PA(faultQueue + 32 * consumed)
      records.append(
        (0..<4).map { index in
          let word = memory.load64(slot + 8 * UInt64(index)) ?? 0
          return isBigEndian ? word.byteSwapped : word
        })
      consumed = (consumed + 1) % Self.queueEntries
    }
    write(IOMMURegister.fqh, consumed)
    return records
  }

  /// The vectors whose messages arrived since the last call.
  private func takeInterrupts() -> [UInt64] {
    (0..<UInt64(4)).filter { vector in
      let place = PA(messages + 16 * vector)
      guard memory.load32(place) ?? 0 != 0 else { return false }
      memory.store32(place, 0)
      return true
    }
  }

  // MARK: Requests

  private mutating func perform(_ request: RISCVRequest, _ found: inout RISCVFound) {
    let inbound = DeviceRequest(request)
    switch iommu.translate(inbound, in: memory) {
    case .translated(let translation):
      found.answer.status = "ok"
      found.answer.address = translation.address.rawValue
      found.answer.isMessage = translation.isMessage
      found.answer.memoryType = UInt64(translation.memoryType)
      if isExecuting { execute(request, inbound, translation, &found.answer) }
    case .memoryResident(let target):
      found.answer.status = "ok"
      found.answer.isMessage = true
      found.answer.resident = ResidentFile(
        file: target.file.rawValue, identity: UInt64(target.identity),
        notice: target.notice.rawValue)
      if isExecuting { record(request, inbound, target, &found) }
    case .completed(let completion): found.answer.fill(completion)
    case .refused(let fault):
      found.isUnseen = !fault.isRecorded
      found.answer.status = fault.isCompleterAbort ? "ca" : "ur"
      found.answer.cause = UInt64(fault.cause.rawValue)
    }
  }

  /// Lets a write reach its target.
  private mutating func execute(
    _ request: RISCVRequest, _ inbound: DeviceRequest, _ translation: RISCVTranslation,
    _ answer: inout RISCVAnswer
  ) {
    guard let data = request.data else { return }
    let word = UInt32(truncatingIfNeeded: data)
    if memory.store32(translation.address, word) {
      answer.landed = memory.load32(translation.address) == word
    } else if translation.isMessage {
      iommu.messageLost(inbound, memory: memory)
      if iommu.personality.contains(.recordsLostMessages) {
        answer.status = "ur"
        answer.cause = UInt64(FaultCause.messageWriteAccess.rawValue)
      }
    }
  }

  private mutating func record(
    _ request: RISCVRequest, _ inbound: DeviceRequest, _ target: MemoryResidentTarget,
    _ found: inout RISCVFound
  ) {
    guard let data = request.data else { return }
    let result = iommu.record(
      UInt32(truncatingIfNeeded: data), at: target, of: inbound, memory: memory)
    switch result {
    case .recorded(let identity):
      found.answer.notice = MemoryWord(
        address: target.notice.rawValue, value: UInt64(target.identity))
      found.answer.address = Self.pendingWord(identity, target)
    case .recordedQuietly(let identity):
      found.answer.address = Self.pendingWord(identity, target)
    case .discarded: break
    case .faulted(let cause):
      found.answer.status = "ur"
      found.answer.cause = UInt64(cause.rawValue)
    }
  }

  /// Returns the address of the pending bit of an identity.
  private static func pendingWord(_ identity: UInt32, _ target: MemoryResidentTarget) -> UInt64 {
    target.file.rawValue &+ MemoryResidentFile.pendingOffset(identity)
  }

  // MARK: Words

  static func ordering(reads: Bool, writes: Bool) -> String {
    "ordering of\(reads ? " reads" : "")\(writes ? " writes" : "")"
  }

  static func message(
    code: UInt64, tag: UInt64, requester: UInt64, process: UInt64?, segment: UInt64?,
    payload: UInt64
  ) -> String {
    let process = process.map { ", PASID \(hex($0))" } ?? ""
    let segment = segment.map { ", segment \(hex($0))" } ?? ""
    return "message \(code), tag \(tag), to \(hex(requester))\(process)\(segment): \(hex(payload))"
  }

  private static func text(_ message: IOMMUBridgeMessage) -> String {
    guard message.kind != .ordering else {
      return ordering(reads: message.ordersReads, writes: message.ordersWrites)
    }
    return Self.message(
      code: UInt64(message.kind.rawValue), tag: UInt64(message.tag),
      requester: UInt64(message.requester),
      process: message.hasProcess ? UInt64(message.process) : nil,
      segment: message.hasSegment ? UInt64(message.segment) : nil, payload: message.payload)
  }
}

extension DeviceRequest {
  init(_ request: RISCVRequest) {
    let access: DeviceAccess =
      request.isWrite ? .write : request.isExecute ? .execute : .read
    self.init(
      device: UInt32(truncatingIfNeeded: request.device), address: IOVA(request.address),
      access: access)
    kind =
      switch request.kind {
      case .untranslated: .untranslated
      case .translated: .translated
      case .ats: .translation
      }
    if let process = request.process {
      hasProcess = true
      self.process = UInt32(truncatingIfNeeded: process)
    }
    isPrivileged = request.isPrivileged
    isReadOnly = request.isReadOnly
    isCXL = request.isCXL
  }
}

extension RISCVAnswer {
  fileprivate mutating func fill(_ completion: TranslationCompletion) {
    status = "ok"
    self.completion = [
      CompletionBit(name: "r", isSet: completion.read),
      CompletionBit(name: "w", isSet: completion.write),
      CompletionBit(name: "x", isSet: completion.execute),
    ]
    cause = completion.cause.map { UInt64($0.rawValue) }
    guard cause == nil else { return }
    self.completion += [
      CompletionBit(name: "u", isSet: completion.untranslatedOnly),
      CompletionBit(name: "g", isSet: completion.isGlobal),
      CompletionBit(name: "priv", isSet: completion.isPrivileged),
      CompletionBit(name: "cxl", isSet: completion.cxlIO),
    ]
    address = completion.untranslatedOnly ? nil : completion.address
    isMessage = completion.isMessage
    memoryType = UInt64(completion.memoryType)
  }
}
