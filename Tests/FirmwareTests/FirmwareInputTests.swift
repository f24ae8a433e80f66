import Files
import Firmware
import Foundation
import Inspect
import Reports
import Testing

/// Tables in the forms in which people have them.
@Suite("Firmware inputs")
struct FirmwareInputTests {
  private func folder(_ files: [String: [UInt8]]) throws -> String {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("doorbell-firmware-\(UUID().uuidString)").path
    for (name, bytes) in files {
      let url = URL(fileURLWithPath: "\(path)/\(name)")
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(bytes).write(to: url)
    }
    return path
  }

  /// A table as `acpidump` prints it.
  private func dump(_ name: String, _ bytes: [UInt8]) -> String {
    let lines = stride(from: 0, to: bytes.count, by: 16).map { start in
      let line = bytes[start..<min(start + 16, bytes.count)].map {
        (($0 < 16 ? "0" : "") + String($0, radix: 16)).uppercased()
      }
      let offset = String(start, radix: 16).uppercased()
      return "    \(String(repeating: "0", count: max(0, 4 - offset.count)))\(offset): "
        + line.joined(separator: " ") + "  some text: 41 42"
    }
    return "\(name) @ 0x0000000000000000\n" + lines.joined(separator: "\n") + "\n\n"
  }

  private let fixture = Fixture(name: "qemu-accel-rmr-l2")

  private func bytes(_ file: String) throws -> [UInt8] { try fixture.bytes(file) }

  @Test("the text of acpidump holds all of its tables")
  func acpidump() throws {
    let text =
      try dump("FACP", Array(repeating: 7, count: 276)) + dump("IORT", bytes("IORT.aml"))
      + dump("APIC", bytes("APIC.aml")) + dump("DSDT", bytes("DSDT.aml"))
    #expect(FirmwareTables.recognizes(Array(text.utf8)))
    var tables = FirmwareTables()
    try tables.add(Array(text.utf8))
    #expect(tables.iort?.bytes == (try bytes("IORT.aml")))
    #expect(tables.madt?.bytes == (try bytes("APIC.aml")))
    #expect(tables.facts.bootConfiguration == .preserved)
    let cut = text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset != 25 }.map(\.element).joined(separator: "\n")
    #expect {
      var tables = FirmwareTables()
      try tables.add(Array(cut.utf8))
    } throws: { "\($0)".contains("lines are missing") }
  }

  @Test("the disassembly of a table of data is read by the bytes at its end")
  func disassembly() throws {
    let table = try bytes("IORT.aml")
    let rows = dump("IORT", table).split(separator: "\n").dropFirst().joined(separator: "\n")
    let text = try fixture.text("IORT.dsl") + "Raw Table Data: Length \(table.count)\n\n\(rows)\n"
    var tables = FirmwareTables()
    try tables.add(Array(text.utf8))
    #expect(tables.iort?.bytes == table)
    #expect {
      var tables = FirmwareTables()
      try tables.add(Array("/*\n * AML/ASL+ Disassembler\n */\nDefinitionBlock (\"\")\n".utf8))
    } throws: { "\($0)".contains("iasl FILE") }
  }

  @Test("a folder of the kernel's tables is read by content, with the tables that others load")
  func acpiFolder() throws {
    let path = try folder([
      "IORT": try bytes("IORT.aml"), "APIC": try bytes("APIC.aml"), "FACP": [1, 2, 3],
      "data/BERT": [0], "dynamic/SSDT1": try bytes("DSDT.aml"),
    ])
    defer { try? FileManager.default.removeItem(atPath: path) }
    let machines = try FirmwareFiles.machines([path])
    let files = try #require(machines.first)
    #expect(machines.count == 1)
    #expect(files.tables.iort != nil && files.tables.madt != nil)
    #expect(files.tables.facts.bootConfiguration == .preserved)
  }

  @Test("a folder without a table is one error")
  func emptyFolder() throws {
    let path = try folder(["readme.txt": Array("nothing".utf8)])
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect {
      try FirmwareFiles.machines([path])
    } throws: {
      ($0 as? InputError)?.place?.file == path && "\($0)".contains("expected a folder with")
    }
  }

  @Test("a device tree as the kernel shows it is the tree that its blob holds")
  func treeFolder() throws {
    let blob = try Fixture(name: "its-smmu-1cpu").bytes("machine.dtb")
    var tables = FirmwareTables()
    try tables.add(blob)
    let tree = try #require(tables.tree)
    var files: [String: [UInt8]] = [:]
    for node in tree.nodes {
      for property in node.properties {
        files[String("\(node.path)/\(property.name)".drop { $0 == "/" })] = property.bytes
      }
    }
    let path = try folder(files)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let found = try #require(try FirmwareFiles.machines([path]).first?.tables.facts)
    // The kernel shows nodes in an order of its own.
    #expect(found.rootComplexes == tables.facts.rootComplexes)
    #expect(found.smmus == tables.facts.smmus)
    #expect(found.itses == tables.facts.itses)
  }

  @Test("a source and the blob that a compiler makes of it say the same")
  func source() throws {
    let fixture = Fixture(name: "its-smmu-1cpu")
    var source = FirmwareTables()
    try source.add(try fixture.bytes("machine.dts"))
    var blob = FirmwareTables()
    try blob.add(try fixture.bytes("machine.dtb"))
    #expect(source.tree?.nodes == blob.tree?.nodes)
  }

  @Test("the report starts with a summary, groups findings, and shows fields when asked")
  func report() throws {
    let path = fixture.path
    let report = try #require(
      try FirmwareFiles.machines([path]).first.map { FirmwareReport($0, window: window) })
    let lines = report.text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[1].hasPrefix("  a guest's ACPI tables: 1 SMMU, 1 ITS, 1 host bridge"))
    #expect(lines[2].hasPrefix("  0 errors, 1 warning, "))
    #expect(!report.text.contains("Node Count"))
    #expect(report.text(fields: true).contains("Node Count"))
  }
}
