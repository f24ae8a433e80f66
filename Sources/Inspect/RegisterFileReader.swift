internal import ArmFormats
internal import Bits
package import Files
package import Memory

/// The registers of the SMMU of a memory image, and where RAM is.
///
/// The file is JSON:
///
/// ```json
/// {"registers": {"smmu": {"0x9050000": {"0x0": "0x0d44101b", "0x80": "0x40202000"}}},
///  "ram": ["0x40000000", "0x40000000"]}
/// ```
///
/// Under `registers.smmu` stands one object for each SMMU, named by its base address; its members
/// are 32-bit registers by offset. IDR0 (0x0), IDR1 (0x4), IDR5 (0x14), STRTAB_BASE (0x80, 0x84)
/// and STRTAB_BASE_CFG (0x88) are needed; IDR3, IIDR, AIDR, GBPA, CR1 and CR2 are used where they
/// are given, other offsets and other members are ignored. CR0 is taken as enabled where it is
/// missing. `ram` is a base and a size in bytes, or a list of such pairs; without it RAM is what
/// the image's segments hold.
package struct RegisterFile: Sendable {
  /// The base address of the SMMU: its name.
  package let base: UInt64
  /// Register values by offset.
  package let registers: [UInt64: UInt32]
  package let ram: [PhysicalMemory.Region]

  /// Reads `file`.
  ///
  /// - Parameter smmu: the base of the SMMU to take where there are several.
  /// - Throws: `InputError` that names the member at fault.
  package init(file: String, smmu: UInt64? = nil) throws(InputError) {
    try self.init(InputFile(file).json(), smmu: smmu)
  }

  init(_ document: JSONCursor, smmu wanted: UInt64?) throws(InputError) {
    let all = try document.member("registers").member("smmu")
    let entries = try all.members()
    let entry = entries.first { wanted == nil || UInt64(number: $0.name) == wanted }
    guard let entry, let base = UInt64(number: entry.name) else {
      let names = entries.map(\.name).joined(separator: ", ")
      let what = wanted.map { "an SMMU at \(hex($0))" } ?? "an SMMU named by its base address"
      throw all.error("expected \(what), found \(names.isEmpty ? "none" : names)")
    }
    self.base = base
    var registers: [UInt64: UInt32] = [:]
    for (name, value) in try entry.cursor.members() {
      guard let offset = UInt64(number: name), let word = UInt32(exactly: try value.word()) else {
        throw value.error(expected: "the 32-bit value of a register, by offset")
      }
      registers[offset] = word
    }
    typealias Register = SMMURegister
    for (offset, register) in [
      (Register.idr0, "IDR0"), (Register.idr1, "IDR1"), (Register.idr5, "IDR5"),
      (Register.streamTableBase, "STRTAB_BASE"), (Register.streamTableConfig, "STRTAB_BASE_CFG"),
    ] where registers[offset] == nil {
      throw entry.cursor.error(
        "expected \(register) at \"\(hex(offset))\", found no such member")
    }
    self.registers = registers
    ram =
      try document.optional("ram").map { (list) throws(InputError) in
        let regions = try Self.regions(list)
        guard regions.count <= 64 else {
          throw list.error("expected at most 64 ranges, found \(regions.count)")
        }
        do { try PhysicalMemory.check(regions) } catch { throw list.error("\(error)") }
        return regions
      } ?? []
  }

  private static func regions(_ cursor: JSONCursor) throws(InputError)
    -> [PhysicalMemory.Region]
  {
    let items = try cursor.elements()
    if case .array? = items.first?.value {
      var regions: [PhysicalMemory.Region] = []
      for item in items { regions.append(try region(item)) }
      return regions
    }
    return [try region(cursor)]
  }

  private static func region(_ cursor: JSONCursor) throws(InputError)
    -> PhysicalMemory.Region
  {
    let pair = try cursor.elements()
    guard pair.count == 2 else {
      throw cursor.error("expected a base and a size, found \(pair.count) numbers")
    }
    return PhysicalMemory.Region(base: PA(try pair[0].word()), size: try pair[1].word())
  }
}
