import ArmFormats
import Bits
package import Designs
package import Files
import GIC
import HostKernel
import Linux
import Machine
import Memory
import PCI
import SMMU
package import Scenarios
import Software
import VMM

/// A guest's SMMU driver on a virtual SMMU whose tables the host nests in the physical SMMU.
///
/// Every step of guest, VMM and host acts on memory and registers; the accesses are those of the
/// assigned function.
package final class NestedBench: Bench {
  package static let name = "nested"
  package static let title =
    "A guest's SMMUv3 driver, the VMM's virtual SMMU, the host's iommufd and the physical SMMU."

  static let physicalStream: UInt32 = 0x10
  static let map = AddressMap.qemuVirt
  static let guestRAM: UInt64 = 64 << 20
  static let hostBank: PA = 0x1_0000_0000

  var machine: Machine
  var host: HostKernel
  var vmm: VMM
  var guest: SMMUDriver
  let guestMemory: PhysicalMemory
  let virtualStream: UInt32
  var guestFrames: BumpFrames
  var tables: PageTable?
  /// Parts of RAM that stage 2 leaves out.
  let extents: [HostCall.RAMExtent]
  var relayed: VirtualEventQueue
  /// The guest's last entry, and whether the host refused it.
  var lastEntry = StreamTableEntry()
  var wasRefused = false
  var eventQueue = EventQueueReader()
  /// Steps that the last action made the host take.
  var log: [String] = []
  var refusal: Refusal?

  package convenience init(_ value: CheckedValue) throws(InputError) {
    try self.init(value, injecting: nil)
  }

  package init(_ value: CheckedValue, injecting mutation: Mutation?) throws(InputError) {
    let kernel = try value["kernel"]?.kernel ?? Kernel(6, 19)
    virtualStream = UInt32(truncatingIfNeeded: value["vsid"]?.integer ?? 0x1100)
    let hole = value["hole"].map { ($0.integer("base"), $0.integer("length")) }
    extents = Self.extents(without: hole)
    relayed = VirtualEventQueue(depth: Int(clamping: value["queue-depth"]?.integer ?? 16))
    do {
      let ram = PA(Self.map.ramBase.rawValue)
      let memory = try PhysicalMemory(
        regions: [.init(base: Self.hostBank, size: 256 << 20)], isShareable: true)
      guestMemory = try memory.window(
        [.init(base: ram, size: Self.guestRAM)],
        onto: [.init(base: ram, source: Self.hostBank, size: Self.guestRAM)])
      machine = Machine(
        memory: memory,
        layout: .init(
          smmuBase: 0x905_0000, itsBase: 0x808_0000, redistributors: 0x80a_0000,
          bar: 0x80_0000_0000, barSize: 0x1_0000),
        smmu: SMMU(profile: .qemu, personality: mutation?.ofSMMU ?? [], caches: .none),
        its: ITS(profile: .qemu11()),
        redistributors: Redistributors(profile: .init(count: 1, base: 0x80a_0000)),
        function: PCIFunction(
          profile: .init(
            requesterID: RequesterID(rawValue: UInt16(Self.physicalStream)),
            msix: .init(vectors: 1, bar: 0, tableOffset: 0x2000, pendingOffset: 0x3000),
            barSize: 0x1_0000)))
      host = try Self.host(kernel)
      guestFrames = BumpFrames(base: ram + (32 << 20), size: 32 << 20)
      guest = try SMMUDriver(
        agent: .guest, base: PA(Self.map.smmuBase.rawValue), streamBits: 16, frames: &guestFrames)
    } catch {
      throw value.error(expected: "a machine that can be set up (\(error))")
    }
    vmm = VMM(
      map: Self.map, advertisement: .nothing, stageTwoDoorbell: .softwareWindow,
      msixEntry: .replaced, devices: [.init(guestID: virtualStream, vectors: 1)])
    host.defects = mutation?.ofHost ?? []
    host.stageTwoFaultPolicy = value.choice("s2-fault-policy") ?? .drop
    start()
    let creates = value["vdevice"]?.boolean ?? true
    guard creates else { return }
    // As the VMM leaves it before the guest runs (`VMM.start`).
    ask(.createVirtualSMMU(guestStream: virtualStream))
    ask(.attach(guestEntry: .bypass))
  }

  private func start() {
    do {
      perform(try host.boot())
      ask(.createStageTwo(extents))
    } catch { refusal = error }
  }

  private static func host(_ kernel: Kernel) throws(Refusal) -> HostKernel {
    try HostKernel(
      kernel: kernel,
      platforms: [
        .init(
          smmuBase: 0x905_0000, itsBase: 0x808_0000, redistributors: 0x80a_0000, cpus: 1,
          msixTable: 0x80_0000_2000, msixCapability: 0x70,
          streamID: StreamID(physicalStream), deviceID: DeviceID(physicalStream), vectors: 1)
      ],
      stageTwoDoorbell: .softwareWindow, eventIDOwner: .host,
      frames: BumpFrames(base: hostBank + (64 << 20), size: 64 << 20),
      stageTwoFrames: PlacedFrames(
        [:], rest: BumpFrames(base: hostBank + (128 << 20), size: 64 << 20)),
      streamTable: nil)
  }

  private static func extents(without hole: (base: UInt64, length: UInt64)?)
    -> [HostCall.RAMExtent]
  {
    let start = map.ramBase.rawValue
    let end = start + guestRAM
    let gap = hole.map { hole in
      let top = hole.base.addingReportingOverflow(hole.length)
      let first = max(start, min(hole.base, end))
      return first..<min(end, max(first, top.overflow ? .max : top.partialValue))
    }
    let parts = [start..<(gap?.lowerBound ?? end), (gap?.upperBound ?? end)..<end]
    return parts.filter { !$0.isEmpty }.map {
      .init(
        ipa: IPA($0.lowerBound), pa: hostBank + ($0.lowerBound - start),
        size: $0.upperBound - $0.lowerBound)
    }
  }

  // MARK: Software acts

  /// Carries out steps of the host.
  func perform(_ steps: [Step<Never>]) {
    log += steps.map(\.line)
    Executor(memory: machine.memory).execute(steps) { access in
      guard case .register(let address, let value, let width) = access else { return }
      machine.write(value, at: address, width: width)
    }
  }

  func ask(_ call: HostCall) {
    do { perform(try host.handle(call, for: .first)) } catch {
      refusal = error
      guard case .attach(let entry) = call, entry[.valid] else { return }
      // A guest's garbage costs it the stream: the VMM attaches the abort table.
      wasRefused = true
      if let steps = try? host.handle(.attach(guestEntry: StreamTableEntry()), for: .first) {
        perform(steps)
      }
    }
  }

  /// Carries out steps of the guest: its register writes trap to the VMM.
  func performInGuest(_ steps: [Step<Never>]) {
    let executor = Executor(memory: guestMemory)
    for step in steps {
      log.append(step.line)
      guard case .register(let address, let value, let width) = executor.execute(step.action)
      else { continue }
      let offset = address.rawValue &- Self.map.smmuBase.rawValue
      for step in vmm.smmuWrite(value, at: offset, width: width, memory: guestMemory) {
        log.append(step.line)
        if case .call(let call) = step.action { ask(call) }
      }
    }
  }

  /// The STE of the function as it stands in the machine's memory.
  var physicalEntry: StreamTableEntry? {
    host.streamEntryAddress(of: .first).flatMap {
      machine.memory.load(StreamTableEntry.self, at: $0)
    }
  }
}

extension Step {
  /// The step in an outcome's chain.
  fileprivate var line: String { "\(agent.title), \(function): \(text)" }
}
