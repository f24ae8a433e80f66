import ArmFormats
import Bits
import HostKernel
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
    let command = try forwarded(SMMUCommand(.invalidateNonHyp))
    #expect(command[.opcode] == .invalidateEL1)
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
}
