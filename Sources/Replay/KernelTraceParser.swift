/// Reads lines of a Linux kernel's trace, as `/sys/kernel/tracing/trace` or `trace-cmd report` has
/// them:
///
///     modprobe-145  [000] d....  14.861962: iommu_msi: (iommu_dma_prepare_msi+0x0/0x298) doorbell=0x8090040
///     modprobe-145  [000]  14.877868: map:  IOMMU: iova=0xfffff000 - 0x100000000 paddr=0x8090000 size=4096
///
/// Whatever stands between the CPU and the time (flags, with the latency format or without) is
/// skipped.
package struct KernelTraceParser: LogFormat {
  /// Microseconds of the traced kernel's clock.
  package private(set) var time: Int?
  /// Names of handlers, in the order of their first appearance.
  package private(set) var handlers: [String] = []
  private var names = EventNames<KernelEventKind>()
  private var handlerNames: [[UInt8]: Int] = [:]
  private static let functions = ProbedFunction.allCases.map {
    (Array("(\($0.rawValue)+".utf8), $0)
  }
  private static let addressField = Array("iova=".utf8)
  private static let outputField = Array("paddr=".utf8)
  private static let sizeField = Array(" size=".utf8)
  private static let unmappedField = Array("unmapped_size=".utf8)
  private static let irqField = Array("irq=".utf8)
  private static let nameField = Array("name=".utf8)
  private static let resultField = Array("ret=".utf8)
  private static let handled = Array("handled".utf8)
  private static let handlerLimit = 1024

  package init() {}

  package var counts: [TraceCounts.EventCount] { names.counts }

  package mutating func parse(_ line: borrowing Span<UInt8>) -> LogLine<KernelEvent> {
    var end = line.count
    while end > 0, line[end - 1] == 0x0d || line[end - 1] == 0x20 { end -= 1 }
    let line = line.extracting(0..<end)
    guard let header = header(line) else { return .unreadable }
    var place = header.next
    while place < line.count, line[place] != UInt8(ascii: ":"), line[place] != 0x20 { place += 1 }
    guard place > header.next, place < line.count, line[place] == UInt8(ascii: ":")
    else { return .unreadable }
    time = header.time
    let kind = names.count(header.next..<place, of: line)
    if let kind {
      return event(kind, line, place + 1, header.cpu).map { .event($0) } ?? .garbled
    }
    return probe(line, place + 1)
  }

  /// `... [cpu] ... seconds.microseconds: `
  private func header(_ line: borrowing Span<UInt8>) -> (cpu: UInt64, time: Int, next: Int)? {
    guard line.count > 0, line[0] != UInt8(ascii: "#"), let bracket = line.cpuBracket() else {
      return nil
    }
    var place = bracket.next
    while place < line.count {
      while place < line.count, line[place] == 0x20 { place += 1 }
      guard place < line.count else { return nil }
      if let stamp = line.seconds(at: place) {
        var next = stamp.next
        while next < line.count, line[next] == 0x20 { next += 1 }
        return (bracket.cpu, stamp.time, next)
      }
      while place < line.count, line[place] != 0x20 { place += 1 }
    }
    return nil
  }

  private mutating func event(
    _ kind: KernelEventKind, _ line: borrowing Span<UInt8>, _ start: Int, _ cpu: UInt64
  ) -> KernelEvent? {
    switch kind {
    case .map:
      guard let address = line.field(Self.addressField, from: start),
        let output = line.field(Self.outputField, from: start),
        let size = line.field(Self.sizeField, from: start)
      else { return nil }
      return .map(address: address, output: output, size: size)
    case .unmap:
      guard let address = line.field(Self.addressField, from: start),
        let size = line.field(Self.sizeField, from: start)
      else { return nil }
      let unmapped = line.field(Self.unmappedField, from: start) ?? size
      return .unmap(address: address, size: size, unmapped: unmapped)
    case .handlerEntry:
      guard let irq = line.field(Self.irqField, from: start) else { return nil }
      return .handlerEntry(irq: irq, name: handler(line, start), cpu: cpu)
    case .handlerExit:
      guard let irq = line.field(Self.irqField, from: start),
        let result = line.find(Self.resultField, from: start)
      else { return nil }
      return .handlerExit(
        irq: irq, wasHandled: line.matches(Self.handled, at: result + 4))
    case .setIRQ, .irqLine, .pending: return injection(kind, line, start)
    }
  }

  private func injection(
    _ kind: KernelEventKind, _ line: borrowing Span<UInt8>, _ start: Int
  ) -> KernelEvent? {
    guard let v = line.values(from: start) else { return nil }
    switch (kind, v.count) {
    case (.setIRQ, 2...): return .setIRQ(gsi: v[0], level: v[1])
    case (.irqLine, 4...): return .irqLine(vcpu: v[1], number: v[2], level: v[3])
    case (.pending, 3...): return .pending(vcpu: v[0], intid: v[1], level: v[2])
    default: return nil
    }
  }

  /// Probes of known functions, under whatever name.
  private func probe(_ line: borrowing Span<UInt8>, _ start: Int) -> LogLine<KernelEvent> {
    var text = start
    while text < line.count, line[text] == 0x20 { text += 1 }
    guard text < line.count, line[text] == UInt8(ascii: "(") else { return .other }
    for (prefix, function) in Self.functions where line.matches(prefix, at: text) {
      guard let v = line.values(from: text), v.count >= 1 else { return .garbled }
      switch function {
      case .prepareEvents: return .event(.prepareEvents(count: v[0]))
      case .allocate: return .event(.allocate(irq: v[0], count: v.count > 1 ? v[1] : 1))
      case .prepareMessage: return .event(.prepareMessage(doorbell: v[0]))
      }
    }
    return .other
  }

  /// The number of the handler's name; beyond the room for names, that of the first.
  private mutating func handler(_ line: borrowing Span<UInt8>, _ start: Int) -> Int {
    guard let found = line.find(Self.nameField, from: start) else { return 0 }
    var name: [UInt8] = []
    for place in (found + 5)..<max(line.count, found + 5) { name.append(line[place]) }
    if let known = handlerNames[name] { return known }
    guard handlers.count < Self.handlerLimit else { return 0 }
    handlerNames[name] = handlers.count
    handlers.append(String(decoding: name, as: UTF8.self))
    return handlers.count - 1
  }
}

extension Span<UInt8> {
  /// The CPU of ` [012] `, which names of tasks may have brackets before.
  fileprivate func cpuBracket() -> (cpu: UInt64, next: Int)? {
    var place = 0
    while place < count {
      if self[place] == UInt8(ascii: "["), place > 0, self[place - 1] == 0x20,
        let (cpu, next) = prefixNumber(at: place + 1), next < count,
        self[next] == UInt8(ascii: "]")
      {
        return (cpu, next + 1)
      }
      place += 1
    }
    return nil
  }

  /// `seconds.microseconds:`, or with nanoseconds, at `start`.
  fileprivate func seconds(at start: Int) -> (time: Int, next: Int)? {
    guard let (seconds, dot) = prefixNumber(at: start), seconds < 1 << 40, dot < count,
      self[dot] == UInt8(ascii: "."), let (fraction, colon) = prefixNumber(at: dot + 1),
      colon < count, self[colon] == UInt8(ascii: ":")
    else { return nil }
    let digits = colon - dot - 1
    guard digits == 6 || digits == 9 else { return nil }
    let microseconds = digits == 6 ? fraction : fraction / 1000
    return (Int(seconds) * 1_000_000 + Int(microseconds), colon + 1)
  }

  /// The number behind `name`.
  func field(_ name: [UInt8], from start: Int) -> UInt64? {
    find(name, from: start).flatMap { number(at: $0 + name.count)?.word }
  }
}
