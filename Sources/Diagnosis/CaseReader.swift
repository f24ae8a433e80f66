package import Files
internal import Firmware
internal import Foundation
internal import Inspect

/// Reads the files of a case, each recognised by what is in it: plain or gzip'd, in folders, in tar
/// and zip archives.
///
/// Memory does not grow with the files: texts are read line by line, and of what they say a bounded
/// number of facts is kept.
package struct CaseReader {
  package private(set) var facts = CaseFacts()
  /// Remarks on files that could be read in part only.
  package private(set) var remarks: [String] = []
  private var filesRead = 0
  /// Whether a remark says that files were left out.
  private var isAtLimit = false
  /// Reports how many lines were read so far.
  private let progress: (Int) -> Void

  private static let fileLimit = 20_000
  private static let depthLimit = 12

  package init(progress: @escaping (Int) -> Void = { _ in }) { self.progress = progress }

  /// Reads files and folders.
  ///
  /// - Throws: `InputError` for a file that cannot be opened, or a folder without files.
  package mutating func read(_ paths: [String]) throws(InputError) {
    for path in paths {
      guard Self.isFolder(path) else {
        try read(file: path, named: path)
        continue
      }
      let before = filesRead
      try readFolder(path, depth: 0)
      if filesRead == before {
        throw InputError(expected: "files in the folder", found: "none", at: Place(file: path))
      }
    }
    facts.finish()
  }

  /// The facts of files that are in memory.
  package static func facts(of files: [(name: String, bytes: [UInt8])]) -> CaseFacts {
    var facts = CaseFacts()
    var remarks: [String] = []
    for (name, bytes) in files {
      var reader = MemberReader(name: name)
      reader.take(bytes) { _ in }
      reader.finish(into: &facts, &remarks)
    }
    facts.finish()
    return facts
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    let exists = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    return exists && isFolder.boolValue
  }

  private mutating func readFolder(_ path: String, depth: Int) throws(InputError) {
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: path) } catch {
      throw InputError(
        expected: "a folder that can be read", found: "\(error.localizedDescription)",
        at: Place(file: path))
    }
    if DeviceTreeFolder.isRoot(names) {
      filesRead += 1
      var tables = FirmwareTables()
      tables.tree = try DeviceTreeFolder.tree(at: path)
      facts.files.append(CaseFile(name: path, kinds: [.deviceTree]))
      facts.add(tables, kind: .deviceTree, file: path)
      return
    }
    for name in names.sorted() {
      let member = "\(path)/\(name)"
      guard filesRead < Self.fileLimit else {
        if !isAtLimit {
          isAtLimit = true
          remarks.append("more than \(Self.fileLimit) files: the others were not read")
        }
        return
      }
      if Self.isFolder(member) {
        if depth < Self.depthLimit { try readFolder(member, depth: depth + 1) }
        continue
      }
      // A link to nothing, or a file without permission, among many: said, and no more.
      do { try read(file: member, named: member) } catch { remarks.append(error.description) }
    }
  }

  /// Takes the device trees of an archive.
  private mutating func take(_ trees: DeviceTreeFolder.Members, of archive: String) {
    for (root, tree) in trees.trees {
      var tables = FirmwareTables()
      tables.tree = tree
      let name = "\(archive)/\(root)"
      facts.files.append(CaseFile(name: name, kinds: [.deviceTree]))
      facts.add(tables, kind: .deviceTree, file: name)
    }
  }

  private mutating func read(file path: String, named name: String) throws(InputError) {
    let file: CompressedFile
    do { file = try CompressedFile(path: path) } catch {
      throw InputError("\(error)", at: Place(file: path))
    }
    filesRead += 1
    let head: [UInt8]
    do { head = try file.read(upTo: 1 << 16) } catch {
      throw InputError("\(error)", at: Place(file: path))
    }
    do {
      switch Archive.kind(of: head) {
      case .tar, .zip:
        var archive = Archive(file, head: head)
        var trees = DeviceTreeFolder.Members()
        defer { take(trees, of: name) }
        while let member = try archive.nextMember() {
          if let place = DeviceTreeFolder.Members.place(of: member) {
            var bytes: [UInt8] = []
            while let block = try archive.block() {
              bytes += block.prefix(DeviceTreeFolder.propertyLimit - bytes.count)
            }
            trees.add(bytes, root: place.root, path: place.path)
            continue
          }
          filesRead += 1
          guard filesRead < Self.fileLimit else { break }
          var reader = MemberReader(name: "\(name)/\(member)")
          while let block = try archive.block() { reader.take(block, progress: progress) }
          reader.finish(into: &facts, &remarks)
        }
        remarks += archive.remarks.map { "\(name): \($0)" }
      case .unsupported(let kind):
        facts.files.append(CaseFile(name: name, kinds: [.unknown]))
        remarks.append("\(name): \(kind) is not read: unpack it first")
        facts.notUnderstood.add(
          "archive", Evidence(file: name, line: nil, text: "\(kind): unpack it first"))
      case nil:
        var reader = MemberReader(name: name)
        var block = head
        while !block.isEmpty, !reader.isEndless {
          reader.take(block, progress: progress)
          block = try file.read(upTo: 1 << 16)
        }
        reader.finish(into: &facts, &remarks)
      }
    } catch {
      // What came before the damage was read, and counts.
      remarks.append("\(name): \(error)")
    }
  }
}

/// Reads one file or one member of an archive: tells binary tables from text, and splits lines.
struct MemberReader {
  let name: String
  private var text: TextReader
  private var binary: [UInt8] = []
  private var state = State.unknown
  private var inflater: Inflater?
  private var line: [UInt8] = []
  private var isCut = false
  private var number = 0

  /// Bytes that were given since the last newline.
  private var pieces = 0

  private enum State { case unknown, text, binary }

  /// Whether nothing that follows can matter: a table beyond all size, or a line without an end, as
  /// devices give them.
  var isEndless: Bool { binary.count >= Self.binaryLimit || pieces > 64 << 20 }

  /// Tables and device trees longer than this are no such.
  private static let binaryLimit = 16 << 20

  init(name: String) {
    self.name = name
    text = TextReader(file: name)
  }

  mutating func take(_ block: [UInt8], progress: (Int) -> Void) {
    if state == .unknown, inflater == nil, block.starts(with: [0x1f, 0x8b]) {
      inflater = Inflater(.gzip)
    }
    if let inflater {
      inflater.expand(block) { plain in self.takePlain(plain) }
    } else {
      takePlain(block)
    }
    progress(number)
  }

  private mutating func takePlain(_ block: [UInt8]) {
    if state == .unknown, !block.isEmpty {
      state = Self.isBinary(block) ? .binary : .text
    }
    switch state {
    case .unknown: break
    case .binary:
      if binary.count < Self.binaryLimit { binary += block.prefix(Self.binaryLimit - binary.count) }
    case .text: takeText(block)
    }
  }

  /// ACPI tables and device trees; other files with zeroes are read for no text either.
  private static func isBinary(_ block: [UInt8]) -> Bool {
    let head = block.prefix(1024)
    if head.starts(with: [0xd0, 0x0d, 0xfe, 0xed]) || isTable(head) { return true }
    return head.count { $0 == 0 } > head.count / 16
  }

  /// The header of an ACPI table (ACPI 6.5, 5.2.6): a signature, a length and a small revision.
  private static func isTable(_ head: ArraySlice<UInt8>) -> Bool {
    guard head.count >= 36 else { return false }
    let bytes = Array(head.prefix(36))
    let isName = bytes[..<4].allSatisfy { (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) }
    return isName && bytes[7] == 0 && bytes[8] < 0x20
  }

  private mutating func takeText(_ block: [UInt8]) {
    var start = block.startIndex
    while let end = block[start...].firstIndex(of: 0x0a) {
      append(block[start..<end])
      endLine()
      start = end + 1
    }
    append(block[start...])
  }

  private mutating func append(_ part: ArraySlice<UInt8>) {
    pieces += part.count
    let room = KernelLogLine.longest * 4 - line.count
    if part.count > room { isCut = true }
    line.append(contentsOf: part.prefix(max(0, room)))
  }

  private mutating func endLine() {
    number += 1
    pieces = 0
    text.take(line, number: number)
    line.removeAll(keepingCapacity: true)
  }

  mutating func finish(into facts: inout CaseFacts, _ remarks: inout [String]) {
    if !line.isEmpty { endLine() }
    if isCut { remarks.append("\(name): lines longer than 64 KiB were cut") }
    if inflater?.isDamaged == true {
      remarks.append("\(name): the compressed data are damaged: what came before was read")
    }
    if state == .binary {
      facts.take(binary: binary, named: name)
    } else {
      text.finish(into: &facts)
    }
  }
}
