import Bits
import Designs
import Scenarios

/// Who has an MSI at a station.
enum JourneyParty: String, CaseIterable {
  case device
  case smmu = "SMMU"
  case its = "ITS"
  case host = "host kernel"
  case kvm = "KVM"
  case guest = "guest kernel"

  /// - Parameter previous: who has it at a station that this does not know.
  init(of station: Journey.Station, after previous: JourneyParty) {
    switch station.name {
    case "device": self = .device
    case "host IRQ": self = .host
    case "eventfd", "list register", "INT", "vCPU": self = .kvm
    case "acknowledge", "handler": self = .guest
    case "DTE", "ITE", "CTE", "vPE", "LPI", "pending", "doorbell", "table L1", "ITS cache", "vLPI",
      "VPT":
      self = .its
    case let name where name.hasPrefix("vITS"): self = .kvm
    default: self = previous == .device ? .smmu : previous
    }
  }
}

extension SequenceDrawing {
  /// An MSI's journey: who had it after whom, and what became of it.
  init(_ journey: Journey, design: String, identifier: String) {
    self.init(
      identifier: identifier, title: "Journey of MSI \(journey.index) under \(design)",
      description: "A sequence diagram: \(journey.verdict.rawValue). \(journey.reason). The table "
        + "of stations below has the same in words.",
      parties: JourneyParty.allCases.map(\.rawValue), entries: Self.entries(of: journey))
  }

  private static func entries(of journey: Journey) -> [Entry] {
    var groups: [(party: JourneyParty, stations: [Journey.Station])] = []
    for station in journey.stations {
      let party = JourneyParty(of: station, after: groups.last?.party ?? .device)
      if groups.last?.party == party {
        groups[groups.count - 1].stations.append(station)
      } else {
        groups.append((party, [station]))
      }
    }
    return groups.enumerated().map { number, group in
      Entry(
        party: group.party.rawValue, label: label(group.stations),
        note: number == groups.count - 1
          ? "\(journey.verdict.rawValue): \(journey.reason)" : nil)
    }
  }

  /// One station in full; of several, the last read of each stage or table that decides the way.
  private static func label(_ stations: [Journey.Station]) -> String {
    guard let first = stations.first, let last = stations.last else { return "" }
    func text(_ station: Journey.Station) -> String {
      let place = station.address.map { " at \(hex($0))" } ?? ""
      return "\(station.name)\(place): \(station.meaning)"
    }
    guard stations.count > 1 else { return text(first) }
    let leaf = stations.last { $0.name.hasPrefix("S1 L") }
    let parts = [leaf, last].compactMap { $0 }.map(text)
    return "\(stations.count) stations; "
      + (parts.first == parts.last ? [parts[0]] : parts)
      .joined(separator: "; ")
  }
}
