import Files
import Foundation
import Testing

@testable import Inspect

@Suite("RISC-V vectors")
struct RISCVVectorReaderTests {
  static let good = #"""
    {"vector":{"id":"a","class":"msi","tags":["m3"],"iommu":{"capabilities":"0xdf227eece10","fctl":0,"gxl_w":0,"be_w":0,"ddtp":"0x151a5002"},"mem":{"0x54694000":"0x1"},"ops":[{"op":"req","at":"untranslated","rw":"w","did":"0x0","iova":"0x1234","len":4},{"op":"cmd","q":[["0x2","0x0"]]}]},"result":{"ops":[{"status":"ok","ppn":"0x1","s":0,"size":"0x1000","pa":"0x1234"},{"cqh":1,"cqcsr":"0x10003","ipsr":0}]},"arch":{"verdict":"agree"}}
    """#

  /// The same vector with an empty directory: device 0 has no context, which is cause 258.
  private static let wrong = good.replacingOccurrences(
    of: "\"0x54694000\":\"0x1\"", with: "")

  private func read(_ text: String) throws -> [RISCVVector] {
    try VectorReaderTests.withFile(text) { path in
      let reader = try VectorReader(path: path)
      var vectors: [RISCVVector] = []
      while let next = try reader.next() {
        guard case .riscv(let vector) = next else { continue }
        vectors.append(vector)
      }
      return vectors
    }
  }

  @Test("a vector with an iommu is read; a request with data was executed by QEMU")
  func reading() throws {
    let vector = try #require(try read(Self.good).first)
    #expect(vector.recorder == .referenceModel)
    #expect(vector.capabilities == 0xdf2_27ee_ce10)
    #expect(vector.steps.count == 2)
    #expect(vector.steps[0].answer.address == 0x1234)
    #expect(vector.steps[1].answer.commandState?.control == 0x1_0003)
    let executed = Self.good.replacingOccurrences(
      of: "\"len\":4", with: "\"len\":4,\"data\":\"0x5\"")
    #expect(try read(executed).first?.recorder == .qemu)
  }

  @Test(
    "a damaged line is one error that names the line, the member and what was expected",
    arguments: [
      ("\"rw\":\"w\"", "\"rw\":\"x\"", "field 'vector.ops[0].rw': expected \"r\" or \"w\""),
      ("\"at\":\"untranslated\"", "\"at\":\"x\"", "expected untranslated, translated or ats"),
      ("\"op\":\"req\"", "\"op\":\"dma\"", "expected req, mem or cmd, found \"dma\""),
      ("\"gxl_w\":0", "\"gxl_w\":1", "expected 0: fctl.GXL cannot be written here"),
      ("\"ddtp\":", "\"x\":", "expected a member \"ddtp\", found none"),
      ("[[\"0x2\",\"0x0\"]]", "[[\"0x2\"]]", "expected 2 words, found 1"),
      ("\"cqcsr\":\"0x10003\",", "", "expected a member \"cqcsr\", found none"),
      ("{\"verdict\":\"agree\"}", "{\"verdict\":\"no\"}", "expected agree, deviates or unjudged"),
      (
        "{\"verdict\":\"agree\"}",
        "{\"verdict\":\"deviates\",\"diff\":[{\"op\":2,\"what\":\"cause\",\"arch\":1}]}",
        "expected the number of an op"
      ),
      (
        "\"status\":\"ok\"", "\"status\":\"ok\",\"faults\":[[\"0x1\"]]", "expected 4 words, found 1"
      ),
    ])
  func damaged(row: (part: String, replacement: String, message: String)) throws {
    let bad = Self.good.replacingOccurrences(of: row.part, with: row.replacement)
    let error = #expect(throws: InputError.self) { try read(Self.good + "\n" + bad + "\n") }
    #expect(error?.place?.line == 2)
    #expect(error?.description.contains(row.message) == true, "\(error.debugDescription)")
  }

  @Test("random damage never traps, whatever the vector then asks for")
  func damage() throws {
    let text = Array(Self.good.utf8)
    let runner = try VectorRunner(.architecture)
    var state: UInt64 = 11
    for _ in 0..<200 {
      var damaged = text
      for _ in 0..<3 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let digit = Array("0123456789abcdef".utf8)[Int(state >> 60)]
        damaged[Int(state >> 20) % damaged.count] = digit
      }
      guard let vector = try? read(String(decoding: damaged, as: UTF8.self)).first else { continue }
      _ = try runner.compare(.riscv(vector), with: .architecture)
    }
  }

  private func comparison(_ text: String, _ personality: ProofPersonality = .architecture) throws
    -> VectorComparison
  {
    let vector = try #require(try read(text).first)
    return try VectorRunner(personality).compare(.riscv(vector), with: personality)
  }

  @Test("what differs is named: the status, the cause, the fault record, the interrupt")
  func differences() throws {
    #expect(try comparison(Self.good).differences.isEmpty)
    let found = try comparison(Self.wrong)
    #expect(found.isJudged)
    let names = ["status", "cause", "faults", "interrupts", "PA", "commands"]
    #expect(Set(found.differences.map(\.field)) == Set(names))
    let fields = found.differences.filter { $0.field == "cause" }
    #expect(fields.map(\.found) == ["258"])
    #expect(fields.first?.action == "write to 0x1234 by device 0x0")
  }

  @Test("a vector without an opinion is not judged, and one with an opinion is held to it")
  func opinions() throws {
    let unjudged = Self.wrong.replacingOccurrences(
      of: "{\"verdict\":\"agree\"}", with: "{\"verdict\":\"unjudged\"}")
    #expect(try !comparison(unjudged).isJudged)
    let cause = Self.wrong.replacingOccurrences(
      of: "{\"verdict\":\"agree\"}",
      with: "{\"verdict\":\"deviates\",\"diff\":[{\"op\":0,\"what\":\"cause\",\"arch\":258}]}")
    #expect(try comparison(cause).differences.map(\.step) == [1], "ipsr is of the record")
    let wrongCause = cause.replacingOccurrences(of: "\"arch\":258", with: "\"arch\":259")
    #expect(try comparison(wrongCause).differences.first?.field == "cause")
    #expect(try comparison(cause, .referenceModel).differences.count > 1)
    let other = Self.wrong.replacingOccurrences(
      of: "{\"verdict\":\"agree\"}",
      with: "{\"verdict\":\"deviates\",\"diff\":[{\"op\":0,\"what\":\"colour\",\"arch\":1}]}")
    #expect(try !comparison(other).isJudged)
  }
}
