import Bits
import Firmware
import Foundation
import HostKernel
import Machine
import Testing
import VMM

/// The ACPICA compiler, which disassembles tables: packages `acpica-tools`, `tools/setup --test`.
private enum Disassembler {
  static let path: String? = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.map { "\($0)/iasl" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  /// The release, such as 20200925; 0 when it is not known.
  static let version: Int = {
    guard let path, let output = try? output(of: path, ["-v"], in: nil) else { return 0 }
    let words = output.split { $0 == " " || $0 == "\n" }
    return words.compactMap { $0.count == 8 ? Int($0) : nil }.first ?? 0
  }()

  private static func output(of path: String, _ arguments: [String], in folder: URL?) throws
    -> String
  {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    if let folder { process.currentDirectoryURL = folder }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw CocoaError(.executableLoad)
    }
    return String(decoding: output, as: UTF8.self)
  }

  /// What `iasl -d` prints, and the text that it writes.
  static func run(_ table: [UInt8], path: String) throws -> (output: String, text: String) {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      UUID().uuidString, isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(table).write(to: folder.appendingPathComponent("table.aml"))
    let output = try output(of: path, ["-d", "table.aml"], in: folder)
    let text = try String(contentsOf: folder.appendingPathComponent("table.dsl"), encoding: .utf8)
    return (output, text)
  }
}

@Suite(
  "Tables under iasl",
  .enabled(
    if: Disassembler.path != nil,
    "iasl is not installed: tools/setup --test installs it with acpica-tools"))
struct DisassemblerTests {
  private func disassemble(_ table: [UInt8]) throws -> Disassembly {
    let (output, text) = try Disassembler.run(table, path: #require(Disassembler.path))
    for word in ["Error", "Invalid", "Incorrect", "Unknown", "Table length is zero"] {
      #expect(!output.contains(word), "\(output)")
      #expect(!text.contains("**** \(word)"), "\(text)")
    }
    return Disassembly(text)
  }

  /// Compares what iasl reads with what was built.
  private func check(_ tables: FirmwareTables, _ table: [UInt8]) throws {
    let listing = try #require(tables.listings.first)
    let lines = try disassemble(table).lines
    let values = listing.records.flatMap(\.record.fields)
    var compared = 0
    for line in lines where line.value.first.map(\.isHexDigit) == true {
      guard
        let field = values.first(where: { $0.offset == line.offset && $0.field.width == line.width }
        )
      else { continue }
      let value = UInt64(line.value.prefix { $0.isHexDigit }, radix: 16)
      #expect(value == field.value, "\(line.name) at \(line.offset)")
      compared += 1
    }
    #expect(compared > values.count / 2)
  }

  @Test("an IORT with every node type that this iasl knows is read without errors")
  func iort() throws {
    var builder = IORTBuilder(revision: 5, origin: .doorbell)
    var group = IORTDraft(.itsGroup, revision: 1)
    group.elements = [0, 1]
    let its = builder.add(group)
    var smmu = IORTDraft(.smmuV3, revision: 4, identifier: 1)
    smmu[IORTLayout.smmuBase] = 0xc00_0000
    smmu.mappings = [.init(inputBase: 0, countMinusOne: 0xffff, outputBase: 0, target: its)]
    let smmuIndex = builder.add(smmu)
    var old = IORTDraft(.smmuV2, revision: 3, identifier: 2)
    old[IORTLayout.smmuBase] = 0xd00_0000
    old[IORTLayout.smmuSpan] = 0x2_0000
    old.elements = [70, 71]
    builder.add(old)
    var complex = IORTDraft(.rootComplex, revision: 3, identifier: 3)
    complex.mappings = [
      .init(inputBase: 0, countMinusOne: 0xff, outputBase: 0, target: smmuIndex),
      .init(inputBase: 0x100, countMinusOne: 0xfeff, outputBase: 0x100, target: its),
    ]
    builder.add(complex)
    var component = IORTDraft(.namedComponent, revision: 4, identifier: 4)
    component.name = "\\_SB_.DEV0"
    component.mappings = [
      .init(inputBase: 0, countMinusOne: 0, outputBase: 0x4000, target: smmuIndex, isSingle: true)
    ]
    builder.add(component)
    builder.add(IORTDraft(.pmcg, revision: 2, identifier: 5))
    let table = try builder.build()
    try check(FirmwareTables(iort: IORTTable(table)), table)
  }

  @Test("the tables of the modelled VMM are read without errors")
  func guestTables() throws {
    let vmm = VMM(
      map: .qemuVirt, advertisement: .rmrDirect, stageTwoDoorbell: .softwareWindow,
      msixEntry: .replaced, devices: [.init(guestID: 0x1100, vectors: 4)])
    let tables = try vmm.tables()
    try check(FirmwareTables(madt: MADTTable(tables.madt)), tables.madt)
    let (_, text) = try Disassembler.run(tables.dsdt, path: #require(Disassembler.path))
    #expect(text.contains("Device (PC10)"))
    #expect(text.contains("e5c937d0-3553-4d7a-9117-ea4d19c3434d"))
    #expect(text.contains("Return (Zero)"))
  }

  @Test(
    "an RMR node is read without errors",
    .enabled(
      if: Disassembler.version >= 20_220_331,
      "this iasl is older than 20220331, the first that knows the RMR node of DEN 0049E.d"))
  func reservedMemoryRange() throws {
    let vmm = VMM(
      map: .qemuVirt, advertisement: .rmrRelaxable, stageTwoDoorbell: .softwareWindow,
      msixEntry: .replaced, devices: [.init(guestID: 0x1100, vectors: 4)])
    let table = try vmm.tables().iort
    try check(FirmwareTables(iort: IORTTable(table)), table)
  }

  @Test("the shipped tables, built again, are read as they were", arguments: Fixture.all)
  func rebuilt(fixture: Fixture) throws {
    let table = try fixture.iort()
    guard !table.nodes.contains(where: { $0.type == .reservedMemoryRange }) else { return }
    let bytes = try IORTBuilder(rebuilding: table).build()
    try check(FirmwareTables(iort: IORTTable(bytes)), bytes)
  }
}
