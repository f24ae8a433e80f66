package import Bits
package import GIC
package import HostKernel
package import Machine
package import Memory
package import SMMU

/// A defect that tests inject into one model, to show that the suite notices: each is a mistake that
/// an implementation could make, and none is a behaviour of any.
public enum Mutation: String, CaseIterable, Sendable {
  /// The SMMU carries TLB invalidations out without dropping anything.
  case staleTranslations = "stale-translations"
  /// The host tells the guest of an event with the physical StreamID in it.
  case streamNotRewritten = "stream-not-rewritten"
  /// The host passes a guest's invalidation on with the VMID that the guest wrote.
  case machineNotOverwritten = "vmid-not-overwritten"
  /// The ITS takes RDbase for a number that is not shifted by 16.
  case targetNotShifted = "rdbase-unshifted"
  /// The page of the physical doorbell is RAM: the message lands in memory.
  case doorbellInRAM = "doorbell-in-ram"

  /// Fault of the injected model, in one sentence.
  public var meaning: String {
    switch self {
    case .staleTranslations: "TLB invalidations drop nothing."
    case .streamNotRewritten: "A relayed event keeps the physical StreamID."
    case .machineNotOverwritten: "A forwarded invalidation keeps the guest's VMID."
    case .targetNotShifted: "The ITS reads RDbase without its shift."
    case .doorbellInRAM: "The doorbell's page is RAM."
    }
  }

  package var ofSMMU: SMMUPersonality { self == .staleTranslations ? .keepsTranslations : [] }

  /// An ITS's behaviour with the defect.
  package func applied(to personality: ITSPersonality) -> ITSPersonality {
    var personality = personality
    personality.readsTargetsUnshifted = self == .targetNotShifted
    return personality
  }

  package var ofHost: HostDefects {
    switch self {
    case .streamNotRewritten: .keepsPhysicalStream
    case .machineNotOverwritten: .keepsGuestMachine
    default: []
    }
  }
}

extension Optional where Wrapped == Mutation {
  /// The regions of a machine's RAM.
  package func memoryRegions(of host: MachineDescription.Host) -> [PhysicalMemory.Region] {
    let banks = host.ram.map { PhysicalMemory.Region(base: PA($0.base), size: $0.length) }
    guard self == .doorbellInRAM, let its = host.itses.first else { return banks }
    let page = its + 0x1_0000
    return [PhysicalMemory.Region(base: page, size: 0x1000)] + banks
  }
}
