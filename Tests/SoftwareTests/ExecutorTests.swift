import Bits
import Memory
import Software
import Testing

@Suite("Executor")
struct ExecutorTests {
  private enum Call: Equatable, Sendable { case request }

  @Test("memory is written in order; registers, configuration space and calls are answered")
  func execution() throws {
    let memory = try PhysicalMemory(regions: [.init(base: 0x1000, size: 0x1000)])
    let actions: [Action<Call>] = [
      .decide, .write([MemoryWrite(0x1000, 1), MemoryWrite(0x1000, 2)]),
      .mmio(0x809_0000, 0x55, width: 8), .writeByte(0x1009, 0xc3),
      .config(offset: 0x72, value: 0x8000, width: 2), .call(.request),
    ]
    var answered: [String] = []
    Executor(memory: memory).execute(
      actions.map { Step(.guest, "function", "text", $0) }
    ) { access in
      // What comes before an access is done by then.
      #expect(memory.load64(0x1000) == 2)
      switch access {
      case .register(let address, let value, let width):
        answered.append("\(address) \(value) \(width)")
      case .configuration(let offset, let value, let width):
        answered.append("\(offset) \(value) \(width)")
      case .call(let call): answered.append("\(call)")
      }
    }
    #expect(answered == ["0x8090000 85 8", "114 32768 2", "request"])
    #expect(memory.load8(0x1009) == 0xc3)
  }

  @Test("a word outside of RAM is dropped")
  func outside() throws {
    let memory = try PhysicalMemory(regions: [.init(base: 0x1000, size: 0x1000)])
    let access = Executor(memory: memory).execute(
      Action<Never>.write([MemoryWrite(0x9000, 1), MemoryWrite(0x1008, 7)]))
    #expect(access == nil)
    #expect(memory.load64(0x1008) == 7)
  }

  @Test("a write falls apart into its words, and no other action falls apart")
  func words() {
    let write = Action<Never>.write([MemoryWrite(0x1000, 1), MemoryWrite(0x1008, 2)])
    #expect(write.inWords.count == 2)
    #expect(Action<Never>.mmio(0x1000, 1, width: 4).inWords.count == 1)
  }

  @Test("a refusal's step carries the refusal beside its words")
  func refusal() {
    let refusal = Refusal(by: .host, in: "arm_smmu_validate_vste", errno: "EIO", message: "no")
    let step = Step<Never>(refusing: refusal)
    #expect(step.refusal == refusal)
    #expect(step.agent == .host && step.function == "arm_smmu_validate_vste")
    #expect(step.text == "EIO: no")
    #expect(step.lifted(to: Call.self).refusal == refusal)
  }
}
