import ArmFormats
import Bits
package import Files
import Machine
import Memory
import PCI
import Platforms
import RISCV
import RISCVFormats
package import Scenarios
import VTD

/// Bench of other architectures' MSI handling, for comparison: x86, RISC-V and GICv5.
package final class PeersBench: Bench {
  package static let name = "peers"
  package static let title =
    "Intel's interrupt remapping, RISC-V's IOMMU with its MSI page table, and the ITS of GICv5."

  let memory: PhysicalMemory
  private var vtd: VTDPlatform
  private var riscv: RISCVPlatform
  let translation: GICv5Translation

  package init(_ value: CheckedValue) throws(InputError) {
    do { memory = try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 16 << 20)]) } catch {
      throw value.error(expected: "a machine whose memory can be set up")
    }
    vtd = VTDPlatform(remappingIn: memory)
    riscv = RISCVPlatform(oneDeviceIn: memory)
    translation = GICv5Translation(table: 0x4030_0000, deviceBits: 8, memory: memory)
  }

  private static var number: Shape { .integer(0...(.max)) }
  private static var word: Shape { .integer(0...0xffff_ffff) }

  package static var configuration: [Shape.Field] { [] }

  package static var actions: [Shape.Field] {
    [
      .optional(
        "write",
        .record([.required("address", number, "PA."), .required("value", number, "64 bits.")]),
        "Software writes a table."),
      .optional(
        "x86-write",
        .record([
          .required("requester", .integer(0...0xffff), "Requester ID."),
          .required("address", number, "Address."), .required("data", word, "Data."),
        ]),
        "A write behind an Intel IOMMU with interrupt remapping on, in xAPIC mode and without "
          + "translation, whose table of 256 entries is at 0x40100000. Entries are cached once used."
      ),
      .optional(
        "riscv-write",
        .record([.required("address", number, "GPA."), .required("data", word, "Data.")]),
        "A write of device 0 behind a RISC-V IOMMU without caches, whose MSI page table is at "
          + "0x40200000, for the four files from 0x28000000 on. Its second stage maps RAM one to one. "
          + "The interrupt files of four harts are at 0x24000000, with three guest files each."),
      .optional(
        "gicv5-message",
        .record([.required("device", word, "DeviceID."), .required("event", word, "EventID.")]),
        "A message at an ITS whose device table is at 0x40300000."),
    ]
  }

  package func perform(
    _ action: String, _ arguments: CheckedValue
  ) throws(InputError) -> Outcome {
    switch action {
    case "write":
      guard memory.store64(PA(arguments.integer("address")), arguments.integer("value")) else {
        throw arguments.error(expected: "an address in RAM (0x40000000, 16 MiB)")
      }
      return Outcome()
    case "x86-write":
      return Outcome(outcome: vtd.post(write(arguments)))
    case "riscv-write":
      return Outcome(outcome: riscv.post(write(arguments)))
    default:
      return Outcome(
        outcome: translation.message(arguments.word("device"), arguments.word("event")))
    }
  }

  private func write(_ arguments: CheckedValue) -> PostedWrite {
    PostedWrite(
      from: RequesterID(rawValue: UInt16(truncatingIfNeeded: arguments.integer("requester"))),
      to: IOVA(arguments.integer("address")), arguments.word("data"))
  }
}

extension VTDPlatform {
  /// A machine whose interrupts are remapped.
  fileprivate init(remappingIn memory: PhysicalMemory) {
    var unit = VTDUnit(profile: .full)
    unit.writeRegister(VTDRegister.interruptTable, 0x4010_0007, width: 8, memory: memory)
    unit.writeRegister(VTDRegister.command, VTDCommand.interruptTable, width: 4, memory: memory)
    unit.writeRegister(VTDRegister.command, VTDCommand.interrupts, width: 4, memory: memory)
    self.init(memory: memory, unit: unit)
  }
}

extension RISCVPlatform {
  /// A machine whose device 0 has a second stage and an MSI page table, as software set them up.
  fileprivate init(oneDeviceIn memory: PhysicalMemory) {
    let directory: PA = 0x4050_0000
    let secondStage: PA = 0x4050_4000
    // One page of 1 GiB: RAM, readable, writable, of user mode, accessed and dirty.
    memory.store64(secondStage + 8, 0x4000_0000 >> 2 | 0xd7)
    var context = DeviceContext()
    context[.valid] = true
    context[.secondStageMode] = .sv39x4
    context[.secondStagePage] = secondStage.rawValue >> 12
    context[.messageTableMode] = .flat
    context[.messageTablePage] = 0x4_0200
    context[.messageMask] = 0x3
    context[.messagePattern] = 0x2_8000
    memory.store(context, at: directory)
    let files = IMSICs(base: 0x2400_0000, hartCount: 4, guestFiles: 3)
    var profile = RISCVIOMMUProfile.full
    profile.interruptFiles = files.range
    var iommu = RISCVIOMMU(profile: profile, caches: .none)
    iommu.writeRegister(IOMMURegister.fqb, 0x4050_8000 >> 2 | 6, width: 8, memory: memory)
    iommu.writeRegister(IOMMURegister.fqcsr, 1, width: 4, memory: memory)
    iommu.writeRegister(
      IOMMURegister.ddtp, directory.rawValue >> 2 | UInt64(DirectoryMode.oneLevel.rawValue),
      width: 8, memory: memory)
    self.init(memory: memory, iommu: iommu, files: files)
  }
}

extension Outcome {
  /// The end of a posted write, under the same names on every platform.
  fileprivate init(outcome: PostOutcome) {
    switch outcome {
    case .memory(let place):
      self.init(
        [.init("path", "dma")] + (place.map { [.init("to", .string($0.description))] } ?? []))
    case .host(let interrupt, let cpu):
      self.init(
        [.init("path", "host"), .init("interrupt", .integer(Int(interrupt)))]
          + (cpu.map { [.init("cpu", .integer(Int($0)))] } ?? []))
    case .guest(let interrupt, let file):
      self.init(
        [.init("path", "guest"), .init("interrupt", .integer(Int(interrupt)))] + file.members)
    case .failed(let failure):
      self.init(
        [
          .init("path", "none"), .init("reason", .string(failure.name)),
          .init("reported", .bool(failure.isReported)),
        ] + (failure.code.map { [.init("code", .integer(Int($0)))] } ?? []))
    }
  }
}

extension GuestInterruptFile {
  fileprivate var members: [JSONValue.Member] {
    switch self {
    case .virtualPE(let number): [.init("vpe", .integer(Int(number)))]
    case .machine(let number): [.init("vm", .integer(Int(number)))]
    case .descriptor(let place, let isNotified):
      [.init("descriptor", .string(place.description)), .init("notified", .bool(isNotified))]
    case .file(let place): [.init("file", .string(place.description))]
    case .memoryResident(let place, let notice):
      [.init("memory-resident-file", .string(place.description))]
        + (notice.map {
          [
            .init("notice", .string($0.address.description)),
            .init("identity", .integer(Int($0.identity))),
          ]
        } ?? [])
    }
  }
}
