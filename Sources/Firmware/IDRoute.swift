internal import Bits

/// Route of a requester ID through the tables to a StreamID and a DeviceID, mapping by mapping.
public struct IDRoute: Equatable, Sendable {
  /// One mapping that applied.
  public struct Hop: Equatable, Sendable {
    public let from: String
    public let mapping: PlatformFacts.Mapping
    public let input: UInt32
    public let output: UInt32
    public let to: String
  }

  public let requesterID: UInt32
  public let segment: UInt32
  /// The host bridge, by its position in `rootComplexes`; `nil` when the segment has none.
  public internal(set) var complex: Int?
  public internal(set) var hops: [Hop] = []
  /// SMMU that the device's requests pass, and its StreamID there; `nil` if they pass no SMMU.
  public internal(set) var stream: Stream?
  /// The IOMMU of another kind that the requests pass, and the ID there.
  public internal(set) var otherIOMMU: Stream?
  /// ITS group that takes the device's messages, and its DeviceID there.
  public internal(set) var device: Device?
  /// The MSI controller that takes its messages without a DeviceID.
  public internal(set) var controller: Int?
  /// Reason why the route ends before an MSI controller; `nil` if it does not.
  public internal(set) var end: String?
  /// Remarks on the way, such as a disabled SMMU.
  public internal(set) var remarks: [String] = []

  public struct Stream: Equatable, Sendable {
    /// The position in `smmus`, or in `otherIOMMUs`.
    public let smmu: Int
    public let id: UInt32
  }
  public struct Device: Equatable, Sendable {
    public let group: Int
    public let id: UInt32
  }
}

extension PlatformFacts {
  /// The route of a requester ID: at the bridge that has the segment, or else at the first of those
  /// that may have it.
  public func route(of requesterID: UInt32, segment: UInt32 = 0) -> IDRoute {
    routes(of: requesterID, segment: segment)[0]
  }

  /// The routes of a requester ID: one, unless the device tree leaves the numbers of several bridges
  /// to the kernel; never none.
  public func routes(of requesterID: UInt32, segment: UInt32 = 0) -> [IDRoute] {
    // Linux takes the first root complex of the segment (`iort_match_node_callback`).
    if let known = rootComplexes.firstIndex(where: { $0.segment == segment && $0.isNumbered }) {
      return [route(of: requesterID, segment: segment, at: known)]
    }
    let numbered = Set(rootComplexes.filter(\.isNumbered).map(\.segment))
    let unnumbered = rootComplexes.indices.filter { !rootComplexes[$0].isNumbered }
    let isPossible = unnumbered.contains { rootComplexes[$0].segment == segment }
    guard isPossible, !numbered.contains(segment) else {
      var route = IDRoute(requesterID: requesterID, segment: segment)
      route.end = "no root complex has segment \(segment)"
      return [route]
    }
    return unnumbered.map { index in
      var route = route(of: requesterID, segment: segment, at: index)
      if unnumbered.count > 1 {
        route.remarks.append(
          "if \(rootComplexes[index].place) is segment \(segment): the device tree numbers no "
            + "bridge of \(unnumbered.count), and the kernel does as it probes them")
      }
      return route
    }
  }

  /// The route of a requester ID at a host bridge, which is a position in `rootComplexes`.
  public func route(of requesterID: UInt32, segment: UInt32, at index: Int) -> IDRoute {
    let complex = rootComplexes[index]
    var route = IDRoute(requesterID: requesterID, segment: segment)
    route.complex = index
    if !complex.requesterIDs.contains(requesterID) {
      route.remarks.append("the bridge has no such bus")
    }
    follow(complex.streams, from: complex.place, id: requesterID, into: &route)
    if complex.messages == nil && itsGroups.isEmpty,
      let frame = controllers.firstIndex(where: { $0.name == MSIControllerKind.frame.name })
    {
      // Linux takes a GICv2m frame for every device where no ITS is mapped (`gicv2m_get_fwnode`).
      route.end = nil
      route.controller = frame
    }
    if let messages = complex.messages {
      route.end = nil
      follow(messages, from: complex.place, id: requesterID, into: &route)
      if route.end != nil && complex.hasUnknownReceiver {
        route.end = "\(complex.place) says nothing of MSIs; its driver may know more"
      }
    }
    return route
  }

  /// Applies mappings until an ITS, an MSI controller or nothing is reached. Each hop leads from a
  /// root complex to an SMMU and from there to an ITS, so that there are two at most.
  private func follow(
    _ mappings: [Mapping], from place: String, id: UInt32, into route: inout IDRoute
  ) {
    var (mappings, place, id) = (mappings, place, id)
    while true {
      guard let mapping = mapping(for: id, in: mappings) else {
        route.end = "\(place) maps no ID \(hex(UInt64(id)))"
        return
      }
      let output = mapping.output(of: id)
      let to = name(of: mapping.target)
      route.hops.append(
        .init(from: place, mapping: mapping, input: id, output: output, to: to))
      switch mapping.target {
      case .smmu(let smmu) where route.stream == nil:
        route.stream = .init(smmu: smmu, id: output)
        (mappings, place, id) = (smmus[smmu].mappings, to, output)
      case .smmu:
        route.end = "\(place) leads to a second SMMU, \(to)"
        return
      case .iommu(let iommu):
        route.otherIOMMU = .init(smmu: iommu, id: output)
        return
      case .itsGroup(let group):
        route.device = .init(group: group, id: output)
        return
      case .controller(let controller):
        route.controller = controller
        return
      case .disabled(let what):
        route.end = "\(place) leads to \(what), which is disabled"
        route.remarks.append("\(what) is disabled: the kernel goes on without it")
        return
      case .nothing(let what):
        route.end = "\(place) leads to \(what)"
        return
      }
    }
  }

  /// The mapping that Linux applies. In a device tree it is the first that has the ID (`of_map_id`).
  /// In an IORT the last ID of a range gives way to a later range that starts with it, since some
  /// firmware counts one too many (`iort_id_map`).
  func mapping(for id: UInt32, in mappings: [Mapping]) -> Mapping? {
    guard source == .acpi else { return mappings.first { $0.takes(id) } }
    var found: Mapping?
    for mapping in mappings {
      if mapping.isSingle {
        if found == nil { return mapping }
        continue
      }
      guard mapping.input.contains(id) else { continue }
      if found != nil && id != mapping.input.lowerBound { continue }
      found = mapping
      let isLast = mapping.input.count > 1 && id == mapping.input.upperBound
      if !isLast { break }
    }
    return found
  }

  /// The address that a route's messages are written to; `nil` where the tables do not tell. Linux
  /// takes the first ITS of a group (`iort_get_device_domain`).
  public func doorbell(of route: IDRoute) -> UInt64? {
    if let device = route.device {
      return itses(ofGroup: device.group).first?.doorbell(of: device.id)
    }
    return route.controller.flatMap { controllers[$0].doorbell }
  }
}

// MARK: From IDs back to devices

extension PlatformFacts {
  /// A device that the tables give an ID.
  public enum Requester: Equatable, Sendable {
    /// A PCI function: a position in `rootComplexes`, and the requester ID.
    case function(complex: Int, requesterID: UInt32)
    /// A position in `components`.
    case component(Int)
  }

  /// The most devices that a search gives: a mask can give one StreamID to all functions of a bus.
  public static let requesterLimit = 256

  /// The devices whose requests have a StreamID at an SMMU, in the order of the tables; at most
  /// `requesterLimit`.
  public func requesters(withStream id: UInt32, at smmu: Int) -> [Requester] {
    var found: [Requester] = []
    for (index, complex) in rootComplexes.enumerated() {
      for candidate in sources(of: id, at: .smmu(smmu), in: complex.streams)
      where complex.requesterIDs.contains(candidate) {
        let route = route(of: candidate, segment: complex.segment, at: index)
        guard route.stream == .init(smmu: smmu, id: id) else { continue }
        found.append(.function(complex: index, requesterID: candidate))
      }
    }
    for (index, component) in components.enumerated() {
      let isIts = component.streams.contains {
        $0.target == .smmu(smmu)
          && ($0.output.contains(id) || ($0.outputBase ^ id) & ~$0.ignoredStreamBits == 0)
      }
      if isIts { found.append(.component(index)) }
    }
    return Array(found.prefix(Self.requesterLimit))
  }

  /// The devices whose messages have a DeviceID at an ITS group, in the order of the tables; at most
  /// `requesterLimit`.
  public func requesters(withDevice id: UInt32, atGroup group: Int) -> [Requester] {
    var found: [Requester] = []
    /// StreamIDs that the SMMUs turn into the DeviceID.
    let streams = smmus.indices.flatMap { smmu in
      sources(of: id, at: .itsGroup(group), in: smmus[smmu].mappings).map { (smmu, $0) }
    }
    func candidates(_ mappings: [Mapping], messages: [Mapping]?) -> [UInt32] {
      sources(of: id, at: .itsGroup(group), in: messages ?? mappings)
        + (messages != nil
          ? [] : streams.flatMap { sources(of: $0.1, at: .smmu($0.0), in: mappings) })
    }
    for (index, complex) in rootComplexes.enumerated() {
      for candidate in candidates(complex.streams, messages: complex.messages)
      where complex.requesterIDs.contains(candidate) {
        let route = route(of: candidate, segment: complex.segment, at: index)
        guard route.device == .init(group: group, id: id) else { continue }
        found.append(.function(complex: index, requesterID: candidate))
      }
    }
    for (index, component) in components.enumerated()
    where !candidates(component.streams, messages: component.messages).isEmpty {
      found.append(.component(index))
    }
    return Array(found.prefix(Self.requesterLimit))
  }

  /// The IDs of 16 bits that one of these mappings, taken alone, turns into `output` at `target`; at
  /// most `requesterLimit` for each.
  private func sources(of output: UInt32, at target: Target, in mappings: [Mapping]) -> [UInt32] {
    mappings.filter { $0.target == target && $0.output.contains(output) }.flatMap { mapping in
      let first = mapping.isSingle ? 0 : mapping.input.lowerBound &+ (output &- mapping.outputBase)
      let free = mapping.isSingle ? 0xffff : ~mapping.mask & 0xffff
      // The subsets of the bits that do not count, in order.
      var ids: [UInt32] = []
      var subset: UInt32 = 0
      repeat {
        ids.append(first | subset)
        subset = (subset &- free) & free
      } while subset != 0 && ids.count < Self.requesterLimit
      return ids
    }
  }
}
