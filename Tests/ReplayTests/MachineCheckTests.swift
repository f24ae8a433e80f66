import Testing

@testable import Replay

@Suite("MachineCheck")
struct MachineCheckTests {
  private func check(_ lines: [String]) throws -> [CheckTally] {
    var check = try MachineCheck()
    let counts = read(Array(lines.joined(separator: "\n").utf8), into: &check)
    return check.finish(line: counts.lines)
  }

  private func lines(_ name: String) throws -> [String] {
    String(decoding: try Fixture.bytes("checks/\(name).log.gz"), as: UTF8.self)
      .split(separator: "\n").map(String.init)
  }

  @Test("every recorded outcome is the emulator's", arguments: Fixture.cases("checks"))
  func recorded(name: String) throws {
    let tallies = try check(try lines(name))
    #expect(tallies.flatMap(\.differences).map { "\($0.line): \($0.text)" } == [])
    #expect(tallies.flatMap(\.unchecked.keys) == [])
    #expect(tallies[0].agreed[.commands, default: 0] > 10)
    #expect(tallies[1].agreed[.itsCommands, default: 0] > 10)
  }

  @Test("nested walks, faults, messages and acknowledges are among what is compared")
  func subjects() throws {
    let tallies = try check(try lines("nested-iommufd"))
    for subject in CheckTally.Subject.allCases {
      let count = tallies.reduce(0) { $0 + $1.agreed[subject, default: 0] }
      #expect(count > 10, "\(subject.rawValue): \(count)")
    }
  }

  /// A change of one line of a trace that the check must notice.
  struct Change: CustomStringConvertible, Sendable {
    var contains: [String]
    var from: String
    var to: String
    var subject: CheckTally.Subject
    var description: String { "\(from) for \(to)" }
  }

  static let changes: [Change] = [
    Change(
      contains: ["stage=3", "translated=0x8090040"], from: "translated=0x809",
      to: "translated=0x80a", subject: .translations),
    Change(
      contains: ["translate_success", "perm=0x3"], from: "perm=0x3", to: "perm=0x1",
      subject: .translations),
    Change(
      contains: ["propagate_event", "F_ACCESS"], from: "sid=0x10", to: "sid=0x8",
      subject: .walks),
    Change(
      contains: ["translate_abort"], from: "smmuv3_translate_abort",
      to: "smmuv3_translate_bypass", subject: .bypasses),
    Change(
      contains: ["ptw_level stage=1 level=2"], from: "offset=511", to: "offset=510",
      subject: .walks),
    Change(contains: ["cmdq_consume"], from: "cons=5 ", to: "cons=6 ", subject: .commands),
    Change(
      contains: ["its_ite_read", "intid 0x2001"], from: "intid 0x2001", to: "intid 0x2002",
      subject: .tableReads),
    Change(
      contains: ["iar1_read", "0x2001"], from: "value 0x2001", to: "value 0x2002",
      subject: .acknowledges),
    Change(
      contains: ["TRANSLATER", "requester_id 0x10"], from: "requester_id 0x10",
      to: "requester_id 0x18", subject: .tableReads),
  ]

  @Test("an outcome that is not the emulator's is found", arguments: changes)
  func noticed(change: Change) throws {
    var lines = try lines("nested-iommufd")
    let place = try #require(
      lines.firstIndex { line in
        change.contains.allSatisfy { line.contains($0) } && line.contains(change.from)
      })
    lines[place] = lines[place].replacing(change.from, with: change.to)
    let tallies = try check(lines)
    let differences = tallies.flatMap(\.differences)
    #expect(differences.contains { $0.subject == change.subject && $0.line >= place })
  }

  @Test("an invalidation that is left out leaves a stale translation behind")
  func stale() throws {
    // A page is walked again after it was remapped: without the commands between, the model's
    // cache still has the old address, and the model without caches the new one.
    let lines = try lines("churn-4cpu").filter { line in
      !["cmdq_", "range_inval", "iotlb_inv"].contains { line.contains($0) }
        && !line.contains("write_mmio addr: 0x98")
    }
    let tallies = try check(lines)
    #expect(tallies[0].differed[.translations, default: 0] > 0)
  }

  @Test("what was set up before the trace began is said not to be checked")
  func unseenSetUp() throws {
    let lines = try lines("nested-iommufd").filter {
      !$0.contains("addr: 0x20 ") && !$0.contains("ITS write: offset 0x80 ")
    }
    let tallies = try check(lines)
    for tally in tallies {
      #expect(tally.agreed.isEmpty && tally.differed.isEmpty)
      #expect(tally.unchecked.keys.contains { $0.contains("before the trace began") })
    }
  }

  @Test("what was cached before the trace began is said not to be checked")
  func unknownTables() throws {
    let lines = try lines("dma-s1only-k612").filter { !$0.contains("smmu_ptw_level") }
    let tallies = try check(lines)
    #expect(tallies[0].unchecked.keys.contains { $0.contains("never shown") })
    #expect(tallies[0].holds)
  }
}
