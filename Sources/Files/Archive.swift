/// The members of a tar or zip archive, read from its beginning to its end.
///
/// Memory use depends neither on the archive's size nor on its members'. Tar: POSIX.1-2001 ustar and
/// pax, and GNU's long names. Zip: stored and deflated members by their local headers
/// (APPNOTE.TXT, 4.3.7); encrypted members and stored ones of unknown size end the reading.
package struct Archive {
  package enum Kind: Equatable, Sendable {
    case tar
    case zip
    /// A compression that is not read here, by its program's name.
    case unsupported(String)
  }

  /// Remarks on the members that were left out, with the reason.
  package private(set) var remarks: [String] = []

  private let file: CompressedFile
  private let kind: Kind?
  /// Bytes that were read and not used.
  private var buffer: [UInt8]
  private var position = 0
  /// Bytes of the member that are left in the archive; `nil` for a deflated one.
  private var left: UInt64? = 0
  private var padding = 0
  private var inflater: Inflater?
  private var pending: [[UInt8]] = []
  /// Whether the sizes of a deflated member stand behind it.
  private var hasDescriptor = false
  private var expanded: UInt64 = 0
  private var isOver = false

  /// Members of one archive are read up to this many bytes altogether.
  package static let expansionLimit: UInt64 = 16 << 30

  /// Returns the kind of archive, from a file's first bytes; `nil` for no archive.
  package static func kind(of head: [UInt8]) -> Kind? {
    if head.starts(with: [0x50, 0x4b, 0x03, 0x04]) { return .zip }
    if head.count >= 512, head[257..<262].elementsEqual("ustar".utf8) { return .tar }
    let others: [([UInt8], String)] = [
      ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz"), ([0x28, 0xb5, 0x2f, 0xfd], "zstd"),
      ([0x42, 0x5a, 0x68], "bzip2"), ([0x37, 0x7a, 0xbc, 0xaf], "7z"),
      ([0x04, 0x22, 0x4d, 0x18], "lz4"),
    ]
    return others.first { head.starts(with: $0.0) }.map { .unsupported($0.1) }
  }

  /// - Parameters:
  ///   - file: the archive, behind the bytes of `head`.
  ///   - head: its first bytes.
  package init(_ file: CompressedFile, head: [UInt8]) {
    self.file = file
    buffer = head
    kind = Self.kind(of: head)
  }

  /// Goes to the next member that is a file.
  ///
  /// - Returns: its name, or `nil` at the end.
  /// - Throws: `ReadError` when the archive's own compression is damaged.
  package mutating func nextMember() throws(CompressedFile.ReadError) -> String? {
    while try block() != nil {}
    guard !isOver else { return nil }
    switch kind {
    case .tar: return try nextOfTar()
    case .zip: return try nextOfZip()
    default: return nil
    }
  }

  /// The next block of the member, or `nil` at its end.
  package mutating func block() throws(CompressedFile.ReadError) -> [UInt8]? {
    if let inflater { return try inflated(inflater) }
    guard let rest = left, rest > 0 else {
      if padding > 0 {
        _ = try take(padding)
        padding = 0
      }
      return nil
    }
    let bytes = try take(Int(min(rest, 1 << 16)))
    guard !bytes.isEmpty else {
      end("the archive ends inside a member")
      return nil
    }
    left = rest - UInt64(bytes.count)
    return count(bytes)
  }

  private mutating func inflated(
    _ inflater: Inflater
  ) throws(CompressedFile.ReadError) -> [UInt8]? {
    while pending.isEmpty, !inflater.isAtEnd, !inflater.isDamaged {
      let input = try take(1 << 14)
      guard !input.isEmpty else {
        end("the archive ends inside a member")
        break
      }
      var blocks: [[UInt8]] = []
      let used = inflater.expand(input) { blocks.append($0) }
      pending = blocks
      if used < input.count { position -= input.count - used }
    }
    guard pending.isEmpty else { return count(pending.removeFirst()) }
    if inflater.isDamaged { end("a member's compressed data are damaged") }
    self.inflater = nil
    left = 0
    if hasDescriptor, !isOver { try skipDescriptor() }
    return nil
  }

  private mutating func count(_ bytes: [UInt8]) -> [UInt8]? {
    expanded += UInt64(bytes.count)
    guard expanded <= Self.expansionLimit else {
      end("more than \(Self.expansionLimit >> 30) GiB: the others were not read")
      return nil
    }
    return bytes
  }

  private mutating func end(_ remark: String) {
    if !isOver { remarks.append(remark) }
    isOver = true
    (left, padding, inflater, pending) = (0, 0, nil, [])
  }

  /// Up to `count` bytes; fewer at the end of the archive.
  private mutating func take(_ count: Int) throws(CompressedFile.ReadError) -> [UInt8] {
    while buffer.count - position < count {
      let more = try file.read(upTo: 1 << 16)
      if more.isEmpty { break }
      buffer.removeFirst(position)
      position = 0
      buffer += more
    }
    let end = min(buffer.count, position + count)
    defer { position = end }
    return Array(buffer[position..<end])
  }

  // MARK: tar

  private mutating func nextOfTar() throws(CompressedFile.ReadError) -> String? {
    var longName: String?
    while true {
      let header = try take(512)
      guard header.count == 512, header[0] != 0 else {
        isOver = true
        return nil
      }
      guard let size = Self.number(header[124..<136]), size < 1 << 50 else {
        end("a member has no size")
        return nil
      }
      left = size
      padding = Int((512 - size % 512) % 512)
      let name = longName ?? Self.name(header)
      switch header[156] {
      case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): return name
      case UInt8(ascii: "L"), UInt8(ascii: "x"):
        let isPax = header[156] == UInt8(ascii: "x")
        guard size <= 1 << 20 else {
          end("a member's name is longer than 1 MiB")
          return nil
        }
        var text: [UInt8] = []
        while let part = try block() { text += part }
        longName =
          isPax
          ? Self.path(inPax: text) ?? longName
          : String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
      default:
        longName = nil
        while try block() != nil {}
      }
      if isOver { return nil }
    }
  }

  private static func name(_ header: [UInt8]) -> String {
    let name = String(decoding: header[0..<100].prefix { $0 != 0 }, as: UTF8.self)
    let prefix = String(decoding: header[345..<500].prefix { $0 != 0 }, as: UTF8.self)
    return prefix.isEmpty ? name : "\(prefix)/\(name)"
  }

  /// Octal digits, or a binary number behind a set top bit (GNU).
  private static func number(_ field: ArraySlice<UInt8>) -> UInt64? {
    if let first = field.first, first & 0x80 != 0 {
      return field.dropFirst(4).reduce(0) { $0 << 8 | UInt64($1) }
    }
    let digits = field.drop { $0 == 0x20 }.prefix { $0 >= 0x30 && $0 <= 0x37 }
    return digits.reduce(0) { $0 << 3 | UInt64($1 - 0x30) }
  }

  /// `path` of an extended header: `LENGTH path=VALUE`, a record a line.
  private static func path(inPax text: [UInt8]) -> String? {
    for record in text.split(separator: 0x0a) {
      let line = String(decoding: record, as: UTF8.self)
      if let range = line.firstRange(of: " path=") { return String(line[range.upperBound...]) }
    }
    return nil
  }

  // MARK: zip

  private mutating func nextOfZip() throws(CompressedFile.ReadError) -> String? {
    while true {
      let header = try take(30)
      guard header.count == 30, header.starts(with: [0x50, 0x4b, 0x03, 0x04]) else {
        isOver = true
        return nil
      }
      func number(_ at: Int, _ count: Int) -> UInt64 {
        header[at..<at + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
      }
      let flags = number(6, 2)
      let name = String(decoding: try take(Int(number(26, 2))), as: UTF8.self)
      let extra = try take(Int(number(28, 2)))
      hasDescriptor = flags & 8 != 0
      let size = Self.size(number(18, 4), extra)
      guard flags & 1 == 0 else {
        end("\(name) is encrypted: it and what follows was not read")
        return nil
      }
      switch number(8, 2) {
      case 0 where !hasDescriptor || size > 0: left = size
      case 8:
        inflater = Inflater(.raw)
        left = nil
      default:
        end("\(name) is compressed in a way that is not read here: unpack the archive")
        return nil
      }
      if !name.hasSuffix("/") { return name }
      while try block() != nil {}
      if isOver { return nil }
    }
  }

  /// The compressed size, from the zip64 field where it does not fit.
  private static func size(_ size: UInt64, _ extra: [UInt8]) -> UInt64 {
    guard size == 0xffff_ffff, extra.count >= 20, extra[0] == 1, extra[1] == 0 else { return size }
    return extra[12..<20].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The sizes behind a deflated member, with a signature or without.
  private mutating func skipDescriptor() throws(CompressedFile.ReadError) {
    let head = try take(4)
    guard head.count == 4 else { return }
    let isSigned = head.elementsEqual([0x50, 0x4b, 0x07, 0x08])
    _ = try take(isSigned ? 12 : 8)
    // Members beyond 4 GiB have sizes of 8 bytes.
    let next = try take(2)
    position -= next.count
    if next.count == 2, !next.elementsEqual([0x50, 0x4b]) { _ = try take(8) }
  }
}
