package import Files

/// The loadable parts of an ELF64 file: what a core dump or a memory image holds of physical
/// memory.
package struct ELFCore: Sendable {
  /// One PT_LOAD segment.
  package struct Segment: Equatable, Sendable {
    /// `p_paddr`.
    package var address: UInt64
    /// `p_memsz`; what the file does not hold of it reads as zero.
    package var size: UInt64
    /// Range of the bytes in the file.
    package var range: Range<Int>
  }

  package let segments: [Segment]
  package let bytes: [UInt8]

  /// The first bytes of an ELF file.
  static let magic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46]

  /// Reads the program headers of a little-endian ELF64 file of any machine and type.
  ///
  /// - Throws: `InputError` that says what is malformed. No segment may be larger than 2^48 bytes or
  ///   reach beyond the end of the address space or of the file.
  package init(_ bytes: [UInt8], file: String) throws(InputError) {
    self.bytes = bytes
    let reader = ByteReader(bytes: bytes)
    guard bytes.starts(with: Self.magic) else {
      throw InputError("expected an ELF file, found no ELF magic number", at: Place(file: file))
    }
    guard bytes.count >= 64, bytes[4] == 2, bytes[5] == 1 else {
      throw InputError("expected a little-endian ELF64 file", at: Place(file: file))
    }
    let start = reader.word64(at: 32) ?? 0
    let entrySize = UInt64(reader.word16(at: 54) ?? 0)
    let count = UInt64(reader.word16(at: 56) ?? 0)
    guard count > 0, entrySize >= 56 else {
      throw InputError(
        "expected program headers of at least 56 bytes, found \(count) of \(entrySize) bytes",
        at: Place(file: file))
    }
    var segments: [Segment] = []
    for index in 0..<count {
      let place = start.addingReportingOverflow(index &* entrySize)
      guard !place.overflow, place.partialValue < UInt64(bytes.count),
        let header = reader.programHeader(at: Int(place.partialValue))
      else {
        throw InputError(
          "program header \(index) lies beyond the end of the file", at: Place(file: file))
      }
      guard header.kind == 1, header.memorySize > 0 else { continue }
      segments.append(try Self.segment(header, index, bytes.count, file))
    }
    guard !segments.isEmpty else {
      throw InputError("expected a PT_LOAD segment, found none", at: Place(file: file))
    }
    self.segments = segments
  }

  private static func segment(
    _ header: ByteReader.ProgramHeader, _ index: UInt64, _ length: Int, _ file: String
  ) throws(InputError) -> Segment {
    let end = header.offset.addingReportingOverflow(header.fileSize)
    guard !end.overflow, end.partialValue <= UInt64(length) else {
      throw InputError("segment \(index) reaches beyond the end of the file", at: Place(file: file))
    }
    let top = header.physical.addingReportingOverflow(header.memorySize)
    guard !top.overflow, header.memorySize <= 1 << 48, header.fileSize <= header.memorySize,
      header.physical & 7 == 0
    else {
      throw InputError(
        "segment \(index): expected an 8-byte aligned p_paddr and p_filesz <= p_memsz <= 2^48",
        at: Place(file: file))
    }
    return Segment(
      address: header.physical, size: header.memorySize,
      range: Int(header.offset)..<Int(end.partialValue))
  }
}

/// Little-endian numbers in a byte array; `nil` beyond its end.
struct ByteReader {
  struct ProgramHeader {
    var kind: UInt64
    var offset: UInt64
    var physical: UInt64
    var fileSize: UInt64
    var memorySize: UInt64
  }

  let bytes: [UInt8]

  func number(at offset: Int, length: Int) -> UInt64? {
    guard offset >= 0, offset <= bytes.count - length else { return nil }
    return (0..<length).reduce(0) { $0 | UInt64(bytes[offset + $1]) &<< UInt64($1 * 8) }
  }

  func word16(at offset: Int) -> UInt16? {
    number(at: offset, length: 2).map { UInt16(truncatingIfNeeded: $0) }
  }

  func word64(at offset: Int) -> UInt64? { number(at: offset, length: 8) }

  /// An Elf64_Phdr.
  func programHeader(at offset: Int) -> ProgramHeader? {
    guard let kind = number(at: offset, length: 4), let place = word64(at: offset + 8),
      let physical = word64(at: offset + 24), let fileSize = word64(at: offset + 32),
      let memorySize = word64(at: offset + 40)
    else { return nil }
    return ProgramHeader(
      kind: kind, offset: place, physical: physical, fileSize: fileSize, memorySize: memorySize)
  }
}
