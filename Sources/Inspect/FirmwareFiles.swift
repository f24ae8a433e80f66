package import Files
package import Firmware
internal import Foundation

/// The firmware tables of one machine and the files they are from.
package struct FirmwareFiles: Equatable, Sendable {
  /// What the reader gave: a file or a folder.
  package let name: String
  package private(set) var tables = FirmwareTables()

  /// The tables in a folder, by the names that dumps have.
  private static let folderNames = ["IORT.aml", "APIC.aml", "MCFG.aml", "DSDT.aml", "machine.dtb"]

  /// The machines of several files and folders. Each folder, IORT and device tree is a machine;
  /// other tables belong to every machine that has none of their kind.
  ///
  /// - Throws: `InputError` for a file that cannot be read or is no such table.
  package static func machines(_ paths: [String], with others: [String] = [])
    throws(InputError) -> [FirmwareFiles]
  {
    var machines: [FirmwareFiles] = []
    var shared = FirmwareFiles(name: paths.first ?? "")
    for path in paths + others {
      var files = FirmwareFiles(name: path)
      if let names = try? FileManager.default.contentsOfDirectory(atPath: path) {
        try files.addFolder(path, names: names)
        machines.append(files)
        continue
      }
      try files.add(path)
      if files.tables.iort != nil || files.tables.tree != nil {
        machines.append(files)
      } else {
        shared.complete(with: files.tables)
      }
    }
    if machines.isEmpty { machines = [shared] }
    for index in machines.indices { machines[index].complete(with: shared.tables) }
    return machines
  }

  private init(name: String) { self.name = name }

  private mutating func addFolder(_ path: String, names: [String]) throws(InputError) {
    let present = Self.folderNames.filter { names.contains($0) }.map { "\(path)/\($0)" }
    guard !present.isEmpty else {
      throw InputError(
        expected: "one of \(Self.folderNames.joined(separator: ", "))", found: "none",
        at: Place(file: path))
    }
    for file in present { try add(file) }
  }

  /// Reads one table of whatever kind its first bytes say.
  private mutating func add(_ path: String) throws(InputError) {
    let bytes = try InputFile(path).bytes()
    do {
      if DeviceTreeBlob.isBlob(bytes) {
        tables.tree = try DeviceTreeBlob(bytes)
        return
      }
      switch String(decoding: bytes.prefix(4), as: UTF8.self) {
      case "IORT": tables.iort = try IORTTable(bytes)
      case "APIC": tables.madt = try MADTTable(bytes)
      case "MCFG": tables.mcfg = try MCFGTable(bytes)
      case "DSDT", "SSDT": tables.bridges = try HostBridgeScan(bytes)
      default:
        throw FirmwareError(
          "expected an IORT, APIC, MCFG, DSDT or SSDT table or a flattened device tree, found "
            + (bytes.isEmpty ? "an empty file" : "something that starts otherwise"))
      }
    } catch {
      throw InputError("\(error)", at: Place(file: path))
    }
  }

  /// Takes from `other` what is missing.
  private mutating func complete(with other: FirmwareTables) {
    tables.iort = tables.iort ?? other.iort
    tables.madt = tables.madt ?? other.madt
    tables.mcfg = tables.mcfg ?? other.mcfg
    tables.bridges = tables.bridges ?? other.bridges
    tables.tree = tables.tree ?? other.tree
  }
}
