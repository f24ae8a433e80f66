import ArmFormats
import Bits
import Foundation
import GIC
import Memory
import Testing

/// Replays what the ITS of a real Linux guest saw: see `tools/refresh-its-fixtures`.
@Suite("Recorded command streams")
struct RecordedStreamTests {
  static let cases: [String] = {
    let folder = Bundle.module.url(forResource: "Fixtures/its-streams", withExtension: nil)
    let names = folder.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0.path) }
    return (names ?? []).sorted()
  }()

  @Test("there are recordings")
  func exist() { #expect(Self.cases.count >= 18) }

  @Test(
    "every message ends in the LPI and at the CPU that the trace acknowledges", arguments: cases)
  func replay(name: String) throws {
    let url = try #require(
      Bundle.module.url(forResource: "Fixtures/its-streams/\(name)", withExtension: nil))
    let text = try String(contentsOf: url, encoding: .utf8)
    var replay = try Replay()
    for line in try Self.unfold(text) { replay.step(line) }
    replay.finish()
    let (problems, messages, acknowledged) = replay.result
    let first = problems.prefix(3).joined(separator: "\n")
    #expect(first == "")
    #expect(messages > 0 && acknowledged > 0)
  }

  private static func unfold(_ text: String) throws -> [[UInt64]] {
    var lines: [[UInt64]] = []
    var repetitions: UInt64 = 1
    var pair: [[UInt64]] = []
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.last == "x" {
        repetitions = try #require(UInt64(words[0], radix: 16))
        continue
      }
      let kind = try #require(words.first?.unicodeScalars.first?.value)
      let numbers = [UInt64(kind)] + words.dropFirst().compactMap { UInt64($0, radix: 16) }
      if repetitions > 1 {
        pair.append(numbers)
        if pair.count == 2 {
          for _ in 0..<repetitions { lines += pair }
          (pair, repetitions) = ([], 1)
        }
      } else {
        lines.append(numbers)
      }
    }
    return lines
  }

  private struct Replay: ~Copyable {
    var machine: Machine
    var problems: [String] = []
    var messages = 0
    var acknowledged = 0
    /// Messages that made an LPI pending which was not.
    var raised = 0
    var queue: UInt64 = 0

    init() throws {
      machine = try Machine(
        profile: .qemu11(), personality: .qemu11, redistributors: .qemu11(count: 8),
        enable: false)
    }

    var result: ([String], Int, Int) { (problems, messages, acknowledged) }

    mutating func step(_ line: [UInt64]) {
      switch line[0] {
      case UInt64(UInt8(ascii: "r")): redistributor(line)
      case UInt64(UInt8(ascii: "w")):
        machine.write(line[1], line[2], width: line[1] == 0 ? 4 : 8)
        if line[1] == 0x80 { queue = line[2] & 0xf_ffff_f000 }
        if line[1] == 0x100 { levelTwo(ITSTableBase(rawValue: line[2])) }
      case UInt64(UInt8(ascii: "c")): command(ITSCommand(line[1], line[2], line[3], 0))
      case UInt64(UInt8(ascii: "m")): message(line)
      default: acknowledge(line)
      }
    }

    /// The trace does not show the level 1 entries, which Linux writes before a MAPD: one for the
    /// lowest DeviceIDs does for every recording.
    private func levelTwo(_ base: ITSTableBase) {
      guard base[.valid], base[.indirect] else { return }
      machine.memory.store64(base.address, 1 << 63 | 0x7000_0000)
    }

    private mutating func redistributor(_ line: [UInt64]) {
      if line[2] == 0x70 {
        // The trace does not show the bytes: Linux enables each LPI before it uses it.
        let table = line[3] & 0xf_ffff_f000
        for place in 0..<UInt64(0x2000) { machine.memory.store8(PA(table + place), 0xa3) }
      }
      machine.writeRedistributor(
        line[2], line[3], at: Int(line[1]), width: line[2] == 0 ? 4 : 8)
    }

    private mutating func command(_ command: ITSCommand) {
      var log = ITSLog()
      machine.memory.store(command, at: PA(queue + machine.writeOffset))
      machine.writeOffset = (machine.writeOffset + 32) % 0x1_0000
      machine.its.writeRegister(
        0x88, machine.writeOffset, width: 8, memory: machine.memory,
        redistributors: &machine.redistributors, observer: &log)
      if log.commands.count != 1 || log.commands[0].error != nil {
        problems.append("\(command): \(log.commands)")
      }
    }

    private mutating func message(_ line: [UInt64]) {
      messages += 1
      let outcome = machine.message(UInt32(line[1]), UInt32(line[2]))
      switch outcome {
      case .delivered(_, _, .newlyPending): raised += 1
      case .delivered(_, _, .alreadyPending): break
      default: problems.append("message \(line[1]) \(line[2]): \(outcome)")
      }
    }

    private mutating func acknowledge(_ line: [UInt64]) {
      acknowledged += 1
      let best = machine.redistributors.highestPendingLPI(
        at: Int(line[1]), memory: machine.memory)
      if best?.intid != UInt32(line[2]) {
        problems.append(
          "CPU \(line[1]) acknowledged \(line[2]), expected \(String(describing: best))")
      }
      machine.redistributors.acknowledgeLPI(
        UInt32(line[2]), at: Int(line[1]), memory: machine.memory)
    }

    mutating func finish() {
      let left = (0..<8).reduce(0) { $0 + machine.pendingLPIs($1).count }
      if raised != acknowledged + left {
        problems.append("\(raised) raised, \(acknowledged) acknowledged, \(left) left")
      }
    }
  }
}
