import Firmware
import Foundation
import Testing

/// The tables of one machine under Fixtures: see `tools/refresh-firmware-fixtures`.
struct Fixture: CustomTestStringConvertible, Sendable {
  let name: String
  var testDescription: String { name }

  static let all: [Fixture] = names(in: "Fixtures").map(Fixture.init)

  static func names(in folder: String) -> [String] {
    let url = Bundle.module.url(forResource: folder, withExtension: nil)
    let names = url.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0.path) }
    return (names ?? []).sorted()
  }

  var path: String {
    Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil)?.path ?? name
  }

  /// The machine's files with this ending.
  func files(_ ending: String) -> [String] {
    Self.names(in: "Fixtures/\(name)").filter { $0.hasSuffix(ending) }
  }

  func bytes(_ file: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(file)")))
  }

  func text(_ file: String) throws -> String {
    String(decoding: try bytes(file), as: UTF8.self)
  }

  func iort() throws -> IORTTable { try IORTTable(bytes("IORT.aml")) }

  /// The tables that there are, without the device tree.
  func tables() throws -> FirmwareTables {
    let present = files("")
    func table<Table>(_ file: String, _ read: ([UInt8]) throws -> Table) throws -> Table? {
      present.contains(file) ? try read(bytes(file)) : nil
    }
    return FirmwareTables(
      iort: try table("IORT.aml", IORTTable.init), madt: try table("APIC.aml", MADTTable.init),
      mcfg: try table("MCFG.aml", MCFGTable.init),
      bridges: try table("DSDT.aml", HostBridgeScan.init))
  }
}

/// The window that all checks are made with.
let window: ClosedRange<UInt64> = 0x800_0000...0x80f_ffff
