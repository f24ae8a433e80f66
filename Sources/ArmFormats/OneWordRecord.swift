public import Bits

/// A record of a single word, such as a register or a short table entry.
public protocol OneWordRecord: WordRecord, BitwiseCopyable {
  var rawValue: UInt64 { get set }
  init(rawValue: UInt64)
}

extension OneWordRecord {
  @inlinable
  public static var wordCount: Int { 1 }
  @inlinable @inline(__always)
  public init() { self.init(rawValue: 0) }
  @inlinable @inline(__always)
  public subscript(word index: Int) -> UInt64 {
    get { rawValue }
    set { rawValue = newValue }
  }
}
