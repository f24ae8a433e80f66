internal import ArmFormats
package import Files
package import Inspect

/// What a kernel log tells of a machine's SMMU and ITS.
package struct KernelLogStory: Sendable {
  /// The file as the user would name it.
  package let path: String
  package private(set) var lines = 0
  /// The SMMU's events, as the driver dumped them.
  package private(set) var events: KernelLog
  /// The bases of its ITSs.
  package private(set) var controllers: [UInt64] = []
  /// The group of each function, by requester ID.
  package private(set) var groups: [UInt32: UInt32] = [:]
  /// Whether the kernel said that DMA is translated unless asked otherwise.
  package private(set) var defaultDomain: String?
  /// Functions that the kernel refused to VFIO, or whose regions it would not map, in its words.
  package private(set) var complaints: [String] = []
  private static let complaintLimit = 32

  /// Reads a log, line by line.
  ///
  /// - Throws: `InputError` when the file cannot be read at all.
  package init(path: String) throws(InputError) {
    self.init(named: path)
    let file = try InputFile(path)
    while let line = try file.line() {
      take(String(decoding: line.prefix(4096), as: UTF8.self))
    }
    finish()
  }

  /// A log to be read line by line.
  init(named path: String) {
    self.path = path
    events = KernelLog()
  }

  mutating func finish() { events.finish() }

  mutating func take(_ line: String) {
    lines += 1
    events.read(line)
    let words = line.split(whereSeparator: { " \t".contains($0) })[...]
    if let place = words.firstIndex(of: "[mem"), place > 0, words[place - 1] == "ITS",
      place + 1 < words.endIndex, let base = UInt64(hex: words[place + 1].prefix { $0 != "-" })
    {
      if !controllers.contains(base), controllers.count < 64 { controllers.append(base) }
    } else if let place = words.firstIndex(of: "Adding"),
      words.count - (place - words.startIndex) >= 5,
      place > words.startIndex, words[place + 1] == "to", words[place + 2] == "iommu",
      let id = UInt32(function: words[place - 1].prefix { $0 != " " }.trimmingColon),
      let group = UInt32(words[place + 4])
    {
      groups[id] = group
    } else if line.contains("Default domain type:") {
      defaultDomain = words.last.map(String.init)
    } else if Self.isComplaint(line), complaints.count < Self.complaintLimit {
      complaints.append(Self.withoutTime(line))
    }
  }

  /// `drivers/iommu/iommu.c` (1:1 regions), `drivers/acpi/arm64/iort.c` (RMRs) and
  /// `drivers/vfio/vfio_iommu_type1.c` (MSI regions and isolation).
  private static func isComplaint(_ line: String) -> Bool {
    [
      "Firmware has requested this device have a 1:1", "1:1 IOMMU mapping", "RMR descriptor",
      "RMR node", "No interrupt remapping", "no interrupt remapping", "EVTQ overflow",
      "event queue overflow", "unexpected global error",
    ].contains { line.contains($0) }
  }

  /// The line behind its time stamp.
  private static func withoutTime(_ line: String) -> String {
    guard line.first == "[", let end = line.firstIndex(of: "]") else { return line }
    return String(line[line.index(after: end)...].drop { $0 == " " })
  }

  /// How often each kind of event of a stream occurs, with the first record of each.
  func events(of stream: UInt32) -> [(kind: EventKind, count: Int, words: [UInt64])] {
    var found: [(kind: EventKind, count: Int, words: [UInt64])] = []
    for event in events.events {
      guard let first = event.words.first, UInt32(truncatingIfNeeded: first >> 32) == stream
      else { continue }
      let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: first))
      if let place = found.firstIndex(where: { $0.kind == kind }) {
        found[place].count += event.count
      } else {
        found.append((kind, event.count, event.words))
      }
    }
    return found
  }

  /// The streams that have events, in order.
  var streams: [UInt32] {
    Set(
      events.events.compactMap { event in
        event.words.first.map { UInt32(truncatingIfNeeded: $0 >> 32) }
      }
    ).sorted()
  }
}

extension Substring {
  fileprivate var trimmingColon: Substring { last == ":" ? dropLast() : self }
}
