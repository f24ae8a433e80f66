/// Sizes of the SMMU's caches. Any entry may be stale until a command invalidates it.
///
/// Sizes are rounded up to a power of two; 0 turns a cache off.
public struct SMMUCacheGeometry: Sendable, Equatable {
  /// STEs, by StreamID; also the L1 descriptors of stream and CD tables.
  public var streamEntries: Int
  /// Decoded (STE, CD) pairs, by StreamID and SubstreamID.
  public var contexts: Int
  /// Pages of stage 1, combined with stage 2 where both translate.
  public var pages: Int
  /// Pages of stage 2 alone.
  public var stage2Pages: Int
  /// Stage 1 tables: where a walk goes on, by input address.
  public var stage1Tables: Int
  /// Stage 2 tables, by IPA.
  public var stage2Tables: Int
  /// Whole answers, by StreamID, kind of access and 4 KiB page: a micro-TLB that every register
  /// write empties. It answers where nobody observes the translation.
  public var recent: Int
  /// Entries of a set of pages or tables.
  public var ways: Int
  /// A page with nG=0 serves every ASID of its VMID and outlives an invalidation by ASID, as the
  /// architecture allows; otherwise it is cached for the ASID that walked to it, as it also
  /// allows.
  public var sharesGlobalPages: Bool

  public init(
    streamEntries: Int, contexts: Int, pages: Int, stage2Pages: Int, stage1Tables: Int,
    stage2Tables: Int, recent: Int = 0, ways: Int = 4, sharesGlobalPages: Bool = false
  ) {
    self.streamEntries = streamEntries
    self.contexts = contexts
    self.pages = pages
    self.stage2Pages = stage2Pages
    self.stage1Tables = stage1Tables
    self.stage2Tables = stage2Tables
    self.recent = recent
    self.ways = ways
    self.sharesGlobalPages = sharesGlobalPages
  }

  public static let `default` = Self(
    streamEntries: 64, contexts: 256, pages: 2048, stage2Pages: 1024, stage1Tables: 256,
    stage2Tables: 256, recent: 256)

  /// As large, and as unforgiving as the architecture allows.
  public static let strict: Self = {
    var geometry = Self.default
    geometry.sharesGlobalPages = true
    return geometry
  }()

  /// Nothing is cached: every transaction reads everything.
  public static let none = Self(
    streamEntries: 0, contexts: 0, pages: 0, stage2Pages: 0, stage1Tables: 0, stage2Tables: 0)
}

/// The smallest power of two that is at least `count`; 0 for 0 or less.
func roundedUpToPowerOfTwo(_ count: Int) -> Int {
  count <= 0 ? 0 : 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
}
