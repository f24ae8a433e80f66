package import Firmware

extension CaseFacts {
  /// Takes a binary file: a table of firmware, or nothing that is known.
  mutating func take(binary bytes: [UInt8], named name: String) {
    let isELF = bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46])
    guard let kind = Self.kind(of: bytes) else {
      let kind: CaseFile.Kind =
        isELF ? .image : Self.isOtherTable(bytes) ? .otherTable : .unknown
      files.append(CaseFile(name: name, kinds: [kind]))
      if kind == .unknown {
        notUnderstood.add(
          "binary file",
          Evidence(file: name, line: nil, text: "a binary file of a kind that is not known here"))
      }
      return
    }
    files.append(CaseFile(name: name, kinds: [kind]))
    take(table: bytes, kind: kind, of: name, folder: Self.folder(of: name))
  }

  /// Takes the tables of a text, which belong to one machine.
  ///
  /// - Returns: which kinds there are.
  mutating func take(tables: [[UInt8]], of text: String) -> Set<CaseFile.Kind> {
    var kinds: Set<CaseFile.Kind> = []
    for bytes in tables {
      let kind = Self.kind(of: bytes) ?? .otherTable
      kinds.insert(kind)
      if kind != .otherTable { take(table: bytes, kind: kind, of: text, folder: text) }
    }
    return kinds
  }

  private static func folder(of file: String) -> String {
    file.split(separator: "/").dropLast().joined(separator: "/")
  }

  private static func kind(of bytes: [UInt8]) -> CaseFile.Kind? {
    if DeviceTreeBlob.isBlob(bytes) { return .deviceTree }
    switch String(decoding: bytes.prefix(4), as: UTF8.self) {
    case "IORT": return .iort
    case "APIC": return .madt
    case "MCFG": return .mcfg
    case "DSDT", "SSDT": return .dsdt
    default: return nil
    }
  }

  /// A signature of four capitals or digits, and a length that is the file's.
  private static func isOtherTable(_ bytes: [UInt8]) -> Bool {
    let signature = String(decoding: bytes.prefix(4), as: UTF8.self)
    guard bytes.count >= 36, signature.allSatisfy({ $0.isUppercase || $0.isNumber }) else {
      return signature == "RSD "
    }
    let length = bytes[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    return length == bytes.count
  }

  private mutating func take(
    table bytes: [UInt8], kind: CaseFile.Kind, of file: String, folder: String
  ) {
    var tables = FirmwareTables()
    do { try tables.add(bytes) } catch {
      notUnderstood.add("table", Evidence(file: file, line: nil, text: "\(error)"))
      return
    }
    add(tables, kind: kind, file: file, folder: folder, origin: Self.origin(of: bytes))
  }

  /// The OEM ID of an ACPI table's header.
  private static func origin(of table: [UInt8]) -> String? {
    guard !DeviceTreeBlob.isBlob(table), table.count >= 36 else { return nil }
    return String(decoding: table[10..<16], as: UTF8.self)
  }

  mutating func add(_ tables: FirmwareTables, kind: CaseFile.Kind, file: String) {
    add(tables, kind: kind, file: file, folder: Self.folder(of: file), origin: nil)
  }

  /// Adds tables to those of a machine: tables of one folder and one OEM ID belong together, as far
  /// as no two are of a kind.
  private mutating func add(
    _ tables: FirmwareTables, kind: CaseFile.Kind, file: String, folder: String, origin: String?
  ) {
    let fitting = firmware.firstIndex { set in
      set.folder == folder && set.takes(kind, tables)
        && (set.origin == nil || origin == nil || set.origin == origin)
    }
    let place: Int
    if let fitting {
      place = fitting
    } else {
      guard firmware.count < 64 else { return }
      firmware.append(FirmwareSet(folder: folder))
      place = firmware.count - 1
    }
    firmware[place].add(tables, [kind: file], origin: origin)
  }

  /// Puts together what files of a case say in parts.
  mutating func finish() {
    let owners = firmware.indices.filter { firmware[$0].describesMachine }
    if owners.count <= 1 {
      // One machine's tables may lie in several folders.
      guard var all = firmware.first else { return finishGroups() }
      for set in firmware.dropFirst() { all.add(set.tables, set.names, origin: set.origin) }
      firmware = [all]
    } else {
      // Other tables are those of the machines in the same folder, or of the same OEM ID.
      let others = firmware.filter { !$0.describesMachine }
      var machines = owners.map { firmware[$0] }
      for set in others {
        for place in machines.indices
        where machines[place].folder == set.folder
          || machines[place].origin != nil && machines[place].origin == set.origin
        {
          machines[place].add(set.tables, set.names, origin: set.origin)
        }
      }
      firmware = machines
    }
    finishGroups()
  }

  private mutating func finishGroups() {
    for log in logs { groups.merge(log.groups) { first, _ in first } }
  }
}

/// Firmware tables of one machine in the case.
package struct FirmwareSet: Sendable {
  package var folder: String
  package private(set) var tables = FirmwareTables()
  /// The file of each kind of table.
  package private(set) var names: [CaseFile.Kind: String] = [:]
  /// The OEM ID of its ACPI tables.
  private(set) var origin: String?

  init(folder: String) { self.folder = folder }

  package var facts: PlatformFacts { tables.facts }

  /// Whether it has a table that says how devices are wired.
  var describesMachine: Bool { tables.iort != nil || tables.tree != nil }

  /// Whether a table of a kind can be this machine's: there is none of the kind, or it is one of the
  /// many that define code.
  func takes(_ kind: CaseFile.Kind, _ tables: FirmwareTables) -> Bool {
    switch kind {
    case .dsdt: true
    case .deviceTree:
      // The tree of a machine with ACPI, in which the kernel passes its command line, names no board.
      names[kind] == nil
        && (self.tables.iort == nil || tables.tree?.nodes.first?.has("compatible") != true)
    default: names[kind] == nil && !(kind == .iort && self.tables.tree != nil)
    }
  }

  mutating func add(_ other: FirmwareTables, _ files: [CaseFile.Kind: String], origin: String?) {
    tables.merge(other)
    names.merge(files) { first, _ in first }
    self.origin = self.origin ?? origin
  }
}
