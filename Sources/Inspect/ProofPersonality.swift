internal import AMDIOMMU
package import GIC
internal import RISCV
package import SMMU
internal import VTD

/// Behaviour that the vectors are compared with.
package enum ProofPersonality: String, CaseIterable, Sendable {
  /// Behaviour by the manuals: vectors where the recorded answers deviate from that are compared
  /// with the second opinion in the file.
  case architecture
  /// QEMU 11: every recorded answer must be met, bit for bit.
  case qemu11 = "qemu-11"
  /// The reference model of the RISC-V IOMMU specification: every answer that it recorded must be
  /// met.
  case referenceModel = "riscv-model"

  package var smmu: SMMUPersonality { self == .qemu11 ? .qemu11 : .architecture }

  var vtd: VTDPersonality { self == .architecture ? .architecture : .qemu11 }
  var amd: AMDPersonality { self == .architecture ? .architecture : .qemu11 }

  var riscv: RISCVIOMMUPersonality {
    switch self {
    case .architecture: .architecture
    case .qemu11: .qemu11
    case .referenceModel: .referenceModel
    }
  }

  /// Both skip commands that cannot be carried out: the architecture allows that or a stall.
  package var its: ITSPersonality {
    self == .qemu11 ? .qemu11 : .architectureSkippingErrors
  }
}
