import Files
import Foundation
import Fuzz
import Testing

@Suite("FuzzFiles")
struct FuzzFilesTests {
  private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  /// A shipped file of each kind, to begin from.
  private static let seeds: [(FuzzFiles.Kind, String)] = [
    (.scenario, "scenarios/default.yaml"), (.script, "scenarios/policy/region-over-mapping.yaml"),
    (.design, "scenarios/designs/untrapped.yaml"), (.costs, "scenarios/costs/ampere-altra.yaml"),
    (.recording, "scenarios/recordings/nested-kvm-nvme.jsonl"),
    (.vector, "Tests/OracleTests/Fixtures/smmu-stage2-only.jsonl.gz"),
    (.vector, "Tests/OracleTests/Fixtures/its-msi.jsonl.gz"),
    (.sweep, "scenarios/sweeps/queue-depth.yaml"),
    (.machine, "scenarios/machines/unlike-devices.yaml"),
  ]

  private struct Random {
    var state: UInt64
    mutating func below(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % max(1, limit)
    }
  }

  @Test(
    "a shipped file is read, and its mutations end in a value or an error", arguments: seeds.indices
  )
  func mutations(number: Int) throws {
    let (kind, path) = Self.seeds[number]
    let file = try InputFile("\(Self.repository)/\(path)")
    // One line of a file of vectors is one vector.
    let whole = try kind == .vector ? file.line() ?? [] : file.bytes()
    if whole.count <= FuzzFiles.longestInput { #expect(FuzzFiles.read(whole, as: kind)) }
    let seed = Array(whole.prefix(2000))
    let parts = ["*a", "&a ", "[", "{", "? ", "0x", "-1", "1e300", "\u{0}", "\t", "\"", "~", ": "]
    var random = Random(state: UInt64(number))
    for _ in 0..<150 {
      var bytes = seed
      for _ in 0...random.below(3) {
        let place = random.below(bytes.count)
        switch random.below(3) {
        case 0: bytes[place] = UInt8(random.below(256))
        case 1: bytes.insert(contentsOf: Array(parts[random.below(parts.count)].utf8), at: place)
        default: bytes.removeSubrange(place..<min(bytes.count, place + random.below(40)))
        }
        if bytes.isEmpty { break }
      }
      FuzzFiles.read(bytes, as: kind)
    }
  }

  @Test("random bytes end in an error", arguments: FuzzFiles.Kind.allCases)
  func noise(kind: FuzzFiles.Kind) {
    var random = Random(state: UInt64(kind.rawValue) + 100)
    for length in [0, 1, 3, 64, 500] {
      let bytes = (0..<length).map { _ in UInt8(random.below(256)) }
      #expect(!FuzzFiles.read(bytes, as: kind) || kind == .json)
      if kind == .elf { FuzzFiles.read([0x7f, 0x45, 0x4c, 0x46, 2, 1] + bytes, as: kind) }
    }
  }
}
