import Diagnosis
import Testing

@Suite("Causes in the guest's tables")
struct WindowRuleTests {
  private func first(_ tables: GuestTables, log: String) throws -> Finding {
    let report = Report(["log": log], tables: try tables.files)
    return try #require(report.diagnosis.causes.first)
  }

  private let log = Kernel.guest() + Kernel.doorbell

  @Test("without an RMR the window is not mapped")
  func absent() throws {
    let finding = try first(GuestTables(streams: nil), log: log)
    #expect(finding.cause == .rmrAbsent)
    #expect(finding.means.contains("0x8000040"))
    #expect(finding.means.contains("0000:41:00.0"))
  }

  @Test("an RMR of a table before revision 5 is ignored")
  func revision() throws {
    #expect(try first(GuestTables(revision: 4), log: log).cause == .rmrRevisionTooOld)
  }

  @Test("an RMR without _DSM function 5 on the bridge is ignored for PCI functions")
  func bootConfiguration() throws {
    let finding = try first(GuestTables(preserves: false), log: log)
    #expect(finding.cause == .rmrNoDsm5)
    #expect(finding.means.contains("PC40"))
    #expect(!finding.means.contains("too old"))
  }

  @Test("an RMR for other StreamIDs does not hold for the device")
  func streams() throws {
    let finding = try first(GuestTables(streams: (0x5000, 0xff)), log: log)
    #expect(finding.cause == .rmrWrongIds)
    #expect(finding.means.contains("0x4100"))
  }

  @Test("a mapping whose count is 0 is skipped")
  func single() throws {
    #expect(try first(GuestTables(streams: (0x4100, 0)), log: log).cause == .rmrSingleIdSkipped)
  }

  @Test("an RMR that refers to another SMMU does not hold for the device")
  func otherSMMU() throws {
    let finding = try first(GuestTables(smmu: 1), log: log)
    #expect(finding.cause == .rmrOtherSmmu)
    #expect(finding.means.contains("0xc000000"))
    #expect(finding.means.contains("0xc020000"))
  }

  @Test("an RMR for another address does not cover the host's window")
  func range() throws {
    #expect(try first(GuestTables(base: 0x900_0000), log: log).cause == .rmrWrongRange)
  }

  @Test("a range that permits remapping is not kept one to one")
  func relaxable() throws {
    #expect(try first(GuestTables(flags: 1), log: log).cause == .rmrRelaxable)
  }

  @Test(
    "kernels before 6.0 read no RMR, whatever the tables say", arguments: ["5.15.100", "5.19.4"])
  func kernel(release: String) throws {
    let finding = try first(GuestTables(), log: Kernel.guest(release) + Kernel.doorbell)
    #expect(finding.cause == .guestKernelBeforeRmr)
    #expect(finding.means.contains(release))
  }

  @Test("a guest with a device tree has no RMR")
  func deviceTree() throws {
    let log =
      """
      [    0.000000] Linux version 6.12.9 (build@builder) (gcc 14.2.0) #1 SMP
      [    0.000000] Machine model: linux,dummy-virt
      [    0.000000] ITS [mem 0x08080000-0x0809ffff]

      """ + Kernel.doorbell
    #expect(Report(["log": log]).diagnosis.causes.first?.cause == .rmrDeviceTree)
  }

  @Test("without tables the files do not decide it, and say which would")
  func undecided() throws {
    let diagnosis = Report(["log": log]).diagnosis
    #expect(diagnosis.causes.first?.cause == .cannotTell)
    #expect(diagnosis.causes.map(\.cause).contains(.rmrAbsent))
    let kinds = diagnosis.missing.map(\.kind)
    #expect(kinds.contains(.iort) && kinds.contains(.dsdt))
  }

  @Test("VFIO inside a guest up to 6.5 puts its own doorbell at the window")
  func nestedVFIO() throws {
    let guest =
      Kernel.guest("6.1.90")
        + """
        [   40.000000] vfio-pci 0000:41:00.0: enabling device (0000 -> 0002)
        [  100.500000] nvme nvme0: I/O tag 5 (1005) QID 0 timeout, completion polled

        """
    // Stage 2, CLASS IN, IPA of the virtual doorbell.
    let host =
      Kernel.host("6.18.3")
      + Kernel.event(
        0x0100_0000_0010, 0x0280_0000_0000, 0x800_0040, 0x809_0000, smmu: "arm-smmu-v3.7.auto")
    let causes = Report(["guest": guest, "host": host]).diagnosis.causes.map(\.cause)
    #expect(causes.first == .vfioInGuestWindow)
  }
}
