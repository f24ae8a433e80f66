internal import Bits
internal import Files
internal import Inspect

extension KernelFacts {
  /// Takes a line of the log that is part of no report of an SMMU or ITS.
  ///
  /// - Parameters:
  ///   - classes: the classes of words in the message (`LineClass.scanner`).
  ///   - others: collects lines that look as if they mattered and that no rule reads.
  mutating func take(
    _ line: KernelLogLine, classes: UInt64, number: Int, others: inout NotUnderstood
  ) {
    guard classes != 0 else { return }
    let text = line.text
    let source = Evidence(file: file, line: number, text: Self.shown(text))
    learn(text, source, classes)
    // Parameters have words of all kinds in them.
    guard commandLine?.source != source else { return }
    let isTrouble = LineClass.isTrouble(text, classes)
    if isTrouble || classes & LineClass.mask(LineClass.doings, LineClass.vfio, LineClass.group) != 0
    {
      note(
        text, line.message, source, time: line.time, isTrouble: isTrouble, classes, &others)
    }
  }

  /// A line as evidence shows it: long ones are cut.
  static func shown(_ text: String) -> String {
    let trimmed = text.drop { $0 == " " || $0 == "\t" }
    return trimmed.count > 300 ? String(trimmed.prefix(300)) : String(trimmed)
  }

  // MARK: Complaints

  private mutating func note(
    _ text: String, _ message: ArraySlice<UInt8>, _ source: Evidence, time: UInt64?,
    isTrouble: Bool, _ classes: UInt64, _ others: inout NotUnderstood
  ) {
    var kind = (isTrouble ? KnownMessage.complaints : KnownMessage.events).first(in: message)
    if kind == nil, isTrouble {
      kind = KnownMessage.events.first(in: message) ?? generic(text, classes)
    }
    guard let kind else {
      if isTrouble, isConcerned(text, classes) {
        others.add(Self.shape(of: text), source)
      }
      return
    }
    noticeCounts[kind, default: 0] += 1
    guard kind != .harmless else { return }
    let function = function(in: text)
    notices.append(
      Notice(
        kind: kind, function: function, device: Self.device(in: text),
        number: Self.number(of: kind, in: text.lowercased()), time: time, source: source))
  }

  /// Time-outs of PCI functions' drivers are lost interrupts until something else is known.
  private func generic(_ text: String, _ classes: UInt64) -> Notice.Kind? {
    let others = LineClass.mask(LineClass.smmu, LineClass.port, LineClass.vfio)
    guard classes & LineClass.mask(LineClass.timeout) != 0, classes & others == 0,
      function(in: text) != nil
    else { return nil }
    return .lostInterrupt
  }

  /// Lines of these drivers always matter: SMMU, ITS and GIC, VFIO, iommufd, AER, and those of
  /// functions that complain of interrupts.
  private func isConcerned(_ text: String, _ classes: UInt64) -> Bool {
    let concerned = LineClass.mask(
      LineClass.smmu, LineClass.controller, LineClass.iommu, LineClass.vfio, LineClass.hypervisor,
      LineClass.port)
    if classes & concerned != 0 { return true }
    return function(in: text) != nil
  }

  /// Returns the words that equal lines have in common: without numbers and names.
  static func shape(of text: String) -> String {
    let words = text.split(separator: " ").prefix(12).map { word in
      word.contains(where: \.isNumber) ? "#" : String(word)
    }
    return words.joined(separator: " ")
  }

  /// Returns the end of `DRIVER DEVICE` in `DRIVER DEVICE: message`.
  private static func end(ofSubject text: String) -> String.Index? {
    let bytes = text.utf8
    var start = bytes.startIndex
    while let colon = bytes[start...].firstIndex(of: 0x3a) {
      start = bytes.index(after: colon)
      if start < bytes.endIndex, bytes[start] == 0x20 { return colon }
    }
    return nil
  }

  /// The device in `DRIVER DEVICE: message`.
  static func device(in text: String) -> String {
    guard let colon = end(ofSubject: text) else { return "" }
    let words = text[..<colon].split(separator: " ")
    guard words.count <= 4 else { return "" }
    return words.count > 1 ? String(words[1]) : words.first.map(String.init) ?? ""
  }

  /// The function that a line is about: by address, or by a name that the log introduced.
  func function(in text: String) -> PCIFunction? {
    if let function = PCIFunction.first(in: text) { return function }
    for word in text.split(whereSeparator: { " :,()[]\t".contains($0) }).prefix(12) {
      if let function = names[String(word)] { return function }
    }
    return nil
  }

  private static func number(of kind: Notice.Kind, in text: String) -> Int? {
    switch kind {
    case .noIDTranslation:
      guard let range = text.firstRange(of: "id 0x") else { return nil }
      return Int(text[range.upperBound...].prefix { $0.isHexDigit }, radix: 16)
    case .interruptDisabled:
      guard let range = text.firstRange(of: "irq ") ?? text.firstRange(of: "irq #") else {
        return nil
      }
      return Int(text[range.upperBound...].drop { $0 == "#" }.prefix { $0.isNumber })
    default:
      guard
        let range = text.firstRange(of: "error -") ?? text.firstRange(of: "(-")
          ?? text.firstRange(of: ": -")
      else { return nil }
      return Int(text[range.upperBound...].prefix { $0.isNumber })
    }
  }

  // MARK: Facts

  private mutating func learn(_ text: String, _ source: Evidence, _ classes: UInt64) {
    if classes & LineClass.mask(LineClass.identity, LineClass.processors) != 0 {
      learnIdentity(text, source)
    }
    if classes & LineClass.mask(LineClass.controller) != 0 { learnController(text, source) }
    if classes & LineClass.mask(LineClass.smmu) != 0 { learnSMMU(text, source) }
    if classes & LineClass.mask(LineClass.iommu) != 0 { learnGroup(text, source) }
    if classes & LineClass.mask(LineClass.names, LineClass.vfio, LineClass.trouble) != 0 {
      learnNames(text, classes)
    }
    if classes & LineClass.mask(LineClass.hypervisor) != 0 { learnHypervisor(text, source) }
    if classes & LineClass.mask(LineClass.vfio) != 0, text.hasPrefix("vfio-pci "),
      let function = PCIFunction.first(in: text)
    {
      drivers[function] = "vfio-pci"
      if hostMarks < 1000 { hostMarks += 2 }
    }
  }

  private mutating func learnIdentity(_ text: String, _ source: Evidence) {
    if text.hasPrefix("Linux version "),
      let release = KernelRelease(text.dropFirst(14).prefix { $0 != " " })
    {
      self.release = Sourced(release, source)
    } else if let range = text.firstRange(of: "Kernel command line: ") {
      commandLine = Sourced(String(text[range.upperBound...].prefix(4096)), source)
    } else if text.hasPrefix("Machine model: ") {
      machineModel = Sourced(String(text.dropFirst(15)), source)
      if text.contains("dummy-virt") { guestMarks += 4 }
    } else if text.hasPrefix("ACPI: IORT ") {
      hasACPI = true
      if let range = text.firstRange(of: "(v"),
        let revision = Int(text[range.upperBound...].prefix(2))
      {
        iortRevision = Sourced(revision, source)
        iort = Self.listedTable(text, after: range.upperBound)
      }
      if text.contains("BOCHS") { guestMarks += 4 }
    } else if text.hasPrefix("ACPI: ") {
      hasACPI = hasACPI || text.contains("XSDT") || text.contains("Interpreter enabled")
      if text.contains("VIRT") || text.contains("BOCHS") { guestMarks += 1 }
      learnBridge(text)
    } else if text.hasPrefix("DMI: ") {
      let lower = text.lowercased()
      let isVirtual = ["qemu", "kvm", "virt", "cloud hypervisor", "openvmm"].contains {
        lower.contains($0)
      }
      if isVirtual { guestMarks += 4 } else { hostMarks += 3 }
    } else if text.contains("nr_cpu_ids="), let range = text.firstRange(of: "nr_cpu_ids=") {
      let digits = text[range.upperBound...].prefix { $0.isNumber }
      if let count = Int(digits) { possibleCPUs = Sourced(count, source) }
    } else if text.contains("Brought up"), let comma = text.lastIndex(of: ",") {
      let digits = text[comma...].dropFirst().drop { $0 == " " }.prefix { $0.isNumber }
      if let count = Int(digits) { bootedCPUs = Sourced(count, source) }
    } else if text.contains("started at EL1") {
      guestMarks += 2
    } else if text.contains("started at EL2") {
      hostMarks += 2
    }
  }

  /// `ACPI: IORT 0x000000013F0D2898 000144 (v05 BOCHS  BXPC     00000001 BXPC 00000001)`: the OEM ID
  /// has six columns, the OEM table ID eight.
  private static func listedTable(_ text: String, after: String.Index) -> ListedTable? {
    let words = text.split(separator: " ")
    let rest = text[after...].drop { $0 != " " }.dropFirst()
    guard words.count > 3, let length = UInt64(words[3], radix: 16), rest.count >= 15 else {
      return nil
    }
    func trimmed(_ text: Substring) -> String {
      String(text.prefix { $0 != " " })
    }
    return ListedTable(
      length: length, oemID: trimmed(rest.prefix(6)),
      oemTableID: trimmed(rest.dropFirst(7).prefix(8)))
  }

  /// `ACPI: PCI Root Bridge [PC20] (domain 0000 [bus 20-21])`.
  private mutating func learnBridge(_ text: String) {
    guard let range = text.firstRange(of: "PCI Root Bridge ["),
      let domainRange = text.firstRange(of: "(domain "),
      let busRange = text.firstRange(of: "[bus "), rootBridges.count < 1024
    else { return }
    let name = String(text[range.upperBound...].prefix { $0 != "]" })
    let buses = text[busRange.upperBound...].prefix { $0 != "]" }.split(separator: "-")
    guard let domain = UInt32(text[domainRange.upperBound...].prefix { $0.isHexDigit }, radix: 16),
      let first = buses.first.flatMap({ UInt32($0, radix: 16) }),
      let last = buses.last.flatMap({ UInt32($0, radix: 16) }), first <= last
    else { return }
    rootBridges[name] = RootBridge(domain: domain, buses: first...last)
  }

  private mutating func learnController(_ text: String, _ source: Evidence) {
    if let range = text.firstRange(of: "ITS [mem 0x"),
      let base = UInt64(text[range.upperBound...].prefix { $0.isHexDigit }, radix: 16)
    {
      if itses.count < 64 { itses.append(Sourced(base, source)) }
      if base == 0x0808_0000 { guestMarks += 1 }
    } else if text.hasPrefix("ITS@"), text.contains("allocated") {
      learnDeviceTable(text, source)
    } else if let range = text.firstRange(of: "LPI property table @0x")
      ?? text.firstRange(of: "LPI pending table @0x"),
      let base = UInt64(text[range.upperBound...].prefix { $0.isHexDigit }, radix: 16)
    {
      interruptTables.append(Sourced(base, source))
    } else if let range = text.firstRange(of: "GICv2m: range[mem 0x"),
      let base = UInt64(text[range.upperBound...].prefix { $0.isHexDigit }, radix: 16),
      let spis = text.firstRange(of: "SPI[")
    {
      let numbers = text[spis.upperBound...].prefix { $0 != "]" }.split(separator: ":")
      if let first = numbers.first.flatMap({ UInt32($0) }),
        let last = numbers.last.flatMap({ UInt32($0) }), first <= last, last < 1 << 24,
        messageFrames.count < 64
      {
        messageFrames.append(Sourced(MessageFrame(base: base, interrupts: first...last), source))
      }
    } else if text.contains("VLPI support") {
      hasVirtualLPIs = Sourced(!text.contains("no VLPI support"), source)
    } else if text.contains("GICv4 features") || text.contains("Using GICv4.1 mode") {
      hasVirtualLPIs = Sourced(true, source)
    } else if text.contains("GICv3 features"), hasVirtualLPIs == nil {
      hasVirtualLPIs = Sourced(false, source)
    }
  }

  /// `ITS@0x0000000008080000: allocated 8192 Devices @40200000 (indirect, esz 8, psz 64K, shr 1)`.
  private mutating func learnDeviceTable(_ text: String, _ source: Evidence) {
    let words = text.split(separator: " ")
    guard words.count >= 9, deviceTables.count < 64,
      let its = UInt64(words[0].dropFirst(6).prefix { $0.isHexDigit }, radix: 16),
      let entries = UInt64(words[2]),
      let at = words.first(where: { $0.hasPrefix("@") && !$0.hasPrefix("@0x0x") }),
      let address = UInt64(at.dropFirst().drop { $0 == "x" }.prefix { $0.isHexDigit }, radix: 16)
    else { return }
    interruptTables.append(Sourced(address, source))
    guard words[3] == "Devices" else { return }
    func value(_ name: String) -> UInt64? {
      words.firstIndex(of: name[...]).flatMap { place in
        place + 1 < words.count ? UInt64(words[place + 1].prefix { $0.isNumber }) : nil
      }
    }
    deviceTables.append(
      Sourced(
        DeviceTable(
          its: its, entries: entries, isIndirect: text.contains("(indirect"), address: address,
          pageSize: (value("psz") ?? 64) << 10, entrySize: value("esz") ?? 8), source))
  }

  private mutating func learnSMMU(_ text: String, _ source: Evidence) {
    guard text.hasPrefix("arm-smmu"), let colon = text.firstRange(of: ": ") else { return }
    let words = text[..<colon.lowerBound].split(separator: " ")
    guard words.count == 2 else { return }
    let name = String(words[1])
    let version = words[0] == "arm-smmu-v3" ? 3 : 2
    var features: UInt32 = 0
    if let range = text.firstRange(of: "(features 0x") {
      features = UInt32(text[range.upperBound...].prefix { $0.isHexDigit }, radix: 16) ?? 0
    }
    if let place = smmus.firstIndex(where: { $0.value.name == name }) {
      if features != 0 {
        smmus[place] = Sourced(.init(name: name, version: version, features: features), source)
      }
    } else if smmus.count < 256 {
      smmus.append(Sourced(.init(name: name, version: version, features: features), source))
    }
  }

  private mutating func learnGroup(_ text: String, _ source: Evidence) {
    if let range = text.firstRange(of: "Adding to iommu group "),
      let group = Int(text[range.upperBound...].prefix { $0.isNumber }),
      let function = PCIFunction.first(in: text[..<range.lowerBound]), groups.count < 65_536
    {
      groups[function] = Sourced(group, source)
      learnDriver(text, function)
    } else if let range = text.firstRange(of: "Default domain type: ") {
      let name = text[range.upperBound...].prefix { $0 != " " }
      defaultDomain = Sourced(String(name), source)
    }
  }

  private mutating func learnDriver(_ text: String, _ function: PCIFunction) {
    let driver = text.prefix { $0 != " " }
    if driver != "pci", driver != "pcieport", drivers.count < 65_536 {
      drivers[function] = String(driver)
    }
  }

  /// `nvme nvme0: pci function 0000:21:00.0`, `igb 0000:03:00.0 enp3s0: renamed from eth0`.
  private mutating func learnNames(_ text: String, _ classes: UInt64) {
    if classes & LineClass.mask(LineClass.bridge) != 0 { learnTreeBridge(text) }
    guard names.count < 65_536, let colon = Self.end(ofSubject: text) else { return }
    let subject = text[..<colon].split(separator: " ")
    let isNaming = classes & LineClass.mask(LineClass.naming) != 0
    if isNaming, let range = text.firstRange(of: "pci function "), subject.count >= 2,
      let function = PCIFunction.first(in: text[range.upperBound...])
    {
      names[String(subject[1])] = function
      drivers[function] = String(subject[0])
      return
    }
    guard subject.count >= 2, let function = PCIFunction(subject[1]) else { return }
    if subject[0] != "pci", subject[0] != "vfio-pci", drivers[function] == nil {
      drivers[function] = String(subject[0])
    }
    if subject.count == 3, subject[2].allSatisfy({ $0.isLetter || $0.isNumber }) {
      names[String(subject[2])] = function
    }
    if isNaming, let range = text.firstRange(of: "renamed from ") {
      names[String(text[range.upperBound...].prefix { $0 != " " })] = function
    }
  }

  /// `8800000000.pcie: host bridge /pcie@3500000 ranges:`, then `PCI host bridge to bus 0001:00`.
  private mutating func learnTreeBridge(_ text: String) {
    let device = Self.device(in: text)
    if let range = text.firstRange(of: "host bridge /"), bridgeNodes.count < 256 {
      bridgeNodes[device] = "/" + text[range.upperBound...].prefix { $0 != " " }
    } else if let range = text.firstRange(of: "PCI host bridge to bus "),
      let node = bridgeNodes[device],
      let domain = UInt32(text[range.upperBound...].prefix { $0 != ":" }, radix: 16)
    {
      treeBridges[domain] = node
    }
  }

  private mutating func learnHypervisor(_ text: String, _ source: Evidence) {
    guard text.hasPrefix("kvm [") else { return }
    if text.contains("GICv4"), text.contains("support") {
      isDirectInjectionOn = Sourced(!text.contains("disabled"), source)
    }
    if text.contains("VHE mode") || text.contains("Hyp mode") || text.contains("nVHE") {
      hostMarks += 4
    }
  }
}
