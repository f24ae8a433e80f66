// Lines about functions and their controllers: `hw/pci/trace-events` and `hw/nvme/trace-events` of
// QEMU 11.

extension TraceParser {
  private static let controller = Array("nvme".utf8)
  private static let arrow = Array(" <- ".utf8)

  func deviceEvent(
    _ kind: TraceEventKind, _ v: TraceValues, _ line: borrowing Span<UInt8>, _ start: Int
  ) -> TraceEvent? {
    switch (kind, v.count) {
    case (.messageControl, 2...):
      .messageControl(
        isNVMe: line.find(Self.controller, from: start) != nil, isEnabled: v[v.count - 2] != 0,
        isMasked: v[v.count - 1] != 0)
    case (.controllerInterrupt, 1...): .controllerInterrupt(vector: v[0])
    case (.controllerAdminCommand, 3...): .controllerCommand(isAdmin: true, opcode: v[2])
    case (.controllerIOCommand, 4...): .controllerCommand(isAdmin: false, opcode: v[3])
    case (.controllerPages, 5...): .controllerPages(second: v[3], count: v[4])
    case (.controllerCompletionQueue, 1...), (.controllerSubmissionQueue, 1...):
      .controllerQueue(v[0])
    default: nil
    }
  }

  /// `nvme 00:1f.7 @0x4 <- 0x400` of the log; `dev=nvme bus=0x0 slot=0x1f func=0x7 offs=0x4 val=0x400`
  /// of `simpletrace.py`.
  func configurationWrite(_ line: borrowing Span<UInt8>, _ start: Int) -> TraceEvent? {
    guard let arrow = line.find(Self.arrow, from: start) else {
      guard let v = line.values(from: start), v.count >= 5, v[0] < 256, v[1] < 32, v[2] < 8
      else { return nil }
      return .configurationWrite(
        device: v.short(0) &<< 8 | v.short(1) &<< 3 | v.short(2), offset: v[3], value: v[4])
    }
    var place = start
    while place < arrow, line[place] != UInt8(ascii: "@") { place += 1 }
    guard place < arrow, place > start + 8, let device = line.function(at: place - 8),
      let (offset, _) = line.number(at: place + 1),
      let (value, _) = line.number(at: arrow + Self.arrow.count)
    else { return nil }
    return .configurationWrite(device: device, offset: offset, value: value)
  }
}

extension Span<UInt8> {
  /// The requester ID of `bb:dd.f` at `start`.
  func function(at start: Int) -> UInt32? {
    guard start >= 0, start + 7 <= count, self[start + 2] == UInt8(ascii: ":"),
      self[start + 5] == UInt8(ascii: "."), let bus = digits16(start, 2),
      let slot = digits16(start + 3, 2), slot < 32, let function = digits16(start + 6, 1),
      function < 8
    else { return nil }
    return bus << 8 | slot << 3 | function
  }

  /// Exactly `length` hexadecimal digits at `start`.
  private func digits16(_ start: Int, _ length: Int) -> UInt32? {
    var value: UInt32 = 0
    for place in start..<start + length {
      let byte = self[place]
      let isLetter = (byte | 0x20) &- 0x61 < 6
      guard byte.isDigit || isLetter else { return nil }
      value = value &* 16 &+ UInt32(byte.isDigit ? byte &- 0x30 : (byte | 0x20) &- 0x57)
    }
    return value
  }
}
