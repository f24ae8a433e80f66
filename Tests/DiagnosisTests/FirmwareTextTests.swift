import Diagnosis
import Files
import Foundation
import Testing

@Suite("Tables in other forms")
struct FirmwareTextTests {
  /// A table as `acpidump` prints it.
  private func dump(_ table: [UInt8], heading: String) -> String {
    var text = heading + "\n"
    for start in stride(from: 0, to: table.count, by: 16) {
      let row = table[start..<min(start + 16, table.count)]
      let digits = row.map { Self.digits(UInt64($0), 2) }.joined(separator: " ")
      text += "    \(Self.digits(UInt64(start), 4)): \(digits)   ................\n"
    }
    return text + "\n"
  }

  private static func digits(_ value: UInt64, _ count: Int) -> String {
    let text = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, count - text.count)) + text
  }

  private let log = Kernel.guest() + Kernel.doorbell

  private func first(_ texts: [String: String], tables: [String: [UInt8]] = [:]) throws -> Finding {
    try #require(Report(texts, tables: tables).diagnosis.causes.first)
  }

  @Test("the text of acpidump holds tables, wherever they stand in it")
  func acpidump() throws {
    let tables = try GuestTables(revision: 4).files
    let text =
      "$ sudo acpidump\n"
      + dump(try #require(tables["t/DSDT"]), heading: "DSDT @ 0x000000013F0D0000")
      + dump(try #require(tables["t/IORT"]), heading: "IORT @ 0x000000013F0D2898")
    #expect(try first(["log": log, "a": text]).cause == .rmrRevisionTooOld)
    #expect(try first(["all": text + log]).cause == .rmrRevisionTooOld)
  }

  @Test("a text of acpidump that lost lines is said to have")
  func torn() throws {
    let table = try #require(try GuestTables().files["t/IORT"])
    var lines = dump(table, heading: "IORT @ 0x000000013F0D2898").split(separator: "\n")
    lines.remove(at: 3)
    let diagnosis = Report(["log": Kernel.guest(), "a": lines.joined(separator: "\n")]).diagnosis
    #expect(!diagnosis.isHealthy)
    let texts = diagnosis.notUnderstood.kinds.flatMap(\.kind.examples).map(\.text)
    #expect(texts.contains { $0.contains("lines are missing") })
  }

  @Test("the disassembly of a data table holds its bytes; that of code has to be compiled")
  func disassembly() throws {
    let tables = try GuestTables(streams: (0x5000, 0xff)).files
    let title = "/*\n * AML/ASL+ Disassembler version 20230628 (64-bit version)\n */\n"
    let iort = try #require(tables["t/IORT"])
    let text =
      title + "[000h 0000   4]                    Signature : \"IORT\"\n\n"
      + dump(iort, heading: "Raw Table Data: Length \(iort.count) (0x\(iort.count))")
    let finding = try first(
      ["log": log, "IORT.dsl": text], tables: ["DSDT": tables["t/DSDT"] ?? []])
    #expect(finding.cause == .rmrWrongIds)
    let source = title + "DefinitionBlock (\"\", \"DSDT\", 2, \"X\", \"Y\", 1)\n{\n}\n"
    let open = Report(["log": Kernel.guest(), "d": source]).diagnosis
    let texts = open.notUnderstood.kinds.flatMap(\.kind.examples).map(\.text)
    #expect(texts.contains { $0.contains("iasl") })
  }

  @Test("host bridges of a secondary table count")
  func secondary() throws {
    let tables = try GuestTables(preserves: false).files
    let dsdt = try #require(tables["t/DSDT"])
    var second = dsdt
    second.replaceSubrange(0..<4, with: "SSDT".utf8)
    // A DSDT of a header alone.
    var empty = Array(dsdt.prefix(36))
    empty.replaceSubrange(4..<8, with: [36, 0, 0, 0])
    let finding = try first(
      ["log": log], tables: ["t/IORT": tables["t/IORT"] ?? [], "t/DSDT": empty, "t/SSDT7": second])
    #expect(finding.cause == .rmrNoDsm5)
    #expect(finding.means.contains("PC40"))
  }

  @Test("of two machines' tables a log has those that it lists")
  func machines() throws {
    let guest = try GuestTables(revision: 4).files
    let host = try GuestTables(streams: nil).files
    let iort = try #require(guest["t/IORT"])
    let other = try #require(host["t/IORT"])
    let length = Self.digits(UInt64(iort.count), 6)
    let lists = log.replacing(
      "000144 (v05 BOCHS  BXPC     00000001)", with: "\(length) (v04 EXMPLE TESTTABL 00000001)")
    #expect(lists != log)
    for names in [("a", "b"), ("b", "a")] {
      let finding = try first(
        ["log": lists], tables: ["\(names.0)/IORT": iort, "\(names.1)/IORT": other])
      #expect(finding.cause == .rmrRevisionTooOld)
    }
  }

  private let board = """
    /dts-v1/;
    / { #address-cells = <2>; #size-cells = <2>; compatible = "example,board";
      its: msi-controller@1800000 { compatible = "arm,gic-v3-its"; msi-controller;
        #msi-cells = <1>; reg = <0 0x1800000 0 0x20000>; };
      smmu: iommu@5000000 { compatible = "arm,smmu-v3"; reg = <0 0x5000000 0 0x20000>;
        #iommu-cells = <1>; };
      pcie@3400000 { compatible = "pci-host-ecam-generic"; device_type = "pci";
        linux,pci-domain = <2>; bus-range = <0 0xff>; #address-cells = <3>; #size-cells = <2>;
        reg = <0 0x3400000 0 0x1000>; iommu-map = <0 &smmu 0 0x10000>;
        msi-map = <0 &its 0 0x10000>; msi-map-mask = <0xff>; };
    };

    """
  private let boardLog = """
    [    0.000000] Linux version 6.6.23 (build@builder) #1 SMP
    [    0.000000] Machine model: Example board
    [    1.000000] pcie-ecam 3400000.pcie: host bridge /pcie@3400000 ranges:
    [    1.100000] pcie-ecam 3400000.pcie: PCI host bridge to bus 0002:00
    [    1.300000] pci 0002:01:00.0: Adding to iommu group 1
    [    2.300000] nvme nvme0: pci function 0002:01:00.0
    [   33.000000] nvme nvme0: I/O tag 0 (1000) QID 0 timeout, completion polled

    """

  @Test("the source of a device tree is read as its blob is")
  func source() throws {
    let finding = try first(["log": boardLog, "board": board])
    #expect(finding.cause == .msiMapWrong)
    #expect(finding.means.contains("0002:01:00.0"))
    let broken = Report(["log": boardLog, "board": board + "/ { broken"]).diagnosis
    let texts = broken.notUnderstood.kinds.flatMap(\.kind.examples).map(\.text)
    #expect(texts.contains { $0.contains("device tree") })
  }

  @Test("a number that the kernel gave a bridge leads to its node")
  func bridges() throws {
    let plain = board.replacing("linux,pci-domain = <2>; ", with: "")
      .replacing("msi-map-mask = <0xff>; ", with: "")
    let diagnosis = Report(["log": boardLog, "board": plain]).diagnosis
    let row = try #require(diagnosis.functionRows.first { $0.function.contains("0002:01:00.0") })
    #expect(row.stream == "0x100 at 0x5000000")
    #expect(row.device == "0x100 at 0x1800000")
  }

  @Test("a folder of /proc/device-tree is a device tree, as it is and in an archive")
  func folder() throws {
    let root = NSTemporaryDirectory() + "doorbell-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: root) }
    let tree = "\(root)/proc/device-tree"
    func write(_ bytes: [UInt8], _ name: String) throws {
      let file = URL(fileURLWithPath: "\(tree)/\(name)")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(bytes).write(to: file)
    }
    func cells(_ words: UInt32...) -> [UInt8] {
      words.flatMap { word in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) } }
    }
    func text(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }
    try write(cells(2), "#address-cells")
    try write(cells(2), "#size-cells")
    try write(text("example,board"), "compatible")
    try write(text("arm,gic-v3-its"), "its@1800000/compatible")
    try write([], "its@1800000/msi-controller")
    try write(cells(1), "its@1800000/#msi-cells")
    try write(cells(1), "its@1800000/phandle")
    try write(cells(0, 0x180_0000, 0, 0x2_0000), "its@1800000/reg")
    try write(text("pci-host-ecam-generic"), "pcie@3400000/compatible")
    try write(text("pci"), "pcie@3400000/device_type")
    try write(cells(0, 0xff), "pcie@3400000/bus-range")
    try write(cells(2), "pcie@3400000/linux,pci-domain")
    try write(cells(0, 1, 0x4000, 0x1_0000), "pcie@3400000/msi-map")
    try Data(boardLog.utf8).write(to: URL(fileURLWithPath: "\(root)/dmesg"))
    func check(_ path: String) throws {
      var reader = CaseReader()
      try reader.read([path])
      let rows = Diagnosis(reading: reader).functionRows
      let row = try #require(rows.first { $0.function.contains("0002:01:00.0") })
      #expect(row.device == "0x4100 at 0x1800000")
    }
    try check(root)
    let tar = Process()
    tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    tar.arguments = ["tar", "-C", root, "-czf", "\(root)/report.tgz", "proc", "dmesg"]
    try tar.run()
    tar.waitUntilExit()
    try #require(tar.terminationStatus == 0)
    try check("\(root)/report.tgz")
  }

  @Test("the heading of an event without words is not passed over")
  func heading() {
    let line = "[   70.1] arm-smmu-v3 arm-smmu-v3.0.auto: event 0x10 received:\n"
    let diagnosis = Report(["log": Kernel.guest("7.0.4") + line]).diagnosis
    #expect(diagnosis.causes.first?.cause == .cannotTell)
    #expect(diagnosis.notUnderstood.count == 1)
  }

  @Test("a data word beyond the device's table is an EventID out of range")
  func data() throws {
    let listing = """
      0006:01:00.0 Ethernet controller: Example
      \tCapabilities: [70] MSI-X: Enable+ Count=4 Masked-
      msix[0]: addr=0x8000040 data=0x40 ctrl=0

      """
    let counts =
      "           CPU0\n 60:  0  ITS-PCI-MSIX-0006:01:00.0   0 Edge      ice-0\n"
    let finding = try first(["l": listing, "i": counts])
    #expect(finding.cause == .eventidOutOfRange)
    #expect(finding.means.contains("0x40"))
    let within = Report(["l": listing.replacing("data=0x40", with: "data=0x3"), "i": counts])
    #expect(within.diagnosis.causes.first?.cause != .eventidOutOfRange)
  }
}
