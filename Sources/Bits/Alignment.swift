/// The low `count` bits set; `count` 0 to 64.
@inlinable @inline(__always)
public func lowBits(_ count: UInt64) -> UInt64 { count == 0 ? 0 : ~0 &>> (64 &- count) }

/// Bits `[high:low]` of `word`, right-aligned.
@inlinable @inline(__always)
public func bits(_ word: UInt64, _ high: UInt64, _ low: UInt64) -> UInt64 {
  (word &>> low) & (~0 &>> (63 &- (high &- low)))
}

/// Whether `bit` of `word` is set.
@inlinable @inline(__always)
public func isSet(_ word: UInt64, bit: UInt64) -> Bool { (word &>> bit) & 1 != 0 }
