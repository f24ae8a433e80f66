/// What is wrong with a machine, or worth knowing about it.
public struct MachineFinding: Equatable, Sendable {
  /// The rule that it is about. Those of `isError` stop a run; the others are told.
  public enum Kind: String, CaseIterable, Sendable {
    case count
    case misaligned
    case beyondAddressSpace = "beyond-address-space"
    case overlap
    case tooFewFrames = "too-few-redistributor-frames"
    case ecamTooSmall = "ecam-too-small"
    case outsideWindow = "bar-outside-window"
    case barTooSmall = "bar-too-small"
    case noBus = "bus-without-bridge"
    case sharedBus = "bus-of-two-bridges"
    case identifier
    case reference
    case hostMemory = "host-memory"
    case notModelled = "not-modelled"
    case windowOverRAM = "window-over-ram"
    case windowOverRegisters = "window-over-registers"
    case rangeOverRAM = "reserved-range-over-ram"
    case unusedRange = "reserved-range-without-device"
    case privilegedRange = "reserved-range-privileged"
    case rangeAttributes = "reserved-range-attributes"
    case rangeMissesWindow = "reserved-range-misses-window"
    case otherWindow = "msi-window-of-no-release"
    case translationServices = "ats-without-effect"

    /// Whether no run can be made of such a machine.
    public var isError: Bool {
      switch self {
      case .windowOverRAM, .windowOverRegisters, .rangeOverRAM, .unusedRange, .privilegedRange,
        .rangeAttributes, .rangeMissesWindow, .otherWindow, .translationServices:
        false
      default: true
      }
    }

    /// The rule, in one sentence.
    public var meaning: String {
      switch self {
      case .count: "A number is out of its range."
      case .misaligned: "Frames of 64 KiB and pages of RAM begin at multiples of their size."
      case .beyondAddressSpace: "Every address has at most 44 bits, as the SMMUs' output has."
      case .overlap: "No two parts of one map have an address in common."
      case .tooFewFrames: "Each virtual CPU has a redistributor."
      case .ecamTooSmall: "Configuration space has 1 MiB for each bus."
      case .outsideWindow: "A BAR stands in a window of its bridge."
      case .barTooSmall: "A BAR has room for its MSI-X table and pending bits."
      case .noBus: "A device's bus belongs to a bridge."
      case .sharedBus: "No two bridges have a bus in common."
      case .identifier:
        "Requester IDs, StreamIDs at one SMMU and DeviceIDs at one ITS are different, and fit."
      case .reference: "A device names an SMMU, an ITS, a VM and virtual CPUs that there are."
      case .hostMemory:
        "Half of the host's last RAM range holds the VMs' memory; the host keeps the other half."
      case .notModelled: "The engine cannot run it yet."
      case .windowOverRAM:
        "Where the software MSI window covers guest RAM, DMA to that RAM cannot be mapped."
      case .windowOverRegisters:
        "Where the window covers registers, the device's view of them is not the CPUs'."
      case .rangeOverRAM: "A reserved range over guest RAM takes that RAM from DMA."
      case .unusedRange: "A reserved range that holds for no device reserves nothing."
      case .privilegedRange:
        "An MSI is an unprivileged write: stage 1 refuses it in a range for privileged accesses."
      case .rangeAttributes:
        "Stage 2 maps the doorbell as device memory, which wins over normal memory of stage 1."
      case .rangeMissesWindow:
        "Where the host's window is used, an MSI reaches it through the advertised range."
      case .otherWindow: "In every release of Linux the window is 1 MiB at 0x8000000."
      case .translationServices:
        "MSIs are untranslated writes; under a nested table the guest's STE decides on ATS, and no "
          + "vSMMU here offers it."
      }
    }
  }

  public let kind: Kind
  /// The field of a machine file that it is about: names joined with dots, positions in brackets.
  public let field: String
  /// One sentence without a full stop: what was expected and what was found.
  public let message: String

  public init(_ kind: Kind, at field: String, _ message: String) {
    self.kind = kind
    self.field = field
    self.message = message
  }
}

extension MachineFinding: CustomStringConvertible {
  public var description: String { "\(field): \(message) (\(kind.rawValue))" }
}
