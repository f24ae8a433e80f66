import Files
import Firmware
import Inspect
import Reports
import TestRandom
import Testing

/// Whatever the bytes are, reading them ends with findings or one error.
@Suite("Malformed tables")
struct MalformedTableTests {
  /// Reads bytes as what the file was, and makes the report of them.
  private static func read(_ bytes: [UInt8], as file: String, json: Bool) -> Bool {
    guard let tables = try? tables(bytes, file) else { return false }
    let report = FirmwareReport(
      name: file, tables: tables, requesterIDs: [], window: window)
    if let iort = tables.iort { _ = try? IORTBuilder(rebuilding: iort).build() }
    return !report.text.isEmpty && (!json || report.json != .null)
      && tables.facts.route(of: 0x1000).hops.count <= 2
  }

  private static func tables(_ bytes: [UInt8], _ file: String) throws -> FirmwareTables {
    switch file {
    case "IORT.aml": FirmwareTables(iort: try IORTTable(bytes))
    case "APIC.aml": FirmwareTables(madt: try MADTTable(bytes))
    case "MCFG.aml": FirmwareTables(mcfg: try MCFGTable(bytes))
    case "DSDT.aml": FirmwareTables(bridges: try HostBridgeScan(bytes))
    default: FirmwareTables(tree: try DeviceTreeBlob(bytes))
    }
  }

  /// Files with different contents, once each.
  static let files: [(fixture: Fixture, file: String)] = {
    var seen = Set<[UInt8]>()
    return Fixture.all.flatMap { fixture in
      (fixture.files(".aml") + fixture.files(".dtb")).filter {
        guard let bytes = try? fixture.bytes($0) else { return false }
        return seen.insert(bytes).inserted
      }.map { (fixture, $0) }
    }
  }()

  /// DSDTs and device trees are long: cutting every one of them at every length takes minutes in a
  /// debug build, and the steps are coprime so that each offset modulo 64 is met.
  private static func step(_ file: String) -> Int {
    file == "DSDT.aml" ? 89 : file == "machine.dtb" ? 97 : 1
  }

  @Test("there are different files")
  func exist() { #expect(Self.files.count > 30) }

  @Test("a table cut at any length gives findings or an error")
  func truncation() throws {
    for (fixture, file) in Self.files {
      let bytes = try fixture.bytes(file)
      var sound = 0
      for length in stride(from: 0, to: bytes.count, by: Self.step(file)) {
        let cut = Array(bytes.prefix(length))
        guard let tables = try? Self.tables(cut, file) else { continue }
        let findings = tables.findings(window: window)
        if !findings.contains(where: { $0.severity != .note }) { sound += 1 }
        _ = FirmwareReport(name: file, tables: tables, window: window).text
      }
      #expect(sound == 0, "\(fixture.name)/\(file)")
    }
  }

  @Test("random changes of bytes never end the program")
  func noise() throws {
    var random = SplitMix(state: 5)
    for (fixture, file) in Self.files {
      let bytes = try fixture.bytes(file)
      var read = 0
      for round in 0..<(bytes.count > 2000 ? 25 : 150) {
        var damaged = bytes
        for _ in 0..<Int.random(in: 1...8, using: &random) {
          // The signature stays, so that something is read.
          let offset = Int.random(in: 4..<bytes.count, using: &random)
          damaged[offset] = UInt8.random(in: 0...255, using: &random)
        }
        if Self.read(damaged, as: file, json: round % 10 == 0) { read += 1 }
      }
      if file != "machine.dtb" { #expect(read > 0, "\(fixture.name)/\(file)") }
    }
  }

  @Test("random bytes behind a sound header never end the program")
  func garbage() throws {
    var random = SplitMix(state: 6)
    for file in ["IORT.aml", "APIC.aml", "MCFG.aml", "DSDT.aml"] {
      let header = try Fixture(name: "its-smmu-1cpu").bytes(file).prefix(48)
      for _ in 0..<100 {
        let rest = (0..<400).map { _ in UInt8.random(in: 0...255, using: &random) }
        var table = Array(header) + rest
        (table[4], table[5], table[6]) = (UInt8(table.count & 0xff), UInt8(table.count >> 8), 0)
        #expect(Self.read(table, as: file, json: true))
      }
    }
  }

  @Test("a table that says it has four thousand million nodes is read in no time")
  func manyNodes() throws {
    var table = try Fixture(name: "its-smmu-1cpu").bytes("IORT.aml")
    table.replaceSubrange(0x24..<0x28, with: [0xff, 0xff, 0xff, 0xff])
    table.replaceSubrange(0x50..<0x54, with: [0xff, 0xff, 0xff, 0xff])
    let read = try IORTTable(table)
    #expect(read.nodes.count == 3)
    #expect(read.findings.map(\.rule).sorted() == ["checksum", "mapping-bounds", "node-count"])
  }

  @Test("a rule that is broken a thousand times is listed so often that a reader can take it in")
  func manyFindings() throws {
    var builder = IORTBuilder(revision: 5, origin: .doorbell)
    builder.add(IORTDraft(.itsGroup, revision: 1))
    var complex = IORTDraft(.rootComplex, revision: 3, identifier: 1)
    complex.mappings = Array(
      repeating: .init(inputBase: 0, countMinusOne: 9, outputBase: 0, target: 0), count: 1000)
    builder.add(complex)
    let tables = FirmwareTables(iort: try IORTTable(builder.build()))
    let found = tables.findings(window: window).filter { $0.rule == "overlapping-ids" }
    #expect(found.count == 51)
    #expect(found.last?.text.contains("not listed") == true)
  }

  @Test("what is no table at all is one error", arguments: [0, 3, 35, 36, 100])
  func noTable(length: Int) {
    let bytes = [UInt8](repeating: 0x41, count: length)
    #expect(throws: FirmwareError.self) { try IORTTable(bytes) }
    #expect(throws: FirmwareError.self) { try MADTTable(bytes) }
    #expect(throws: FirmwareError.self) { try MCFGTable(bytes) }
    #expect(throws: FirmwareError.self) { try HostBridgeScan(bytes) }
    #expect(throws: DeviceTreeBlob.BadBlob.self) { try DeviceTreeBlob(bytes) }
  }
}
