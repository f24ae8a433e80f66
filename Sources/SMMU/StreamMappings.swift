/// A run of addresses that one stage maps with one offset and one set of permissions.
public struct MappedRange: Equatable, Sendable {
  /// The first input address: an IOVA for stage 1, an IPA for stage 2.
  public var input: UInt64
  /// The first output address.
  public var output: UInt64
  /// In bytes.
  public var length: UInt64
  /// Whether anybody may read, and write, through it.
  public var isReadable: Bool
  public var isWritable: Bool

  public init(
    input: UInt64, output: UInt64, length: UInt64, isReadable: Bool = true, isWritable: Bool = true
  ) {
    self.input = input
    self.output = output
    self.length = length
    self.isReadable = isReadable
    self.isWritable = isWritable
  }

  /// Returns the output address for an input address; `nil` outside the range.
  public func output(of address: UInt64) -> UInt64? {
    address &- input < length ? output &+ (address &- input) : nil
  }

  /// Whether `other` goes on where this range ends, in every respect.
  func isContinued(by other: Self) -> Bool {
    input &+ length == other.input && output &+ length == other.output
      && isReadable == other.isReadable && isWritable == other.isWritable
  }
}

/// Mappings of one stage, as its tables in memory say.
public struct StageMappings: Equatable, Sendable {
  /// In ascending order of input addresses, as few as possible.
  public private(set) var ranges: [MappedRange] = []
  /// `false` where the tables have more descriptors than anybody would read, as tables that
  /// contain themselves have: the ranges are then those found first.
  public internal(set) var isComplete = true

  /// - Parameter ranges: in ascending order of input addresses.
  public init(_ ranges: [MappedRange] = []) {
    for range in ranges { append(range) }
  }

  mutating func append(_ range: MappedRange) {
    if let last = ranges.last, last.isContinued(by: range) {
      ranges[ranges.count - 1].length &+= range.length
    } else {
      ranges.append(range)
    }
  }

  /// Returns the output address for an input address; `nil` if nothing is mapped.
  public func output(of address: UInt64) -> UInt64? {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].input <= address { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? nil : ranges[low - 1].output(of: address)
  }
}

/// Mappings of the addresses of one stream by the tables in memory.
public struct StreamMappings: Equatable, Sendable {
  /// Configuration of the stream by its STE.
  public enum Configuration: String, Sendable {
    /// Transactions are terminated.
    case aborts
    /// Neither stage translates.
    case bypasses
    case translates
    /// The STE or the CD cannot be read, or is illegal.
    case faults
  }

  public let configuration: Configuration
  /// From IOVAs; `nil` where stage 1 is off.
  public let stage1: StageMappings?
  /// From IPAs; `nil` where stage 2 is off.
  public let stage2: StageMappings?

  public init(configuration: Configuration, stage1: StageMappings?, stage2: StageMappings?) {
    self.configuration = configuration
    self.stage1 = stage1
    self.stage2 = stage2
  }
}
