import Bits
import Designs
import SMMU
import Scenarios

/// Party that has an MSI at a station.
enum JourneyParty: String, CaseIterable {
  case device
  case smmu = "SMMU"
  case iommu = "IOMMU"
  case its = "ITS"
  case imsic = "IMSIC"
  case host = "host kernel"
  case kvm = "KVM"
  case guest = "guest kernel"

  init(at place: Journey.Place) {
    switch place {
    case .device: self = .device
    case .smmu: self = .smmu
    case .write(let end): self = end == .doorbell ? .its : .smmu
    case .table(_, let isVirtual): self = isVirtual ? .kvm : .its
    case .redistributor: self = .its
    case .hostInterrupt: self = .host
    case .eventfd, .virtualITS, .intCommand, .listRegister, .virtualCPU: self = .kvm
    case .acknowledge, .handler: self = .guest
    case .riscv(let place): self.init(at: place)
    }
  }

  private init(at place: RISCVPlace) {
    switch place {
    case .deviceDirectory, .deviceContext, .processDirectory, .firstStage, .secondStage,
      .messageEntry, .residentFile:
      self = .iommu
    case .interruptFile, .guestFile: self = .imsic
    case .injection: self = .kvm
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
      parties: Self.parties(of: journey).map(\.rawValue), entries: Self.entries(of: journey))
  }

  /// Those of the journey's platform.
  private static func parties(of journey: Journey) -> [JourneyParty] {
    let isRISCV = journey.stations.contains {
      if case .riscv = $0.place { true } else { false }
    }
    return JourneyParty.allCases.filter { party in
      switch party {
      case .smmu, .its: !isRISCV
      case .iommu, .imsic: isRISCV
      case .device, .host, .kvm, .guest: true
      }
    }
  }

  private static func entries(of journey: Journey) -> [Entry] {
    var groups: [(party: JourneyParty, stations: [Journey.Stop])] = []
    for station in journey.stations {
      let party = JourneyParty(at: station.place)
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
  private static func label(_ stations: [Journey.Stop]) -> String {
    guard let first = stations.first, let last = stations.last else { return "" }
    func text(_ station: Journey.Stop) -> String {
      let place = station.address.map { " at \(hex($0))" } ?? ""
      return "\(station.name)\(place): \(station.meaning)"
    }
    guard stations.count > 1 else { return text(first) }
    let leaf = stations.last {
      if case .smmu(.stage1) = $0.place { true } else { false }
    }
    let parts = [leaf, last].compactMap { $0 }.map(text)
    return "\(stations.count) stations; "
      + (parts.first == parts.last ? [parts[0]] : parts)
      .joined(separator: "; ")
  }
}
