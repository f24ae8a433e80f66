package import Inspect

/// Which machine of a nested set-up a file is from.
package enum MachineSide: String, Sendable {
  case host
  case guest
}

/// Everything that the files of a case say, each fact with the line that says it. Nothing here is a
/// conclusion.
package struct CaseFacts: Sendable {
  package var files: [CaseFile] = []
  package var logs: [KernelFacts] = []
  /// Functions in listings of `lspci`.
  package var functions: [PCIFunction: ListedFunction] = [:]
  package var interrupts = Bounded<InterruptRow>(limit: 65_536)
  /// The numbers of the CPUs whose columns `/proc/interrupts` has.
  package var countedCPUs: [Int] = []
  package var affinities: [Int: Sourced<[Int]>] = [:]
  /// CPUs in use and CPUs that could be, from sysfs.
  package var onlineCPUs: Sourced<[Int]>?
  package var possibleCPUs: Sourced<[Int]>?
  package var groups: [PCIFunction: Sourced<Int>] = [:]
  package var regions = Bounded<ReservedRegion>(limit: 16_384)
  package var commands: [VirtualMachineCommand] = []
  package var complaints = Bounded<VMMComplaint>(limit: 1024)
  /// Guest RAM that a VMM's log or command names.
  package var guestRAM: [Sourced<ClosedRange<UInt64>>] = []
  /// Physical pages that a VMM says it maps as doorbells.
  package var doorbellMappings: [Sourced<UInt64>] = []
  package var vmmVersion: Sourced<VMMVersion>?
  /// The host's kernel, where a VMM's log notes it.
  package var hostRelease: Sourced<KernelRelease>?
  /// Mappings of IOVAs in traces of the kernel.
  package var mappings = MappingTrace()
  package var firmware: [FirmwareSet] = []
  /// Events of files that are no kernel log: a mail, a trace of QEMU.
  package var looseEvents: [Sourced<LoggedEvent>] = []
  package var registers: [Sourced<RegisterDump>] = []
  /// Lines that look as if they mattered and that no rule reads.
  package var notUnderstood = NotUnderstood()
  /// Options of a kernel's configuration that matter here, and whether they are set.
  package var options: [String: Sourced<Bool>] = [:]
  /// For each file that is a letter or a patch, the lines of logs that it quotes without a time stamp.
  package var quotations: [String: Quotation] = [:]
  /// Interrupts in `/sys/kernel/debug/irq/irqs`.
  package var interruptStates: [InterruptState] = []

  package init() {}
}

/// One file of a case.
package struct CaseFile: Sendable {
  package enum Kind: String, Sendable, CaseIterable {
    case kernelLog = "kernel log"
    case listing = "lspci"
    case configurationDump = "configuration space"
    case interrupts = "/proc/interrupts"
    case affinities = "interrupt affinities"
    case groups = "IOMMU groups"
    case regions = "reserved regions"
    case command = "command line of a VMM"
    case vmmLog = "messages of a VMM"
    case systemCalls = "strace"
    case kernelTrace = "trace of Linux"
    case machineTrace = "trace of QEMU"
    case iort = "IORT"
    case madt = "MADT"
    case mcfg = "MCFG"
    case dsdt = "DSDT"
    case deviceTree = "device tree"
    case otherTable = "another ACPI table"
    case tableSource = "source of an ACPI table"
    case libvirt = "libvirt domain"
    case eventWords = "event words"
    case registers = "register dump"
    case image = "memory image"
    case interruptState = "debugfs interrupt"
    case configuration = "configuration of a kernel"
    case bootParameters = "command line of a kernel"
    case memoryMap = "/proc/iomem"
    case unknown = "not recognised"
  }

  package var name: String
  package var kinds: Set<Kind> = []
  package var lines = 0
  package var side: MachineSide?
}

/// Facts from a kernel log, besides the reports of SMMU and ITS drivers.
package struct KernelFacts: Sendable {
  package var file: String
  package var side: MachineSide?
  package var reports = KernelLog()
  package var release: Sourced<KernelRelease>?
  /// The kernel's command line.
  package var commandLine: Sourced<String>?
  package var machineModel: Sourced<String>?
  /// The IORT's revision, from the line that lists ACPI tables.
  package var iortRevision: Sourced<Int>?
  /// The IORT that this kernel booted with.
  package var iort: ListedTable?
  package var hasACPI = false
  package var smmus: [Sourced<SMMUProbe>] = []
  package var itses: [Sourced<UInt64>] = []
  /// Device tables of ITSs.
  package var deviceTables: [Sourced<DeviceTable>] = []
  /// Addresses at which ITS and LPI tables were allocated.
  package var interruptTables = Bounded<Sourced<UInt64>>(limit: 256)
  package var messageFrames: [Sourced<MessageFrame>] = []
  package var groups: [PCIFunction: Sourced<Int>] = [:]
  /// Functions by the names that drivers gave them, such as `nvme0` and `enp3s0`.
  package var names: [String: PCIFunction] = [:]
  /// Drivers by function, as the log names them.
  package var drivers: [PCIFunction: String] = [:]
  /// PCI root bridges of ACPI by name, with their domain and buses.
  package var rootBridges: [String: RootBridge] = [:]
  /// Host bridges of a device tree: domain, and the node's name.
  package var treeBridges: [UInt32: String] = [:]
  package var possibleCPUs: Sourced<Int>?
  package var bootedCPUs: Sourced<Int>?
  package var notices = Bounded<Notice>(limit: 4096)
  /// Number of notices by kind, with those beyond the limit of `notices`.
  package var noticeCounts: [Notice.Kind: Int] = [:]
  package var defaultDomain: Sourced<String>?
  /// Whether the GIC has virtual LPIs, and whether KVM uses them.
  package var hasVirtualLPIs: Sourced<Bool>?
  package var isDirectInjectionOn: Sourced<Bool>?
  /// Signs that the log is a host's, and that it is a guest's.
  var hostMarks = 0
  var guestMarks = 0
  /// Devices of host bridges and their nodes, until the log names their domain.
  var bridgeNodes: [String: String] = [:]

  package init(file: String) { self.file = file }

  package struct SMMUProbe: Hashable, Sendable {
    /// The device, such as `arm-smmu-v3.0.auto`.
    package var name: String
    /// Version 2 for both versions 1 and 2 of the architecture.
    package var version: Int
    /// `arm_smmu_device.features`; 0 where the log has none.
    package var features: UInt32 = 0
  }

  /// A line of the list of ACPI tables, which tells one machine's from another's
  /// (`acpi_tb_print_table_header`).
  package struct ListedTable: Hashable, Sendable {
    package var length: UInt64
    package var oemID: String
    package var oemTableID: String
  }

  package struct DeviceTable: Hashable, Sendable {
    package var its: UInt64
    package var entries: UInt64
    /// Two levels: `entries` counts those of the first, each of which stands for many.
    package var isIndirect: Bool
    package var address: UInt64
    package var pageSize: UInt64
    package var entrySize: UInt64

    /// DeviceIDs that fit.
    package var deviceIDs: UInt64 {
      guard isIndirect, entrySize > 0 else { return entries }
      let (product, overflow) = entries.multipliedReportingOverflow(by: pageSize / entrySize)
      return overflow ? .max : product
    }
  }

  package struct MessageFrame: Hashable, Sendable {
    package var base: UInt64
    /// INTIDs.
    package var interrupts: ClosedRange<UInt32>
  }

  package struct RootBridge: Hashable, Sendable {
    package var domain: UInt32
    package var buses: ClosedRange<UInt32>
  }
}

/// A release of Linux, as `Linux version` gives it.
package struct KernelRelease: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var major: Int
  package var minor: Int
  package var patch: Int
  /// As printed, such as `6.12.43+deb13-arm64`.
  package var text: String

  package init(_ major: Int, _ minor: Int, patch: Int = 0) {
    (self.major, self.minor, self.patch) = (major, minor, patch)
    text = "\(major).\(minor)"
  }

  package init?(_ text: some StringProtocol) {
    let numbers = text.prefix { $0.isNumber || $0 == "." }.split(separator: ".")
    guard numbers.count >= 2, let major = Int(numbers[0]), let minor = Int(numbers[1]),
      (2...99).contains(major), (0...99).contains(minor)
    else { return nil }
    (self.major, self.minor) = (major, minor)
    patch = numbers.count > 2 ? Int(numbers[2]) ?? 0 : 0
    self.text = String(text)
  }

  package var description: String { text }
  /// Whether it is a distributor's kernel for years, which takes over changes of later releases: those
  /// of Red Hat and its kin have `.el9` and the like in their names.
  package var hasBackports: Bool { text.contains(".el") }
  /// `6.12`.
  package var short: String { "\(major).\(minor)" }

  package static func < (left: Self, right: Self) -> Bool {
    (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
  }
}

/// A line of a driver that says what went wrong or what it did.
package struct Notice: Sendable {
  package var kind: Kind
  package var function: PCIFunction?
  /// The device's name as the line has it.
  package var device: String
  /// A number that belongs to the kind: a group, an interrupt, an ID, an error.
  package var number: Int?
  package var time: UInt64?
  package var source: Evidence

  package enum Kind: String, Sendable, CaseIterable {
    /// A device's driver waited for an interrupt in vain, or polled instead.
    case lostInterrupt
    case interruptDisabled
    /// A task that waits for what does not come.
    case hungTask
    /// A transfer that a driver gave up, or could not begin.
    case transferFailed
    case directRegionRefused
    case messagesNotIsolated
    /// VFIO finds no IOMMU group of a function.
    case groupMissing
    case vfioEnabled
    case functionReset
    case linkDown
    case linkUp
    case deviceGone
    case pcieError
    case messagesUnavailable
    case noIDTranslation
    case smmuFailed
    case groupFailed
    case idMappingConflict
    case reservedRangeFault
    /// An MSI's address that the function cannot send.
    case messageAddressTooWide
    /// An invalidation of an SMMUv2 that does not end.
    case invalidationStuck
    case lpiFault
    case itsFault
    case bypassFailed
    case interfaceDown
    case unbound
    case vfioFault
    case guestReset
    case stall
    /// Understood, and without effect on MSIs or DMA.
    case harmless
  }
}

/// A function in a listing of `lspci`.
package struct ListedFunction: Sendable {
  package var file: String
  package var title: Evidence
  package var driver: Sourced<String>?
  package var busMaster: Sourced<Bool>?
  package var memory: Sourced<Bool>?
  package var interruptsDisabled: Bool?
  package var msi: Sourced<MessageCapability>?
  package var msix: Sourced<MessageCapability>?
  package var messageAddress: Sourced<UInt64>?
  package var messageData: UInt32?
  /// Mask bits of the MSI capability.
  package var maskBits: Sourced<UInt32>?
  /// Entries of the MSI-X table, where a dump has them.
  package var entries = Bounded<MSIXEntry>(limit: 4096)
  /// Whether configuration space reads as all ones.
  package var isGone: Sourced<Bool>?
  /// Data link layer active, of LnkSta.
  package var linkActive: Sourced<Bool>?
  package var isBridge = false
  /// The buses behind a bridge.
  package var buses: ClosedRange<UInt16>?
  package var powerState: Sourced<String>?
  package var space: [UInt8] = []
  package var spaceSource: Evidence?
  package var hasATS = false
  package var atsEnabled: Sourced<Bool>?

  package struct MessageCapability: Hashable, Sendable {
    package var isEnabled: Bool
    package var count: Int
    /// All vectors, by the function mask of MSI-X.
    package var isMasked: Bool
    package var is64Bit: Bool
  }

  package struct MSIXEntry: Hashable, Sendable {
    package var index: Int
    package var address: UInt64
    package var data: UInt32
    package var isMasked: Bool
    package var source: Evidence
  }
}

/// A line of `/proc/interrupts`.
package struct InterruptRow: Sendable {
  /// Linux's number.
  package var number: Int
  package var counts: [UInt64]
  /// The interrupt chip, such as `ITS-MSI` or `ITS-PCI-MSIX-0000:11:00.0`.
  package var chip: String
  package var hardwareNumber: UInt64?
  package var names: String
  package var source: Evidence
  package var function: PCIFunction?
  package var vector: Int?

  package var total: UInt64 {
    counts.reduce(0) { $0.addingReportingOverflow($1).partialValue }
  }
  /// Which controller takes the message; `nil` for a wired interrupt.
  package var controller: MessageController? { MessageController(chip: chip) }
  package var isMessage: Bool { controller != nil }
  /// Role of the interrupt beyond a device's own vectors; `nil` for those.
  package var role: Role? { Role.named.first { names.contains($0.name) }?.role }

  package enum Role: Sendable {
    /// An assigned function's vector, which VFIO passes on to a VM.
    case relayed
    /// The CPU's own timer.
    case timer
    /// Errors, hot-plug and power of a port, which need not come.
    case port
    /// Changes of a device's configuration, and queues of one that may be down.
    case idle

    /// Names that drivers give (`drivers/vfio/pci/vfio_pci_intrs.c`, `arch_timer`, `drivers/pci/pcie`).
    fileprivate static let named: [(name: String, role: Role)] = [
      ("vfio-msi", .relayed), ("arch_timer", .timer), ("PME", .port), ("aerdrv", .port),
      ("pciehp", .port), ("bwctrl", .port), ("bwnotif", .port), ("dpc", .port),
      // virtio's, which count from when a network interface is up (vp_request_msix_vectors).
      ("-config", .idle), ("-input.", .idle), ("-output.", .idle), ("-control", .idle),
    ]
  }
}

/// Controller that turns messages into interrupts, as Linux names its chips (`irq_chip.name`):
/// `ITS-MSI`, `ITS-PCI-MSIX-0000:01:00.0`, `ITS-pMSI`, `GICv2m-PCI-MSI`, `MBI-pMSI`, `IR-PCI-MSI`.
package enum MessageController: Sendable {
  case its
  case messageFrame
  /// A controller that the chip's name does not tell.
  case other

  init?(chip: String) {
    let words = chip.split(separator: "-")
    if words.contains("GICv2m") || chip == "MSI" {
      self = .messageFrame
    } else if words.contains(where: Self.marks.contains) {
      self = words.first == "ITS" ? .its : .other
    } else {
      return nil
    }
  }

  private static let marks: Set<Substring> = ["MSI", "MSIX", "pMSI", "fMSI", "MBI"]
}

/// An interrupt's file in `/sys/kernel/debug/irq/irqs`.
package struct InterruptState: Sendable {
  package var number: Int?
  package var fields: [String: Sourced<String>] = [:]
}

/// A line of `reserved_regions`.
package struct ReservedRegion: Sendable {
  package var range: ClosedRange<UInt64>
  /// `direct`, `direct-relaxable`, `reserved` or `msi`.
  package var type: String
  /// The IOMMU group, where the file's name or a line before says it.
  package var group: Int?
  package var source: Evidence
}

/// Values of registers of an SMMU, an ITS or a redistributor by the manuals' names; those of the SMMU
/// without `SMMU_`.
package struct RegisterDump: Hashable, Sendable {
  package var values: [String: UInt64]
  /// The line of each, where the dump is text.
  package var sources: [String: Evidence] = [:]
}

/// Lines of a log in a text of another kind.
package struct Quotation: Sendable {
  /// Kind of text that quotes the lines: a letter, whose writer may have them from his machine or
  /// not, or a change to a program, which has them from anywhere.
  package enum Writer: Sendable { case letter, change }

  package var writer: Writer
  package var lines: Set<Int>
}

/// A VMM's name and version.
package struct VMMVersion: Hashable, Sendable {
  package var name: String
  package var major: Int
  package var minor: Int
}

/// Lines that look as if they mattered and that no rule reads, by kind, so that a flood is one.
package struct NotUnderstood: Sendable {
  package struct Kind: Sendable {
    package var count: Int
    package var examples: [Evidence]
  }

  /// Kinds by the words that their lines have in common, in the order of their first lines.
  package private(set) var kinds: [(name: String, kind: Kind)] = []
  private var places: [String: Int] = [:]
  /// Lines of kinds beyond those kept.
  package private(set) var left = 0

  package var isEmpty: Bool { kinds.isEmpty && left == 0 }
  package var count: Int { kinds.reduce(left) { $0 + $1.kind.count } }

  package mutating func add(_ name: String, _ line: @autoclosure () -> Evidence) {
    if let place = places[name] {
      kinds[place].kind.count += 1
      if kinds[place].kind.examples.count < 3 { kinds[place].kind.examples.append(line()) }
    } else if kinds.count < 256 {
      places[name] = kinds.count
      kinds.append((name, Kind(count: 1, examples: [line()])))
    } else {
      left += 1
    }
  }
}
