import ArmFormats
import Bits
import GIC
import Memory
import SMMU
import SMMUFixtures
import Testing

/// Every offset of the register frames, at every width.
@Suite("Register frames")
struct RegisterFrameTests {
  static let patterns: [UInt64] = [0xffff_ffff, 0xa5a5_5a5a, 0, .max, 0xa5a5_5a5a_a5a5_5a5a]

  /// All offsets near the start of each 64 KiB frame and near its end, each word in between.
  private static func offsets(_ size: UInt64) -> [UInt64] {
    var offsets: [UInt64] = []
    for frame in stride(from: 0, to: size, by: 0x1_0000) {
      offsets += (0..<0x200).map { frame + $0 }
      offsets += stride(from: 0x200, to: 0xff80, by: 4).map { frame + $0 }
      offsets += (0xff80..<0x1_0000).map { frame + $0 }
    }
    return offsets + [size, size + 4, .max - 7, .max]
  }

  private static func memory() throws -> PhysicalMemory {
    try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 0x400_0000)])
  }

  @Test("KU-01: reads and writes of every offset of both SMMU pages; read-only registers stay")
  func smmu() throws {
    for profile in [SMMUProfile.full, .qemu, .qemuStage1] {
      let machine = try Machine(profile)
      let constant: [UInt64] = [0x00, 0x04, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x1c, 0x60]
      let before = constant.map { machine.read($0) }
      for offset in constant {
        for value in Self.patterns {
          machine.write(offset, value)
          #expect(machine.read(offset) == before[Int(offset == 0x60 ? 8 : offset / 4)])
        }
      }
      for offset in Self.offsets(0x2_0000) {
        for width in [1, 2, 4, 8] {
          _ = machine.read(offset, width)
          for value in Self.patterns where offset & 3 == 0 || value == .max {
            machine.write(offset, value, width)
          }
        }
      }
      // What was written may have stopped a queue; identification is untouched.
      #expect(constant.dropLast().map { machine.read($0) } == before.dropLast())
      #expect(machine.read(SMMURegister.cr0Acknowledge) == machine.read(SMMURegister.cr0))
    }
  }

  @Test("KU-01: reads and writes of every offset of both ITS frames; read-only registers stay")
  func its() throws {
    let memory = try Self.memory()
    for version in [GICVersion.v3, .v4, .v4Point1] {
      var its = ITS(profile: ITSProfile(version: version))
      var redistributors = Redistributors(
        profile: RedistributorProfile(count: 4, version: version))
      var none = NoITSObserver()
      // GITS_IIDR, GITS_TYPER, GITS_CREADR and GITS_PIDR2.
      let constant: [(UInt64, Int)] = [(4, 4), (8, 8), (8, 4), (12, 4), (0x90, 8), (0xffe8, 4)]
      let before = constant.map { its.readRegister($0.0, width: $0.1) }
      for (index, row) in constant.enumerated() {
        for value in Self.patterns {
          its.writeRegister(
            row.0, value, width: row.1, memory: memory, redistributors: &redistributors,
            observer: &none)
          #expect(its.readRegister(row.0, width: row.1) == before[index], "\(hex(row.0))")
        }
      }
      for offset in Self.offsets(version == .v3 ? 0x2_0000 : 0x4_0000) {
        for width in [1, 2, 4, 8] {
          _ = its.readRegister(offset, width: width)
          for value in Self.patterns where offset & 3 == 0 || value == .max {
            its.writeRegister(
              offset, value, width: width, memory: memory, redistributors: &redistributors,
              observer: &none)
          }
        }
      }
      let after = constant.map { its.readRegister($0.0, width: $0.1) }
      #expect(after[0...3] == before[0...3] && after[5] == before[5])
      #expect(its.readRegister(0x1_0040, width: 4) == 0, "GITS_TRANSLATER is write-only")
    }
  }

  @Test("KU-01: reads and writes of every offset of a redistributor's frames")
  func redistributor() throws {
    let memory = try Self.memory()
    for version in [GICVersion.v3, .v4, .v4Point1] {
      var profile = RedistributorProfile(count: 2, version: version)
      profile.hasDirectLPIs = true
      var redistributors = Redistributors(profile: profile)
      // GICR_IIDR, GICR_TYPER, GICR_SYNCR and GICR_PIDR2.
      let constant: [(UInt64, Int)] = [(4, 4), (8, 8), (8, 4), (12, 4), (0xc0, 4), (0xffe8, 4)]
      let before = constant.map { redistributors.readRegister($0.0, width: $0.1, at: 1) }
      let check = { (registers: borrowing Redistributors) in
        for (row, value) in zip(constant, before) {
          #expect(registers.readRegister(row.0, width: row.1, at: 1) == value, "\(hex(row.0))")
        }
      }
      for offset in Self.offsets(profile.stride) {
        for width in [1, 2, 4, 8] {
          _ = redistributors.readRegister(offset, width: width, at: 1)
          for value in Self.patterns where offset & 3 == 0 || value == .max {
            redistributors.writeRegister(offset, value, width: width, at: 1, memory: memory)
          }
        }
        if offset < 0x200 { check(redistributors) }
      }
      check(redistributors)
      for index in [-1, 2, Int.max] {
        #expect(redistributors.readRegister(8, width: 8, at: index) == 0)
        redistributors.writeRegister(0, 1, width: 4, at: index, memory: memory)
      }
    }
  }
}
