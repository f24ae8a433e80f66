import Files
import Foundation
import TestRandom
import Testing

@testable import Replay

@Suite("TraceReader")
struct TraceReaderTests {
  private func sample() throws -> [UInt8] {
    Array(try Fixture.bytes("checks/nested-iommufd.log.gz").prefix(60_000))
  }

  @Test("blocks may end anywhere", arguments: [1, 7, 100, 4096])
  func blocks(size: Int) throws {
    let bytes = try sample()
    var (whole, parts) = (EventList(), EventList())
    let expected = read(bytes, into: &whole)
    #expect(read(bytes, block: size, into: &parts) == expected)
    #expect(parts.events == whole.events)
    #expect(expected.understood > 500)
  }

  @Test("the counts of two logs are those of the log that joins them")
  func additive() throws {
    let bytes = try sample()
    var generator = SplitMix(state: 1)
    for _ in 0..<10 {
      let near = Int.random(in: 0..<bytes.count, using: &generator)
      let cut = bytes[..<near].lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
      var list = EventList()
      let whole = read(bytes, into: &list)
      let parts = read(Array(bytes[..<cut]), into: &list) + read(Array(bytes[cut...]), into: &list)
      #expect(parts == whole)
    }
  }

  @Test("damage anywhere never stops a story or a check, and every line is counted")
  func damage() throws {
    let bytes = try sample()
    var generator = SplitMix(state: 2)
    for _ in 0..<30 {
      var damaged = bytes
      for _ in 0..<200 {
        let place = Int.random(in: 0..<damaged.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: damaged[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: damaged[place] = 0x0a
        default:
          let length = Int.random(in: 0..<40, using: &generator)
          damaged.removeSubrange(place..<min(place + length, damaged.count))
        }
      }
      var story = MachineStory()
      let counts = read(damaged, into: &story)
      let lines = damaged.split(separator: 0x0a, omittingEmptySubsequences: false)
      let last = damaged.last == 0x0a ? 1 : 0
      #expect(counts.lines == lines.count - last)
      #expect(
        counts.lines
          == counts.understood + counts.other + counts.garbled + counts.unreadable)
      #expect(!StoryReport(name: "damaged", story: story, counts: counts).text.isEmpty)
      var check = try MachineCheck()
      _ = read(damaged, into: &check)
      #expect(check.finish(line: counts.lines).count == 2)
    }
  }

  @Test("extreme numbers in every field never stop a story or a check")
  func extremes() throws {
    let values = ["0x0", "0xffffffffffffffff", "0x8000000000000000", "0xffffffff", "0x1f"]
    let lines = try sample().split(separator: 0x0a)
    var generator = SplitMix(state: 3)
    var damaged: [UInt8] = []
    for line in lines {
      var text = String(decoding: line, as: UTF8.self)
      for mark in ["=", " ", ":"] where Int.random(in: 0..<2, using: &generator) == 0 {
        let parts = text.split(separator: mark, omittingEmptySubsequences: false).map { part in
          guard part.hasPrefix("0x"), Int.random(in: 0..<4, using: &generator) == 0 else {
            return String(part)
          }
          let rest = part.drop { !" =:".contains($0) }
          return (values.randomElement(using: &generator) ?? "0x0") + rest
        }
        text = parts.joined(separator: mark)
      }
      damaged += Array(text.utf8) + [0x0a]
    }
    var story = MachineStory()
    let counts = read(damaged, into: &story)
    #expect(counts.lines == lines.count)
    var check = try MachineCheck()
    _ = read(damaged, into: &check)
    #expect(check.finish(line: counts.lines).count == 2)
  }

  @Test("a compressed log that was cut off is read as far as it goes, and says so")
  func cutOff() throws {
    let whole = try Fixture.path("checks/nested-iommufd.log.gz")
    let data = try Data(contentsOf: URL(filePath: whole))
    let path = FileManager.default.temporaryDirectory.path + "/cut-\(UUID().uuidString).log.gz"
    try data.prefix(data.count / 2).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    var list = EventList()
    var reader = TraceReader()
    try reader.read(path, into: &list)
    #expect(reader.counts.damage != nil)
    #expect(list.events.count > 500)
    #expect(try RecordedCase(path).tell().text.contains("the log ends early"))
    #expect(throws: InputError.self) {
      var other = TraceReader()
      try other.read(path + ".missing", into: &list)
    }
  }

  @Test("a line without end is counted once, and what follows is read")
  func endless() {
    let bytes = [UInt8](repeating: 0x61, count: 300_000) + Array("\nsmmuv3_get_ste a: 0x40\n".utf8)
    var list = EventList()
    let counts = read(bytes, into: &list)
    #expect(counts.lines == 2)
    #expect(counts.unreadable == 1)
    #expect(list.events.count == 1)
  }

  @Test("more names than the table holds are counted together")
  func names() {
    let text = (0..<5000).map { "event_\($0) 1\n" }.joined()
    var list = EventList()
    let counts = read(Array(text.utf8), into: &list)
    #expect(counts.other == 5000)
    #expect(counts.events.count < 2100)
  }
}
