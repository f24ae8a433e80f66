public import Bits

/// Words that stand in a record itself, without a heap: an `InlineArray` of any length.
public protocol InlineWords: BitwiseCopyable, Sendable {
  static var wordCount: Int { get }
  init(repeating word: UInt64)
  subscript(word index: Int) -> UInt64 { get set }
}

extension InlineArray: InlineWords where Element == UInt64 {
  @inlinable @inline(__always)
  public static var wordCount: Int { count }

  @inlinable @inline(__always)
  public subscript(word index: Int) -> UInt64 {
    get { self[index] }
    set { self[index] = newValue }
  }
}

/// A record of two, four or eight words that it keeps in an `InlineArray`.
public protocol InlineRecord: WordRecord, BitwiseCopyable {
  associatedtype Storage: InlineWords
  /// The words in memory order.
  var storage: Storage { get set }
  init(storage: Storage)
}

extension InlineRecord {
  @inlinable @inline(__always)
  public static var wordCount: Int { Storage.wordCount }

  @inlinable @inline(__always)
  public init() { self.init(storage: Storage(repeating: 0)) }

  @inlinable @inline(__always)
  public subscript(word index: Int) -> UInt64 {
    get { storage[word: index] }
    set { storage[word: index] = newValue }
  }
}
