package import Files
package import Firmware
internal import Foundation

/// The firmware tables of one machine and the files they are from.
package struct FirmwareFiles: Equatable, Sendable {
  /// Name of the file or folder that the reader gave.
  package let name: String
  package private(set) var tables = FirmwareTables()

  /// The machines of several files and folders. Each folder, IORT and device tree is a machine;
  /// other tables belong to every machine that has none of their kind. A folder is one of tables
  /// under any names, such as /sys/firmware/acpi/tables with the folders `dynamic` and `data` in it,
  /// or a device tree as the kernel shows it, /proc/device-tree.
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
        if DeviceTreeFolder.isRoot(names) {
          files.tables.tree = try DeviceTreeFolder.tree(at: path)
        } else {
          try files.addFolder(path, names: names)
        }
        machines.append(files)
        continue
      }
      try files.add(path)
      if files.tables.iort != nil || files.tables.tree != nil {
        machines.append(files)
      } else {
        shared.tables.complete(with: files.tables)
      }
    }
    if machines.isEmpty { machines = [shared] }
    for index in machines.indices { machines[index].tables.complete(with: shared.tables) }
    return machines
  }

  private init(name: String) { self.name = name }

  /// Files of a folder that are looked at.
  private static let fileLimit = 1024

  /// Reads what a folder holds that is a table, by content; what is none is passed over.
  private mutating func addFolder(_ path: String, names: [String]) throws(InputError) {
    var isFound = false
    var files: [String] = names.sorted().map { "\(path)/\($0)" }
    // Tables that a DSDT loads, as the kernel shows them.
    for folder in ["dynamic", "data"] where names.contains(folder) {
      let inner = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)")) ?? []
      files += inner.sorted().map { "\(path)/\(folder)/\($0)" }
    }
    // The tables that the machine booted with come before their disassembly and other copies.
    let ordered = files.prefix(Self.fileLimit).filter {
      !$0.hasSuffix(".dsl") && !$0.hasSuffix(".dts")
    }
    let texts = files.prefix(Self.fileLimit).filter { $0.hasSuffix(".dsl") || $0.hasSuffix(".dts") }
    for file in ordered + (ordered.isEmpty ? texts : []) {
      guard Self.isRegular(file) else { continue }
      let bytes = try InputFile(file).bytes(limit: FirmwareTables.sizeLimit)
      guard FirmwareTables.recognizes(bytes) else { continue }
      isFound = true
      do { try tables.add(bytes) } catch { throw InputError("\(error)", at: Place(file: file)) }
    }
    guard isFound else {
      throw InputError(
        expected: "a folder with an IORT, APIC, MCFG, DSDT or SSDT table or a device tree",
        found: "none in \(names.count) files", at: Place(file: path))
    }
  }

  private static func isRegular(_ path: String) -> Bool {
    let values = try? URL(fileURLWithPath: path).resolvingSymlinksInPath()
      .resourceValues(forKeys: [.isRegularFileKey])
    return values?.isRegularFile ?? false
  }

  /// Reads one table of whatever kind its first bytes say.
  private mutating func add(_ path: String) throws(InputError) {
    let bytes = try InputFile(path).bytes(limit: FirmwareTables.sizeLimit)
    do { try tables.add(bytes) } catch { throw InputError("\(error)", at: Place(file: path)) }
  }
}
