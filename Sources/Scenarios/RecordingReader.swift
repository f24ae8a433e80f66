import ArmFormats
import Bits
package import Files
import GLibSupport
import Guest
import Linux
import Simulation

/// Reads a recording line by line: a header, facts, then events in the recorded order.
struct RecordingReader {
  private let path: String
  private let text: String
  private(set) var name = ""
  var device: Workload.Device?
  var placement = Workload.Placement()
  var descriptors: [Recording.Descriptor] = []
  var interrupts: [Recording.Interrupt] = []
  var accesses: [Recording.Access] = []
  var streamTableEntry: [UInt64] = []
  var contextDescriptor: [UInt64] = []
  var reservedRegion: Recording.ReservedRegion?
  var guestDoorbell: IPA?
  var hostDoorbell: PA?
  private(set) var design: String?
  private(set) var hostKernel: Release?
  private(set) var guestKernel: Release?
  private(set) var entries: [Workload.Entry] = []

  /// Time of the first of the entries, and of the last line.
  private var start: UInt64?
  private var last: UInt64 = 0
  /// The ITS commands of the write of GITS_CWRITER that is being gathered, and its time.
  private var commands: [ITSCommand] = []
  private var queued: UInt64 = 0

  init(text: String, path: String) {
    self.path = path
    self.text = text
  }

  /// Reads the whole file.
  mutating func read() throws(InputError) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let top = Place(file: path, line: 1, column: 1)
    let header = try document(String(lines.first ?? ""), at: top)
      .value(as: RecordingShapes.header)
    name = header.text("case")
    design = header["design"]?.text
    hostKernel = header["host"]?["kernel"].flatMap { Release($0.text) }
    guestKernel = header["guest"]?["kernel"].flatMap { Release($0.text) }
    let body =
      lines.dropFirst().last?.isEmpty == true ? lines[1..<(lines.count - 1)] : lines.dropFirst()
    for (index, line) in zip(body.indices, body) {
      let place = Place(file: path, line: index + 1, column: 1)
      let document = try document(String(line), at: place)
      let line = try document.value(as: RecordingShapes.line)
      guard let shape = try shape(of: line) else { continue }
      if let fact = line["fact"] {
        try takeFact(fact.text, document.value(as: shape))
      } else {
        try takeEvent(line, document.value(as: shape))
      }
    }
    flush()
    try checkWhole(header, lines: body.count, of: lines.first?.utf8.count ?? 0)
  }

  /// The JSON object that a line holds.
  private func document(_ line: String, at place: Place) throws(InputError) -> YAMLDocument {
    let found = line.isEmpty ? "an empty line" : line.hasPrefix("{") ? line.quoted : "other text"
    let wrong = InputError(expected: "a JSON object", found: found, at: place, field: "")
    guard line.hasPrefix("{") else { throw wrong }
    do throws(InputError) {
      guard let document = try YAMLDocument(line, at: place) else { throw wrong }
      return document
    } catch {
      // The parser notices the end of the text only on a line behind it.
      throw error.place?.line == place.line ? error : wrong
    }
  }

  /// Whether all lines are there, as they were written.
  private func checkWhole(
    _ header: CheckedValue, lines: Int, of headerLength: Int
  ) throws(InputError) {
    guard let count = header["lines"], let digest = header["sha256"] else { return }
    guard count.integer == UInt64(lines) else {
      throw InputError(
        expected: "\(count.integer) lines after the first", found: "\(lines)", at: count.place,
        field: "lines")
    }
    let found = Digest.sha256(text.utf8.dropFirst(headerLength + 1))
    guard digest.text == found else {
      throw InputError(
        expected: "\(digest.text) for the lines after the first", found: found, at: digest.place,
        field: "sha256")
    }
  }

  /// Returns the shape that a line must have; `nil` for the kinds that are not read.
  private func shape(of line: CheckedValue) throws(InputError) -> Shape? {
    if let fact = line["fact"] { return RecordingShapes.facts[fact.text] }
    guard let by = line["by"], let action = line["do"], line["at"] != nil else {
      throw InputError(
        expected: "'fact', or 'at', 'by' and 'do'", found: "neither", at: line.place, field: "")
    }
    return RecordingShapes.events["\(by.text) \(action.text)"]
  }

  private mutating func takeEvent(
    _ line: CheckedValue, _ event: CheckedValue
  ) throws(InputError) {
    let time = line.integer("at")
    guard time >= last else {
      throw InputError(
        expected: "at least \(last), the time of the line before", found: "\(time)",
        at: line["at"]?.place ?? line.place, field: "at")
    }
    start = start ?? time
    guard time - (start ?? time) <= SimulatedTime.longestRun.nanoseconds else {
      throw InputError(
        expected: "a time at most 200 days after the first", found: "\(time) ns",
        at: line["at"]?.place ?? line.place, field: "at")
    }
    last = time
    guard line.text("do") == "its-command" else {
      flush()
      append(try activity(line.text("do"), event), at: time)
      return
    }
    let command = try command(event)
    if !isSameWrite(command, at: time) { flush() }
    if commands.isEmpty { queued = time }
    commands.append(command)
  }

  /// Whether Linux would queue `command` with those before it in one write of GITS_CWRITER: a SYNC
  /// always follows its command (`its_send_single_command`), and ends the write.
  private func isSameWrite(_ command: ITSCommand, at time: UInt64) -> Bool {
    guard let before = commands.last, !before.isSync else { return false }
    return command.isSync || time == queued
  }

  /// Ends the write of GITS_CWRITER that has been gathered.
  private mutating func flush() {
    if !commands.isEmpty { append(.itsCommands(commands), at: queued) }
    commands = []
  }

  private mutating func append(_ activity: Workload.Activity, at time: UInt64) {
    entries.append(Workload.Entry(nanoseconds: time - (start ?? time), activity))
  }

  private func command(_ line: CheckedValue) throws(InputError) -> ITSCommand {
    let words = line["words"]?.items.map(\.integer) ?? []
    guard words.count == 4 else {
      throw InputError(
        expected: "four words", found: "\(words.count)", at: line["words"]?.place ?? line.place,
        field: "words")
    }
    return ITSCommand(words[0], words[1], words[2], words[3])
  }
}

extension ITSCommand {
  fileprivate var isSync: Bool { self[.opcode] == .sync }
}
