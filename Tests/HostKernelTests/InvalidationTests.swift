import ArmFormats
import Bits
import HostFixtures
import HostKernel
import Linux
import Software
import Testing

@Suite("HostKernel: the guest's invalidations")
struct InvalidationTests {
  private func forwarded(_ command: SMMUCommand) throws -> SMMUCommand {
    var bench = try HostBench.started()
    let commands = smmuCommands(try bench.handle(.invalidate(command)))
    try #require(commands.count == 1)
    return commands[0]
  }

  @Test("TLBI_NSNH_ALL becomes TLBI_NH_ALL of the guest's VMID")
  func everything() throws {
    let command = try forwarded(SMMUCommand(.tlbiNSNHAll))
    #expect(command[.opcode] == .tlbiNHAll)
    #expect(command[.vmid] == 1)
  }

  @Test(
    "a stage 1 invalidation keeps all but its VMID",
    arguments: [0x10, 0x11, 0x12, 0x13] as [UInt8])
  func stage1(opcode: UInt8) throws {
    var command = SMMUCommand(SMMUOpcode(rawValue: opcode))
    command[.vmid] = 5
    command[.asid] = 0x1997
    command[.leaf] = true
    command[.page] = 0xffff_f
    command[.rangeCount] = 3
    command[.rangeScale] = 1
    var expected = command
    expected[.vmid] = 1
    #expect(try forwarded(command) == expected)
  }

  @Test(
    "a configuration or ATC invalidation of the guest's stream names the physical one",
    arguments: [0x05, 0x06, 0x40] as [UInt8])
  func streams(opcode: UInt8) throws {
    var command = SMMUCommand(SMMUOpcode(rawValue: opcode))
    command[.stream] = HostBench.guestStream
    var expected = command
    expected[.stream] = HostBench.device
    #expect(try forwarded(command) == expected)
  }

  @Test(
    "an unknown StreamID is EIO, the physical one included",
    arguments: [0x05, 0x06, 0x40] as [UInt8], [0, 0x10, 0x1101] as [UInt32])
  func unknownStream(opcode: UInt8, stream: UInt32) throws {
    var bench = try HostBench.started()
    var command = SMMUCommand(SMMUOpcode(rawValue: opcode))
    command[.stream] = stream
    #expect(bench.refusal(.invalidate(command))?.errno == "EIO")
  }

  @Test("every other opcode is EIO")
  func others() throws {
    var bench = try HostBench.started()
    let accepted: Set<UInt8> = [0x05, 0x06, 0x10, 0x11, 0x12, 0x13, 0x30, 0x40]
    for opcode in UInt8.min...UInt8.max {
      var command = SMMUCommand(SMMUOpcode(rawValue: opcode))
      command[.stream] = HostBench.guestStream
      let errno = bench.refusal(.invalidate(command))?.errno
      #expect(errno == (accepted.contains(opcode) ? nil : "EIO"), "opcode \(opcode)")
    }
  }

  @Test(
    "what counts as done before a refused command was issued with either posted cure, and not without",
    arguments: [
      ([], false), ([.invalidateInCore], true), ([.invalidateErrorPath], true),
    ] as [(Set<ReleaseSwitch>, Bool)])
  func refusedInBatch(cures: Set<ReleaseSwitch>, isIssued: Bool) throws {
    var bench = try HostBench.started(kernel: Kernel(Release(7, 3), with: cures))
    let result = bench.kernel.invalidate(
      [SMMUCommand(.tlbiNHAll), SMMUCommand(.tlbiNHAll), SMMUCommand(.tlbiEL2All)],
      of: .first)
    #expect(result.done == 2)
    #expect(result.refusal?.errno == "EIO")
    #expect(result.steps.isEmpty == !isIssued)
  }

  @Test(
    "bits that no field of a command has reach the hardware, or are refused where that is asked")
  func reservedBits() throws {
    var command = SMMUCommand(.tlbiNHAll)
    command[word: 0] |= 1 << 20
    #expect(command.hasUnnamedBits)
    var plain = try HostBench.started()
    let sent = smmuCommands(try plain.handle(.invalidate(command)))
    #expect(sent.first.map { $0[word: 0] >> 20 & 1 } == 1)
    var strict = try HostBench.started(
      kernel: Kernel(Release(7, 3), with: [.commandBitsRefused]))
    #expect(strict.refusal(.invalidate(command))?.errno == "EIO")
    #expect(strict.refusal(.invalidate(SMMUCommand(.tlbiNHAll))) == nil)
  }

  @Test("a live entry's MEV changes without a gap since 7.0 and 6.18.15, and through V=0 before")
  func hitless() throws {
    for (release, batches) in [
      (Release(6, 18), 3), (Release(6, 18, 15), 2), (Release(6, 19), 3), (Release(7, 0), 2),
    ] {
      var bench = try HostBench.started(kernel: Kernel(release, with: [.attachWithoutDevice]))
      var entry = StreamTableEntry()
      entry[.valid] = true
      entry[.config] = .stage1
      entry[.contextPointer] = 0x100_0000
      let steps = try bench.handle(.attach(guestEntry: entry))
      let writes = steps.filter {
        if case .write = $0.action { $0.function == "arm_smmu_attach_dev_nested" } else { false }
      }
      #expect(writes.count == batches, "Linux \(release)")
    }
  }
}
