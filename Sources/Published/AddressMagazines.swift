/// Linux's allocator of I/O virtual addresses for single pages, as drivers see it: a stack of
/// freed addresses on each core, in two magazines, and full magazines in a depot for all
/// (`drivers/iommu/iova.c`, `iova_rcache_get` and `iova_rcache_insert`).
///
/// What no magazine has comes from the top of the free range, a page at a time. Freed addresses do
/// not go back there: the depot is large enough for the loads here.
struct AddressMagazines {
  /// `IOVA_MAG_SIZE`.
  static let magazineSize = 127
  private var loaded: [[UInt64]]
  private var previous: [[UInt64]]
  private var depot: [[UInt64]] = []
  private var top: UInt64 = 1 << 32

  init(cores: Int) {
    loaded = Array(repeating: [], count: cores)
    previous = loaded
  }

  /// A page's address; `nil` when the range below 4 GiB is used up.
  mutating func allocate(on core: Int) -> UInt64? {
    if loaded[core].isEmpty {
      if !previous[core].isEmpty {
        swap(&loaded[core], &previous[core])
      } else if let magazine = depot.popLast() {
        loaded[core] = magazine
      } else {
        guard top > 1 << 16 else { return nil }
        top -= 1 << 12
        return top
      }
    }
    return loaded[core].popLast()
  }

  mutating func free(_ address: UInt64, on core: Int) {
    if loaded[core].count >= Self.magazineSize {
      if !previous[core].isEmpty {
        depot.append(loaded[core])
        loaded[core] = []
      } else {
        swap(&loaded[core], &previous[core])
      }
    }
    loaded[core].append(address)
  }
}
