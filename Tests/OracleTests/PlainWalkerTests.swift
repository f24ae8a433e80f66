import ArmFormats
import Bits
import Memory
import SMMU
import Testing

@Suite("PlainWalker")
struct PlainWalkerTests {
  /// All features, but the sizes that the plain walker knows.
  static let profile: SMMUProfile = {
    var profile = SMMUProfile.full
    profile.idr3[.smallTables] = false
    profile.idr0[.hardwareUpdate] = 0
    return profile
  }()

  @Test(
    "random tables of every geometry, with faults put in, translate as the pseudocode says",
    arguments: 0..<8 as Range<UInt64>)
  func randomTables(part: UInt64) throws {
    let memory = try PhysicalMemory(regions: [RandomTables.ram])
    var kinds: [String: Int] = [:]
    var disagreements: [String] = []
    for seed in part * 1000..<(part + 1) * 1000 where disagreements.count < 5 {
      let tables = RandomTables(seed: seed, in: memory)
      for caches in [SMMUCacheGeometry.none, .default] {
        disagreements += Self.compare(tables, memory, caches, &kinds).map { "seed \(seed): \($0)" }
      }
      tables.clear()
    }
    for disagreement in disagreements { Issue.record("\(disagreement)") }
    // The tables must reach far enough to be worth walking.
    #expect(kinds["translated", default: 0] > 400)
    #expect(kinds.count >= 5, "\(kinds)")
  }

  /// Four accesses to the tables by both; what differs.
  private static func compare(
    _ tables: RandomTables, _ memory: PhysicalMemory, _ caches: SMMUCacheGeometry,
    _ kinds: inout [String: Int]
  ) -> [String] {
    var smmu = SMMU(profile: profile, caches: caches)
    smmu.writeRegister(
      SMMURegister.streamTableBase, tables.streamTableBase, width: 8, memory: memory)
    smmu.writeRegister(
      SMMURegister.streamTableConfig, tables.streamTableConfig, width: 4, memory: memory)
    smmu.writeRegister(SMMURegister.cr2, 2, width: 4, memory: memory)
    smmu.writeRegister(SMMURegister.cr0, 1, width: 4, memory: memory)
    let plain = PlainWalker(
      memory: memory, streamTableBase: tables.streamTableBase,
      streamTableConfig: tables.streamTableConfig)
    var differences: [String] = []
    for choice in 0..<4 {
      let access = PlainWalker.Access(
        stream: tables.stream, address: tables.address, isWrite: choice & 1 == 1,
        isPrivileged: choice & 2 == 2)
      let expected = plain.answer(access)
      let found = answer(&smmu, access, memory)
      kinds[kind(expected), default: 0] += 1
      if found != expected {
        differences.append(
          "\(access): the plain walker says \(expected), the model \(found)\n\(tables.dump)")
        break
      }
    }
    return differences
  }

  private static func kind(_ answer: PlainWalker.Answer) -> String {
    switch answer {
    case .translated: "translated"
    case .bypassed: "bypassed"
    case .aborted: "aborted"
    case .fault(let fault): "fault \(fault.type)"
    }
  }

  /// The model's answer in the plain walker's terms.
  private static func answer(
    _ smmu: inout SMMU, _ access: PlainWalker.Access, _ memory: PhysicalMemory
  ) -> PlainWalker.Answer {
    let transaction = Transaction(
      streamID: UInt32(access.stream), address: IOVA(access.address), isWrite: access.isWrite,
      isPrivileged: access.isPrivileged)
    switch smmu.translate(transaction, in: memory) {
    case .translated(let translation): return .translated(translation.address.rawValue)
    case .bypassed(let address): return .bypassed(address.rawValue)
    case .faulted(let event, let recording), .ignored(let event, let recording):
      return .fault(fault(event, recording))
    case .aborted, .stalled, .blocked, .refused: return .aborted
    }
  }

  private static func fault(_ event: EventRecord, _ recording: FaultRecording)
    -> PlainWalker.Fault
  {
    var fault = PlainWalker.Fault(type: event[.kind].rawValue)
    fault.isRecorded = recording != .suppressed
    if event[.kind].isTranslationRelated {
      fault.stage2 = event[.stage2]
      fault.faultClass = UInt64(event[.faultClass].rawValue)
      fault.ipaPage = event[.stage2] ? event[.ipa] : 0
    } else {
      fault.faultClass = event[.kind] == .walkAbort ? 2 : 0
    }
    return fault
  }
}
