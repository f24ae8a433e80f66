import ArmFormats
import Bits
import Linux
import Memory
import Software
import Testing

@Suite("SMMUDriver")
struct SMMUDriverTests {
  struct Bench {
    var frames = BumpFrames(base: 0x4000_0000, size: 0x1000_0000)
    var driver: SMMUDriver
    let memory: PhysicalMemory

    init() throws {
      driver = try SMMUDriver(agent: .host, base: 0x905_0000, streamBits: 16, frames: &frames)
      memory = try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 0x1000_0000)])
    }

    func carryOut(_ steps: [Step<Never>]) {
      Executor(memory: memory).execute(steps) { _ in }
    }
  }

  @Test("translated transactions are checked before the SMMU translates, where it has ATS")
  func checksTranslated() throws {
    for hasATS in [false, true] {
      var bench = try Bench()
      bench.driver.hasATS = hasATS
      let steps = try bench.driver.probe(bypassing: [], frames: &bench.frames)
      let values = steps.compactMap { step -> UInt64? in
        guard case .mmio(let address, let value, _) = step.action,
          address == bench.driver.base + SMMURegister.cr0
        else { return nil }
        return value
      }
      #expect(values == (hasATS ? [0, 0x8, 0xc, 0x1c, 0x1d] : [0, 0x8, 0xc, 0xd]))
    }
  }

  @Test("streams that no RMR names abort before the table goes live; the named ones bypass")
  func resetState() throws {
    var bench = try Bench()
    bench.carryOut(try bench.driver.prepareLeaf(of: 0x11, frames: &bench.frames))
    bench.carryOut(try bench.driver.probe(bypassing: [0x10], frames: &bench.frames))
    let entries = try [0x10, 0x11, 0xff].map { stream in
      bench.memory.load(
        StreamTableEntry.self, at: try #require(bench.driver.address(of: stream)))
    }
    #expect(entries == [.bypass, .abort, .abort])
  }

  @Test("preparing a stream again, or its neighbour, leaves the leaf's entries as they are")
  func leafIsMadeOnce() throws {
    var bench = try Bench()
    bench.carryOut(try bench.driver.prepareLeaf(of: 0x10, frames: &bench.frames))
    bench.carryOut(
      bench.driver.write(.bypass, of: 0x10, function: "test", text: "bypass"))
    bench.carryOut(try bench.driver.prepareLeaf(of: 0x10, frames: &bench.frames))
    bench.carryOut(try bench.driver.prepareLeaf(of: 0x20, frames: &bench.frames))
    let place = try #require(bench.driver.address(of: 0x10))
    #expect(bench.memory.load(StreamTableEntry.self, at: place) == .bypass)
    #expect(bench.driver.entry(of: 0x10) == .bypass)
  }

  @Test("the SMMU is turned on last: queues, table, then translation")
  func order() throws {
    var bench = try Bench()
    let steps = try bench.driver.probe(bypassing: [], frames: &bench.frames)
    let controls = steps.compactMap { step -> UInt64? in
      if case .mmio(0x905_0020, let value, _) = step.action { value } else { nil }
    }
    #expect(controls == [0, 0x8, 0xc, 0xd])
    guard case .mmio(0x905_0020, _, _)? = steps.last?.action else {
      Issue.record("the last step is \(steps.last?.text ?? "nothing")")
      return
    }
  }

  @Test("a command is followed by CMD_SYNC, and the producer index carries a wrap bit")
  func commands() throws {
    var bench = try Bench()
    var producers: [UInt64] = []
    for _ in 0..<200 {
      for step in bench.driver.send([SMMUCommand(.tlbiNSNHAll)], "test", "TLBI") {
        switch step.action {
        case .write(let words):
          #expect(words.map { $0.value & 0xff } == [0x30, 0, 0x46, 0])
        case .mmio(_, let value, _): producers.append(value)
        default: break
        }
      }
    }
    #expect(producers[126...130].map { $0 } == [0xfe, 0x100, 0x102, 0x104, 0x106])
    #expect(producers.allSatisfy { $0 < 0x200 })
  }

  @Test("the level 1 descriptor of a leaf spans its 256 entries")
  func span() throws {
    var bench = try Bench()
    let steps = try bench.driver.prepareLeaf(of: 0x1100, frames: &bench.frames)
    guard case .write(let words)? = steps.first?.action, let last = words.last else {
      Issue.record("no words")
      return
    }
    let descriptor = StreamTableDescriptor(rawValue: last.value)
    #expect(descriptor[.span] == 9)
    #expect(PA(descriptor.tableAddress) == bench.driver.address(of: 0x1100))
  }
}
