internal import Bits
internal import Files
internal import Inspect

/// A message of a VMM that says that something failed.
package struct VMMComplaint: Sendable {
  package var kind: Kind
  package var function: PCIFunction?
  /// A positive error number of Linux.
  package var error: Int?
  /// Addresses of a mapping.
  package var range: ClosedRange<UInt64>?
  package var group: Int?
  package var isWarning: Bool
  package var source: Evidence

  package enum Kind: String, Sendable {
    case accelNeedsACPI
    case accelNeedsKVM
    case accelMismatch
    case accelDevice
    case mapNotifier
    case noGroup
    case groupNotViable
    case pageTableAllocation
    case virtualIOMMUAllocation
    case virtualDeviceAllocation
    case mapping
    case container
    case attach
    case routing
    case interrupts
    case interruptController
    case deviceMissing
    case other
  }
}

/// Reads command lines and messages of QEMU, Cloud Hypervisor, OpenVMM and their kind, system calls
/// of strace, and domains of libvirt.
struct VMMReader: Sendable {
  private(set) var commands: [VirtualMachineCommand] = []
  private(set) var version: Sourced<VMMVersion>?
  /// The host's kernel, as libvirt notes it at a start.
  private(set) var hostRelease: Sourced<KernelRelease>?
  private(set) var complaints: [VMMComplaint] = []
  private(set) var ram: [Sourced<ClosedRange<UInt64>>] = []
  /// The physical side of mappings of a doorbell.
  private(set) var doorbells: [Sourced<UInt64>] = []
  private(set) var kinds: Set<CaseFile.Kind> = []
  /// A command that goes on in the next line, after a backslash.
  private var pending: (text: String, source: Evidence)?
  private var domain: VirtualMachineCommand?
  private static let limit = 1024

  /// Takes a line.
  ///
  /// - Returns: whether it is one of these.
  mutating func take(_ text: String, _ source: @autoclosure () -> Evidence) -> Bool {
    if let (begun, start) = pending {
      let rest = text.drop { $0 == " " || $0 == "\t" }
      pending = nil
      goOn(begun + " " + rest, start)
      return true
    }
    if takeDomain(text, source()) { return true }
    guard Self.words.categories(in: Array(text.utf8)[...]) != 0 else { return false }
    if let start = Self.command(in: text) {
      goOn(String(text[start...]), source())
      return true
    }
    let lower = text.lowercased()
    if takeVersion(text, lower, source()) { return true }
    if takeSystemCall(text, source()) { return true }
    if takeDoorbell(text, lower, source()) { return true }
    if takeMemory(text, lower, source()) { return true }
    return takeComplaint(text, lower, source())
  }

  /// Words of which each line that matters here has one: names of programs and of what they speak of.
  private static let words = KeywordScanner(
    (subjects + [
      "qemu-kvm", "libvirt version", "cloud-hypervisor", "openvmm", "crosvm", "lkvm",
      "emulator version", "ioctl(",
      "openat(", "doorbell", "translater", "ram ", "ram:", "memory",
    ]).map { (word: $0, category: 0) })

  /// Words for the subject of a VMM's message about its machine.
  private static let subjects = [
    "qemu-system", "vmm", "vfio", "iommu", "hypervisor", "smmu", "error:", "error ", "caused by",
    "os error", "kvm", "ioas", "guest ram", "invalid command attributes", "deviceid", "device id",
    "devid", "eventid", "event id",
  ]
  private static let subjectScanner = KeywordScanner(subjects.map { (word: $0, category: 0) })

  // MARK: Command lines

  private static let programs = [
    ("qemu-system-aarch64", "qemu"), ("qemu-system-arm", "qemu"), ("qemu-kvm", "qemu"),
    ("cloud-hypervisor", "cloud-hypervisor"), ("openvmm", "openvmm"), ("crosvm run", "crosvm"),
    ("lkvm run", "kvmtool"),
  ]

  /// Returns the start of a command: a program and an option, no message of the program.
  private static func command(in text: String) -> String.Index? {
    for (program, _) in programs {
      guard let range = text.firstRange(of: program) else { continue }
      let rest = text[range.upperBound...]
      guard !rest.hasPrefix(":"), !rest.hasPrefix("["),
        hasOption(rest) || rest.hasSuffix("\\")
      else { continue }
      guard !rest.hasPrefix(" --version"), !rest.hasPrefix(" -version") else { return nil }
      return range.lowerBound
    }
    return nil
  }

  /// Whether words behind a program have an option, a dash or two before a letter.
  private static func hasOption(_ text: Substring) -> Bool {
    text.split(separator: " ").contains { word in
      word.hasPrefix("-") && word.drop { $0 == "-" }.first?.isLetter == true
    }
  }

  private mutating func goOn(_ text: String, _ source: Evidence) {
    var text = text
    while text.last == " " { text.removeLast() }
    if text.last == "\\", text.count < 65_536 {
      pending = (String(text.dropLast()), source)
    } else {
      take(command: text, source)
    }
  }

  mutating func finish() {
    if let (text, source) = pending { take(command: text, source) }
    pending = nil
    if let domain { commands.append(domain) }
    domain = nil
  }

  private mutating func take(command text: String, _ source: Evidence) {
    guard commands.count < 64 else { return }
    let lower = text.lowercased()
    let vmm = Self.programs.first { lower.contains($0.0) }?.1 ?? "qemu"
    var command = VirtualMachineCommand(vmm: vmm, source: source)
    let words = Self.words(text)
    var position = 1
    while position < words.count, command.options.count < 4096 {
      let word = words[position]
      position += 1
      guard word.hasPrefix("-"), word.count > 1 else { continue }
      let name = word.drop { $0 == "-" }
      if let equals = name.firstIndex(of: "=") {
        command.options.append(
          (String(name[..<equals]), String(name[name.index(after: equals)...])))
        continue
      }
      // Cloud Hypervisor takes several values after one option.
      var hasValue = false
      while position < words.count, !words[position].hasPrefix("-") {
        command.options.append((String(name), words[position]))
        hasValue = true
        position += 1
        if vmm == "qemu" { break }
      }
      if !hasValue { command.options.append((String(name), "")) }
    }
    kinds.insert(.command)
    commands.append(command)
  }

  /// Words as a shell splits them.
  private static func words(_ text: String) -> [String] {
    var words: [String] = []
    var word = ""
    var quote: Character?
    var isOpen = false
    for character in text {
      if let open = quote {
        if character == open { quote = nil } else { word.append(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        isOpen = true
      } else if character == " " || character == "\t" {
        if isOpen || !word.isEmpty { words.append(word) }
        (word, isOpen) = ("", false)
      } else {
        word.append(character)
      }
    }
    if isOpen || !word.isEmpty { words.append(word) }
    return words
  }

  // MARK: Versions and memory

  private mutating func takeVersion(_ text: String, _ lower: String, _ source: Evidence) -> Bool {
    if lower.contains("starting up libvirt version") { takeStart(lower, source) }
    let names = [
      ("qemu emulator version ", "qemu"), ("qemu version: ", "qemu"),
      ("cloud-hypervisor v", "cloud-hypervisor"),
      ("openvmm ", "openvmm"),
    ]
    for (prefix, name) in names {
      guard let range = lower.firstRange(of: prefix) else { continue }
      let numbers = lower[range.upperBound...].prefix { $0.isNumber || $0 == "." }.split(
        separator: ".")
      guard numbers.count >= 2, let major = Int(numbers[0]), let minor = Int(numbers[1]) else {
        continue
      }
      version = Sourced(VMMVersion(name: name, major: major, minor: minor), source)
      kinds.insert(.vmmLog)
      return true
    }
    return false
  }

  /// `starting up libvirt version: 11.8.0, ..., qemu version: 11.0.1..., kernel: 6.12.9, hostname: h`:
  /// the kernel is the host's.
  private mutating func takeStart(_ lower: String, _ source: Evidence) {
    for part in lower.split(separator: ",") {
      if let range = part.firstRange(of: "kernel: ") {
        hostRelease = KernelRelease(part[range.upperBound...]).map { Sourced($0, source) }
      }
    }
  }

  /// `doorbell: ipa 0x8090000 -> pa 0x6030000`.
  private mutating func takeDoorbell(_ text: String, _ lower: String, _ source: Evidence) -> Bool {
    guard lower.contains("doorbell") || lower.contains("translater"),
      let arrow = text.firstRange(of: "->"),
      let start = text[arrow.upperBound...].firstRange(of: "0x"),
      let address = UInt64(text[start.upperBound...].prefix { $0.isHexDigit }, radix: 16)
    else { return false }
    if doorbells.count < 64 { doorbells.append(Sourced(address, source)) }
    kinds.insert(.vmmLog)
    return true
  }

  /// `ram   0x0000000000000000-0x000000007fffffff`.
  private mutating func takeMemory(_ text: String, _ lower: String, _ source: Evidence) -> Bool {
    guard lower.contains("ram ") || lower.contains("ram:") || lower.contains("memory"),
      !lower.contains("fail"), let range = Self.range(in: text), ram.count < 256,
      range.upperBound - range.lowerBound >= 0xfffff
    else { return false }
    kinds.insert(.vmmLog)
    ram.append(Sourced(range, source))
    return true
  }

  /// `0xA-0xB`, `0xA..0xB` or `0xA - 0xB`; a last address that ends in zeroes is the first behind.
  static func range(in text: some StringProtocol) -> ClosedRange<UInt64>? {
    let parts = text.split(separator: "0x")
    guard parts.count >= 3 else { return nil }
    let first = parts[1].prefix { $0.isHexDigit }
    let last = parts[2].prefix { $0.isHexDigit }
    let between = parts[1].dropFirst(first.count).filter { $0 != " " }
    guard ["-", "..", "..=", "..<"].contains(String(between)),
      let low = UInt64(first, radix: 16), let high = UInt64(last, radix: 16), low < high
    else { return nil }
    return low...(high & 0xfff == 0 ? high - 1 : high)
  }

  // MARK: System calls

  /// `ioctl(19, _IOC(_IOC_NONE, 0x3b, 0x85, 0), ...) = -1 EINVAL (Invalid argument)`, and the same
  /// with the name that a newer strace prints.
  private mutating func takeSystemCall(_ text: String, _ source: Evidence) -> Bool {
    guard let call = text.firstRange(of: "ioctl("), let equals = text.lastIndex(of: "=") else {
      return text.contains("openat(AT_FDCWD")
    }
    kinds.insert(.systemCalls)
    let result = text[equals...].dropFirst().drop { $0 == " " }
    guard result.hasPrefix("-1 ") else { return true }
    let name = result.dropFirst(3).prefix { $0.isLetter || $0.isNumber }
    let arguments = text[call.upperBound..<equals]
    var kind = VMMComplaint.Kind.other
    for (code, word, meaning) in Self.calls
    where arguments.contains("0x3b, \(code)") || arguments.contains(word) { kind = meaning }
    add(
      VMMComplaint(
        kind: kind, function: nil, error: ErrorNumber.number(of: String(name)), range: nil,
        group: nil, isWarning: false, source: source))
    return true
  }

  /// Numbers of `include/uapi/linux/iommufd.h` and `vfio.h`.
  private static let calls: [(String, String, VMMComplaint.Kind)] = [
    ("0x85", "IOMMU_IOAS_MAP", .mapping), ("0x71", "VFIO_IOMMU_MAP_DMA", .mapping),
    ("0x89", "IOMMU_HWPT_ALLOC", .pageTableAllocation),
    ("0x90", "IOMMU_VIOMMU_ALLOC", .virtualIOMMUAllocation),
    ("0x91", "IOMMU_VDEVICE_ALLOC", .virtualDeviceAllocation),
    ("0x68", "VFIO_GROUP_SET_CONTAINER", .container), ("0x66", "VFIO_SET_IOMMU", .container),
    ("0x76", "VFIO_DEVICE_BIND_IOMMUFD", .attach), ("0x77", "VFIO_DEVICE_ATTACH", .attach),
    ("0x6e", "VFIO_DEVICE_SET_IRQS", .interrupts), ("0xae, 0x6a", "KVM_SET_GSI_ROUTING", .routing),
    ("0xae, 0xa5", "KVM_SIGNAL_MSI", .routing), ("0xae, 0x76", "KVM_IRQFD", .routing),
  ]

  // MARK: Messages

  /// Words of messages and what they are about; the first that fits counts.
  private static let messages = PhraseTable<VMMComplaint.Kind>(
    rows.map { (words: $0.0, value: $0.1) })

  private static let rows: [([String], VMMComplaint.Kind)] = [
    (["accel=on", "not supported for dt"], .accelNeedsACPI),
    (["smmu", "accel", "acpi"], .accelNeedsACPI),
    (["smmu", "accel", "kvm"], .accelNeedsKVM),
    (["accelerated", "smmu", "kvm"], .accelNeedsKVM),
    (["smmu", "irqchip"], .accelNeedsKVM),
    (["not allowed when using arm-smmuv3,accel=on"], .accelDevice),
    (["host smmuv3"], .accelMismatch),
    (["wrong data type", "smmuv3"], .accelMismatch),
    (["host smmu", "support"], .accelMismatch),
    (["iommu map notifier"], .mapNotifier),
    (["notification on map"], .mapNotifier),
    (["no iommu_group found"], .noGroup),
    (["no iommu group"], .noGroup),
    (["iommu_group", "no such file"], .noGroup),
    (["is not viable"], .groupNotViable),
    (["not viable"], .groupNotViable),
    (["bound to their vfio bus driver"], .groupNotViable),
    // hw/intc/arm_gicv3_its.c, with -d guest_errors.
    (["invalid command attributes"], .interruptController),
    // accel/kvm/kvm-all.c: an assertion, without the number of the error.
    (["kvm_irqchip_commit_routes"], .routing),
    (["msi", "without a device id"], .routing), (["msi", "no device id"], .routing),
    (["msi", "no deviceid"], .routing), (["msi", "no devid"], .routing),
    (["msi", "without deviceid"], .routing), (["msi", "without devid"], .routing),
    (["msi", "devid=none"], .routing), (["msi", "devid: none"], .routing),
    (["its", "deviceid"], .interruptController), (["its", "device id"], .interruptController),
    (["its", "devid"], .interruptController), (["its", "eventid"], .interruptController),
    (["its", "event id"], .interruptController), (["msi", "eventid"], .interruptController),
    (["viommu"], .virtualIOMMUAllocation),
    (["vdevice"], .virtualDeviceAllocation),
    (["allocate hwpt"], .pageTableAllocation),
    (["hwpt_alloc"], .pageTableAllocation),
    (["hwpt alloc"], .pageTableAllocation),
    (["nesting parent"], .pageTableAllocation),
    (["set_gsi_routing"], .routing), (["gsi routing"], .routing), (["signal_msi"], .routing),
    (["irq routing"], .routing), (["msi route"], .routing), (["irqfd"], .routing),
    (["iommudmamap"], .mapping), (["iommu table"], .mapping), (["vfiodmamap"], .mapping),
    (["ioas_map"], .mapping), (["dma_map"], .mapping), (["map_dma"], .mapping),
    (["dma map"], .mapping), (["map dma"], .mapping), (["map guest ram"], .mapping),
    (["map", "iova"], .mapping), (["map", "memory"], .mapping),
    (["group container"], .container), (["setup container"], .container),
    (["set iommu"], .container), (["vfio_set_iommu"], .container),
    (["set container"], .container), (["set the container"], .container),
    (["attach"], .attach), (["bind", "iommufd"], .attach), (["bind_iommufd"], .attach),
    (["enable msi"], .interrupts), (["enabling interrupts"], .interrupts),
    (["set_irqs"], .interrupts), (["msi-x"], .interrupts), (["msix"], .interrupts),
    (["vfio device", "no such"], .deviceMissing), (["no such host device"], .deviceMissing),
  ]

  /// Words for the loss of a message that an ITS does not translate.
  private static let losses = KeywordScanner(
    [
      "unmapped", "not mapped", "no mapping", "no device table", "no entry", "out of range",
      "beyond", "exceed", "too large", "too big", "dropp", "discard", "ignored", "unknown",
    ].map { (word: $0, category: 0) })

  private mutating func takeComplaint(_ text: String, _ lower: String, _ source: Evidence) -> Bool {
    let bytes = Array(text.utf8)[...]
    guard Self.subjectScanner.categories(in: bytes) != 0 else { return false }
    let number = ErrorNumber.find(in: text)
    let kind = Self.messages.first(in: bytes)
    // These are refusals, whatever words they have.
    let refusals: Set<VMMComplaint.Kind?> = [
      .accelNeedsACPI, .accelNeedsKVM, .accelMismatch, .accelDevice, .mapNotifier, .noGroup,
      .groupNotViable,
    ]
    // Such words are a refusal in a message of a program, and none in a letter about one.
    let isMessage = ["qemu", "error", "vmm", "libvirt", "warn"].contains { lower.contains($0) }
    let isTrouble =
      number != nil || refusals.contains(kind) && isMessage
      || kind == .interruptController && Self.losses.categories(in: bytes) != 0
      || LineClass.isTrouble(text, LineClass.scanner.categories(in: bytes))
    guard isTrouble else {
      if lower.contains("vfio") || lower.contains("qemu-system") { kinds.insert(.vmmLog) }
      return lower.contains("qemu-system")
    }
    // A line of a kernel log or of a program of another kind says nothing of a VMM.
    guard kind != nil || number != nil || lower.contains("qemu-system") else { return false }
    kinds.insert(.vmmLog)
    add(
      VMMComplaint(
        kind: kind ?? .other, function: PCIFunction.first(in: text), error: number,
        range: Self.mapping(in: text), group: Self.group(in: lower),
        isWarning: lower.contains("warn"), source: source))
    return true
  }

  /// Addresses of a mapping: `iova=0x0 length=0x80000000`, `0x0..0x80000000`, or QEMU's
  /// `vfio_container_dma_map(0xPOINTER, 0xIOVA, 0xSIZE, 0xADDRESS)`.
  private static func mapping(in text: String) -> ClosedRange<UInt64>? {
    func span(_ first: UInt64, _ length: UInt64) -> ClosedRange<UInt64>? {
      let (last, overflow) = first.addingReportingOverflow(length &- 1)
      return length == 0 || overflow ? nil : first...last
    }
    func value(_ names: String...) -> UInt64? {
      for name in names {
        guard let range = text.firstRange(of: name) else { continue }
        let digits = text[range.upperBound...].drop { $0 == " " }.prefix {
          $0.isHexDigit || $0 == "x"
        }
        if let number = UInt64(number: digits) { return number }
      }
      return nil
    }
    if let range = text.firstRange(of: "dma_map(") {
      let arguments = text[range.upperBound...].prefix { $0 != ")" }.split(separator: ",")
        .compactMap { UInt64(number: $0.drop { $0 == " " }) }
      if arguments.count >= 3 { return span(arguments[1], arguments[2]) }
    }
    if let first = value("iova=", "iova:", "iova ", "gpa=", "gpa:", "gpa ", "address=", "addr="),
      let length = value("length=", "size=", "len=", "size ", "length ")
    {
      return span(first, length)
    }
    return range(in: text)
  }

  private static func group(in lower: String) -> Int? {
    guard let range = lower.firstRange(of: "group ") else { return nil }
    return Int(lower[range.upperBound...].prefix { $0.isNumber })
  }

  private mutating func add(_ complaint: VMMComplaint) {
    if complaints.count < Self.limit { complaints.append(complaint) }
  }

  // MARK: libvirt

  /// Lines of a domain's XML that matter here (https://libvirt.org/formatdomain.html).
  private mutating func takeDomain(_ text: String, _ source: Evidence) -> Bool {
    guard text.utf8.first(where: { $0 != 0x20 && $0 != 0x09 }) == 0x3c else { return domain != nil }
    let line = text.drop { $0 == " " || $0 == "\t" }
    if line.hasPrefix("<domain ") {
      domain = VirtualMachineCommand(vmm: "libvirt", source: source)
      if line.contains("'kvm'") || line.contains("\"kvm\"") {
        domain?.options.append(("accel", "kvm"))
      }
      kinds.insert(.libvirt)
      return true
    }
    guard domain != nil else { return false }
    func attribute(_ name: String) -> String? {
      for quote in ["'", "\""] {
        if let range = line.firstRange(of: "\(name)=\(quote)") {
          return String(line[range.upperBound...].prefix { String($0) != quote })
        }
      }
      return nil
    }
    if line.hasPrefix("</domain>") {
      if let domain { commands.append(domain) }
      domain = nil
    } else if line.hasPrefix("<iommu "), let model = attribute("model") {
      if model == "smmuv3" { domain?.options.append(("machine", "iommu=smmuv3")) }
    } else if line.hasPrefix("<driver "), let accel = attribute("accel") {
      domain?.options.append(("device", "arm-smmuv3,accel=\(accel)"))
    } else if line.hasPrefix("<gic ") {
      domain?.options.append(("machine", "gic-version=\(attribute("version") ?? "?")"))
    } else if line.hasPrefix("<loader") {
      domain?.options.append(("bios", "loader"))
    } else if line.hasPrefix("<kernel>") {
      domain?.options.append(("kernel", "kernel"))
    } else if line.hasPrefix("<address "), attribute("domain") != nil, attribute("type") == nil,
      let bus = attribute("bus"), let slot = attribute("slot"),
      let function = attribute("function")
    {
      let parts = [attribute("domain") ?? "0", bus, slot, function].compactMap {
        UInt32($0.hasPrefix("0x") ? $0.dropFirst(2) : $0[...], radix: 16)
      }
      if parts.count == 4, parts[1] < 256, parts[2] < 32, parts[3] < 8 {
        let id = UInt16(parts[1] << 8 | parts[2] << 3 | parts[3])
        let host = PCIFunction(domain: parts[0], requesterID: id)
        domain?.options.append(("device", "vfio-pci,host=\(host)"))
      }
    }
    return true
  }
}
