/// One named field of `Record`: its word, position, width and the type that it decodes to.
///
/// ```swift
/// extension BitField where Record == StreamTableEntry, Value == StreamConfig {
///   /// `STE.Config`: which stages the stream translates through (IHI 0070, 5.2).
///   public static var config: Self { .init(3, 1) }
/// }
/// entry[.config] = .nested
/// ```
@frozen
public struct BitField<Record: WordRecord, Value: BitPattern>: Sendable {
  /// Index of the 64-bit word that holds the field.
  public let word: Int
  /// Number of the field's lowest bit in its word, 0 to 63.
  public let low: UInt64
  /// Number of bits, 1 to 64.
  public let width: UInt64

  /// Bits `[high:low]` of `word`, in the order in which the architecture writes them.
  @inlinable @inline(__always)
  public init(word: Int = 0, _ high: UInt64, _ low: UInt64) {
    self.word = word
    self.low = low
    self.width = high &- low &+ 1
  }

  /// Bit `bit` of `word`.
  @inlinable @inline(__always)
  public init(word: Int = 0, bit: UInt64) { self.init(word: word, bit, bit) }

  /// The field's bits, in place.
  @inlinable @inline(__always)
  public var mask: UInt64 { (~0 &>> (64 &- width)) &<< low }
}

/// A fixed number of little-endian 64-bit words with named fields: a descriptor, a table entry,
/// a command, an event record or a register.
public protocol WordRecord: Equatable, Sendable {
  /// The number of 64-bit words.
  static var wordCount: Int { get }
  /// Every named field, for dumps, decoders and generic tests; in the manual's order.
  static var fields: [FieldDescription<Self>] { get }
  /// The record with every bit clear.
  init()
  /// Word `index`, 0 to `wordCount - 1`.
  subscript(word index: Int) -> UInt64 { get set }
}

extension WordRecord {
  /// The value of a field.
  @inlinable @inline(__always)
  public subscript<Value>(_ field: BitField<Self, Value>) -> Value {
    get { Value(pattern: (self[word: field.word] & field.mask) &>> field.low) }
    set {
      let kept = self[word: field.word] & ~field.mask
      self[word: field.word] = kept | ((newValue.pattern &<< field.low) & field.mask)
    }
  }

  /// The record whose words are `words`; missing ones are zero, surplus ones are ignored.
  public init(words: some Sequence<UInt64>) {
    self.init()
    for (index, word) in zip(0..<Self.wordCount, words) { self[word: index] = word }
  }

  /// The words in memory order.
  public var words: [UInt64] { (0..<Self.wordCount).map { self[word: $0] } }

  public static func == (left: Self, right: Self) -> Bool {
    (0..<wordCount).allSatisfy { left[word: $0] == right[word: $0] }
  }

  /// The bits of `word` that no field names: RES0, or of no interest here.
  public static func unnamedBits(word: Int) -> UInt64 {
    fields.reduce(~0) { $1.word == word ? $0 & ~$1.mask : $0 }
  }
}

/// A field as data: what a dump prints and what a generic test checks.
public struct FieldDescription<Record: WordRecord>: Sendable {
  /// The manual's name, such as `S1ContextPtr`.
  public let name: String
  public let word: Int
  public let low: UInt64
  public let width: UInt64
  public let mask: UInt64

  public init(_ name: String, _ field: BitField<Record, some BitPattern>) {
    self.name = name
    word = field.word
    low = field.low
    width = field.width
    mask = field.mask
  }

  /// The field's bits in `record`, right-aligned.
  public func value(in record: Record) -> UInt64 { (record[word: word] & mask) &>> low }

  /// Writes the low bits of `value` into the field.
  public func set(_ value: UInt64, in record: inout Record) {
    record[word: word] = (record[word: word] & ~mask) | (value &<< low & mask)
  }

  /// The field's position as the manual writes it, such as `[3:1]` or `[0]`.
  public var position: String {
    let base = UInt64(truncatingIfNeeded: word) &* 64 &+ low
    return width == 1 ? "[\(base)]" : "[\(base &+ width &- 1):\(base)]"
  }
}
