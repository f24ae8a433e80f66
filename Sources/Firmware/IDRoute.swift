internal import Bits

/// How the tables turn a requester ID into a StreamID and a DeviceID, mapping by mapping.
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
  public internal(set) var hops: [Hop] = []
  /// At which SMMU the device has which StreamID; `nil` when its requests pass no SMMU.
  public internal(set) var stream: Stream?
  /// At which ITS group the device has which DeviceID.
  public internal(set) var device: Device?
  /// The GICv2m frame that takes its MSIs, which needs no DeviceID.
  public internal(set) var messageFrame: Int?
  /// Why the route ends before an ITS or MSI frame; `nil` when it does not.
  public internal(set) var end: String?

  public struct Stream: Equatable, Sendable {
    public let smmu: Int
    public let id: UInt32
  }
  public struct Device: Equatable, Sendable {
    public let group: Int
    public let id: UInt32
  }
}

extension PlatformFacts {
  /// The route of a requester ID.
  public func route(of requesterID: UInt32, segment: UInt32 = 0) -> IDRoute {
    var route = IDRoute(requesterID: requesterID, segment: segment)
    // Linux takes the first root complex of the segment (`iort_match_node_callback`).
    guard let complex = rootComplexes.first(where: { $0.segment == segment }) else {
      route.end = "no root complex has segment \(segment)"
      return route
    }
    follow(complex.streams, from: complex.place, id: requesterID, into: &route)
    if usesMessageFrame(complex) {
      // Linux takes a GICv2m frame for every device where no ITS is mapped (`gicv2m_get_fwnode`).
      route.end = nil
      route.messageFrame = 0
    }
    if let messages = complex.messages {
      route.end = nil
      follow(messages, from: complex.place, id: requesterID, into: &route)
    }
    return route
  }

  private func usesMessageFrame(_ complex: RootComplex) -> Bool {
    complex.messages == nil && itsGroups.isEmpty && !messageFrames.isEmpty
  }

  /// Applies mappings until an ITS, an MSI frame or nothing is reached. Each hop leads from a root
  /// complex to an SMMU and from there to an ITS, so that there are two at most.
  private func follow(
    _ mappings: [Mapping], from place: String, id: UInt32, into route: inout IDRoute
  ) {
    var (mappings, place, id) = (mappings, place, id)
    while true {
      guard let mapping = Self.mapping(for: id, in: mappings) else {
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
      case .itsGroup(let group):
        route.device = .init(group: group, id: output)
        return
      case .messageFrame(let frame):
        route.messageFrame = frame
        return
      case .nothing(let what):
        route.end = "\(place) leads to \(what)"
        return
      }
    }
  }

  /// The mapping that Linux applies (`iort_id_map`): the first that has the ID, except that the last
  /// ID of a range gives way to a later range that starts with it, since some firmware counts
  /// one too many.
  static func mapping(for id: UInt32, in mappings: [Mapping]) -> Mapping? {
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
}
