internal import ArmFormats
internal import Bits
package import Files

/// Compares a story with the counts that were made when a case was recorded.
package enum SummaryAgreement {
  /// The differences, a sentence each; none when all counts agree.
  ///
  /// - Throws: `InputError` when `summary` is not as expected.
  package static func differences(
    _ story: MachineStory, _ counts: TraceCounts, summary: JSONCursor
  ) throws(InputError) -> [String] {
    var found: [String] = []
    let lines = try summary.member("trace_lines").word()
    if lines != UInt64(counts.lines) {
      found.append("trace_lines: recorded \(lines), counted \(counts.lines)")
    }
    let events = counts.events.map { ($0.name, $0.count) }
    found += try compare("events", events, summary)
    let stages = zip(1..., story.translations.dropFirst()).map { ("stage \($0)", $1) }
    found += try compare("translations_by_stage", stages.filter { $1 > 0 }, summary)
    let pages = story.orderedDevices.filter { !$0.pages.isEmpty }
    found += try compare(
      "distinct_iova_pages_by_sid", pages.map { (hex(UInt64($0.id)), $0.pages.count) }, summary)
    found += try compare("msi_doorbell_translations", doorbells(story), summary)
    let its = story.itsCommands.map { (ITSOpcode(rawValue: $0).name ?? "unknown", $1) }
    found += try compare("its_commands", its, summary)
    let commands = story.smmuCommands.map {
      (String(SMMUOpcode(rawValue: $0).description.dropFirst(4)), $1)
    }
    found += try compare("smmu_commands", commands, summary)
    let faults = story.faults.map { (EventKind(rawValue: $0).description, $1) }
    found += try compare("smmu_faults", faults, summary)
    let lpis = try summary.member("lpis_mapped").word()
    if lpis != UInt64(story.lpis.count) {
      found.append("lpis_mapped: recorded \(lpis), counted \(story.lpis.count)")
    }
    return found
  }

  private static func doorbells(_ story: MachineStory) -> [(String, Int)] {
    // The same address may have been mapped by different stages at different times.
    var counts: [String: Int] = [:]
    for device in story.devices.values {
      for (place, count) in device.addresses where place.stage > 0 {
        let path = "iova \(hex(place.address)) -> \(hex(place.output))"
        counts["sid \(hex(UInt64(device.id))) \(path)", default: 0] += count
      }
    }
    return counts.sorted { $0.key < $1.key }
  }

  private static func compare(
    _ name: String, _ counted: [(String, Int)], _ summary: JSONCursor
  ) throws(InputError) -> [String] {
    var recorded: [String: Int] = [:]
    for member in try summary.member(name).members() {
      recorded[member.name] = Int(truncatingIfNeeded: try member.cursor.word())
    }
    var found: [String] = []
    for (key, count) in counted.sorted(by: { $0.0 < $1.0 }) {
      let expected = recorded.removeValue(forKey: key)
      if expected != count {
        let text = expected.map(String.init) ?? "nothing"
        found.append("\(name): \(key): recorded \(text), counted \(count)")
      }
    }
    for key in recorded.keys.sorted() {
      found.append("\(name): \(key): recorded \(recorded[key] ?? 0), counted nothing")
    }
    return found
  }
}
