/// A structure that an IOMMU read for a request.
package struct TableRead: Equatable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// A non-leaf entry; leaves are at level 0.
    case deviceDirectory(level: Int)
    case deviceContext
    case processDirectory
    /// Pages of 4 KiB are at level 0.
    case firstStage(level: Int)
    case secondStage(level: Int)
    case messageEntry
  }

  package let kind: Kind
  /// Where it was read.
  package let address: UInt64
  package let words: [UInt64]
}

/// What an IOMMU read, in order, for those who want to follow it.
package final class TableReadLog {
  package private(set) var reads: [TableRead] = []

  package init() {}

  func add(_ kind: TableRead.Kind, at address: UInt64, _ words: [UInt64]) {
    reads.append(TableRead(kind: kind, address: address, words: words))
  }
}
