internal import CZlib

/// Expands compressed data as they come, block by block.
@safe
package final class Inflater {
  /// Format around the compressed data (zlib.h, `inflateInit2`).
  package enum Format: Sendable {
    case gzip
    /// Nothing, as in zip archives.
    case raw

    fileprivate var windowBits: Int32 {
      switch self {
      case .gzip: 31
      case .raw: -15
      }
    }
  }

  private var stream = unsafe z_stream()
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)
  /// Whether the data ended as they should.
  package private(set) var isAtEnd = false
  /// Whether the data are no such data.
  package private(set) var isDamaged = false

  package init(_ format: Format) {
    let code = unsafe inflateInit2_(
      &stream, format.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    isDamaged = code != Z_OK
  }

  deinit { unsafe inflateEnd(&stream) }

  /// Expands `block` and hands out what comes of it, 64 KiB at a time.
  ///
  /// - Returns: the number of bytes of `block` that belong to the data; at their end, fewer than
  ///   all.
  @discardableResult
  package func expand(_ block: [UInt8], _ take: ([UInt8]) -> Void) -> Int {
    guard !isAtEnd, !isDamaged, !block.isEmpty else { return 0 }
    var input = block
    var used = 0
    while used < input.count, !isAtEnd, !isDamaged {
      var made = 0
      let left = input.count - used
      unsafe input.withUnsafeMutableBufferPointer { source in
        unsafe buffer.withUnsafeMutableBufferPointer { target in
          unsafe stream.next_in = source.baseAddress.map { unsafe $0 + used }
          unsafe stream.avail_in = UInt32(left)
          unsafe stream.next_out = target.baseAddress
          unsafe stream.avail_out = UInt32(target.count)
          let code = unsafe inflate(&stream, Z_NO_FLUSH)
          made = unsafe target.count - Int(stream.avail_out)
          used = unsafe source.count - Int(stream.avail_in)
          if code == Z_STREAM_END { isAtEnd = true }
          if code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR { isDamaged = true }
          unsafe stream.next_in = nil
          unsafe stream.next_out = nil
        }
      }
      if made > 0 { take(Array(buffer[..<made])) }
      if made == 0, used == input.count { break }
    }
    return used
  }
}
