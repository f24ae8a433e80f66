import ArmFormats
import Bits
import HostKernel
import Machine
import Memory
import Software
import Testing

@testable import VMM

/// A VMM with one assigned function of four vectors, and its guest's RAM.
struct VMMBench {
  static let device: UInt32 = 0x1100
  static let ram: PA = 0x4000_0000

  var vmm: VMM
  let memory: PhysicalMemory

  init(
    msix: MSIXEntryPolicy = .replaced, advertisement: DoorbellAdvertisement = .rmrDirect,
    stageTwo: StageTwoDoorbell = .softwareWindow,
    sequence: VectorSequence = .asUnmasked(addsVectors: true), hasINTx: Bool = false
  ) throws {
    vmm = VMM(
      map: .qemuVirt, advertisement: advertisement, stageTwoDoorbell: stageTwo, msixEntry: msix,
      devices: [.init(guestID: Self.device, vectors: 4, hasINTx: hasINTx)],
      vectorSequence: sequence)
    memory = try PhysicalMemory(regions: [.init(base: Self.ram, size: 0x100_0000)])
  }

  /// The guest writes a field of an MSI-X entry, at a byte offset of it.
  mutating func write(_ vector: Int, _ offset: UInt64, _ value: UInt32) -> [HostCall] {
    calls(vmm.msixWrite(value, at: UInt64(vector) * 16 + offset))
  }

  mutating func control(enable: Bool, mask: Bool) -> [HostCall] {
    calls(vmm.msixControlWrite((enable ? 1 << 15 : 0) | (mask ? 1 << 14 : 0)))
  }

  mutating func register(_ offset: UInt64, _ value: UInt64, width: Int = 4) -> [HostCall] {
    calls(vmm.smmuWrite(value, at: offset, width: width, memory: memory))
  }
}

/// The calls that steps make.
func calls(_ steps: [Step<HostCall>]) -> [HostCall] {
  steps.compactMap { step in
    if case .call(let call) = step.action { call } else { nil }
  }
}

extension VectorSignal {
  /// In one word.
  var name: String {
    switch self {
    case .none: "none"
    case .kvm(let address): address.map { "\($0)" } ?? "kvm"
    case .vmm: "vmm"
    }
  }
}

extension [HostCall] {
  /// The calls in short words, for comparison.
  var names: [String] {
    map { call in
      switch call {
      case .setIRQs(let first, let signals):
        "set \(first): \(signals.map(\.name).joined(separator: " "))"
      case .setINTx(let change): "INTx \(change)"
      case .route(let vector, let route): "route \(vector) \(route.doorbell) \(route.eventID)"
      case .unroute(let vector): "unroute \(vector)"
      case .signal(let vector): "signal \(vector)"
      case .enableMSI(let count, let address):
        "enable MSI \(count) \(address.map { "\($0)" } ?? "host")"
      case .disableVectors: "disable"
      case .messageControl(let enable, let mask): "control \(enable) \(mask)"
      case .attach(let entry): "attach \(entry[.valid] ? "\(entry[.config])" : "invalid")"
      case .invalidate(let command): "invalidate \(hex(UInt64(command[.opcode].rawValue)))"
      case .command(let value): "command \(value)"
      case .createStageTwo: "stage 2"
      case .createVirtualSMMU(let stream): stream.map { "vSID \(hex(UInt64($0)))" } ?? "vIOMMU"
      case .mapGuestDoorbell(let page): "doorbell \(page)"
      case .mirror: "mirror"
      case .attachStageTwo: "attach stage 2"
      case .disableLargePages: "no large pages"
      case .moveWindow(let start): "window \(start)"
      }
    }
  }
}
