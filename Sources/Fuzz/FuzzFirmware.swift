internal import Firmware

/// Random bytes for everything that reads firmware tables: IORT, MADT, MCFG, DSDT, flattened device
/// trees and their source, and the text of `acpidump`.
package enum FuzzFirmware {
  /// Bytes of input that one run uses at most.
  package static let longestInput = 1 << 16

  /// Summary of a run, so that tests can tell an idle run from a busy one.
  package struct Summary: Equatable, Sendable {
    /// Whether something was read.
    package var isRead = false
    package var findings = 0
    package var hops = 0
    package var requesters = 0

    package init() {}
  }

  /// Reads `bytes` as what they start with, checks what they say and follows IDs through it, there
  /// and back.
  package static func run(_ bytes: [UInt8]) -> Summary {
    var summary = Summary()
    var tables = FirmwareTables()
    let input = Array(bytes.prefix(longestInput))
    _ = FirmwareTables.recognizes(input)
    guard (try? tables.add(input)) != nil else { return summary }
    summary.isRead = true
    let facts = tables.facts
    summary.findings = tables.findings(window: 0x800_0000...0x80f_ffff).count
    for (index, complex) in facts.rootComplexes.enumerated().prefix(16) {
      for id in [0, 8, 0x100, complex.requesterIDs.lowerBound, complex.requesterIDs.upperBound] {
        let route = facts.route(of: id, segment: complex.segment, at: index)
        summary.hops += route.hops.count
        _ = facts.doorbell(of: route)
        if let stream = route.stream {
          summary.requesters += facts.requesters(withStream: stream.id, at: stream.smmu).count
        }
        if let device = route.device {
          summary.requesters += facts.requesters(withDevice: device.id, atGroup: device.group).count
        }
      }
    }
    for listing in tables.listings {
      for record in listing.records { summary.hops += record.record.fields.count > 0 ? 0 : 1 }
    }
    return summary
  }
}
