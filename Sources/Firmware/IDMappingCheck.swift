internal import Bits

/// Rules about ID mappings: each requester ID has one StreamID and one DeviceID of its own, or shares
/// them with others that the kernel knows to share.
struct IDMappingCheck {
  private let facts: PlatformFacts
  private var list = FindingList()

  static func findings(_ facts: PlatformFacts) -> [FirmwareFinding] {
    var check = Self(facts: facts)
    for complex in facts.rootComplexes {
      check.overlaps(complex.streams, of: complex.place)
      check.overlaps(complex.messages ?? [], of: complex.place)
      check.gaps(of: complex)
      check.masks(of: complex)
      if facts.source == .acpi { check.offsets(of: complex) }
    }
    if facts.source == .deviceTree { check.phandles() }
    for smmu in facts.smmus { check.overlaps(smmu.mappings, of: smmu.place) }
    if facts.source == .acpi {
      for component in facts.components { check.overlaps(component.streams, of: component.place) }
    }
    check.segments()
    check.collisions()
    return check.list.findings
  }

  private init(facts: PlatformFacts) { self.facts = facts }

  private mutating func add(
    _ severity: FirmwareFinding.Severity, _ rule: String, _ place: String,
    _ text: String, _ consequence: String
  ) {
    list.add(severity, rule, place, text, consequence)
  }

  private func text(_ range: ClosedRange<UInt32>) -> String {
    range.count == 1
      ? hex(UInt64(range.lowerBound))
      : "\(hex(UInt64(range.lowerBound)))-\(hex(UInt64(range.upperBound)))"
  }

  // MARK: Overlaps

  /// The sources whose own mappings overlap. What they lead to is not compared with others: it
  /// depends on the reader, and can be as many pairs as there are mappings.
  private var ambiguous: Set<String> = []

  private mutating func overlaps(_ mappings: [PlatformFacts.Mapping], of place: String) {
    let sorted = mappings.filter { !$0.isSingle && !isFallback($0) }.sorted {
      ($0.input.lowerBound, $0.input.upperBound) < ($1.input.lowerBound, $1.input.upperBound)
    }
    var widest: PlatformFacts.Mapping?
    for mapping in sorted {
      if let other = widest, other.input.overlaps(mapping.input) {
        ambiguous.insert(place)
        overlap(other, mapping, of: place)
      }
      if mapping.input.upperBound >= widest?.input.upperBound ?? 0 { widest = mapping }
    }
  }

  /// Whether a mapping stands for what a device tree's bridge does with all that no map has.
  private func isFallback(_ mapping: PlatformFacts.Mapping) -> Bool {
    facts.source == .deviceTree && !mapping.isSingle && mapping.input == 0...UInt32.max
  }

  private mutating func overlap(
    _ other: PlatformFacts.Mapping, _ mapping: PlatformFacts.Mapping, of place: String
  ) {
    let places = "\(place): \(other.place), \(mapping.place)"
    let found =
      "IDs \(text(other.input)) to \(facts.name(of: other.target)) and \(text(mapping.input)) "
      + "to \(facts.name(of: mapping.target)) overlap"
    guard facts.source == .acpi else {
      return add(
        .warning, "overlapping-ids", places, found,
        "Linux takes the entry that stands first (of_map_id): the functions that the other was meant "
          + "for get a StreamID or DeviceID that is not theirs.")
    }
    let isOffByOne =
      other.input.upperBound == mapping.input.lowerBound
      && other.input.lowerBound < mapping.input.lowerBound
    add(
      isOffByOne ? .warning : .error, isOffByOne ? "count-off-by-one" : "overlapping-ids", places,
      found,
      isOffByOne
        ? "Linux takes the count for one too many and lets the second mapping have the ID; "
          + "other kernels give its device the wrong StreamID or DeviceID, and its MSIs are lost."
        : "which mapping holds depends on the kernel: the devices may translate through the "
          + "wrong SMMU or send MSIs under a wrong DeviceID.")
  }

  // MARK: Gaps

  /// The requester IDs of `range` that no mapping takes, as runs in order. Requester IDs have 16 bits.
  private static func unmapped(
    _ range: ClosedRange<UInt32>, by mappings: [PlatformFacts.Mapping]
  ) -> [ClosedRange<UInt32>] {
    if mappings.contains(where: \.isSingle) { return [] }
    if mappings.allSatisfy({ $0.mask == .max }) { return gaps(in: range, of: inputs(mappings)) }
    /// Which masked IDs are in a mapping, for each mask there is.
    var starts: [UInt32: [Int]] = [:]
    for mapping in mappings where mapping.input.lowerBound <= 0xffff {
      starts[mapping.mask, default: Array(repeating: 0, count: 0x1_0001)][
        Int(mapping.input.lowerBound)] += 1
      starts[mapping.mask]?[Int(min(mapping.input.upperBound, 0xffff)) + 1] -= 1
    }
    let covers = starts.sorted { $0.key < $1.key }.map { mask, steps in
      var depth = 0
      return (
        mask: mask,
        steps.map { step -> Bool in
          depth += step
          return depth > 0
        }
      )
    }
    var gaps: [ClosedRange<UInt32>] = []
    for id in range.lowerBound...min(range.upperBound, 0xffff) {
      guard !covers.contains(where: { $0.1[Int(id & $0.mask & 0xffff)] }) else { continue }
      if let last = gaps.last, last.upperBound + 1 == id {
        gaps[gaps.count - 1] = last.lowerBound...id
      } else {
        gaps.append(id...id)
      }
    }
    return gaps
  }

  /// The parts of `range` that are in none of `inputs`, which are in order.
  private static func gaps(
    in range: ClosedRange<UInt32>, of inputs: [ClosedRange<UInt32>]
  ) -> [ClosedRange<UInt32>] {
    var gaps: [ClosedRange<UInt32>] = []
    var next = UInt64(range.lowerBound)
    for input in inputs {
      guard next <= UInt64(range.upperBound), input.lowerBound <= range.upperBound else { break }
      if UInt64(input.lowerBound) > next { gaps.append(UInt32(next)...(input.lowerBound - 1)) }
      next = max(next, UInt64(input.upperBound) + 1)
    }
    if next <= UInt64(range.upperBound) { gaps.append(UInt32(next)...range.upperBound) }
    return gaps
  }

  private mutating func gaps(of complex: PlatformFacts.RootComplex) {
    let hasController =
      !facts.itses.isEmpty || !facts.itsGroups.isEmpty || !(complex.messages ?? []).isEmpty
    if complex.hasUnknownReceiver {
      add(
        .note, "unknown-msi-receiver", complex.place,
        "neither msi-map nor msi-parent, and a bridge whose driver is not known here",
        "where its functions' MSIs go, the tree does not say; the bridge may receive them itself.")
    } else {
      let gaps = Self.unmapped(complex.requesterIDs, by: complex.messages ?? complex.streams)
      if let severity = severity(of: gaps, at: complex, hasController: hasController) {
        let shown = gaps.prefix(4).map(text).joined(separator: ", ")
        let more = gaps.count > 4 ? " and \(gaps.count - 4) more ranges" : ""
        add(
          severity, "unmapped-ids", complex.place,
          "requester IDs \(shown)\(more) are in no mapping",
          hasController
            ? "functions with these IDs have no DeviceID, and no MSI of theirs can be set up."
            : "their functions have no DeviceID, and there is no ITS that would want one.")
      }
    }
    let inputs = facts.smmus.map { Self.inputs($0.mappings) }
    for mapping in complex.streams where complex.messages == nil {
      guard case .smmu(let index) = mapping.target, list.isListing("no-device-id") else {
        continue
      }
      for gap in Self.gaps(in: mapping.output, of: inputs[index]) {
        let severity: FirmwareFinding.Severity = facts.itsGroups.isEmpty ? .note : .error
        add(
          severity, "no-device-id", facts.smmus[index].place,
          "StreamIDs \(text(gap)) lead to no ITS",
          severity == .note
            ? "without an ITS an MSI needs no DeviceID; it is translated by this SMMU like any write."
            : "their devices have no DeviceID, and no MSI of theirs can be set up.")
      }
    }
  }

  /// Returns the severity of requester IDs that a bridge's map leaves out; `nil` for none. A
  /// board's tree need map no more than what is soldered to it: its root bus and the first bus
  /// behind.
  private func severity(
    of gaps: [ClosedRange<UInt32>], at complex: PlatformFacts.RootComplex, hasController: Bool
  ) -> FirmwareFinding.Severity? {
    guard let first = gaps.first else { return nil }
    guard hasController else { return .note }
    let isWhole = first == complex.requesterIDs
    guard facts.source == .deviceTree && facts.view != .guest else {
      return isWhole ? .error : .warning
    }
    // A generic bridge without any map may have functions that send no MSIs.
    if isWhole { return (complex.messages ?? []).isEmpty ? .note : .error }
    // A port's own interrupts may go another way: the first bus that devices are on counts.
    let near = min(
      (complex.requesterIDs.lowerBound >> 8) + 1, complex.requesterIDs.upperBound >> 8)
    let hasNear = !gaps.contains {
      $0.lowerBound <= near << 8 && $0.upperBound >= near << 8 | 0xff
    }
    return hasNear ? .note : .warning
  }

  /// Returns the input ranges of mappings, in order; all IDs if one is single.
  private static func inputs(_ mappings: [PlatformFacts.Mapping]) -> [ClosedRange<UInt32>] {
    if mappings.contains(where: \.isSingle) { return [0...UInt32.max] }
    return mappings.map(\.input).sorted { $0.lowerBound < $1.lowerBound }
  }

  // MARK: Masks

  /// Bits of the requester IDs that there are which a map does not look at.
  private func ignoredBits(
    _ mappings: [PlatformFacts.Mapping], of complex: PlatformFacts.RootComplex
  ) -> UInt32? {
    guard let mapping = mappings.first(where: { !isFallback($0) }) else { return nil }
    let mask = mapping.mask
    // IDs count at SMMUs and ITSs.
    switch mapping.target {
    case .smmu, .itsGroup: break
    case .iommu, .controller, .disabled, .nothing: return nil
    }
    let used = complex.requesterIDs.upperBound
    let width = UInt32.bitWidth - used.leadingZeroBitCount
    return ~mask & (width >= 32 ? .max : (1 << UInt32(width)) - 1)
  }

  private mutating func masks(of complex: PlatformFacts.RootComplex) {
    let streams = ignoredBits(complex.streams, of: complex)
    let messages = complex.messages.flatMap { ignoredBits($0, of: complex) }
    let parts = [("StreamID", streams), ("DeviceID", messages)].compactMap { name, bits in
      bits.flatMap { $0 == 0 ? nil : (name, $0) }
    }
    guard !parts.isEmpty else { return }
    let shared = parts.map { "a \($0.0) if they differ in bits \(hex(UInt64($0.1))) alone" }
    var effects: [String] = []
    if parts.contains(where: { $0.0 == "StreamID" }) {
      effects.append(
        "those with one StreamID are one IOMMU group, or behind an SMMUv3 one device, since Linux "
          + "drives only the first (\"Aliasing StreamID ... unsupported\")")
    }
    if parts.contains(where: { $0.0 == "DeviceID" }) {
      effects.append(
        "those with one DeviceID have one interrupt translation table, and each can raise the other's "
          + "MSIs")
    }
    add(
      .note, "shared-ids-by-mask", complex.place,
      "by the map's mask functions share " + shared.joined(separator: ", and "),
      effects.joined(separator: "; ") + ".")
    // The bus number must not get lost on the way to the ITS when it counts for the SMMU.
    guard let messages, messages & 0xff00 & ~(streams ?? 0) != 0, streams != nil else { return }
    add(
      .warning, "msi-map-mask", complex.place,
      "msi-map-mask drops bits \(hex(UInt64(messages & 0xff00))) of the bus number, which "
        + "iommu-map keeps",
      "functions on several buses are given one DeviceID although each has a StreamID of its own: "
        + "where the bridge sends the whole ID, as it does to the SMMU, the ITS has no table for it, "
        + "and drops their MSIs.")
  }

  // MARK: Offsets

  /// Arm's BSA wants one constant between the requester IDs of a root port and their StreamIDs, and
  /// one between those and their DeviceIDs (ACS ITS_DEV_7 and ITS_DEV_8).
  private mutating func offsets(of complex: PlatformFacts.RootComplex) {
    var first: [PlatformFacts.Target: PlatformFacts.Mapping] = [:]
    for mapping in complex.streams + (complex.messages ?? []) {
      vary(mapping, from: &first, in: complex.place)
      guard case .smmu(let index) = mapping.target, complex.messages == nil else { continue }
      var onward: [PlatformFacts.Target: PlatformFacts.Mapping] = [:]
      for next in facts.smmus[index].mappings where next.input.overlaps(mapping.output) {
        vary(next, from: &onward, in: "\(complex.place), \(facts.smmus[index].place)")
      }
    }
  }

  private mutating func vary(
    _ mapping: PlatformFacts.Mapping,
    from first: inout [PlatformFacts.Target: PlatformFacts.Mapping], in place: String
  ) {
    guard !mapping.isSingle, list.isListing("varying-offset") else { return }
    guard let other = first[mapping.target] else { return first[mapping.target] = mapping }
    let offset = other.outputBase &- other.input.lowerBound
    guard mapping.outputBase &- mapping.input.lowerBound != offset else { return }
    add(
      .note, "varying-offset", "\(place): \(other.place), \(mapping.place)",
      "IDs \(text(other.input)) and \(text(mapping.input)) reach "
        + "\(facts.name(of: mapping.target)) by different offsets",
      "a kernel that follows the tables finds every DeviceID; one that adds the offset of the "
        + "first to all IDs, as BSA lets it, gives the others a wrong one, and their MSIs are lost."
    )
  }

  // MARK: References of device trees

  /// Whether a map is for requests or for messages, in a finding's words.
  private enum Use: String {
    case requests, messages
  }

  /// For the IORT, `IORTCheck` looks at references, of nodes of every type.
  private mutating func phandles() {
    for complex in facts.rootComplexes {
      for mapping in complex.streams { phandle(mapping, for: .requests, of: complex.place) }
      for mapping in complex.messages ?? [] { phandle(mapping, for: .messages, of: complex.place) }
    }
    for component in facts.components {
      for mapping in component.streams { phandle(mapping, for: .requests, of: component.place) }
      for mapping in component.messages ?? [] {
        phandle(mapping, for: .messages, of: component.place)
      }
    }
  }

  private mutating func phandle(
    _ mapping: PlatformFacts.Mapping, for use: Use, of place: String
  ) {
    switch mapping.target {
    case .nothing(let what):
      add(
        .error, "dangling-reference", mapping.place, "leads to \(what)",
        "its IDs lead nowhere: the devices have no StreamID or DeviceID, and their MSIs are lost.")
    case .disabled(let what) where use == .requests:
      add(
        .note, "disabled-smmu", mapping.place, "leads to \(what), which is disabled",
        "the device's requests and MSIs pass untranslated, and it cannot be assigned to a guest.")
    case .disabled(let what):
      add(
        .warning, "disabled-msi-controller", mapping.place, "leads to \(what), which is disabled",
        "no MSI of the device can be set up: its interrupts are wired.")
    case .controller, .itsGroup:
      guard use == .requests else { return }
      add(
        .error, "reference-kind", mapping.place,
        "leads to \(facts.name(of: mapping.target)), which is no IOMMU",
        "Linux finds no StreamID on this way, and the device's requests are not translated.")
    case .smmu, .iommu:
      guard use == .messages else { return }
      add(
        .error, "reference-kind", mapping.place,
        "leads to \(facts.name(of: mapping.target)), which is no MSI controller",
        "Linux finds no MSI domain on this way, and no MSI of the device can be set up.")
    }
  }

  private mutating func segments() {
    var seen: [UInt32: String] = [:]
    for complex in facts.rootComplexes {
      if let other = seen[complex.segment], complex.isNumbered {
        add(
          .warning, "segment-twice", complex.place, "the same segment as \(other)",
          facts.source == .acpi
            ? "Linux takes the first for every device: IDs that only this node maps have no DeviceID "
              + "and no MSIs."
            : "Linux refuses the bridge that it probes second, and its functions are not found.")
      }
      seen[complex.segment] = complex.place
    }
  }

  // MARK: Collisions

  /// A range of IDs as it arrives somewhere, and from where.
  private struct Arrival {
    let source: String
    let ids: ClosedRange<UInt32>
    /// Offset that the mappings on the way add to the first ID; equal offsets from one source are
    /// one device.
    let shift: Int64
    let place: String
    /// Whether requester IDs became DeviceIDs as they are: `msi-parent` says no more.
    var isKept = false
  }

  private mutating func collisions() {
    var streams: [Int: [Arrival]] = [:]
    var devices: [Int: [Arrival]] = [:]
    let sources =
      facts.rootComplexes.flatMap { complex in
        [(complex.place, complex.streams), (complex.place, complex.messages ?? [])]
      }
      + facts.components.flatMap { component in
        [(component.place, component.streams), (component.place, component.messages ?? [])]
      }
    for (source, mappings) in sources where !ambiguous.contains(source) {
      for mapping in mappings {
        // What no entry of a map has, goes by the rest: no ID is shared by that alone.
        if isFallback(mapping) && mappings.count > 1 { continue }
        let arrival = arrival(mapping, from: source)
        switch mapping.target {
        case .smmu(let smmu):
          streams[smmu, default: []].append(arrival)
          guard !ambiguous.contains(facts.smmus[smmu].place) else { continue }
          for (group, passed) in onward(arrival, from: facts.smmus[smmu].mappings) {
            devices[group, default: []].append(passed)
          }
        case .itsGroup(let group):
          // Requester IDs that a bridge keeps as DeviceIDs have 16 bits.
          devices[group, default: []].append(isFallback(mapping) ? kept(arrival) : arrival)
        case .controller, .iommu, .disabled, .nothing: break
        }
      }
    }
    for (index, smmu) in facts.smmus.enumerated() {
      report(
        streams[index] ?? [], "StreamID", at: smmu.place, canShare: !smmu.isVersion3)
    }
    for group in facts.itsGroups.indices {
      report(
        devices[group] ?? [], "DeviceID", at: facts.itsGroups[group].place, canShare: false)
    }
  }

  private func arrival(_ mapping: PlatformFacts.Mapping, from source: String) -> Arrival {
    Arrival(
      source: source, ids: mapping.output,
      shift: mapping.isSingle ? .max : Int64(mapping.outputBase) - Int64(mapping.input.lowerBound),
      place: mapping.place)
  }

  private func kept(_ arrival: Arrival) -> Arrival {
    let complex = facts.rootComplexes.first { $0.place == arrival.source }
    return Arrival(
      source: arrival.source, ids: complex?.requesterIDs ?? 0...0xffff, shift: arrival.shift,
      place: arrival.place, isKept: true)
  }

  /// Maps a range of StreamIDs to ITS groups by an SMMU's mappings.
  private func onward(
    _ arrival: Arrival, from mappings: [PlatformFacts.Mapping]
  ) -> [(group: Int, Arrival)] {
    mappings.filter { $0.input.overlaps(arrival.ids) }.compactMap { mapping in
      guard case .itsGroup(let group) = mapping.target else { return nil }
      let part = mapping.input.clamped(to: arrival.ids)
      let step = Int64(mapping.outputBase) - Int64(mapping.input.lowerBound)
      let first = mapping.output(of: part.lowerBound)
      let size = part.upperBound - part.lowerBound
      return (
        group,
        Arrival(
          source: arrival.source, ids: first...(UInt32.max - first < size ? .max : first + size),
          shift: arrival.shift == .max ? .max : arrival.shift + step,
          place: "\(arrival.place), \(mapping.place)")
      )
    }
  }

  private mutating func report(
    _ arrivals: [Arrival], _ kind: String, at place: String, canShare: Bool
  ) {
    let sorted = arrivals.sorted {
      ($0.ids.lowerBound, $0.ids.upperBound) < ($1.ids.lowerBound, $1.ids.upperBound)
    }
    var widest: Arrival?
    for arrival in sorted {
      if let other = widest, other.ids.overlaps(arrival.ids),
        other.source != arrival.source || other.shift != arrival.shift
      {
        meet(other, arrival, kind, at: place, canShare: canShare)
      }
      if arrival.ids.upperBound >= widest?.ids.upperBound ?? 0 { widest = arrival }
    }
  }

  private mutating func meet(
    _ other: Arrival, _ arrival: Arrival, _ kind: String, at place: String, canShare: Bool
  ) {
    let found =
      "\(kind)s \(text(other.ids.clamped(to: arrival.ids))) come from \(other.source) by "
      + "\(other.place) and from \(arrival.source) by \(arrival.place)"
    // A device tree may give several functions of a bridge one ID on purpose.
    let isWithin =
      facts.source == .deviceTree
      && (other.source == arrival.source || other.isKept || arrival.isKept)
    guard kind == "StreamID" else {
      return add(
        isWithin ? .note : facts.source == .acpi ? .error : .warning,
        isWithin ? "shared-device-id" : "duplicate-device-id", place, found,
        "two devices share one interrupt translation table: each can raise the other's MSIs.")
    }
    if canShare || isWithin {
      return add(
        .note, "shared-stream-id", place, found,
        "the devices are one IOMMU group and have one translation, which is right where they are one "
          + "for the hardware; they can be assigned to a guest only together.")
    }
    add(
      .error, "duplicate-stream-id", place, found,
      "two devices share one translation: each reaches the other's memory and MSI window. Linux "
        + "refuses the second (\"Aliasing StreamID ... unsupported\").")
  }
}
