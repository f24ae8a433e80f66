public import Bits

/// The size of a translation table's page, as log2 of bytes: 12, 14 or 16.
@frozen
public enum TranslationGranule: UInt8, Sendable, Hashable {
  case kib4 = 12
  case kib16 = 14
  case kib64 = 16

  /// log2 of the page size.
  @inlinable @inline(__always)
  public var shift: UInt64 { UInt64(truncatingIfNeeded: rawValue) }
  /// log2 of the number of descriptors in a table.
  @inlinable @inline(__always)
  public var stride: UInt64 { shift &- 3 }
}

/// `TG0` and `S2TG`: granule of the low half and of stage 2 (IHI 0070, 5.2 and 5.4).
@frozen
public struct LowGranule: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  public static var kib4: Self { Self(rawValue: 0) }
  @inlinable @inline(__always)
  public static var kib64: Self { Self(rawValue: 1) }
  @inlinable @inline(__always)
  public static var kib16: Self { Self(rawValue: 2) }

  /// The granule; `nil` for the reserved encoding.
  @inlinable @inline(__always)
  public var granule: TranslationGranule? {
    switch rawValue {
    case 0: .kib4
    case 1: .kib64
    case 2: .kib16
    default: nil
    }
  }
}

/// `TG1`: granule of the high half, encoded differently (IHI 0070, 5.4).
@frozen
public struct HighGranule: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  public static var kib16: Self { Self(rawValue: 1) }
  @inlinable @inline(__always)
  public static var kib4: Self { Self(rawValue: 2) }
  @inlinable @inline(__always)
  public static var kib64: Self { Self(rawValue: 3) }

  /// The granule; `nil` for the reserved encoding.
  @inlinable @inline(__always)
  public var granule: TranslationGranule? {
    switch rawValue {
    case 1: .kib16
    case 2: .kib4
    case 3: .kib64
    default: nil
    }
  }
}

/// `IPS`, `S2PS` and `IDR5.OAS`: an address size (IHI 0070, 5.4).
@frozen
public struct AddressSizeField: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  public static var bits32: Self { Self(rawValue: 0) }
  @inlinable @inline(__always)
  public static var bits36: Self { Self(rawValue: 1) }
  @inlinable @inline(__always)
  public static var bits40: Self { Self(rawValue: 2) }
  @inlinable @inline(__always)
  public static var bits42: Self { Self(rawValue: 3) }
  @inlinable @inline(__always)
  public static var bits44: Self { Self(rawValue: 4) }
  @inlinable @inline(__always)
  public static var bits48: Self { Self(rawValue: 5) }
  @inlinable @inline(__always)
  public static var bits52: Self { Self(rawValue: 6) }

  /// The number of address bits; the reserved value behaves as 52.
  @inlinable @inline(__always)
  public var bits: UInt64 {
    switch rawValue {
    case 0: 32
    case 1: 36
    case 2: 40
    case 3: 42
    case 4: 44
    case 5: 48
    default: 52
    }
  }
}
