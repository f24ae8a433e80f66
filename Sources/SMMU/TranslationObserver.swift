public import Bits

/// One station of a translation: a descriptor read, or a cache that spared it.
@frozen
public struct DescriptorRead: BitwiseCopyable, Sendable, Equatable {
  /// Kind of descriptor or cache entry that was read.
  @frozen
  public enum Step: BitwiseCopyable, Sendable, Hashable {
    /// L1STD, the first level of the stream table.
    case streamTable
    case streamEntry
    /// L1CD, the first level of a CD table.
    case contextTable
    case context
    case stage1(level: Int8)
    case stage2(level: Int8)
    /// A page from a TLB: of stage 2, or of stage 1 with stage 2 where enabled.
    case cachedPage(stage2: Bool)
    /// The walk of a stage starts below its first level, at this one.
    case cachedTable(stage2: Bool, level: Int8)
    case cachedStreamEntry
    case cachedContext
  }

  /// Which address stage 2 translates.
  @frozen
  public enum Purpose: BitwiseCopyable, Sendable, Equatable {
    /// Nothing: configuration, or stage 1 itself.
    case none
    /// The address of a CD or L1CD.
    case context
    /// The address of a stage 1 descriptor of this level.
    case stage1(level: Int8)
    /// The output of stage 1, or the input address where stage 1 is off.
    case output
  }

  public var step: Step
  public var purpose: Purpose
  /// Address of the descriptor; zero for a cached one.
  public var address: PA
  /// The first words read, in memory order; of a cached one, the output address.
  public var words: InlineArray<8, UInt64>
  /// Number of valid `words`, 1 to 8.
  public var wordCount: Int
  /// Input of the step: a StreamID, a SubstreamID, an IOVA or an IPA.
  public var input: UInt64

  /// The first word.
  public var value: UInt64 { words[0] }

  public static func == (left: Self, right: Self) -> Bool {
    left.step == right.step && left.purpose == right.purpose && left.address == right.address
      && left.wordCount == right.wordCount && left.input == right.input
      && (0..<8).allSatisfy { left.words[$0] == right.words[$0] }
  }

  @inlinable
  init(_ step: Step, _ purpose: Purpose, at address: UInt64, _ value: UInt64, of input: UInt64) {
    self.step = step
    self.purpose = purpose
    self.address = PA(address)
    self.words = InlineArray(repeating: 0)
    self.words[0] = value
    self.wordCount = 1
    self.input = input
  }

  @inlinable
  init(
    _ step: Step, _ purpose: Purpose, at address: UInt64, words: InlineArray<8, UInt64>,
    of input: UInt64
  ) {
    self.step = step
    self.purpose = purpose
    self.address = PA(address)
    self.words = words
    self.wordCount = 8
    self.input = input
  }
}

/// Receives the stations of a translation as they happen.
public protocol TranslationObserver {
  /// Whether anybody looks: the model makes no records when it is false.
  static var isOn: Bool { get }
  mutating func didRead(_ read: DescriptorRead)
}

/// Looks at nothing and costs nothing.
@frozen
public struct NoObserver: TranslationObserver {
  @inlinable
  public static var isOn: Bool { false }
  @inlinable
  public init() {}
  @inlinable @inline(__always)
  public mutating func didRead(_ read: DescriptorRead) {}
}

/// Keeps every station in order.
public struct TranslationLog: TranslationObserver {
  public static var isOn: Bool { true }
  public private(set) var reads: [DescriptorRead] = []
  public init() {}
  public mutating func didRead(_ read: DescriptorRead) { reads.append(read) }
}
