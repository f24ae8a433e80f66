import Diagnosis
import Firmware

/// Files of a case, made for a test.
struct Report {
  var files: [(name: String, bytes: [UInt8])] = []

  init(_ texts: [String: String] = [:], tables: [String: [UInt8]] = [:]) {
    files = texts.sorted { $0.key < $1.key }.map { ($0.key, Array($0.value.utf8)) }
    files += tables.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  var diagnosis: Diagnosis { Diagnosis(CaseReader.facts(of: files)) }
}

/// Lines as Linux prints them, with numbers of our own.
enum Kernel {
  /// A guest under QEMU's virt machine.
  static func guest(_ release: String = "6.12.9", iortRevision: Int = 5) -> String {
    """
    [    0.000000] Linux version \(release) (build@builder) (gcc 14.2.0) #1 SMP
    [    0.000000] efi: EFI v2.7 by EDK II
    [    0.000000] ACPI: XSDT 0x000000013F0D2F18 000064 (v01 BOCHS  BXPC     00000001      01000013)
    [    0.000000] ACPI: IORT 0x000000013F0D2898 000144 (v0\(iortRevision) BOCHS  BXPC     00000001)
    [    0.000000] GICv3: GICv3 features: 16 PPIs
    [    0.000000] ITS [mem 0x08080000-0x0809ffff]
    [    0.300000] ACPI: PCI Root Bridge [PC40] (domain 0000 [bus 40-41])
    [    0.920000] arm-smmu-v3 arm-smmu-v3.0.auto: ias 44-bit, oas 44-bit (features 0x00008305)
    [    1.020405] pci 0000:41:00.0: Adding to iommu group 3
    [    2.204427] nvme nvme0: pci function 0000:41:00.0

    """
  }

  static func host(_ release: String, features: String = "0x01ff8fff") -> String {
    """
    [    0.000000] Linux version \(release) (build@builder) (gcc 14.2.0) #1 SMP
    [    0.000000] DMI: Example Systems Server/Board, BIOS 1.2 03/04/2025
    [    0.000000] GICv3: GICv4 features: DirectLPI RVPEID Valid+Dirty
    [    0.000000] ITS [mem 0x100100040000-0x10010005ffff]
    [    1.000000] kvm [1]: VHE mode initialized successfully
    [    4.510062] arm-smmu-v3 arm-smmu-v3.7.auto: ias 48-bit, oas 48-bit (features \(features))
    [    4.530047] pci 0006:01:00.0: Adding to iommu group 31
    [  300.200084] vfio-pci 0006:01:00.0: enabling device (0000 -> 0002)

    """
  }

  /// An event of arm-smmu-v3 as Linux before 6.14 dumps it.
  static func event(
    _ words: UInt64..., smmu: String = "arm-smmu-v3.0.auto", at time: Int = 70_000_000
  ) -> String {
    func stamp(_ offset: Int) -> String {
      let fraction = String((time + offset) % 1_000_000)
      return "[\((time + offset) / 1_000_000)."
        + String(repeating: "0", count: 6 - fraction.count) + "\(fraction)]"
    }
    func word(_ value: UInt64) -> String {
      let digits = String(value, radix: 16)
      return "0x" + String(repeating: "0", count: 16 - digits.count) + digits
    }
    let id = String(words[0] & 0xff, radix: 16)
    var lines = [
      "\(stamp(0)) arm-smmu-v3 \(smmu): event 0x\(id.count < 2 ? "0" : "")\(id) received:"
    ]
    for (index, value) in words.enumerated() {
      lines.append("\(stamp(index * 9 + 9)) arm-smmu-v3 \(smmu): \t\(word(value))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A write of 0x41:00.0 to the doorbell in the software MSI window that stage 1 refuses.
  static var doorbell: String {
    event(0x4100_0000_0010, 0x0200_0000_0000, 0x800_0040, 0)
      + "[   71.500000] nvme nvme0: I/O tag 5 (1005) QID 0 timeout, completion polled\n"
  }
}

/// Tables of a guest with an expander bus 0x40 behind an SMMU at 0xc000000.
struct GuestTables {
  var revision: UInt8 = 5
  var base: UInt64 = 0x800_0000
  var flags: UInt64 = 0
  /// The first StreamID of the RMR and their number less one; `nil` for no RMR.
  var streams: (first: UInt32, countMinusOne: UInt32)? = (0x4000, 0x1ff)
  /// Which of the two SMMUs the RMR refers to.
  var smmu = 0
  var preserves = true

  var files: [String: [UInt8]] {
    get throws {
      var builder = IORTBuilder(revision: revision, origin: Self.origin)
      var group = IORTDraft(.itsGroup, revision: 1)
      group.elements = [0]
      let its = builder.add(group)
      var smmus: [Int] = []
      for base in [0xc00_0000, 0xc02_0000] as [UInt64] {
        var node = IORTDraft(.smmuV3, revision: 4, identifier: UInt32(smmus.count + 1))
        node[IORTLayout.smmuBase] = base
        // Wired interrupts, so that no mapping is the SMMU's own.
        node[IORTLayout.eventInterrupt] = 74
        node[IORTLayout.priInterrupt] = 75
        node[IORTLayout.errorInterrupt] = 76
        node[IORTLayout.syncInterrupt] = 77
        node.mappings = [.init(inputBase: 0, countMinusOne: 0xffff, outputBase: 0, target: its)]
        smmus.append(builder.add(node))
      }
      var complex = IORTDraft(.rootComplex, revision: 3, identifier: 3)
      complex.mappings = [
        .init(inputBase: 0x4000, countMinusOne: 0x1ff, outputBase: 0x4000, target: smmus[0]),
        .init(inputBase: 0x6000, countMinusOne: 0x1ff, outputBase: 0x6000, target: smmus[1]),
        .init(inputBase: 0, countMinusOne: 0x3fff, outputBase: 0, target: its),
      ]
      builder.add(complex)
      if let streams {
        var range = IORTDraft(.reservedMemoryRange, revision: 3, identifier: 4)
        range[IORTLayout.rmrFlags] = flags
        range.mappings = [
          .init(
            inputBase: 0, countMinusOne: streams.countMinusOne, outputBase: streams.first,
            target: smmus[smmu])
        ]
        range.ranges = [.init(base: base, length: 0x10_0000)]
        builder.add(range)
      }
      var bridges = HostBridgeBuilder(origin: Self.origin)
      bridges.add(bus: 0x40, preserves: preserves)
      return ["t/IORT": try builder.build(), "t/DSDT": bridges.build()]
    }
  }

  private static let origin = TableOrigin(
    oemID: "EXMPLE", oemTableID: "TESTTABL", oemRevision: 1, creatorID: "EXMP",
    creatorRevision: 1)
}
