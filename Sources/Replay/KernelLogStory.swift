internal import ArmFormats
internal import Bits
package import Files
package import Inspect

/// Facts of a kernel log about a machine's SMMU and ITS.
package struct KernelLogStory: Sendable {
  /// The file as the user would name it.
  package let path: String
  /// Whether it is of a guest inside the machine, whose StreamIDs are its own.
  let isInner: Bool
  package private(set) var lines = 0
  /// The SMMU's events, as the driver dumped them.
  package private(set) var events: KernelLog
  /// The bases of its ITSs.
  package private(set) var controllers: [UInt64] = []
  /// The group of each function, by requester ID.
  package private(set) var groups: [UInt32: UInt32] = [:]
  /// Whether the kernel said that DMA is translated unless asked otherwise.
  package private(set) var defaultDomain: String?
  /// Lines that say that something went wrong, in the kernel's words: of lines that differ in numbers
  /// alone the first, with their count.
  package var complaints: [String] {
    complaintKinds.map { $0.count == 1 ? $0.text : "\($0.text) (and \($0.count - 1) more like it)" }
  }
  private var complaintKinds: [(shape: String, text: String, count: Int)] = []
  private static let complaintLimit = 32

  /// Reads a log, line by line.
  ///
  /// - Throws: `InputError` when the file cannot be read at all.
  package init(path: String, isInner: Bool = false) throws(InputError) {
    self.init(named: path, isInner: isInner)
    let file = try InputFile(path)
    while let line = try file.line() {
      take(line)
    }
    finish()
  }

  /// A log to be read line by line.
  init(named path: String, isInner: Bool = false) {
    self.path = path
    self.isInner = isInner
    events = KernelLog()
  }

  mutating func finish() { events.finish() }

  mutating func take(_ bytes: [UInt8]) {
    lines += 1
    let parsed = KernelLogLine(bytes)
    if events.read(parsed) { return }
    let line = parsed.text
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
    } else if let range = line.firstRange(of: "Default domain type: ") {
      // "Passthrough (set via kernel command line)" and the like.
      defaultDomain = String(line[range.upperBound...].prefix { $0 != " " })
    } else if Self.isComplaint(line) {
      let shape = line.filter { !$0.isHexDigit }
      if let place = complaintKinds.firstIndex(where: { $0.shape == shape }) {
        complaintKinds[place].count += 1
      } else if complaintKinds.count < Self.complaintLimit {
        complaintKinds.append((shape, line, 1))
      }
    }
  }

  /// The reports taken apart, with what is known of the machine.
  var decoded: [DecodedRecord] {
    var context = DecodeContext()
    context.itsBases = controllers
    return events.decoded(context)
  }

  /// `drivers/iommu/iommu.c` (1:1 regions), `drivers/acpi/arm64/iort.c` (RMRs) and
  /// `drivers/vfio/vfio_iommu_type1.c` (MSI regions and isolation).
  private static func isComplaint(_ line: String) -> Bool {
    [
      "Firmware has requested this device have a 1:1", "1:1 IOMMU mapping", "RMR descriptor",
      "RMR node", "No interrupt remapping", "no interrupt remapping", "completion polled",
      "Failed to map MSI page", "nobody cared", "NETDEV WATCHDOG", "lost interrupt",
    ].contains { line.contains($0) }
  }

  /// Returns the number of events of a stream by kind, with the first record of each.
  func events(of stream: UInt32) -> [(kind: EventKind, count: Int, words: [UInt64])] {
    var found: [(kind: EventKind, count: Int, words: [UInt64])] = []
    for (event, report) in events.events where event.record[.stream] == stream {
      let kind = event.record[.kind]
      if let place = found.firstIndex(where: { $0.kind == kind }) {
        found[place].count += report.count
      } else {
        found.append((kind, report.count, event.words))
      }
    }
    return found
  }

  /// The streams that have events, in order.
  var streams: [UInt32] { Set(events.events.map { $0.event.record[.stream] }).sorted() }
}

extension Substring {
  fileprivate var trimmingColon: Substring { last == ":" ? dropLast() : self }
}
