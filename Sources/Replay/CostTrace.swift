package import Files
package import Timing

/// Times that a Linux kernel's trace shows: how long exits took, and functions of its function graph.
///
/// An exit lasts from `kvm_exit` to the `kvm_entry` of the same thread. What stands between says which
/// it was: `kvm_userspace_exit` for the VMM, `kvm_mmio` for KVM alone, a class of 0x16 for HVC; a trap
/// that was none of these is no cost of a model. An interrupt lasts from its exit to the handler's
/// entry.
package struct CostTrace: TraceSink {
  /// The times of one cost, in nanoseconds.
  package private(set) var times: [CostModel.Item: [Double]] = [:]
  /// So many of each are kept.
  static let most = 1_000_000
  private var open: [UInt64: Exit] = [:]
  /// Threads are forgotten beyond that many.
  private static let threads = 65_536

  private struct Exit {
    let start: Double
    let kind: CostEvent.Exit
    var isEmulated = false
    var reachesVMM = false
  }

  package init() {}

  package mutating func take(_ event: CostEvent, at _: Int?, line _: Int) {
    switch event {
    case .exit(let thread, let time, let kind):
      if open.count >= Self.threads { open = [:] }
      open[thread] = Exit(start: time, kind: kind)
    case .emulated(let thread): open[thread]?.isEmulated = true
    case .toVMM(let thread): open[thread]?.reachesVMM = true
    case .handler(let thread, let time):
      guard let exit = open[thread], exit.kind == .interrupt else { return }
      add(time - exit.start, to: .hostInterruptEntry)
      open[thread] = nil
    case .entry(let thread, let time):
      guard let exit = open.removeValue(forKey: thread), time >= exit.start else { return }
      switch exit.kind {
      case .hypercall where !exit.reachesVMM: add(time - exit.start, to: .hypercall)
      case .access where exit.reachesVMM: add(time - exit.start, to: .exitToVMM)
      case .access where exit.isEmulated: add(time - exit.start, to: .exitToKernel)
      case .hypercall, .access, .interrupt, .other: break
      }
    case .function(let item, let time): add(time, to: item)
    }
  }

  private mutating func add(_ time: Double, to item: CostModel.Item) {
    guard time >= 0, times[item, default: []].count < Self.most else { return }
    times[item, default: []].append(time)
  }
}

/// An event of a kernel's trace that tells how long something took.
package enum CostEvent: Equatable, Sendable {
  /// Why a virtual CPU left its guest.
  package enum Exit: Equatable, Sendable { case interrupt, hypercall, access, other }

  /// Times are in nanoseconds; a thread is told by its number.
  case exit(thread: UInt64, time: Double, Exit)
  case entry(thread: UInt64, time: Double)
  case emulated(thread: UInt64)
  case toVMM(thread: UInt64)
  case handler(thread: UInt64, time: Double)
  /// A function of the function graph, and how long it took.
  case function(CostModel.Item, Double)
}

/// Reads the lines of a kernel's trace that tell times: events (`trace`, `trace-cmd report`) and the
/// function graph.
package struct CostTraceParser: LogFormat {
  package private(set) var time: Int?
  package var counts: [TraceCounts.EventCount] { [] }

  /// Functions whose time is a cost of the models (Linux 6.1 to 7.3).
  package static let functions: [(function: String, item: CostModel.Item)] = [
    ("its_wait_for_range_completion", .itsCommand),
    ("arm_smmu_cmdq_issue_cmdlist", .smmuSync),
    ("its_wait_vpt_parse_complete", .residency),
    ("vgic_its_inject_cached_translation", .irqfdInjection),
    ("irqfd_inject", .uncachedInjection),
  ]

  package init() {}

  package mutating func parse(_ line: borrowing Span<UInt8>) -> LogLine<CostEvent> {
    guard line.count <= 4096 else { return .unreadable }
    var bytes: [UInt8] = []
    for place in 0..<line.count { bytes.append(line[place]) }
    let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    if let event = Self.function(words) { return event }
    return Self.event(words) ?? .unreadable
  }

  /// ` 1)   1.234 us    |  its_send_inv();`, or the end of a longer one, `} /* its_send_inv */`.
  private static func function(_ words: [Substring]) -> LogLine<CostEvent>? {
    guard let bar = words.firstIndex(of: "|"), bar >= 2, words[bar - 1] == "us",
      let time = Double(words[bar - 2]), time.isFinite, time >= 0
    else { return nil }
    let rest = words[(bar + 1)...]
    let name = rest.first == "}" ? rest.dropFirst(2).first : rest.first
    guard let name = name?.prefix(while: { $0 != "(" && $0 != ";" }), !name.isEmpty,
      let known = functions.first(where: { $0.function == name })
    else { return .other }
    return .event(.function(known.item, time * 1000))
  }

  /// `task-pid [cpu] flags seconds.fraction: name: fields`.
  private static func event(_ words: [Substring]) -> LogLine<CostEvent>? {
    let bracket = words.firstIndex { $0.hasPrefix("[") && $0.hasSuffix("]") && $0.count > 2 }
    guard let bracket, bracket >= 1,
      let thread = words[bracket - 1].split(separator: "-").last.flatMap({ UInt64($0) }),
      let stamp = words[(bracket + 1)...].firstIndex(where: { seconds($0) != nil }),
      let time = seconds(words[stamp]), stamp + 1 < words.count, words[stamp + 1].hasSuffix(":")
    else { return nil }
    let fields = words[(stamp + 2)...]
    switch words[stamp + 1].dropLast() {
    case "kvm_exit": return .event(.exit(thread: thread, time: time, kind(of: fields)))
    case "kvm_entry": return .event(.entry(thread: thread, time: time))
    case "kvm_mmio": return .event(.emulated(thread: thread))
    case "kvm_userspace_exit": return .event(.toVMM(thread: thread))
    case "irq_handler_entry": return .event(.handler(thread: thread, time: time))
    default: return .other
    }
  }

  /// `IRQ: ...`, or `TRAP: HSR_EC: 0x0024 (DABT_LOW), PC: ...` (`trace_arm.h`).
  private static func kind(of fields: ArraySlice<Substring>) -> CostEvent.Exit {
    if fields.first == "IRQ:" { return .interrupt }
    guard let place = fields.firstIndex(where: { $0 == "HSR_EC:" || $0 == "ESR_EC:" }),
      place + 1 < fields.endIndex
    else { return .other }
    switch UInt8(fields[place + 1].dropFirst(2).prefix { $0.isHexDigit }, radix: 16) {
    case 0x16?: return .hypercall
    case 0x24?: return .access
    default: return .other
    }
  }

  /// `12.345678:` in nanoseconds.
  private static func seconds(_ word: Substring) -> Double? {
    guard word.hasSuffix(":"), word.contains("."), let time = Double(word.dropLast()), time >= 0,
      time < 1e10
    else { return nil }
    return time * 1e9
  }
}

/// Where a recording was made by an emulator: its times are those of the emulation.
package enum EmulatedRecording {
  /// What says that the machine of a trace was emulated; `nil` where nothing does.
  ///
  /// - Parameter path: the trace; the command line or the log of the machine may stand beside it or
  ///   above.
  package static func sign(near path: String) -> String? {
    if path.hasSuffix(".jsonl") || path.hasSuffix(".jsonl.gz") {
      return "a packed recording has the times of an emulated machine's devices, and no exits"
    }
    var folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    for _ in 0..<3 {
      let base = folder.isEmpty ? "" : folder.joined(separator: "/") + "/"
      for name in ["cmdline.txt", "cmdline", "dmesg.txt"] {
        guard let text = try? InputFile(base + name).text() else { continue }
        if let sign = signs.first(where: text.contains) { return "'\(sign)' in \(base)\(name)" }
      }
      guard !folder.isEmpty else { return nil }
      folder = folder.dropLast()
    }
    return nil
  }

  private static let signs = ["-accel tcg", "accel=tcg", "QEMU TCG", "[0x000f0510]"]
}
