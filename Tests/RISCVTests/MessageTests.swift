import ArmFormats
import Bits
import Memory
import RISCVFormats
import Testing

@testable import RISCV

@Suite("MSI page tables")
struct MessageTests {
  /// A device behind an MSI page table with a bare first stage, as the reference model's tests
  /// have it: mask 0xff, pattern 0x280000000, entry 3 for 0x280000003000.
  private func machine(
    _ profile: RISCVIOMMUProfile = .full, caches: RISCVIOMMUCacheGeometry = .default
  ) throws -> (Machine, table: UInt64) {
    let machine = try Machine(profile, caches: caches)
    let (root, table) = (machine.allocate(pages: 4), machine.allocate())
    machine.set(
      DeviceContext.bare.with(.sv48x4, root)
        .with(messageTable: table, mask: 0xff, pattern: 0x2_8000_0000), for: 0x04_2874)
    return (machine, table)
  }

  private let device: UInt32 = 0x04_2874
  private let address: UInt64 = 0x2800_0000_3000

  @Test("RV-12: a basic entry replaces the page; V, M, C, reserved bits, access and poison fault")
  func basic() throws {
    let (machine, table) = try machine(caches: .none)
    let entry = table + 16 * 3
    machine.store(entry, 0x55 << 10 | 7)
    #expect(machine.output(device, address | 4, .write) == 0x5_5004)
    machine.store(entry, 0x55 << 10 | 6)
    #expect(machine.cause(device, address, .write) == 262)
    for mode in [0, 2] as [UInt64] {
      machine.store(entry, 0x55 << 10 | mode << 1 | 1)
      #expect(machine.cause(device, address, .write) == 263, "M = \(mode)")
    }
    for bit in Array(3...9) + Array(54...63) as [UInt64] {
      machine.store(entry, 0x55 << 10 | 7 | 1 << bit)
      #expect(machine.cause(device, address, .write) == 263, "bit \(bit)")
    }
    machine.iommu.corruptPages = [table]
    #expect(machine.cause(device, address, .write) == 270)
    machine.iommu.corruptPages = []
    var context = DeviceContext.bare.with(.sv48x4, 0x10_0000)
    context = context.with(messageTable: 0xff_ffff_f000, mask: 0xff, pattern: 0x2_8000_0000)
    machine.set(context, for: UInt64(device))
    #expect(machine.cause(device, address, .write) == 261)
    #expect(machine.cause(device, address + (0x100 << 12), .write) == 23, "beside the pattern")
  }

  @Test("RV-14: an MRIF entry names file, notice page and identity 0x412; without MSI_MRIF 263")
  func memoryResident() throws {
    var (machine, table) = try machine()
    let file = machine.allocate()
    machine.store(table + 48, file >> 2 | 3)
    machine.store(table + 56, 1 << 60 | 0xdead << 10 | 0x12)
    guard case .memoryResident(let target) = machine.request(device, address, .write) else {
      Issue.record("\(machine.causes())")
      return
    }
    #expect(target.file.rawValue == file)
    #expect(target.notice.rawValue == 0xdead << 12)
    #expect(target.identity == 0x412)
    var profile = RISCVIOMMUProfile.full
    profile.capabilities[.memoryResidentFiles] = false
    (machine, table) = try self.machine(profile)
    machine.store(table + 48, file >> 2 | 3)
    #expect(machine.cause(device, address, .write) == 263)
  }

  @Test("RV-15: an execute request is cause 1; a translation request loses its X permission")
  func execute() throws {
    let (machine, table) = try machine()
    machine.store(table + 48, 0x55 << 10 | 7)
    #expect(machine.cause(device, address, .execute) == 1)
    var context = DeviceContext.bare.with(.sv48x4, 0x10_0000)
      .with(messageTable: table, mask: 0xff, pattern: 0x2_8000_0000)
    context[.enablesATS] = true
    machine.set(context, for: 7)
    var request = DeviceRequest(device: 7, address: IOVA(address), access: .execute)
    request.kind = .translation
    guard case .completed(let answer) = machine.iommu.translate(request, in: machine.memory)
    else {
      Issue.record("\(machine.causes())")
      return
    }
    #expect(answer.read && answer.write && !answer.execute)
    #expect(answer.address == 0x5_5000)
    #expect(!answer.untranslatedOnly)
  }

  @Test("a recorded message sets its pending bit and sends the notice, whatever the enable bit")
  func recording() throws {
    let (machine, table) = try machine()
    let (file, page) = (machine.allocate(), machine.allocate())
    machine.store(table + 48, file >> 2 | 3)
    machine.store(table + 56, (page >> 12) << 10 | 0x77)
    for identity in [0, 1, 63, 64, 2047] as [UInt32] {
      machine.store(page, 0)
      #expect(write(machine, identity) == .recorded(identity: identity))
      let word = machine.load(file + 16 * UInt64(identity / 64))
      #expect(word & 1 << UInt64(identity % 64) != 0)
      #expect(machine.load(page) == 0x77)
    }
    #expect(machine.load(file + 8) == 0, "enable bits are the hypervisor's")
    #expect(write(machine, 2048) == .discarded)
    #expect(write(machine, 5, at: 8) == .discarded)
    #expect(write(machine, UInt32(9).byteSwapped, at: 4) == .recorded(identity: 9))
    #expect(machine.causes().isEmpty)
  }

  private func write(_ machine: Machine, _ data: UInt32, at offset: UInt64 = 0)
    -> RecordedMessage?
  {
    let request = DeviceRequest(
      device: device, address: IOVA(address | offset), access: .write)
    guard case .memoryResident(let target) = machine.iommu.translate(request, in: machine.memory)
    else { return nil }
    return machine.iommu.record(data, at: target, of: request, memory: machine.memory)
  }

  @Test("a file or a notice page where nothing answers: 264, and 273 without a transaction")
  func recordingFaults() throws {
    let (machine, table) = try machine()
    machine.store(table + 48, 0x7fff_fe00 >> 2 | 3)
    #expect(write(machine, 5) == .faulted(.fileAccess))
    let file = machine.allocate()
    machine.store(table + 48, file >> 2 | 3)
    machine.store(table + 56, 0xff_ffff << 10)
    #expect(write(machine, 5) == .faulted(.messageWriteAccess))
    let records = machine.faults()
    #expect(records.map { $0[.cause].rawValue } == [264, 273])
    #expect(records[1][.transaction] == .none)
    #expect(records[1][.device] == 0)
    #expect(records[1][.value] == 0xff_ffff << 12)
    machine.iommu.corruptPages = [file & ~0xfff]
    #expect(write(machine, 5) == .faulted(.fileCorrupt))
  }

  @Test("DTF keeps a file that does not answer out of the fault queue, with and without caches")
  func silencedFile() throws {
    for caches in [RISCVIOMMUCacheGeometry.default, .none] {
      let (machine, table) = try machine(caches: caches)
      var context = DeviceContext.bare.with(.sv48x4, 0x10_0000)
        .with(messageTable: table, mask: 0xff, pattern: 0x2_8000_0000)
      context[.disablesFaults] = true
      machine.set(context, for: UInt64(device))
      machine.store(table + 48, 0x7fff_fe00 >> 2 | 3)
      #expect(write(machine, 5) == .faulted(.fileAccess))
      #expect(machine.causes().isEmpty)
    }
  }

  @Test("a notice to an interrupt file of the machine leaves as a message, and arrives")
  func notice() throws {
    var imsics = IMSICs(base: 0x2800_0000, hartCount: 4, guestFiles: 3)
    var profile = RISCVIOMMUProfile.full
    profile.interruptFiles = imsics.range
    let (machine, table) = try machine(profile)
    let file = machine.allocate()
    let target = imsics.address(hart: 2, guest: 0)
    machine.store(table + 48, file >> 2 | 3)
    machine.store(table + 56, (target.rawValue >> 12) << 10 | 0x21)
    #expect(write(machine, 5) == .recorded(identity: 5))
    let message = try #require(machine.nextMessage())
    #expect(message == IOMMUMessage(address: target, data: 0x21))
    #expect(machine.nextMessage() == nil)
    let answer = imsics.write(message.data, at: message.address)
    let place = try #require(answer)
    #expect(place.hart == 2 && place.guest == 0 && place.isImplemented)
    #expect(imsics.file(hart: 2)?.isPending(0x21) == true)
  }

  @Test("file numbers are the bits that the mask selects, packed")
  func fileNumbers() {
    #expect(RISCVIOMMU.fileNumber(0b1010_1101, 0b1010_0110) == 0b1110)
    #expect(RISCVIOMMU.fileNumber(~0, 0) == 0)
    #expect(RISCVIOMMU.fileNumber(~0, ~0) == ~0)
    #expect(RISCVIOMMU.fileNumber(0x8000_0000_0000_0001, 0x8000_0000_0000_0001) == 3)
  }

  @Test("a superpage is reported only as far as it has no interrupt files in it")
  func overlap() throws {
    let machine = try Machine()
    let (root, table) = (machine.allocate(pages: 4), machine.allocate())
    machine.set(
      DeviceContext.bare.with(.sv39x4, root).with(messageTable: table, mask: 1, pattern: 0x200),
      for: 3)
    machine.map(0, to: 0, root: root, levels: 3, level: 2, rootBits: 11)
    for (address, shift) in [(0x1000, 21), (0x20_2000, 12), (0x40_0000, 21), (0x8000_0000, 30)]
      as [(UInt64, UInt8)]
    {
      if address >= 1 << 30 {
        machine.map(address, to: 0, root: root, levels: 3, level: 2, rootBits: 11)
      }
      guard case .translated(let page) = machine.request(3, address) else {
        Issue.record("\(machine.causes())")
        continue
      }
      #expect(page.pageShift == shift, "\(hex(address))")
    }
  }
}
