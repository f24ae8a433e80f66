import ArmFormats
import Bits
import Memory
import SMMU
import SMMUFixtures
import Testing

/// What RISC-V's MSI page tables do, an SMMU does not: a message is a write like any other
/// (IHI 0070, 3.18 says so of the messages of devices; its own are not translated at all).
@Suite("RISC-V rows: message pages")
struct MessagePageRowTests {
  /// The device, the pattern and the address of the peer's case: entry 3 of its flat table.
  static let stream: UInt32 = 0x2874
  static let address: UInt64 = 0x2_8000_3000
  static let ipa: UInt64 = 0x7_0000_3000

  private func nested() throws -> (Machine, Stream) {
    let machine = try Machine()
    machine.write(SMMURegister.cr0, 0)
    machine.write(SMMURegister.streamTableConfig, 14)
    machine.write(SMMURegister.cr0, 0xf)
    let stream = Stream(machine, .nested)
    stream.install(stream: Self.stream)
    return (machine, stream)
  }

  private func log(_ machine: Machine, write: Bool = true, fetch: Bool = false)
    -> (TranslationResult, [DescriptorRead])
  {
    var log = TranslationLog()
    let access = Transaction(
      streamID: Self.stream, address: IOVA(Self.address), isWrite: write, isInstruction: fetch)
    let result = machine.smmu.translate(access, in: machine.memory, observer: &log)
    return (result, log.reads)
  }

  @Test("RV-12: a message to an address that no table maps faults in the stage that lacks it")
  func unmapped() throws {
    let (machine, stream) = try nested()
    _ = log(machine)
    #expect(
      machine.events().map(\.words)
        == [[0x2874_0000_0010, 0x0200_0000_0000, Self.address, 0]])
    stream.low.map(Self.address, to: Self.ipa, stage1Leaf)
    _ = log(machine)
    #expect(
      machine.events().map(\.words)
        == [[0x2874_0000_0010, 0x0280_0000_0000, Self.address, Self.ipa]])
    // A doorbell that only reads: F_PERMISSION, not a class of its own.
    stream.stage2.map(Self.ipa, to: 0x4200_0000, stage2Leaf & ~(2 << 6))
    _ = log(machine)
    #expect(machine.events().map { $0[.kind] } == [.permission])
  }

  @Test("RV-12: a message reads stream, context and translation tables, and no message table")
  func noMessageTable() throws {
    let (machine, stream) = try nested()
    stream.low.map(Self.address, to: Self.ipa, stage1Leaf)
    stream.stage2.map(Self.ipa, to: 0x4200_3000, stage2Leaf)
    let (result, reads) = log(machine)
    guard case .translated(let page) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(page.address == 0x4200_3000)
    // STE; CD through stage 2; four levels, each through stage 2; the output through stage 2.
    let stage1 = reads.filter { if case .stage1 = $0.step { true } else { false } }
    let stage2 = reads.filter { if case .stage2 = $0.step { true } else { false } }
    #expect(reads.first?.step == .streamEntry)
    #expect(reads.filter { $0.step == .context }.count == 1)
    #expect(reads.count == 2 + stage1.count + stage2.count)
    #expect(stage2.filter { $0.purpose == .output }.count == stage2.count / (stage1.count + 2))
  }

  @Test("RV-14: there is no memory-resident interrupt file: the four bytes go where the walk says")
  func noInterruptFile() throws {
    let (machine, stream) = try nested()
    stream.low.map(Self.address, to: Self.ipa, stage1Leaf)
    stream.stage2.map(Self.ipa, to: 0x4200_3000, stage2Leaf)
    machine.memory.store64(PA(0x4200_3000), 0xdead_beef)
    let (write, _) = log(machine)
    let (read, _) = log(machine, write: false)
    #expect(write == read, "a read of the page is translated just so")
    #expect(machine.memory.load64(PA(0x4200_3000)) == 0xdead_beef, "the SMMU itself wrote nothing")
    #expect(machine.events().isEmpty)
    #expect(machine.smmu.nextOutgoingMessage() == nil, "and it sends no notice")
  }

  @Test("RV-15: whether the page of a doorbell is executable is a matter of XN, as of any page")
  func execute() throws {
    for (never, allowed) in [(UInt64(0), true), (1, false)] {
      let (machine, stream) = try nested()
      stream.low.map(Self.address, to: Self.ipa, stage1Leaf | never << 54)
      stream.stage2.map(Self.ipa, to: 0x4200_3000, stage2Leaf)
      let (result, _) = log(machine, write: false, fetch: true)
      if case .translated = result { #expect(allowed) } else { #expect(!allowed) }
      #expect(machine.events().map { $0[.kind] } == (allowed ? [] : [.permission]))
    }
  }
}
