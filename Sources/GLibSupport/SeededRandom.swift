private import CGLib

/// GLib's Mersenne Twister (`GRand`): the same stream for the same seed on every platform.
@safe
public final class SeededRandom {
  private let state: OpaquePointer

  /// A stream that depends on `seed` alone.
  public init(seed: UInt32) { unsafe state = g_rand_new_with_seed(seed) }

  deinit { unsafe g_rand_free(state) }

  /// 32 uniformly distributed bits.
  public func next32() -> UInt32 { unsafe g_rand_int(state) }
}

extension SeededRandom: RandomNumberGenerator {
  public func next() -> UInt64 { UInt64(next32()) &<< 32 | UInt64(next32()) }
}
