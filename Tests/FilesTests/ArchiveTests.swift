import Files
import Foundation
import Testing

@Suite("Archive")
struct ArchiveTests {
  /// A member of a tar archive (POSIX.1-2001, pax Interchange Format).
  private func tar(_ name: String, _ content: String, type: Character = "0") -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
    }
    put(String(name.prefix(100)), at: 0)
    let size = String(content.utf8.count, radix: 8)
    put(String(repeating: "0", count: 11 - size.count) + size, at: 124)
    put(String(type), at: 156)
    put("ustar", at: 257)
    let padding = (512 - content.utf8.count % 512) % 512
    return header + Array(content.utf8) + [UInt8](repeating: 0, count: padding)
  }

  /// A stored member of a zip archive (APPNOTE.TXT, 4.3.7).
  private func zip(_ name: String, _ content: String, method: UInt8 = 0) -> [UInt8] {
    let size = UInt32(content.utf8.count)
    let bytes = (0..<4).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) }
    return [0x50, 0x4b, 3, 4, 20, 0, 0, 0, method, 0] + [UInt8](repeating: 0, count: 8) + bytes
      + bytes
      + [UInt8(name.utf8.count), 0, 0, 0] + Array(name.utf8) + Array(content.utf8)
  }

  private func members(_ bytes: [UInt8]) throws -> (
    names: [String], texts: [String], remarks: [String]
  ) {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    #expect(FileManager.default.createFile(atPath: path, contents: Data(bytes)))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = try CompressedFile(path: path)
    var archive = Archive(file, head: try file.read(upTo: 1 << 16))
    var names: [String] = []
    var texts: [String] = []
    while let name = try archive.nextMember() {
      var text: [UInt8] = []
      while let block = try archive.block() { text += block }
      names.append(name)
      texts.append(String(decoding: text, as: UTF8.self))
    }
    return (names, texts, archive.remarks)
  }

  @Test("members of a tar archive come in their order, folders and links left out")
  func tarMembers() throws {
    let bytes =
      tar("a.txt", "first") + tar("folder/", "", type: "5")
      + tar("b", String(repeating: "x", count: 2000))
      + [UInt8](repeating: 0, count: 1024)
    let found = try members(bytes)
    #expect(found.names == ["a.txt", "b"])
    #expect(found.texts.map(\.count) == [5, 2000])
    #expect(found.remarks.isEmpty)
  }

  @Test("long names stand in a member of their own, in both forms")
  func longNames() throws {
    let name = String(repeating: "n", count: 150)
    let gnu = tar("././@LongLink", name + "\0", type: "L") + tar(String(name.prefix(100)), "1")
    let record = "\(name.count + 10) path=\(name)\n"
    let pax = tar("PaxHeader", record, type: "x") + tar(String(name.prefix(100)), "2")
    #expect(try members(gnu + pax).names == [name, name])
  }

  @Test("stored members of a zip archive are read; the directory ends it")
  func zipMembers() throws {
    let found = try members(zip("a", "one") + zip("b/c", "two") + [0x50, 0x4b, 1, 2, 0, 0])
    #expect(found.names == ["a", "b/c"])
    #expect(found.texts == ["one", "two"])
  }

  @Test("what is cut or of an unknown kind ends the reading with a remark")
  func damaged() throws {
    #expect(
      try members(Array(tar("a", String(repeating: "x", count: 900)).prefix(700))).remarks.count
        == 1)
    #expect(try members(zip("a", "one", method: 12)).remarks.count == 1)
    #expect(try members(Array(zip("abc", "one").prefix(34))).texts == ["o"])
  }

  @Test("compressions that are not read are named")
  func kinds() {
    #expect(Archive.kind(of: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]) == .unsupported("xz"))
    #expect(Archive.kind(of: [0x28, 0xb5, 0x2f, 0xfd]) == .unsupported("zstd"))
    #expect(Archive.kind(of: Array("text".utf8)) == nil)
    #expect(Archive.kind(of: []) == nil)
  }
}
