public import Bits

/// A register as a record of one word.
public protocol RegisterRecord: WordRecord, BitwiseCopyable {
  var rawValue: UInt64 { get set }
  init(rawValue: UInt64)
}

extension RegisterRecord {
  @inlinable
  public static var wordCount: Int { 1 }

  @inlinable
  public init() { self.init(rawValue: 0) }

  @inlinable @inline(__always)
  public subscript(word index: Int) -> UInt64 {
    get { rawValue }
    set { rawValue = newValue }
  }
}
