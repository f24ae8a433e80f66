internal import Bits
package import Files
internal import GIC
internal import Memory
internal import RISCV
package import SMMU
internal import VTD

/// Runs vectors on the models and says what they answered.
///
/// RAM is 1 GiB at 0x40000000, as vector files have it. It is kept from one vector to the next,
/// and what a vector touched is cleared.
package final class VectorRunner {
  private let personality: ProofPersonality
  private let caches: SMMUCacheGeometry
  private let memory: PhysicalMemory
  /// RAM of the machines of RISC-V vectors, made when the first one comes.
  /// RAM of the x86 machine, made when its first vector comes.
  private var x86Memory: PhysicalMemory?
  private var riscvMemory: [RISCVVector.Recorder: PhysicalMemory] = [:]

  /// - Parameter caches: sizes of the SMMU's caches; the answers must not depend on them.
  /// - Throws: when the operating system refuses the memory.
  package init(_ personality: ProofPersonality, caches: SMMUCacheGeometry = .default) throws {
    self.personality = personality
    self.caches = caches
    memory = try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 0x4000_0000)])
  }

  /// The answers of the models to every step of `vector`, and the pending tables after each.
  package func run(_ vector: Vector) -> [FoundAnswer] {
    for word in vector.memory { memory.store64(PA(word.address), word.value) }
    let answers: [FoundAnswer]
    if let gic = vector.gic {
      answers = run(vector, gic)
    } else {
      answers = runSMMU(vector)
    }
    clear(vector)
    return answers
  }

  /// Runs a vector of either platform and compares the answers with those of `expected`.
  ///
  /// - Throws: `InputError` when the operating system refuses the memory.
  package func compare(_ vector: VectorCase, with expected: ProofPersonality)
    throws(InputError) -> VectorComparison
  {
    switch vector {
    case .arm(let vector):
      return VectorComparison(vector, found: run(vector), personality: expected)
    case .riscv(let vector): return try compare(vector, with: expected)
    case .vtd(let vector): return try compare(vector, with: expected)
    case .amd(let vector): return try compare(vector, with: expected)
    }
  }

  private func compare(_ vector: RISCVVector, with expected: ProofPersonality)
    throws(InputError) -> VectorComparison
  {
    let own = personality.riscv
    let comparison = VectorComparison(
      vector, found: try run(vector, own), personality: expected)
    guard expected == .architecture, comparison.isJudged, !comparison.differences.isEmpty else {
      return comparison
    }
    // Does the opinion leave out a rule that the manual has?
    for (rule, deviation) in Overruling.riscv {
      var other = VectorComparison(
        vector, found: try run(vector, own.union(deviation)), personality: expected)
      guard other.differences.isEmpty else { continue }
      other.overrulings = [rule]
      return other
    }
    return comparison
  }

  private func compare(_ vector: VTDVector, with expected: ProofPersonality)
    throws(InputError) -> VectorComparison
  {
    let own = personality.vtd
    let comparison = try compare(vector, own, with: expected)
    guard expected == .architecture, comparison.isJudged, !comparison.differences.isEmpty else {
      return comparison
    }
    for (rule, deviation) in Overruling.vtd {
      var other = try compare(vector, own.union(deviation), with: expected)
      guard other.differences.isEmpty else { continue }
      other.overrulings = [rule]
      return other
    }
    return comparison
  }

  private func compare(
    _ vector: VTDVector, _ personality: VTDPersonality, with expected: ProofPersonality
  ) throws(InputError) -> VectorComparison {
    let memory = try memoryOfX86()
    defer { memory.clear() }
    for word in vector.memory { memory.store64(PA(word.address), word.value) }
    var machine = VTDMachine(vector, personality: personality, memory: memory)
    var found: [X86Answer] = []
    for step in vector.steps { found.append(machine.run(step.action)) }
    return VectorComparison(
      vector.id, vector.steps, vector.verdict, found: found,
      status: (machine.status, vector.status), personality: expected)
  }

  private func compare(_ vector: AMDVector, with expected: ProofPersonality)
    throws(InputError) -> VectorComparison
  {
    let memory = try memoryOfX86()
    defer { memory.clear() }
    for word in vector.memory { memory.store64(PA(word.address), word.value) }
    var machine = AMDMachine(vector, personality: personality.amd, memory: memory)
    var found: [X86Answer] = []
    for step in vector.steps { found.append(machine.run(step.action)) }
    return VectorComparison(
      vector.id, vector.steps, vector.verdict, found: found, status: nil, personality: expected)
  }

  private func memoryOfX86() throws(InputError) -> PhysicalMemory {
    if let x86Memory { return x86Memory }
    do throws(PhysicalMemory.SetupError) {
      let memory = try PhysicalMemory(regions: [VTDMachine.ram])
      x86Memory = memory
      return memory
    } catch {
      throw InputError("\(error)")
    }
  }

  private func run(_ vector: RISCVVector, _ personality: RISCVIOMMUPersonality)
    throws(InputError) -> [RISCVFound]
  {
    let memory = try memory(of: vector.recorder)
    defer { memory.clear() }
    for word in vector.memory { memory.store64(PA(word.address), word.value) }
    let geometry: RISCVIOMMUCacheGeometry = caches == .none ? .none : .default
    var machine = RISCVMachine(
      vector, personality: personality, caches: geometry, memory: memory)
    var found: [RISCVFound] = []
    for step in vector.steps { found.append(machine.run(step.action)) }
    return found
  }

  private func memory(of recorder: RISCVVector.Recorder) throws(InputError) -> PhysicalMemory {
    if let memory = riscvMemory[recorder] { return memory }
    do throws(PhysicalMemory.SetupError) {
      let memory = try PhysicalMemory(regions: [RISCVMachine.ram(recorder)])
      riscvMemory[recorder] = memory
      return memory
    } catch {
      throw InputError("\(error)")
    }
  }

  private func runSMMU(_ vector: Vector) -> [FoundAnswer] {
    guard let state = vector.smmu else { return [] }
    var machine = SMMUMachine(
      state, personality: personality.smmu, caches: caches, memory: memory)
    return vector.steps.map { step in
      switch step.action {
      case .access(let stream, let address, let isWrite):
        return FoundAnswer(machine.access(stream: stream, address: address, isWrite: isWrite))
      case .store(let words):
        for word in words { memory.store64(PA(word.address), word.value) }
      case .smmuCommands(let commands): return FoundAnswer(machine.run(commands))
      case .smmuRegister(let offset, let value): machine.write(offset, UInt64(value))
      case .itsCommands, .message, .lpiConfig: break
      }
      return FoundAnswer(VectorAnswer())
    }
  }

  private func run(_ vector: Vector, _ gic: GICState) -> [FoundAnswer] {
    var its = GICMachine(gic, personality: personality.its, memory: memory)
    var state = SMMUState(
      stages: .nested, streamTableBase: 0, streamTableConfig: 0, control: 0, control1: 0,
      control2: 0, globalBypass: 0)
    if let inFront = vector.smmu {
      // These were recorded with the SMMU on, whatever CR0 and GBPA say.
      state = inFront
      state.control = 0xd
      state.globalBypass = 0
    }
    var smmu = SMMUMachine(
      state, personality: personality.smmu, caches: caches, memory: memory)
    return vector.steps.map { step in
      var answer = VectorAnswer()
      switch step.action {
      case .itsCommands(let commands): answer = its.run(commands)
      case .message(let device, let address, let data):
        answer = smmu.access(stream: device, address: address, isWrite: true)
        let offset = (answer.physicalAddress ?? 0) &- GICMachine.base
        if offset < GICMachine.frames {
          answer.translation = DoorbellWrite(device: UInt64(device), data: UInt64(data))
          its.receive(offset: offset, data: data, device: device)
        }
      case .lpiConfig(let intid, let value): its.setConfig(intid, value)
      case .store(let words):
        for word in words { memory.store64(PA(word.address), word.value) }
      case .access, .smmuCommands, .smmuRegister: break
      }
      return FoundAnswer(answer, pending: its.pendingState())
    }
  }

  /// Clears what a vector can have written. With an ITS that is most of its tables' memory, so
  /// everything goes.
  private func clear(_ vector: Vector) {
    guard vector.gic == nil else {
      memory.clear()
      return
    }
    for word in vector.memory { memory.store64(PA(word.address), 0) }
    for step in vector.steps {
      guard case .store(let words) = step.action else { continue }
      for word in words { memory.store64(PA(word.address), 0) }
    }
  }
}

/// Answer of the models in a step.
package struct FoundAnswer: Sendable {
  package var answer: VectorAnswer
  /// The pending tables after the step; `nil` where there is no interrupt controller.
  package var pending: PendingState?

  init(_ answer: VectorAnswer, pending: PendingState? = nil) {
    self.answer = answer
    self.pending = pending
  }
}
