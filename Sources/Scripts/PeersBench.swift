import Bits
package import Files
import Machine
import Memory
import PCI
import Platforms
package import Scenarios

/// Bench of other architectures' MSI handling, for comparison: x86, RISC-V and GICv5.
package final class PeersBench: Bench {
  package static let name = "peers"
  package static let title =
    "Intel's interrupt remapping, RISC-V's MSI page table and the ITS of GICv5, in memory."

  let memory: PhysicalMemory
  let remapping: InterruptRemapping
  let pages: MSIPageTable
  let translation: GICv5Translation

  package init(_ value: CheckedValue) throws(InputError) {
    do { memory = try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 16 << 20)]) } catch {
      throw value.error(expected: "a machine whose memory can be set up")
    }
    remapping = InterruptRemapping(table: 0x4010_0000, count: 256, memory: memory)
    pages = MSIPageTable(table: 0x4020_0000, mask: 0x3, pattern: 0x2_8000, memory: memory)
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
        ]), "A write behind an Intel IOMMU whose table of 256 entries is at 0x40100000."),
      .optional(
        "riscv-write",
        .record([.required("address", number, "GPA."), .required("data", word, "Data.")]),
        "A write whose table is at 0x40200000, for the four files from 0x28000000 on."),
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
      return Outcome(outcome: remapping.post(write(arguments)))
    case "riscv-write":
      return Outcome(outcome: pages.post(write(arguments)))
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
    case .descriptor(let place, let isUrgent):
      [.init("descriptor", .string(place.description)), .init("urgent", .bool(isUrgent))]
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
