package import GIC
package import SMMU

/// Whose behaviour the vectors are compared with.
package enum ProofPersonality: String, CaseIterable, Sendable {
  /// What the manuals say: vectors where the recorded answers deviate from that are compared with
  /// the second opinion in the file.
  case architecture
  /// QEMU 11: every recorded answer must be met, bit for bit.
  case qemu11 = "qemu-11"

  package var smmu: SMMUPersonality {
    switch self {
    case .architecture: .architecture
    case .qemu11: .qemu11
    }
  }

  /// Both skip commands that cannot be carried out: the architecture allows that or a stall.
  package var its: ITSPersonality {
    switch self {
    case .architecture: .architectureSkippingErrors
    case .qemu11: .qemu11
    }
  }
}
