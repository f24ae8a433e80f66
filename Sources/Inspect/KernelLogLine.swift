package import Files

/// One line of a log, with what loggers and consoles put before the message taken off.
///
/// Read are the forms of `dmesg` (plain, `-T`, `-d`, `-e`, `-x`, `--time-format iso`), of
/// `/dev/kmsg`, of `journalctl` (short, short-precise, short-monotonic, short-iso, short-full, json,
/// export, cat), of syslog files, and of serial consoles and mails: carriage returns, colours,
/// `>` of a quotation. `CONFIG_PRINTK_CALLER` adds the thread or CPU in brackets.
package struct KernelLogLine: Sendable {
  /// The line without colours and control characters; of a journal's JSON the message.
  package let bytes: [UInt8]
  /// Start of the message in `bytes`.
  package private(set) var start = 0
  /// A time in microseconds from some origin, which is the log's own.
  package private(set) var time: UInt64?
  /// Whether the time has a fraction of a second.
  package private(set) var isFine = false
  /// Whether a kernel's time stamp, or the tag `kernel:`, stood before the message.
  package private(set) var isKernel = false
  /// The thread or CPU that printed, such as `T123` or `C3`; empty where the log does not say.
  package private(set) var caller: ArraySlice<UInt8> = []
  /// The program of a journal's line that is not the kernel's.
  package private(set) var program: ArraySlice<UInt8> = []

  /// Message of the line.
  package var message: ArraySlice<UInt8> { bytes[start...] }
  package var text: String { String(decoding: message, as: UTF8.self) }

  /// Lines longer than this are cut: no logger writes such.
  package static let longest = 16_384

  package init(_ line: [UInt8]) {
    var line = line.count > Self.longest ? Array(line.prefix(Self.longest)) : line
    if line.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f }) { Self.clean(&line) }
    if line.first == UInt8(ascii: "{"), let journal = JournalLine(line) {
      bytes = journal.message
      time = journal.time
      isFine = time != nil
      isKernel = journal.isKernel
      program = journal.isKernel ? [] : Array(journal.program.utf8)[...]
      readPrefixes()
      return
    }
    bytes = line
    readPrefixes()
  }

  /// Takes out terminal sequences (ECMA-48: ESC [ parameters final), carriage returns and zeroes.
  private static func clean(_ line: inout [UInt8]) {
    var out: [UInt8] = []
    out.reserveCapacity(line.count)
    var position = 0
    while position < line.count {
      let byte = line[position]
      position += 1
      if byte == 0x1b, position < line.count, line[position] == UInt8(ascii: "[") {
        position += 1
        while position < line.count, !(0x40...0x7e).contains(line[position]) { position += 1 }
        position += 1
      } else if byte >= 0x20 && byte != 0x7f || byte == 0x09 {
        out.append(byte)
      }
    }
    line = out
  }

  // MARK: Prefixes

  private mutating func readPrefixes() {
    let origin = start
    skipQuotation()
    var count = 0
    while count < 8, readPrefix() { count += 1 }
    if !isKernel, skipToStamp() {
      count += 1
      while count < 8, readPrefix() { count += 1 }
    }
    // A tab before a word of a dump belongs to the message, other space does not.
    if count == 0 { start = origin }
    while start < bytes.count, bytes[start] == 0x20 { start += 1 }
  }

  /// Goes to a kernel's time stamp behind what a serial console or a terminal's logger put before it:
  /// `login: [   70.000012] text`.
  private mutating func skipToStamp() -> Bool {
    var position = start
    while let open = bytes[position...].prefix(160).firstIndex(of: UInt8(ascii: "[")) {
      position = open + 1
      guard let close = bytes[position...].prefix(24).firstIndex(of: UInt8(ascii: "]")) else {
        return false
      }
      let content = bytes[position..<close].drop { $0 == 0x20 }
      guard content.suffix(7).first == UInt8(ascii: "."), Self.seconds(content) != nil,
        close + 1 < bytes.count, bytes[close + 1] == 0x20
      else { continue }
      start = open
      return true
    }
    return false
  }

  private mutating func skipQuotation() {
    var position = start
    while position < bytes.count, [0x20, 0x3e, 0x7c].contains(bytes[position]) { position += 1 }
    if bytes[start..<position].contains(0x3e) { start = position }
    while start < bytes.count, bytes[start] == 0x20 { start += 1 }
  }

  private mutating func readPrefix() -> Bool {
    guard start < bytes.count else { return false }
    switch bytes[start] {
    case UInt8(ascii: "<"): return readPriority()
    case UInt8(ascii: "["): return readBracket()
    case UInt8(ascii: "k"), UInt8(ascii: "u"), UInt8(ascii: "d"): return readFacility()
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return readKmsg() || readISODate()
    case UInt8(ascii: "M"): return readExport() || readDate()
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): return readDate()
    default: return false
    }
  }

  private func byte(_ offset: Int) -> UInt8 {
    start + offset < bytes.count ? bytes[start + offset] : 0
  }

  private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  private mutating func advance(to position: Int) {
    start = position
    while start < bytes.count, bytes[start] == 0x20 { start += 1 }
  }

  /// `<6>`, as on a console without a logger.
  private mutating func readPriority() -> Bool {
    guard let end = bytes[start...].prefix(6).firstIndex(of: UInt8(ascii: ">")), end > start + 1,
      bytes[(start + 1)..<end].allSatisfy(isDigit)
    else { return false }
    advance(to: end + 1)
    return true
  }

  /// `6,1234,71402011,-;`, as read from `/dev/kmsg`.
  private mutating func readKmsg() -> Bool {
    guard let end = bytes[start...].prefix(80).firstIndex(of: UInt8(ascii: ";")) else {
      return false
    }
    let parts = bytes[start..<end].split(separator: UInt8(ascii: ","))
    guard parts.count >= 4, parts.prefix(3).allSatisfy({ $0.allSatisfy(isDigit) }) else {
      return false
    }
    time = Self.decimal(parts[2])
    isFine = true
    isKernel = true
    if let tag = parts.first(where: { $0.starts(with: "caller=".utf8) }) {
      caller = tag.dropFirst(7)
    }
    advance(to: end + 1)
    return true
  }

  /// `kern  :err   : ` of `dmesg -x`.
  private mutating func readFacility() -> Bool {
    let head = bytes[start...].prefix(24)
    guard let first = head.firstIndex(of: UInt8(ascii: ":")),
      let second = head[(first + 1)...].firstIndex(of: UInt8(ascii: ":")),
      let facility = bytes[start..<first].split(separator: 0x20).first,
      ["kern", "user", "daemon"].contains(String(decoding: facility, as: UTF8.self)),
      bytes[start..<first].count == 6,
      (6...8).contains(second - first - 1)
    else { return false }
    advance(to: second + 1)
    return true
  }

  /// `MESSAGE=` of `journalctl -o export`.
  private mutating func readExport() -> Bool {
    guard bytes[start...].starts(with: "MESSAGE=".utf8) else { return false }
    advance(to: start + 8)
    return true
  }

  /// Reads a bracket before a message: a time, or the printing thread or CPU.
  private mutating func readBracket() -> Bool {
    guard let end = bytes[start...].prefix(48).firstIndex(of: UInt8(ascii: "]")) else {
      return false
    }
    let content = bytes[(start + 1)..<end].drop { $0 == 0x20 }
    guard let first = content.first else { return false }
    let rest = content.dropFirst()
    switch first {
    case UInt8(ascii: "T"), UInt8(ascii: "C"), UInt8(ascii: "P"):
      if !rest.isEmpty, rest.allSatisfy(isDigit) {
        caller = content
      } else if !readClock(content) {
        return false
      }
    case UInt8(ascii: "+"):
      guard rest.allSatisfy({ isDigit($0) || $0 == 0x2e }) else { return false }
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      if let seconds = Self.seconds(content) {
        (time, isFine) = (seconds, true)
      } else if let clock = Self.clock(content) {
        (time, isFine) = (clock.microseconds, clock.isFine)
      } else if time != nil, content.contains(UInt8(ascii: ":")) {
        // `[0:  swapper/0:    1]` behind the time, as some vendors' kernels print.
        caller = content
      } else {
        return false
      }
    default: guard readClock(content) else { return false }
    }
    isKernel = true
    advance(to: end + 1)
    // `[    3.123456] host kernel: text` of journalctl -o short-monotonic.
    skipHostAndTag(onlyKernel: true)
    return true
  }

  /// `Tue Dec  1 02:17:22 2026` of `dmesg -T`, `Dec 1 02:17` of `dmesg -e`.
  private mutating func readClock(_ content: ArraySlice<UInt8>) -> Bool {
    guard content.count >= 9,
      let clock = content.split(separator: 0x20).first(where: { $0.contains(UInt8(ascii: ":")) }),
      let time = Self.clock(clock)
    else { return false }
    self.time = time.microseconds
    isFine = time.isFine
    return true
  }

  /// `Mar 17 04:41:10[.123456] host tag: `, or `Tue 2026-03-17 04:41:10 CET host tag: `.
  private mutating func readDate() -> Bool {
    let words = Words(bytes, from: start)
    guard let first = words[0], first.count == 3, let second = words[1], let third = words[2] else {
      return false
    }
    if second.count <= 2, bytes[second].allSatisfy(isDigit), let clock = Self.clock(bytes[third]) {
      (time, isFine) = (clock.microseconds, clock.isFine)
      advance(to: third.upperBound)
      skipHostAndTag(onlyKernel: false)
      return true
    }
    guard second.count == 10, bytes[second.lowerBound + 4] == UInt8(ascii: "-"),
      let clock = Self.clock(bytes[third]), let zone = words[3]
    else { return false }
    (time, isFine) = (clock.microseconds, clock.isFine)
    advance(to: zone.upperBound)
    skipHostAndTag(onlyKernel: false)
    return true
  }

  /// `2026-03-17T04:41:10+0100 host tag: `; with a comma before the fraction it is from dmesg, and
  /// no host follows.
  private mutating func readISODate() -> Bool {
    guard bytes.count - start >= 19, byte(4) == UInt8(ascii: "-"), byte(7) == UInt8(ascii: "-"),
      byte(10) == UInt8(ascii: "T") || byte(10) == 0x20
    else { return false }
    let end = bytes[(start + 11)...].firstIndex(of: 0x20) ?? bytes.count
    guard let clock = Self.clock(bytes[(start + 11)..<end]) else { return false }
    (time, isFine) = (clock.microseconds, clock.isFine)
    let isFromDmesg = bytes[start..<end].contains(UInt8(ascii: ","))
    if isFromDmesg { isKernel = true }
    advance(to: end)
    if !isFromDmesg { skipHostAndTag(onlyKernel: false) }
    return true
  }

  /// A host's name and `kernel:` or `program[pid]:`.
  private mutating func skipHostAndTag(onlyKernel: Bool) {
    let words = Words(bytes, from: start)
    guard let host = words[0], let tag = words[1], bytes[host].last != UInt8(ascii: ":"),
      bytes[tag].last == UInt8(ascii: ":")
    else {
      // A journal may be shown without the host.
      if let tag = words[0], bytes[tag].elementsEqual("kernel:".utf8) {
        isKernel = true
        advance(to: tag.upperBound)
      }
      return
    }
    let name = bytes[tag].dropLast()
    if name.elementsEqual("kernel".utf8) {
      isKernel = true
    } else {
      guard !onlyKernel else { return }
      program = name.prefix { $0 != UInt8(ascii: "[") }
    }
    advance(to: tag.upperBound)
  }

  // MARK: Numbers

  private static func decimal(_ digits: some Sequence<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for digit in digits {
      guard digit >= 0x30, digit <= 0x39 else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit - 0x30))
      guard !overflow, !carry else { return nil }
      value = sum
    }
    return value
  }

  /// `71.402011`, and `71.402011 <    0.000002>` of `dmesg -d`, in microseconds.
  private static func seconds(_ text: ArraySlice<UInt8>) -> UInt64? {
    let text = text.prefix { $0 != 0x20 }
    guard let point = text.firstIndex(of: UInt8(ascii: ".")),
      let whole = decimal(text[..<point]), let part = fraction(text[(point + 1)...]),
      whole < 1 << 40
    else { return nil }
    return whole * 1_000_000 + part
  }

  /// The digits behind a point as microseconds.
  private static func fraction(_ digits: ArraySlice<UInt8>) -> UInt64? {
    guard (1...9).contains(digits.count), var value = decimal(digits.prefix(6)) else { return nil }
    for _ in digits.count..<max(6, digits.count) { value *= 10 }
    return value
  }

  /// `04:41:10` with a fraction or a zone behind it.
  private static func clock(
    _ text: ArraySlice<UInt8>
  ) -> (microseconds: UInt64, isFine: Bool)? {
    let digits = text.prefix { $0 >= 0x30 && $0 <= 0x39 || $0 == UInt8(ascii: ":") }
    let parts = digits.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), parts.allSatisfy({ $0.count == 2 }) else { return nil }
    let numbers = parts.compactMap { decimal($0) }
    guard numbers.count == parts.count else { return nil }
    let seconds = numbers[0] * 3600 + numbers[1] * 60 + (numbers.count > 2 ? numbers[2] : 0)
    let rest = text[digits.endIndex...]
    guard let mark = rest.first, mark == UInt8(ascii: ".") || mark == UInt8(ascii: ","),
      let part = fraction(rest.dropFirst().prefix { $0 >= 0x30 && $0 <= 0x39 })
    else { return (seconds * 1_000_000, false) }
    return (seconds * 1_000_000 + part, true)
  }
}

/// The first words of a line.
private struct Words {
  private var ranges: [Range<Int>] = []

  init(_ bytes: [UInt8], from start: Int) {
    var position = start
    while ranges.count < 4, position < bytes.count {
      while position < bytes.count, bytes[position] == 0x20 { position += 1 }
      let first = position
      while position < bytes.count, bytes[position] != 0x20 { position += 1 }
      if position > first { ranges.append(first..<position) }
    }
  }

  subscript(index: Int) -> Range<Int>? { index < ranges.count ? ranges[index] : nil }
}

/// One line of `journalctl -o json` (systemd.journal-fields(7)).
private struct JournalLine {
  var message: [UInt8] = []
  var time: UInt64?
  var isKernel = false
  var program = ""

  init?(_ line: [UInt8]) {
    guard let object = try? JSONValue(parsing: line), let text = object["MESSAGE"] else {
      return nil
    }
    switch text {
    case .string(let text): message = Array(text.utf8).filter { $0 >= 0x20 || $0 == 0x09 }
    case .array(let bytes):
      // A message that is no UTF-8 is an array of bytes.
      message = bytes.compactMap {
        guard case .integer(let byte) = $0 else { return nil }
        return UInt8(exactly: byte)
      }
    default: return nil
    }
    func string(_ name: String) -> String? {
      guard case .string(let text)? = object[name] else { return nil }
      return text
    }
    isKernel = string("_TRANSPORT") == "kernel" || string("SYSLOG_IDENTIFIER") == "kernel"
    program = string("SYSLOG_IDENTIFIER") ?? ""
    time =
      (string("_SOURCE_MONOTONIC_TIMESTAMP") ?? string("__REALTIME_TIMESTAMP")).flatMap {
        UInt64($0)
      }
  }
}
