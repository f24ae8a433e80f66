/// Whom the SMMU driver has to tell when a domain loses mappings: one entry for each ASID or VMID
/// and for each device that caches translations, however many attachments need it
/// (`struct arm_smmu_invs`, drivers/iommu/arm/arm-smmu-v3).
///
/// Entries stay in order and keep their places while readers may walk the list: one that nobody
/// needs any more is dead until the list is purged.
public struct InvalidationList: Equatable, Sendable {
  /// Kind of invalidation, in the order of the list (`enum arm_smmu_inv_type`).
  public enum Kind: Int, Sendable {
    case stage1ASID, stage2VMID, stage2VMIDWithStage1, ats, atsFull
  }

  public struct Entry: Equatable, Sendable {
    public let kind: Kind
    /// An ASID, a VMID or a StreamID.
    public let id: UInt32
    /// Of an ATS entry; 0 otherwise.
    public let substream: UInt32
    /// Number of attachments that need it; 0 for a dead entry.
    public internal(set) var users: Int

    public init(_ kind: Kind, id: UInt32, substream: UInt32 = 0) {
      self.kind = kind
      self.id = id
      self.substream = substream
      users = 1
    }

    private var key: (Int, UInt32, UInt32) { (kind.rawValue, id, substream) }
    func precedes(_ other: Entry) -> Bool { key < other.key }
    func isSame(as other: Entry) -> Bool { key == other.key }
  }

  public private(set) var entries: [Entry]

  /// - Parameter entries: those of one attachment, in any order, each once.
  public init(_ entries: [Entry] = []) { self.entries = entries.sorted { $0.precedes($1) } }

  /// Number of dead entries.
  public var deadCount: Int { entries.count { $0.users == 0 } }

  /// The list with an attachment's entries in it, without dead ones (`arm_smmu_invs_merge`).
  public func merging(_ other: InvalidationList) -> InvalidationList {
    var merged = InvalidationList(entries.filter { $0.users > 0 })
    for entry in other.entries {
      if let index = merged.index(of: entry) {
        merged.entries[index].users += 1
      } else {
        let place = merged.entries.firstIndex { entry.precedes($0) } ?? merged.entries.endIndex
        merged.entries.insert(entry, at: place)
      }
    }
    return merged
  }

  /// An attachment ends: its entries lose a user, and dead ones at the end go
  /// (`arm_smmu_invs_unref`).
  public mutating func drop(_ other: InvalidationList) {
    for entry in other.entries {
      guard let index = index(of: entry), entries[index].users > 0 else { continue }
      entries[index].users -= 1
    }
    while entries.last?.users == 0 { entries.removeLast() }
  }

  /// The list without its dead entries (`arm_smmu_invs_purge`).
  public var purged: InvalidationList { InvalidationList(entries.filter { $0.users > 0 }) }

  private func index(of entry: Entry) -> Int? { entries.firstIndex { $0.isSame(as: entry) } }
}
