import Designs
package import Files
package import Scenarios
import Simulation
import Software
import Timing

/// A number that every run of a load has, as all forms of the report print it.
package struct LoadQuantity: Sendable {
  package let name: String
  package let unit: String
  package let value: @Sendable (LoadSummary) -> Estimate?

  init(_ name: String, _ unit: String, _ value: @escaping @Sendable (LoadSummary) -> Estimate?) {
    self.name = name
    self.unit = unit
    self.value = value
  }

  /// Quantities in a row of the table.
  package static let headline: [LoadQuantity] = [
    LoadQuantity("events", "k/s") { $0.estimate { $0.throughput / 1000 } },
    LoadQuantity("MSIs sent", "k/s") { $0.estimate { $0.messageRate / 1000 } },
    LoadQuantity("MSIs arrived", "k/s") { $0.estimate { $0.arrivalRate / 1000 } },
    LoadQuantity("in flight", "MSIs") { $0.estimate { $0.meanInFlight } },
    LoadQuantity("merged", "%") { $0.estimate { share($0.merged, of: $0.merged + $0.delivered) } },
    LoadQuantity("dropped", "%") { $0.estimate { share($0.dropped, of: $0.offered) } },
    LoadQuantity("p50", "us") { $0.estimate(\.p50).map { $0.scaled(by: 0.001) } },
    LoadQuantity("p99", "us") { $0.estimate(\.p99).map { $0.scaled(by: 0.001) } },
    LoadQuantity("p99.9", "us") { $0.estimate(\.p999).map { $0.scaled(by: 0.001) } },
    LoadQuantity("max", "us") { $0.estimate(\.max).map { $0.scaled(by: 0.001) } },
    LoadQuantity("exits", "/MSI") {
      $0.estimate { Double($0.exits) / Double(max(1, $0.delivered + $0.merged)) }
    },
    LoadQuantity("slow injections", "%") {
      $0.estimate { share($0.slowInjections, of: $0.exits(.physicalInterrupt)) }
    },
    LoadQuantity("host CPU", "ns/MSI") { $0.estimate { $0.perInterrupt($0.hostTime) } },
    LoadQuantity("of it from guests", "ns/MSI") { $0.estimate { $0.perInterrupt($0.stolenTime) } },
    LoadQuantity("guest CPU", "ns/MSI") { $0.estimate { $0.perInterrupt($0.guestTime) } },
  ]

  /// What a row of a ramp shows.
  static let ramp: [LoadQuantity] = headline.filter {
    ["events", "MSIs sent", "dropped", "p50", "p99"].contains($0.name)
  }

  /// How busy what is that others wait for, and how many wait.
  package static let uses = resources("%") { 100 * $0.mean }
  package static let hottest = resources("%") { 100 * $0.hottest }
  package static let waiting = resources("") { $0.waiting }

  private static func resources(
    _ unit: String, _ value: @escaping @Sendable (ResourceUse) -> Double
  ) -> [LoadQuantity] {
    LoadResource.allCases.map { resource in
      LoadQuantity(resource.name, unit) { summary in
        let found = summary.results.map { result in
          result.uses.first { $0.resource == resource }.map(value) ?? 0
        }
        return found.isEmpty ? nil : Estimate(found)
      }
    }
  }

  /// The mean time at each station.
  package static let stations: [LoadQuantity] = Station.allCases.map { station in
    LoadQuantity(station.name, "ns") { $0.mean(station) }
  }

  /// Exits for each MSI, in the words of `RunResult.Exits`: the occasion, what the guest's kernel
  /// does, the cause, read or write.
  package static let exits: [LoadQuantity] =
    [
      (.delivery, .physicalInterrupt), (.delivery, .kick), (.delivery, .maintenance),
      (.delivery, .vPEDoorbell), (.idle, .waitForInterrupt), (.run, .timeSlice),
    ].map { (occasion: RunResult.Exits.Occasion, cause: ExitCause) in
      LoadQuantity("\(occasion.rawValue) \(cause.name)", "/MSI") {
        $0.estimate { perMessage($0.exits(cause), $0) }
      }
    }
    + GuestWork.allCases.flatMap { work in
      [true, false].map { isRead in
        let occasion = RunResult.Exits.Occasion.run.rawValue
        let access = "\(work.cause.name) \(isRead ? "read" : "write")"
        return LoadQuantity("\(occasion) \(work.phase) \(access)", "/MSI") {
          $0.estimate { perMessage($0.exits(of: work, isRead: isRead), $0) }
        }
      }
    }

  private static func perMessage(_ count: Int, _ result: LoadResult) -> Double {
    Double(count) / Double(max(1, result.delivered + result.merged))
  }

  private static func share(_ part: Int, of whole: Int) -> Double {
    whole == 0 ? 0 : 100 * Double(part) / Double(whole)
  }

  /// The number at both ends of the costs' ranges.
  func text(_ low: LoadSummary?, _ high: LoadSummary?) -> String {
    Estimate.text(low.flatMap(value), high.flatMap(value))
  }
}

extension GuestWork {
  /// What the guest's kernel is doing, by the name of its phase where access vectors have one.
  fileprivate var phase: String {
    switch self {
    case .mask, .unmask: name
    case .unmap: KernelPhase.dmaUnmap.rawValue
    case .move: KernelPhase.affinity.rawValue
    }
  }

  /// What traps where any of it does.
  fileprivate var cause: ExitCause {
    switch self {
    case .mask, .unmask: .msixTable
    case .unmap: .virtualSMMU
    case .move: .virtualITS
    }
  }
}

extension Estimate {
  /// `12.3`, `1.20..3.40`, each with `±0.05` where there are several seeds; `-` for none.
  package static func text(_ low: Estimate?, _ high: Estimate?) -> String {
    guard let low, let high else { return "-" }
    // More is not always dearer: a rate falls where costs rise.
    let ends = [min(low.mean, high.mean), max(low.mean, high.mean)].map { brief($0) }
    let number = ends[0] == ends[1] ? ends[0] : ends.joined(separator: "..")
    guard let width = [low.halfWidth, high.halfWidth].compactMap(\.self).max() else {
      return number
    }
    return "\(number) ±\(brief(width))"
  }

  func scaled(by factor: Double) -> Estimate {
    Estimate(mean: mean * factor, halfWidth: halfWidth.map { $0 * factor })
  }
}
