/// How much SMMU and ITS cache.
public struct CacheSizes: Equatable, Sendable {
  /// Entries of the SMMU's TLB and of its walk caches, and routes in the ITS; 0 turns one off.
  public var pages = 2048
  public var walks = 256
  public var routes = 4096
  /// Entries of a set of the SMMU's caches.
  public var ways = 4

  public init() {}
}
