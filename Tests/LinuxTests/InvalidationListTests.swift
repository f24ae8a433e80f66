import Linux
import Testing

/// The lists and the table are those of the kernel's own test (arm-smmu-v3-test.c,
/// `arm_smmu_v3_invs_test`).
@Suite("InvalidationList")
struct InvalidationListTests {
  static let a = InvalidationList([
    .init(.stage2VMID, id: 1), .init(.stage2VMIDWithStage1, id: 1), .init(.ats, id: 3),
  ])
  static let b = InvalidationList([
    .init(.stage2VMID, id: 1), .init(.ats, id: 4), .init(.ats, id: 5),
  ])
  static let c = InvalidationList([
    .init(.stage2VMID, id: 1), .init(.ats, id: 5), .init(.ats, id: 6),
  ])

  private func check(_ list: InvalidationList, _ ids: [UInt32], _ users: [Int], dead: Int = 0) {
    #expect(list.entries.map(\.id) == ids)
    #expect(list.entries.map(\.users) == users)
    #expect(list.deadCount == dead)
  }

  @Test("INV-01: entries are counted, die in their places, and go when the list is purged")
  func rows() {
    var list = InvalidationList().merging(Self.a)
    check(list, [1, 1, 3], [1, 1, 1])
    list = list.merging(Self.b)
    check(list, [1, 1, 3, 4, 5], [2, 1, 1, 1, 1])
    list.drop(Self.b)
    check(list, [1, 1, 3], [1, 1, 1])
    list = list.merging(Self.c)
    check(list, [1, 1, 3, 5, 6], [2, 1, 1, 1, 1])
    list.drop(Self.a)
    check(list, [1, 1, 3, 5, 6], [1, 0, 0, 1, 1], dead: 2)
    list = list.purged
    check(list, [1, 5, 6], [1, 1, 1])
    list.drop(Self.c)
    check(list, [], [])
  }

  @Test("entries stand by kind, by ID and by SubstreamID, whatever the order of attachments")
  func order() {
    let entries: [InvalidationList.Entry] = [
      .init(.stage1ASID, id: 9), .init(.ats, id: 2, substream: 1), .init(.ats, id: 2),
      .init(.stage2VMID, id: 4), .init(.atsFull, id: 1),
    ]
    let forward = entries.reduce(InvalidationList()) { $0.merging(InvalidationList([$1])) }
    let backward = entries.reversed().reduce(InvalidationList()) {
      $0.merging(InvalidationList([$1]))
    }
    #expect(forward == backward)
    #expect(forward == InvalidationList(entries))
    #expect(
      forward.entries.map(\.kind) == [.stage1ASID, .stage2VMID, .ats, .ats, .atsFull])
    #expect(forward.entries.map(\.substream) == [0, 0, 0, 1, 0])
  }

  @Test("dropping what is not there, or is dead, changes nothing")
  func twice() {
    var list = InvalidationList().merging(Self.a)
    list.drop(Self.c)
    check(list, [1, 1, 3], [0, 1, 1], dead: 1)
    list.drop(Self.c)
    check(list, [1, 1, 3], [0, 1, 1], dead: 1)
  }
}
