import ArmFormats
import Bits
import Memory
import SMMU
import SMMUFixtures
import Testing

/// DMA of several devices behind one SMMU.
@Suite("Arm ACS rows: traffic")
struct ExerciserTrafficTests {
  @Test("ACS-10: devices with the same IOVA layout each reach their own memory")
  func sameLayout() throws {
    for config in [StreamConfig.stage1, .stage2, .nested] {
      let machine = try Machine(caches: .strict)
      let devices = 1...8 as ClosedRange<UInt32>
      let base: UInt64 = 0x8000_0000
      var streams: [(UInt32, Stream)] = []
      for device in devices {
        var stream = Stream(machine, config)
        stream.context[.asid] = UInt16(device)
        stream.entry[.vmid] = UInt16(config.translatesStage2 ? device : 0)
        streams.append((device, stream))
        // One buffer at the same place for all of them, one at base + instance x block.
        for input in [base, base + UInt64(device) << 16] {
          let output = Self.place(device, input)
          let ipa = config == .nested ? input + 0x7_0000_0000 : output
          if config != .stage2 { stream.low.map(input, to: ipa, stage1Leaf) }
          if config == .nested { stream.stage2.map(ipa, to: output, stage2Leaf) }
          if config == .stage2 { stream.stage2.map(input, to: output, stage2Leaf) }
        }
      }
      for (device, stream) in streams { stream.install(stream: device) }
      // Twice, so that the second round is answered by the caches.
      for round in 0..<2 as Range<UInt32> {
        for device in devices {
          for input in [base, base + UInt64(device) << 16] {
            let output = machine.output(input + 0x40, write: true, stream: device)
            #expect(output == Self.place(device, input) + 0x40, "device \(device) \(config)")
            if let output { machine.memory.store32(PA(output), device << 8 | round) }
          }
          let other = base + UInt64(device % 8 + 1) << 16
          #expect(machine.output(other, stream: device) == nil, "another device's buffer")
        }
        for device in devices {
          for input in [base, base + UInt64(device) << 16] {
            let place = PA(Self.place(device, input) + 0x40)
            #expect(machine.memory.load64(place) == UInt64(device << 8 | round))
          }
        }
      }
    }
  }

  private static func place(_ device: UInt32, _ input: UInt64) -> UInt64 {
    0x4300_0000 + UInt64(device) << 16 + (input == 0x8000_0000 ? 0 : 0x1000)
  }

  @Test("ACS-13: STE.DCP is a hint: data and translation are the same with and without it")
  func directedPrefetch() throws {
    for config in [StreamConfig.bypass, .stage1, .stage2, .nested] {
      let machine = try Machine(caches: .strict)
      var stream = Stream(machine, config)
      stream.low.map(0x5000, to: config == .nested ? 0x7_0000_5000 : 0x4200_0000, stage1Leaf)
      stream.stage2.map(config == .nested ? 0x7_0000_5000 : 0x5000, to: 0x4200_0000, stage2Leaf)
      let answer: UInt64 = config == .bypass ? 0x4200_0040 : 0x5040
      var results: [TranslationResult] = []
      for hint in [false, true, false, true] {
        stream.entry[.directedCachePrefetch] = hint
        stream.install()
        var command = SMMUCommand(.invalidateStream)
        command[.stream] = 1
        command[.leaf] = true
        machine.send(command, SMMUCommand(.sync))
        results.append(machine.access(answer, write: true))
        #expect(machine.output(answer) == 0x4200_0040)
      }
      #expect(results.allSatisfy { $0 == results[0] }, "\(config)")
      #expect(machine.events().isEmpty)
    }
  }
}
