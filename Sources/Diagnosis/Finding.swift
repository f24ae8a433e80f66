package import Files

/// A cause with what shows it.
package struct Finding: Sendable {
  package var cause: Cause
  /// 0 to 1: how far the files decide it.
  package var confidence: Double
  package var evidence: [Evidence]
  /// Meaning of the cause for this machine, with the rule behind it.
  package var means: String
  package var fix: String
  /// The command that shows the same in the models; empty where none does.
  package var show: String
  /// Files that would settle it or complete it.
  package var missing: [MissingFile] = []
  /// Causes of which this one explains the signs.
  package var explains: Set<Cause> = []

  package init(
    _ cause: Cause, _ confidence: Double, _ evidence: [Evidence?], means: String, fix: String,
    show: String = "", missing: [MissingFile] = [], explains: Set<Cause> = []
  ) {
    self.cause = cause
    self.confidence = confidence
    var seen: Set<Evidence> = []
    self.evidence = Array(
      evidence.compactMap(\.self).filter { seen.insert($0).inserted }.prefix(12))
    self.means = means
    self.fix = fix
    self.show = show
    self.missing = missing
    self.explains = explains
  }
}

/// A kind of file that is not among those given, and what is expected in it.
package struct MissingFile: Hashable, Sendable {
  package enum Kind: String, Sendable, CaseIterable {
    case iort
    case madt
    case dsdt
    case deviceTree = "device-tree"
    case dmesg
    case hostDmesg = "host-dmesg"
    case guestDmesg = "guest-dmesg"
    case listing = "lspci-vvv"
    case interrupts
    case groups = "iommu-groups"
    case regions = "reserved-regions"
    case command = "vmm-command-line"
    case vmmLog = "vmm-log"
    case mappings = "ftrace-iommu"
    case events = "event-trace"
    case hypervisor = "kvm-trace"
  }

  package var kind: Kind
  /// Content of the missing file, and its meaning for the diagnosis.
  package var shows: String

  package init(_ kind: Kind, _ shows: String) {
    (self.kind, self.shows) = (kind, shows)
  }

  package var text: String { "\(kind.rawValue): \(shows)" }
}
