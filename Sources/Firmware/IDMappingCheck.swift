internal import Bits

/// Rules about ID mappings: each requester ID has one StreamID and one DeviceID of its own.
struct IDMappingCheck {
  private let facts: PlatformFacts
  private var list = FindingList()

  static func findings(_ facts: PlatformFacts) -> [FirmwareFinding] {
    var check = Self(facts: facts)
    for complex in facts.rootComplexes {
      check.overlaps(complex.streams, of: complex.place)
      check.overlaps(complex.messages ?? [], of: complex.place)
      check.gaps(of: complex)
      check.offsets(of: complex)
    }
    if facts.source == .deviceTree { check.danglingPhandles() }
    for smmu in facts.smmus { check.overlaps(smmu.mappings, of: smmu.place) }
    for component in facts.components { check.overlaps(component.streams, of: component.place) }
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
    "\(hex(UInt64(range.lowerBound)))-\(hex(UInt64(range.upperBound)))"
  }

  /// The sources whose own mappings overlap. What they lead to is not compared with others: it
  /// depends on the reader, and can be as many pairs as there are mappings.
  private var ambiguous: Set<String> = []

  private mutating func overlaps(_ mappings: [PlatformFacts.Mapping], of place: String) {
    let sorted = mappings.filter { !$0.isSingle }.sorted {
      ($0.input.lowerBound, $0.input.upperBound) < ($1.input.lowerBound, $1.input.upperBound)
    }
    var widest: PlatformFacts.Mapping?
    for mapping in sorted {
      if let other = widest, other.input.overlaps(mapping.input) {
        ambiguous.insert(place)
        let isOffByOne =
          other.input.upperBound == mapping.input.lowerBound
          && other.input.lowerBound < mapping.input.lowerBound
        add(
          isOffByOne ? .warning : .error, isOffByOne ? "count-off-by-one" : "overlapping-ids",
          "\(place): \(other.place), \(mapping.place)",
          "IDs \(text(other.input)) to \(facts.name(of: other.target)) and \(text(mapping.input)) "
            + "to \(facts.name(of: mapping.target)) overlap",
          isOffByOne
            ? "Linux takes the count for one too many and lets the second mapping have the ID; "
              + "other kernels give its device the wrong StreamID or DeviceID, and its MSIs are lost."
            : "which mapping holds depends on the kernel: the devices may translate through the "
              + "wrong SMMU or send MSIs under a wrong DeviceID.")
      }
      if mapping.input.upperBound >= widest?.input.upperBound ?? 0 { widest = mapping }
    }
  }

  /// What mappings take, in order; everything where one is single.
  private static func inputs(_ mappings: [PlatformFacts.Mapping]) -> [ClosedRange<UInt32>] {
    if mappings.contains(where: \.isSingle) { return [0...UInt32.max] }
    return mappings.map(\.input).sorted { $0.lowerBound < $1.lowerBound }
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
    let hasController = !facts.itsGroups.isEmpty || !(complex.messages ?? []).isEmpty
    let mappings = complex.messages ?? complex.streams
    for gap in Self.gaps(in: complex.requesterIDs, of: Self.inputs(mappings)) {
      let isWhole = gap == complex.requesterIDs
      let severity: FirmwareFinding.Severity =
        !hasController && facts.itses.isEmpty ? .note : isWhole ? .error : .warning
      add(
        severity, "unmapped-ids", complex.place, "requester IDs \(text(gap)) are in no mapping",
        severity == .note
          ? "their functions have no DeviceID, and there is no ITS that would want one."
          : "functions with these IDs have no DeviceID, and no MSI of theirs can be set up.")
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

  /// For the IORT, `IORTCheck` looks at references, of nodes of every type.
  private mutating func danglingPhandles() {
    for mapping in facts.rootComplexes.flatMap({ $0.streams + ($0.messages ?? []) }) {
      guard case .nothing(let what) = mapping.target else { continue }
      add(
        .error, "dangling-reference", mapping.place, "leads to \(what)",
        "its IDs lead nowhere: the devices have no StreamID or DeviceID, and their MSIs are lost.")
    }
  }

  private mutating func segments() {
    var seen: [UInt32: String] = [:]
    for complex in facts.rootComplexes {
      if let other = seen[complex.segment], facts.source == .acpi {
        add(
          .warning, "segment-twice", complex.place, "the same segment as \(other)",
          "Linux takes the first for every device: IDs that only this node maps have no DeviceID "
            + "and no MSIs.")
      }
      seen[complex.segment] = complex.place
    }
  }

  // MARK: Collisions

  /// A range of IDs as it arrives somewhere, and from where.
  private struct Arrival {
    let source: String
    let ids: ClosedRange<UInt32>
    /// What is added to the first ID on the way; equal sums from one source are one device.
    let shift: Int64
    let place: String
  }

  private mutating func collisions() {
    var streams: [Int: [Arrival]] = [:]
    var devices: [Int: [Arrival]] = [:]
    let sources =
      facts.rootComplexes.flatMap { complex in
        [(complex.place, complex.streams), (complex.place, complex.messages ?? [])]
      } + facts.components.map { ($0.place, $0.streams) }
    for (source, mappings) in sources where !ambiguous.contains(source) {
      for mapping in mappings {
        let arrival = arrival(mapping, from: source)
        switch mapping.target {
        case .smmu(let smmu):
          streams[smmu, default: []].append(arrival)
          guard !ambiguous.contains(facts.smmus[smmu].place) else { continue }
          for (group, passed) in onward(arrival, from: facts.smmus[smmu].mappings) {
            devices[group, default: []].append(passed)
          }
        case .itsGroup(let group): devices[group, default: []].append(arrival)
        case .messageFrame, .nothing: break
        }
      }
    }
    for smmu in facts.smmus.indices {
      report(streams[smmu] ?? [], "StreamID", at: facts.smmus[smmu].place)
    }
    for group in facts.itsGroups.indices {
      report(devices[group] ?? [], "DeviceID", at: facts.itsGroups[group].place)
    }
  }

  private func arrival(_ mapping: PlatformFacts.Mapping, from source: String) -> Arrival {
    Arrival(
      source: source, ids: mapping.output,
      shift: mapping.isSingle ? .max : Int64(mapping.outputBase) - Int64(mapping.input.lowerBound),
      place: mapping.place)
  }

  /// Where an SMMU's mappings take a range of StreamIDs.
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

  private mutating func report(_ arrivals: [Arrival], _ kind: String, at place: String) {
    let sorted = arrivals.sorted {
      ($0.ids.lowerBound, $0.ids.upperBound) < ($1.ids.lowerBound, $1.ids.upperBound)
    }
    var widest: Arrival?
    for arrival in sorted {
      if let other = widest, other.ids.overlaps(arrival.ids),
        other.source != arrival.source || other.shift != arrival.shift
      {
        add(
          .error, kind == "StreamID" ? "duplicate-stream-id" : "duplicate-device-id", place,
          "\(kind)s \(text(other.ids.clamped(to: arrival.ids))) come from \(other.source) by "
            + "\(other.place) and from \(arrival.source) by \(arrival.place)",
          kind == "StreamID"
            ? "two devices share one translation: each reaches the other's memory and MSI window."
            : "two devices share one interrupt translation table: each can raise the other's MSIs.")
      }
      if arrival.ids.upperBound >= widest?.ids.upperBound ?? 0 { widest = arrival }
    }
  }
}
