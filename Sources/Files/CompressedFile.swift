internal import CZlib

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// A file read from its beginning to its end, gzip'd or plain: zlib's `gzread` tells them apart.
///
/// Reads ahead in blocks, so that memory use does not depend on the size of the file. This file
/// holds every use of zlib.
@safe
package final class CompressedFile {
  /// Thrown when a file cannot be read.
  package enum ReadError: Error, Equatable, CustomStringConvertible {
    /// There is no such file.
    case missing
    case isFolder
    /// The operating system refused otherwise; the text is its own.
    case cannotOpen(String)
    /// The file ends in the middle of the compressed data, or the data are damaged.
    case damaged(String)
    case tooLong(limit: Int)

    package var description: String {
      switch self {
      case .missing: "no such file"
      case .isFolder: "expected a file, found a folder"
      case .cannotOpen(let reason): reason
      case .damaged(let reason): "the compressed data are damaged: \(reason)"
      case .tooLong(let limit): "expected at most \(limit) bytes"
      }
    }
  }

  private let file: gzFile
  private let path: String
  @usableFromInline var block = [UInt8](repeating: 0, count: 1 << 16)
  @usableFromInline var next = 0
  @usableFromInline var filled = 0

  /// Opens the file at `path`.
  ///
  /// - Throws: `ReadError` when there is none, or it is a folder.
  package convenience init(path: String) throws(ReadError) {
    errno = 0
    guard let file = unsafe gzopen(path, "rb") else { throw Self.refusal() }
    try unsafe self.init(file, path: path)
    // No output may take its place.
    FilesInUse.noteRead(path)
  }

  /// Opens standard input.
  package convenience init(standardInput _: Void) throws(ReadError) {
    let descriptor = dup(STDIN_FILENO)
    guard descriptor >= 0, let file = unsafe gzdopen(descriptor, "rb") else {
      throw Self.refusal()
    }
    try unsafe self.init(file, path: "standard input")
  }

  private init(_ file: gzFile, path: String) throws(ReadError) {
    unsafe self.file = file
    self.path = path
    // A directory opens; only reading it fails.
    try fill()
  }

  deinit { unsafe gzclose(file) }

  /// Returns the error of the operating system's last call.
  private static func refusal() -> ReadError {
    switch errno {
    case ENOENT: .missing
    case EISDIR: .isFolder
    default: .cannotOpen(unsafe String(cString: strerror(errno)))
    }
  }

  /// Refills the block; afterwards `filled` is 0 at the end of the file.
  @usableFromInline
  func fill() throws(ReadError) {
    let read = unsafe block.withUnsafeMutableBytes { bytes in
      unsafe gzread(file, bytes.baseAddress, UInt32(bytes.count))
    }
    next = 0
    filled = max(0, Int(read))
    var code: Int32 = 0
    let message = unsafe gzerror(file, &code)
    if code == Z_ERRNO { throw Self.refusal() }
    guard read >= 0, code >= 0 else {
      let text = unsafe message.map { unsafe String(cString: $0) } ?? "error \(code)"
      // zlib puts the path first.
      let prefix = "\(path): "
      throw .damaged(text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text)
    }
  }

  /// Whether what has not been read yet begins so, as far as it was read ahead.
  package func starts(with bytes: [UInt8]) -> Bool { block[next..<filled].starts(with: bytes) }

  /// The next line without its newline, or `nil` at the end.
  ///
  /// - Parameter limit: the longest line accepted, in bytes.
  /// - Throws: `ReadError` when the data are damaged or the line is longer than `limit`.
  package func line(limit: Int = 1 << 26) throws(ReadError) -> [UInt8]? {
    var line: [UInt8] = []
    var found = false
    while true {
      if next == filled {
        try fill()
        if filled == 0 { return found ? line : nil }
      }
      found = true
      let rest = block[next..<filled]
      let end = rest.firstIndex(of: 0x0a) ?? filled
      line.append(contentsOf: block[next..<end])
      guard line.count <= limit else { throw .tooLong(limit: limit) }
      next = end
      if end < filled {
        next += 1
        return line
      }
    }
  }

  /// Shows everything that has not been read yet to `body`, block by block and without a copy.
  ///
  /// - Parameter limit: the most bytes accepted without a newline among them: a device that never
  ///   ends is no log.
  /// - Throws: `ReadError` when the data are damaged or have no newline in so many bytes; the blocks
  ///   before were shown.
  @inlinable
  package func forEachBlock(
    lineLimit limit: Int = 1 << 26, _ body: (Span<UInt8>) -> Void
  ) throws(ReadError) {
    var length = 0
    while filled > 0 {
      length = block[next..<filled].contains(0x0a) ? 0 : length + filled - next
      guard length <= limit else { throw .tooLong(limit: limit) }
      body(block.span.extracting(next..<filled))
      try fill()
    }
  }

  /// The next bytes, at most `count`; none at the end of the file.
  package func read(upTo count: Int) throws(ReadError) -> [UInt8] {
    if next == filled { try fill() }
    let end = min(filled, next + count)
    defer { next = end }
    return Array(block[next..<end])
  }

  /// Everything that has not been read yet.
  ///
  /// - Parameter limit: the most bytes accepted.
  /// - Throws: `ReadError` when the data are damaged or there are more than `limit`.
  package func rest(limit: Int) throws(ReadError) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      bytes.append(contentsOf: block[next..<filled])
      guard bytes.count <= limit else { throw .tooLong(limit: limit) }
      try fill()
      if filled == 0 { return bytes }
    }
  }
}
