import ArmFormats
import Bits
import Memory
import RISCVFormats
import Testing

@testable import RISCV

@Suite("Queues and interrupts")
struct QueueTests {
  @Test("RV-05: a fault queue of 1024 holds 1023; the next sets fqof and is lost, until cleared")
  func overflow() throws {
    let machine = try Machine(mode: .off, queueBits: 10)
    machine.write(IOMMURegister.fqcsr, 3)
    for index in 0..<1023 as Range<UInt64> { _ = machine.request(1, index << 12) }
    #expect(machine.read(IOMMURegister.fqt) == 1023)
    #expect(machine.read(IOMMURegister.fqcsr) == 0x1_0003)
    machine.write(IOMMURegister.ipsr, 2)
    #expect(machine.read(IOMMURegister.ipsr) == 0, "no error, no new record")
    for _ in 0..<2 {
      _ = machine.request(1, 0x5000)
      #expect(machine.read(IOMMURegister.fqt) == 1023)
      #expect(machine.read(IOMMURegister.fqcsr) == 0x1_0203)
    }
    machine.write(IOMMURegister.ipsr, 2)
    #expect(machine.read(IOMMURegister.ipsr) == 2, "raised again while fqof is set")
    machine.write(IOMMURegister.fqh, 1)
    _ = machine.request(1, 0x6000)
    #expect(machine.read(IOMMURegister.fqt) == 1023, "discarded until fqof is cleared")
    machine.write(IOMMURegister.fqcsr, 0x203)
    _ = machine.request(1, 0x7000)
    #expect(machine.read(IOMMURegister.fqt) == 0)
    #expect(machine.load(Machine.faultQueue + 1023 * 32 + 16) == 0x7000)
  }

  @Test("a fault queue where nothing answers sets fqmf")
  func faultMemory() throws {
    let machine = try Machine(mode: .off)
    machine.write(IOMMURegister.fqcsr, 0)
    machine.write(IOMMURegister.fqb, (0x8000_0000 >> 12) << 10 | 3, width: 8)
    machine.write(IOMMURegister.fqcsr, 1)
    _ = machine.request(1, 0)
    #expect(machine.read(IOMMURegister.fqcsr) == 0x1_0101)
    #expect(machine.read(IOMMURegister.fqt) == 0)
  }

  static let commands: [(String, IOMMUCommand)] = [
    ("IOTINVAL.VMA", .make(.iotinval)), ("IOTINVAL.GVMA", .make(.iotinval, 1)),
    ("IOFENCE.C", .make(.iofence)), ("IODIR.INVAL_DDT", .make(.iodir)),
    (
      "IODIR.INVAL_PDT",
      {
        var command = IOMMUCommand.make(.iodir, 1)
        command[.deviceValid] = true
        return command
      }()
    ),
    ("ATS.PRGR", .make(.ats, 1)),
  ]

  @Test("RV-08: each reserved bit of a command in turn stops the queue at it with cmd_ill")
  func reservedBits() throws {
    for (name, command) in Self.commands {
      let machine = try Machine()
      machine.submit([command])
      #expect(machine.read(IOMMURegister.cqh) == 1, "\(name) is legal")
      let reserved = command.reservedBits
      for bit in 0..<128 as Range<UInt64> {
        let word = bit < 64 ? reserved.0 >> bit : reserved.1 >> (bit - 64)
        guard word & 1 != 0 else { continue }
        let machine = try Machine(memory: machine.memory)
        var bad = command
        bad[word: Int(bit / 64)] |= 1 << (bit % 64)
        machine.submit([.fence, bad, .fence])
        #expect(machine.read(IOMMURegister.cqh) == 1, "\(name) bit \(bit)")
        #expect(machine.read(IOMMURegister.cqcsr) == 0x1_0401, "\(name) bit \(bit)")
      }
    }
  }

  @Test("RV-08: reserved opcodes and functions are illegal; clearing cmd_ill tries again")
  func reservedEncodings() throws {
    for opcode in 0..<128 as Range<UInt64> {
      for function in 0..<8 as Range<UInt64> {
        let isDefined =
          switch (opcode, function) {
          case (1, 0...1), (2, 0), (3, 0), (4, 0...1): true
          default: false
          }
        var command = IOMMUCommand()
        command[word: 0] = opcode | function << 7
        let machine = try Machine()
        machine.submit([command])
        #expect(
          machine.read(IOMMURegister.cqcsr) == (isDefined ? 0x1_0001 : 0x1_0401),
          "opcode \(opcode) function \(function)")
      }
      if opcode > 5 && opcode < 120 { continue }
    }
    let machine = try Machine()
    machine.submit([.make(.iofence, 3), .fence])
    #expect(machine.read(IOMMURegister.cqh) == 0)
    machine.memory.store(IOMMUCommand.fence, at: PA(Machine.commandQueue))
    machine.write(IOMMURegister.cqcsr, 0x401)
    #expect(machine.read(IOMMURegister.cqh) == 2)
    #expect(machine.read(IOMMURegister.cqcsr) == 0x1_0001)
  }

  @Test("commands of absent extensions are illegal: ATS, NL, S, process_ids that are too wide")
  func absentExtensions() throws {
    var profile = RISCVIOMMUProfile.full
    for field: BitField<IOMMUCapabilities, Bool> in [
      .ats, .nonLeafInvalidation, .rangeInvalidation, .pd20,
    ] {
      profile.capabilities[field] = false
    }
    var nonLeaf = IOMMUCommand.make(.iotinval)
    nonLeaf[.nonLeaf] = true
    var range = IOMMUCommand.make(.iotinval)
    range[.isRange] = true
    var process = IOMMUCommand.make(.iodir, 1)
    process[.deviceValid] = true
    process[.process] = 0x2_0000
    var wired = IOMMUCommand.fence
    wired[.wiredInterrupt] = true
    for command in [.make(.ats), .make(.ats, 1), nonLeaf, range, process, wired] {
      let machine = try Machine(profile)
      machine.submit([command])
      #expect(machine.read(IOMMURegister.cqcsr) == 0x1_0401, "\(command.words)")
    }
    process[.process] = 0x1_ffff
    let machine = try Machine(profile)
    machine.submit([process])
    #expect(machine.read(IOMMURegister.cqh) == 1)
  }

  @Test("IOFENCE.C writes its data; where nothing answers cqmf stops the queue at it")
  func fence() throws {
    let machine = try Machine()
    var fence = IOMMUCommand.fence
    fence[.addressValid] = true
    fence[.data] = 0x1234_5678
    fence[.wordAddress] = 0x20_0004 >> 2
    fence[.ordersReads] = true
    machine.submit([fence])
    #expect(machine.load(0x20_0000) == 0x1234_5678_0000_0000)
    let message = try #require(machine.nextBridgeMessage())
    #expect(message.kind == .ordering && message.ordersReads && !message.ordersWrites)
    fence[.wordAddress] = 0x8000_0000 >> 2
    machine.submit([fence, .fence])
    #expect(machine.read(IOMMURegister.cqh) == 1)
    #expect(machine.read(IOMMURegister.cqcsr) == 0x1_0101)
  }

  @Test("IOFENCE.C waits for ATS invalidations, and reports a timeout with cmd_to")
  func invalidations() throws {
    let machine = try Machine()
    var invalidation = IOMMUCommand.make(.ats)
    invalidation[.requester] = 0x123
    invalidation[.process] = 7
    invalidation[.processValid] = true
    invalidation[.payload] = 0x5000
    machine.submit([invalidation, invalidation, .fence, .fence])
    #expect(machine.read(IOMMURegister.cqh) == 2)
    let messages = [machine.nextBridgeMessage(), machine.nextBridgeMessage()]
    #expect(messages.map { $0?.tag } == [0, 1])
    #expect(messages[1]?.requester == 0x123 && messages[1]?.process == 7)
    machine.iommu.invalidationCompleted(3, requester: 0x124, memory: machine.memory)
    machine.iommu.invalidationCompleted(1, requester: 0x123, memory: machine.memory)
    #expect(machine.read(IOMMURegister.cqh) == 2, "one is missing")
    machine.iommu.invalidationTimedOut(2, memory: machine.memory)
    #expect(machine.read(IOMMURegister.cqcsr) == 0x1_0201)
    #expect(machine.read(IOMMURegister.cqh) == 2, "at the fence that saw it")
    machine.write(IOMMURegister.cqcsr, 0x201)
    #expect(machine.read(IOMMURegister.cqh) == 4)
  }

  @Test("the 33rd ATS invalidation waits for a tag")
  func tags() throws {
    let machine = try Machine()
    machine.submit(Array(repeating: .make(.ats), count: 33))
    #expect(machine.read(IOMMURegister.cqh) == 32)
    machine.iommu.invalidationCompleted(1 << 31, requester: 0, memory: machine.memory)
    #expect(machine.read(IOMMURegister.cqh) == 33)
    var count = 0
    while machine.nextBridgeMessage() != nil { count += 1 }
    #expect(count == 33)
  }

  @Test("an interrupt is a message once, until ipsr is cleared; masked vectors wait")
  func messages() throws {
    let machine = try Machine(mode: .off)
    machine.write(IOMMURegister.icvec, 0x3210, width: 8)
    machine.write(IOMMURegister.messageTable + 16, 0x20_0000, width: 8)
    machine.write(IOMMURegister.messageTable + 24, 0xabc)
    machine.write(IOMMURegister.messageTable + 28, 1)
    machine.write(IOMMURegister.fqcsr, 3)
    _ = machine.request(1, 0)
    #expect(machine.load(0x20_0000) == 0, "masked")
    machine.write(IOMMURegister.messageTable + 28, 0)
    #expect(machine.load(0x20_0000) == 0xabc)
    machine.store(0x20_0000, 0)
    _ = machine.request(1, 0)
    #expect(machine.load(0x20_0000) == 0, "still pending")
    machine.write(IOMMURegister.ipsr, 2)
    _ = machine.request(1, 0)
    #expect(machine.load(0x20_0000) == 0xabc)
    #expect(machine.iommu.wires == 0)
  }

  @Test("a message that nothing answers is cause 273 without a transaction")
  func lostMessage() throws {
    let machine = try Machine(mode: .off)
    machine.write(IOMMURegister.messageTable, 0x8000_0000, width: 8)
    machine.write(IOMMURegister.fqcsr, 3)
    _ = machine.request(1, 0x5000)
    let records = machine.faults()
    #expect(records.map { $0[.cause].rawValue } == [256, 273])
    #expect(records[1][.transaction] == .none)
    #expect(records[1][.value] == 0x8000_0000)
  }

  @Test("with fctl.WSI interrupts are wires that follow ipsr")
  func wires() throws {
    let machine = try Machine(mode: .off)
    for register in [IOMMURegister.cqcsr, IOMMURegister.fqcsr, IOMMURegister.pqcsr] {
      machine.write(register, 0)
    }
    machine.write(IOMMURegister.fctl, 2)
    machine.write(IOMMURegister.icvec, 0x3210, width: 8)
    machine.write(IOMMURegister.fqcsr, 3)
    _ = machine.request(1, 0)
    #expect(machine.iommu.wires == 1 << 1)
    machine.write(IOMMURegister.ipsr, 2)
    #expect(machine.iommu.wires == 0)
    machine.write(IOMMURegister.cqcsr, 3)
    var fence = IOMMUCommand.fence
    fence[.wiredInterrupt] = true
    machine.submit([fence])
    #expect(machine.read(IOMMURegister.cqcsr) == 0x1_0803)
    #expect(machine.iommu.wires == 1)
  }

  @Test("a page request goes into the queue, or is answered as 2.7 has it")
  func pageRequests() throws {
    let machine = try Machine()
    var context = DeviceContext.bare
    context[.enablesATS] = true
    context[.enablesPRI] = true
    context[.responseNeedsPASID] = true
    machine.set(context, for: 8)
    machine.set(.bare, for: 9)
    var request = IOMMUPageRequest()
    request[.device] = 8
    request[.processValid] = true
    request[.process] = 0x77
    request[.write] = true
    request[.last] = true
    request[.groupIndex] = 0x1ab
    request[.page] = 0x1234
    machine.iommu.receive(request, memory: machine.memory)
    #expect(machine.read(IOMMURegister.pqt) == 1)
    #expect(machine.load(Machine.pageQueue) == request[word: 0])
    #expect(machine.load(Machine.pageQueue + 8) == request[word: 1])
    request[.device] = 9
    machine.iommu.receive(request, memory: machine.memory)
    let refused = try #require(machine.nextBridgeMessage())
    #expect(refused.kind == .pageResponse && refused.requester == 9 && !refused.hasProcess)
    #expect(refused.payload == 9 << 48 | 1 << 44 | 0x1ab << 32, "invalid request")
    #expect(machine.causes() == [260])
    request[.device] = 10
    machine.iommu.receive(request, memory: machine.memory)
    let failed = try #require(machine.nextBridgeMessage())
    #expect(failed.payload >> 44 & 0xf == 15 && failed.hasProcess && failed.process == 0x77)
    request[.write] = false
    machine.iommu.receive(request, memory: machine.memory)
    #expect(machine.nextBridgeMessage() == nil, "a Stop Marker has no response")
    request[.device] = 8
    request[.write] = true
    for _ in 0..<127 { machine.iommu.receive(request, memory: machine.memory) }
    #expect(machine.read(IOMMURegister.pqcsr) == 0x1_0201)
    let full = try #require(machine.nextBridgeMessage())
    #expect(full.payload >> 44 & 0xf == 0 && full.hasProcess, "PRPR")
  }

  @Test("software translates through tr_req_*, and the size is in the page number")
  func debugRequests() throws {
    let machine = try Machine()
    let root = machine.allocate()
    machine.set(.firstStage(.sv39, root), for: 5)
    machine.map(0x20_0000, to: 0x40_0000, root: root, levels: 3, level: 1)
    machine.write(IOMMURegister.trReqIOVA, 0x20_5123, width: 8)
    machine.write(IOMMURegister.trReqControl, 5 << 40 | 9, width: 8)
    #expect(machine.read(IOMMURegister.trResponse, width: 8) == 0x4ff << 10 | 1 << 9)
    #expect(machine.read(IOMMURegister.trReqControl, width: 8) & 1 == 0)
    machine.write(IOMMURegister.trReqIOVA, 0x40_5123, width: 8)
    machine.write(IOMMURegister.trReqControl, 5 << 40 | 9, width: 8)
    #expect(machine.read(IOMMURegister.trResponse, width: 8) == 1)
    #expect(machine.causes() == [13])
  }

  @Test("registers keep what they support, halves are writable, and odd accesses do nothing")
  func registers() throws {
    let machine = try Machine(mode: .off)
    machine.write(IOMMURegister.ddtp + 4, 0x2)
    machine.write(IOMMURegister.ddtp, 0x13)
    #expect(machine.read(IOMMURegister.ddtp, width: 8) == 0x2_0000_0003)
    machine.write(IOMMURegister.ddtp, 4)
    #expect(machine.read(IOMMURegister.ddtp) == 3, "levels change through Off")
    machine.write(IOMMURegister.ddtp, 0)
    machine.write(IOMMURegister.ddtp, 9)
    #expect(machine.read(IOMMURegister.ddtp) == 0)
    for offset in 0..<4100 as Range<UInt64> {
      for width in [1, 2, 3, 4, 8, 16] {
        _ = machine.read(offset, width: width)
        machine.write(offset, ~0, width: width)
      }
    }
    #expect(machine.read(0, width: 8) == RISCVIOMMUProfile.full.capabilities.rawValue)
  }
}
