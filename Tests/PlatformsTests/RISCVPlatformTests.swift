import ArmFormats
import Bits
import Machine
import Memory
import PCI
import Platforms
import RISCV
import RISCVFormats
import TestRandom
import Testing

@Suite("The RISC-V platform")
final class RISCVPlatformTests {
  static let ram: PA = 0x8000_0000
  static let directory: PA = 0x8000_0000
  static let secondStage: PA = 0x8000_4000
  static let table: PA = 0x8000_8000
  static let resident: PA = 0x8000_9000
  let memory: PhysicalMemory
  var platform: RISCVPlatform

  init() throws {
    memory = try PhysicalMemory(regions: [.init(base: Self.ram, size: 1 << 20)])
    let files = IMSICs(base: 0x2400_0000, hartCount: 2, guestFiles: 2)
    var profile = RISCVIOMMUProfile.full
    profile.interruptFiles = files.range
    var iommu = RISCVIOMMU(profile: profile)
    iommu.writeRegister(
      IOMMURegister.ddtp, Self.directory.rawValue >> 2 | UInt64(DirectoryMode.oneLevel.rawValue),
      width: 8, memory: memory)
    platform = RISCVPlatform(memory: memory, iommu: iommu, files: files)
    memory.store64(Self.secondStage + 16, Self.ram.rawValue >> 2 | 0xd7)
    memory.store(Self.context(mask: 0b1001), at: Self.directory)
  }

  private static func context(mask: UInt64) -> DeviceContext {
    var context = DeviceContext()
    context[.valid] = true
    context[.secondStageMode] = .sv39x4
    context[.secondStagePage] = secondStage.rawValue >> 12
    context[.messageTableMode] = .flat
    context[.messageTablePage] = table.rawValue >> 12
    context[.messageMask] = mask
    context[.messagePattern] = 0x2_8000
    return context
  }

  private static func write(_ data: UInt32, to address: UInt64, from requester: UInt16 = 0)
    -> PostedWrite
  {
    PostedWrite(from: RequesterID(rawValue: requester), to: IOVA(address), data)
  }

  private func entry(_ low: UInt64, _ high: UInt64 = 0, at index: UInt64 = 0) {
    memory.store64(Self.table + index * 16, low)
    memory.store64(Self.table + index * 16 + 8, high)
  }

  @Test("the bits that the mask selects, packed, number the entry, which leads to a guest's file")
  func numbers() {
    for (page, number) in [(0x2_8000, 0), (0x2_8001, 1), (0x2_8008, 2), (0x2_8009, 3)] {
      let (hart, guest) = (number / 2, number % 2 + 1)
      let file = platform.files.address(hart: hart, guest: guest)
      entry(file.rawValue >> 2 | 7, at: UInt64(number))
      let outcome = platform.post(Self.write(5, to: UInt64(page) << 12))
      #expect(outcome == .guest(interrupt: 5, .file(file)))
      #expect(platform.files.file(hart: hart, guest: guest)?.isPending(5) == true)
    }
  }

  @Test("a page of the second stage that is a hart's own file gives an interrupt of the host")
  func ownFile() {
    memory.store64(Self.secondStage, 0x2400_0000 >> 2 & ~0xfff_ffff | 0xd7)
    memory.store(Self.context(mask: 0), at: Self.directory)
    let file = platform.files.address(hart: 1)
    let outcome = platform.post(Self.write(9, to: file.rawValue))
    #expect(outcome == .host(interrupt: 9, cpu: 1))
    let bigEndian = platform.post(
      Self.write(UInt32(10).byteSwapped, to: file.rawValue + InterruptFilePage.setBigEndian))
    #expect(bigEndian == .host(interrupt: 10, cpu: 1))
    let other = platform.post(Self.write(9, to: file.rawValue + 8))
    #expect(other == .failed(PostFailure("no such identity", isReported: false)))
  }

  @Test("a notice follows each recorded message, whether its identity is enabled or not")
  func notices() {
    entry(Self.resident.rawValue >> 2 | 3, 0x2400_0000 >> 2 | 7)
    for identity in [5, 5, 70] as [UInt32] {
      platform.files.withFile(hart: 0) { _ = $0.writeRegister(InterruptFileRegister.eip0, 0) }
      let outcome = platform.post(Self.write(identity, to: 0x2800_0000))
      #expect(
        outcome
          == .guest(
            interrupt: identity,
            .memoryResident(Self.resident, notice: .init(address: 0x2400_0000, identity: 7))))
      #expect(platform.files.file(hart: 0)?.isPending(7) == true)
    }
    #expect(memory.load64(Self.resident) == 1 << 5)
    #expect(memory.load64(Self.resident + 16) == 1 << 6)
  }

  @Test(
    "entries that are not valid or not legal are faults",
    arguments: [
      (0, "MSI PTE not valid", 262), (0xf, "MSI PTE misconfigured", 263),
      (1 << 63 | 7, "MSI PTE misconfigured", 263), (5, "MSI PTE misconfigured", 263),
    ] as [(UInt64, String, UInt16)])
  func faults(low: UInt64, name: String, code: UInt16) {
    entry(low)
    let outcome = platform.post(Self.write(5, to: 0x2800_0000))
    // The fault queue is off.
    #expect(outcome == .failed(PostFailure(name, code: code, isReported: false)))
  }

  @Test("a write to RAM is no message, and a device without a context reaches nothing")
  func memoryIsNoMessage() {
    let inRAM = platform.post(Self.write(5, to: 0x8008_0000))
    #expect(inRAM == .memory(0x8008_0000))
    #expect(memory.load32(0x8008_0000) == 5)
    let stranger = platform.post(Self.write(6, to: 0x8008_0000, from: 1))
    #expect(stranger == .failed(PostFailure("DDT entry not valid", code: 258, isReported: false)))
    #expect(memory.load32(0x8008_0000) == 5)
  }

  @Test(
    "whatever the tables hold, every write has an outcome", arguments: 1...4 as ClosedRange<UInt64>)
  func garbage(seed: UInt64) {
    var random = SplitMix(state: seed)
    for offset in stride(from: UInt64(0x4000), to: 1 << 16, by: 8) {
      memory.store64(Self.ram + offset, random.next() & 0x003f_ffff_ffff_ffff)
    }
    for _ in 0..<5000 {
      memory.store(Self.context(mask: random.next() & 0xff), at: Self.directory)
      _ = platform.post(
        Self.write(UInt32(truncatingIfNeeded: random.next()), to: random.next() & 0xffff_ffff))
    }
  }
}
