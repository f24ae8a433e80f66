/// A structure of a RISC-V machine that an MSI meets on its way.
public enum RISCVPlace: Hashable, Sendable {
  /// A non-leaf entry of the device directory table; leaves are at level 0.
  case deviceDirectory(level: Int)
  case deviceContext
  case processDirectory
  /// An entry of a page table; pages of 4 KiB are at level 0.
  case firstStage(level: Int)
  case secondStage(level: Int)
  case messageEntry
  /// A hart's own interrupt file.
  case interruptFile
  /// A guest's interrupt file in an IMSIC.
  case guestFile
  case residentFile
  /// KVM's write to a guest's interrupt file.
  case injection

  /// The name in tables and JSON, in the manuals' terms.
  public var name: String {
    switch self {
    case .deviceDirectory(let level): "DDT L\(level)"
    case .deviceContext: "DC"
    case .processDirectory: "PDT"
    case .firstStage(let level): "S1 L\(level)"
    case .secondStage(let level): "G L\(level)"
    case .messageEntry: "MSI PTE"
    case .interruptFile: "S-file"
    case .guestFile: "VS-file"
    case .residentFile: "MRIF"
    case .injection: "AIA inject"
    }
  }
}
