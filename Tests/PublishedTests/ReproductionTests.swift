import Files
import Published
import Testing

@Suite("Reproduced tables")
struct ReproductionTests {
  @Test(
    "every cell and every claim comes out as its file expects",
    arguments: [
      (PublishedTable.Name.exitLadder, 0.001), (.walkReads, 0.3), (.commandQueue, 1),
      (.invalidation, 0.3), (.translationCache, 1), (.nestedTraps, 1),
      (.unmapBySize, 1),
    ])
  func asExpected(name: PublishedTable.Name, share: Double) throws {
    let result = try Shipped.table(name).reproduce(Effort(share: share))
    for cell in result.cells where !cell.isAsExpected {
      Issue.record(
        """
        \(cell.measured.key): measured \(cell.measured.value), \
        predicted \(cell.predicted.map { "\($0)" } ?? "nothing")
        """)
    }
    for check in result.checks where !check.isAsExpected {
      Issue.record("\(check.claim.name): \(check.found)")
    }
    #expect(result.cells.allSatisfy { $0.predicted != nil })
  }

  @Test("only T4 has variants, and nothing measured stands beside them")
  func variants() throws {
    for variant in PublishedTable.Variant.allCases {
      let result = try Shipped.table(.invalidation).reproduce(variant, Effort(share: 0.3))
      #expect(result.cells.isEmpty && result.checks.isEmpty)
      let rows = try #require(result.studies.first).rows
      // Trapped, and without: for each of the table's six numbers of cores.
      #expect(rows.count == 12)
      #expect(
        rows.filter { $0[0] == .text(variant.rawValue) }.allSatisfy { $0[5] == .interval(0, 0) })
      #expect(throws: InputError.self) { try Shipped.table(.commandQueue).reproduce(variant) }
    }
  }

  @Test("what T9 is not calibrated on does not move its predictions")
  func heldOutUnmap() throws {
    let text = try Shipped.text(.unmapBySize)
    let other = text.replacing("\"64K\": 18.5", with: "\"64K\": 999")
    #expect(other != text)
    let tables = try [text, other].map { try Shipped.table(.unmapBySize, text: $0).reproduce() }
    #expect(tables[0].cells.map(\.predicted) == tables[1].cells.map(\.predicted))
    #expect(tables[0].isAsExpected && !tables[1].isAsExpected)
  }

  @Test(
    "cells that calibrate come out as measured",
    arguments: [
      PublishedTable.Name.exitLadder, .commandQueue, .invalidation, .nestedTraps, .unmapBySize,
    ])
  func calibrationHolds(name: PublishedTable.Name) throws {
    let result = try Shipped.table(name).reproduce(
      Effort(share: name == .exitLadder ? 0.001 : 0.3))
    for cell in result.cells where cell.role == .calibration {
      #expect(abs(cell.error ?? 100) < 6, "\(cell.measured.key)")
    }
  }

  @Test(
    "the same effort and seed give the same numbers", arguments: [PublishedTable.Name.commandQueue])
  func deterministic(name: PublishedTable.Name) throws {
    let results = try (0..<2).map { _ in
      try Shipped.table(name).reproduce(Effort(share: 0.2, seed: 7))
    }
    #expect(results[0].cells.map(\.predicted) == results[1].cells.map(\.predicted))
    #expect(results[0].studies.map(\.rows) == results[1].studies.map(\.rows))
  }

  @Test("a known miss that holds is as unexpected as a miss that is not known")
  func expectations() throws {
    let text = try Shipped.text(.exitLadder)
    let claimed = text + "misses:\n  - { columns: [mmio_vgic], why: Nothing. }\n"
    let held = try Shipped.table(.exitLadder, text: claimed).reproduce(Effort(share: 0.001))
    #expect(!held.isAsExpected)
    #expect(
      held.cells.filter { !$0.isAsExpected }.map(\.measured.key.row) == [
        "Kunpeng 920", "Phytium S2500",
      ])
    let narrow = text.replacing("percent: 10", with: "percent: 5")
    let missed = try Shipped.table(.exitLadder, text: narrow).reproduce(Effort(share: 0.001))
    #expect(missed.cells.count { $0.holds == false } == 2)
    let known = narrow + "misses:\n  - { columns: [mmio_vgic], why: Too narrow. }\n"
    #expect(
      try Shipped.table(.exitLadder, text: known).reproduce(Effort(share: 0.001)).isAsExpected)
    let claim = text.replacing(
      "eoi-does-not-trap:\n", with: "eoi-does-not-trap:\n    holds: false\n")
    #expect(
      try !Shipped.table(.exitLadder, text: claim).reproduce(Effort(share: 0.001)).isAsExpected)
  }

  @Test("a held-out cell does not reach the model: changing it changes no prediction")
  func heldOut() throws {
    let text = try Shipped.text(.exitLadder)
    let changed = text.replacing("mmio_user: 2306", with: "mmio_user: 9999")
    let results = try [text, changed].map {
      try Shipped.table(.exitLadder, text: $0).reproduce(Effort(share: 0.001))
    }
    #expect(results[0].cells.map(\.predicted) == results[1].cells.map(\.predicted))
  }
}
