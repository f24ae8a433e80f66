import Bits
package import Files
import Memory
import PeerArchitectures
package import Scenarios

/// How other architectures take a device's MSI: x86, RISC-V and GICv5, for comparison.
package final class PeersBench: Bench {
  package static let name = "peers"
  package static let title =
    "Intel's interrupt remapping, RISC-V's MSI page table and the ITS of GICv5, in memory."

  let memory: PhysicalMemory
  let remapping = InterruptRemapping(table: 0x4010_0000, count: 256)
  let pages = MSIPageTable(table: 0x4020_0000, mask: 0x3, pattern: 0x2_8000)
  let translation = GICv5Translation(table: 0x4030_0000, deviceBits: 8)

  package init(_ value: CheckedValue) throws(InputError) {
    do { memory = try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 16 << 20)]) } catch {
      throw value.error(expected: "a machine whose memory can be set up")
    }
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
    case "x86-write": return x86(arguments)
    case "riscv-write": return riscv(arguments)
    default: return gicv5(arguments)
    }
  }

  private func x86(_ arguments: CheckedValue) -> Outcome {
    let outcome = remapping.write(
      arguments.word("data"), to: arguments.integer("address"),
      from: UInt16(truncatingIfNeeded: arguments.integer("requester")), memory: memory)
    switch outcome {
    case .memory: return Outcome([.init("path", "dma")])
    case .remapped(let vector, let destination):
      return Outcome([
        .init("path", "remapped"), .init("vector", .integer(Int(vector))),
        .init("destination", .integer(Int(destination))),
      ])
    case .posted(let descriptor, let vector, let isUrgent):
      return Outcome([
        .init("path", "posted"), .init("descriptor", .string(descriptor.description)),
        .init("vector", .integer(Int(vector))), .init("urgent", .bool(isUrgent)),
      ])
    case .blocked(let reason):
      return Outcome([
        .init("path", "blocked"), .init("reason", .string("\(reason)")),
        .init("code", .integer(Int(reason.rawValue))),
      ])
    }
  }

  private func riscv(_ arguments: CheckedValue) -> Outcome {
    switch pages.write(
      arguments.word("data"), to: IPA(arguments.integer("address")), memory: memory)
    {
    case .memory: return Outcome([.init("path", "second stage")])
    case .redirected(let place):
      return Outcome([.init("path", "redirected"), .init("to", .string(place.description))])
    case .recorded(let file, let notice):
      var values: [JSONValue.Member] = [
        .init("path", "recorded"), .init("file", .string(file.description)),
      ]
      if let notice {
        values += [
          .init("notice", .string(notice.address.description)),
          .init("identity", .integer(Int(notice.identity))),
        ]
      }
      return Outcome(values)
    case .ignored: return Outcome([.init("path", "ignored")])
    case .fault(let cause):
      return Outcome([.init("path", "fault"), .init("cause", .integer(Int(cause)))])
    }
  }

  private func gicv5(_ arguments: CheckedValue) -> Outcome {
    switch translation.message(arguments.word("device"), arguments.word("event"), memory: memory) {
    case .physical(let lpi):
      return Outcome([.init("path", "physical"), .init("lpi", .integer(Int(lpi)))])
    case .virtual(let lpi, let machine):
      return Outcome([
        .init("path", "virtual"), .init("lpi", .integer(Int(lpi))),
        .init("vm", .integer(Int(machine))),
      ])
    case .dropped(let reason):
      return Outcome([.init("path", "none"), .init("dropped", .string(reason.rawValue))])
    }
  }
}
