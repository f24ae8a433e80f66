import Firmware
import Fuzz
import TestRandom
import Testing

@Suite("FuzzFirmware")
struct FuzzFirmwareTests {
  private static let source = """
    /dts-v1/; / { #address-cells = <2>; #size-cells = <2>; compatible = "x";
    its: its@8080000 { compatible = "arm,gic-v3-its"; msi-controller; #msi-cells = <1>;
      reg = <0 0x8080000 0 0x20000>; };
    smmu: smmu@9050000 { compatible = "arm,smmu-v3"; reg = <0 0x9050000 0 0x20000>; #iommu-cells = <1>; };
    pcie@10000000 { device_type = "pci"; compatible = "pci-host-ecam-generic"; bus-range = <0 0xf>;
      linux,pci-domain = <0>; msi-map = <0 &its 0 0x1000>; msi-map-mask = <0xffff>;
      iommu-map = <0 &smmu 0 0x1000>; };
    dma@1 { iommus = <&smmu 5>, <&smmu 6>; msi-parent = <&its 7>; };
    };
    """

  /// An IORT with a group, an SMMU, a root complex and an RMR.
  private static func iort() -> [UInt8] {
    var builder = IORTBuilder(revision: 5, origin: .doorbell)
    var group = IORTDraft(.itsGroup, revision: 1)
    group.elements = [0]
    builder.add(group)
    var smmu = IORTDraft(.smmuV3, revision: 4, identifier: 1)
    smmu[IORTLayout.smmuBase] = 0x905_0000
    smmu.mappings = [.init(inputBase: 0, countMinusOne: 0xffff, outputBase: 0, target: 0)]
    builder.add(smmu)
    var complex = IORTDraft(.rootComplex, revision: 3, identifier: 2)
    complex.mappings = [.init(inputBase: 0, countMinusOne: 0xffff, outputBase: 0, target: 1)]
    builder.add(complex)
    var reserved = IORTDraft(.reservedMemoryRange, revision: 3, identifier: 3)
    reserved.mappings = [.init(inputBase: 0, countMinusOne: 0xff, outputBase: 0, target: 1)]
    reserved.ranges = [.init(base: 0x800_0000, length: 0x10_0000)]
    builder.add(reserved)
    return (try? builder.build()) ?? []
  }

  private static func dump(_ table: [UInt8]) -> [UInt8] {
    let lines = stride(from: 0, to: table.count, by: 16).map { start in
      let offset = String(0x1_0000 + start, radix: 16).dropFirst()
      let bytes = table[start..<min(start + 16, table.count)].map {
        " " + String(0x100 + Int($0), radix: 16).dropFirst()
      }
      return "    \(offset):\(bytes.joined())"
    }
    return Array("IORT @ 0x0\n\(lines.joined(separator: "\n"))\n".utf8)
  }

  private static let inputs: [(name: String, bytes: [UInt8])] = [
    ("IORT", iort()), ("dts", Array(source.utf8)), ("acpidump", dump(iort())),
    (
      "MADT",
      {
        var builder = MADTBuilder(revision: 4, origin: .doorbell)
        builder.add(.gicd, [MADTLayout.distributorBase: 0x800_0000])
        builder.add(.its, [MADTLayout.itsBase: 0x808_0000])
        return builder.build()
      }()
    ),
  ]

  @Test("the inputs themselves are read, and lead somewhere", arguments: inputs.indices)
  func sound(index: Int) {
    let summary = FuzzFirmware.run(Self.inputs[index].bytes)
    #expect(summary.isRead, "\(Self.inputs[index].name)")
    #expect(index == 3 || (summary.hops > 0 && summary.requesters > 0))
  }

  @Test("changed bytes end in findings or one error", arguments: inputs.indices)
  func changed(index: Int) {
    var random = SplitMix(state: UInt64(index) + 1)
    let bytes = Self.inputs[index].bytes
    var read = 0
    for _ in 0..<250 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...12, using: &random) {
        let offset = Int.random(in: 4..<damaged.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: damaged[offset] = UInt8.random(in: 0...255, using: &random)
        case 1: damaged[offset] = [0, 0xff, 0x80, 0x7f].randomElement(using: &random) ?? 0
        case 2: damaged.remove(at: offset)
        default:
          damaged.insert(contentsOf: damaged[offset..<min(offset + 8, damaged.count)], at: offset)
        }
        if damaged.count < 8 { break }
      }
      if FuzzFirmware.run(damaged).isRead { read += 1 }
    }
    #expect(read > 5, "\(Self.inputs[index].name)")
  }

  @Test("random bytes behind each beginning end", arguments: 0..<6)
  func garbage(index: Int) {
    let starts: [[UInt8]] = [
      [0xd0, 0x0d, 0xfe, 0xed], Array("IORT".utf8), Array("APIC".utf8), Array("DSDT".utf8),
      Array("/dts-v1/;/{".utf8), Array("IORT @ 0x0\n 0000: ".utf8),
    ]
    var random = SplitMix(state: UInt64(index) + 99)
    for length in [0, 1, 40, 200, 3000] {
      let rest = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      let summary = FuzzFirmware.run(starts[index] + rest)
      #expect(summary == FuzzFirmware.run(starts[index] + rest))
    }
  }
}
