import Files
import Foundation
import Testing

@testable import Inspect

@Suite("VectorReader")
struct VectorReaderTests {
  static let good = #"""
    {"vector":{"id":"a","class":"s1","tags":["x"],"smmu":{"STRTAB_BASE":"0x40100000","STRTAB_BASE_CFG":"0x9"},"mem":{"0x40100000":"0x1"},"ops":[{"op":"dma","sid":"0x0","iova":"0x1000","rw":"r"}]},"result":{"ops":[{"outcome":"abort"}]},"arch":{"verdict":"agree"}}
    """#

  static func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result {
    let place = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try Data(text.utf8).write(to: place)
    defer { try? FileManager.default.removeItem(at: place) }
    return try body(place.path)
  }

  private func read(_ text: String) throws -> [Vector] {
    try Self.withFile(text) { path in
      let reader = try VectorReader(path: path)
      var vectors: [Vector] = []
      while let next = try reader.next() {
        guard case .arm(let vector) = next else { continue }
        vectors.append(vector)
      }
      return vectors
    }
  }

  @Test("a vector is read with the defaults that the format gives")
  func defaults() throws {
    let vector = try #require(try read(Self.good + "\n\n").first)
    #expect(vector.id == "a")
    #expect(vector.smmu?.control == 0xd)
    #expect(vector.smmu?.control2 == 2)
    #expect(vector.smmu?.stages == .nested)
    #expect(vector.memory == [MemoryWord(address: 0x4010_0000, value: 1)])
    #expect(vector.steps.count == 1)
  }

  @Test(
    "a damaged line is one error that names the line, the member and what was expected",
    arguments: [
      (
        "\"rw\":\"r\"", "\"rw\":\"x\"",
        "field 'vector.ops[0].rw': expected \"r\" or \"w\", found \"x\""
      ),
      ("\"0x1000\"", "\"0xz\"", "field 'vector.ops[0].iova': expected a number"),
      ("\"op\":\"dma\"", "\"op\":\"dm\"", "expected dma, mem, cmd"),
      ("\"agree\"", "\"maybe\"", "expected agree, deviates or unjudged, found \"maybe\""),
      ("\"id\":\"a\",", "", "expected a member \"id\", found none"),
      ("[{\"outcome\":\"abort\"}]", "[]", "expected 1 answers, one for each op, found 0"),
      ("\"0x40100000\":\"0x1\"", "\"q\":\"0x1\"", "expected names such as \"0x1f\", found \"q\""),
      ("\"STRTAB_BASE_CFG\":", "\"X\":", "expected a member \"STRTAB_BASE_CFG\""),
      (
        "\"smmu\":", "\"mmu\":",
        "expected a member \"smmu\", \"gic\", \"iommu\", \"vtd\" or \"amd\", found none"
      ),
      ("{\"vector\"", "{vector", ":2:2: expected JSON: Invalid value"),
    ])
  func damaged(row: (part: String, replacement: String, message: String)) throws {
    let bad = Self.good.replacingOccurrences(of: row.part, with: row.replacement)
    let error = #expect(throws: InputError.self) { try read(Self.good + "\n" + bad + "\n") }
    #expect(error?.place?.line == 2)
    #expect(error?.description.contains(row.message) == true, "\(error.debugDescription)")
  }

  @Test("a missing file is an error that names it")
  func missing() {
    let error = #expect(throws: InputError.self) { try VectorReader(path: "/nonexistent.jsonl") }
    #expect(error?.description.hasPrefix("/nonexistent.jsonl: ") == true)
  }

  @Test("random damage never traps, whatever the vector then asks for")
  func damage() throws {
    let text = Array(Self.good.utf8)
    let runner = try VectorRunner(.architecture)
    var state: UInt64 = 11
    for _ in 0..<400 {
      var damaged = text
      for _ in 0..<3 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let digit = Array("0123456789abcdef".utf8)[Int(state >> 60)]
        damaged[Int(state >> 20) % damaged.count] = digit
      }
      guard let vector = try? read(String(decoding: damaged, as: UTF8.self)).first else { continue }
      #expect(runner.run(vector).count == vector.steps.count)
    }
  }
}
