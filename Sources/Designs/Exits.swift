public import Software
public import Timing

extension RunResult {
  /// Exits of the guest's virtual CPUs: when in the guest's life, why, whether a read or a write, and
  /// what the guest's kernel was doing.
  ///
  /// An interrupt that meets an idle CPU is no exit: no guest ran there. Those are `wakeUps`.
  public struct Exits: Equatable, Sendable {
    /// Phase of a guest's life in which an exit occurs.
    public enum Occasion: String, CaseIterable, Sendable {
      /// The guest's kernel boots, and its drivers bring their devices up.
      case setup = "set-up"
      /// The guest's kernel does something while its devices work: it masks, moves an interrupt,
      /// unmaps a buffer.
      case run
      /// A driver lets its device go.
      case tearDown = "tear-down"
      /// An interrupt is delivered.
      case delivery
      /// A virtual CPU has nothing to do.
      case idle
    }

    /// Exits that are alike.
    public struct Count: Equatable, Sendable {
      public let occasion: Occasion
      public let cause: ExitCause
      /// Activity of the guest's kernel; `nil` if it was idle, or if no access vector names the
      /// activity.
      public let phase: KernelPhase?
      /// Whether the guest read, or wrote; `nil` for an exit that is no access.
      public let isRead: Bool?
      public internal(set) var count: Int
    }

    /// In the order of their first appearance.
    public private(set) var counts: [Count] = []
    /// Interrupts that the host took on a CPU on which no guest ran.
    public package(set) var wakeUps = 0
    /// The place of the exit that was counted last: the next one is often like it.
    private var last = 0

    public init() {}

    /// Counts an exit.
    package mutating func add(
      _ cause: ExitCause, on occasion: Occasion, _ phase: KernelPhase? = nil, isRead: Bool? = nil,
      count: Int = 1
    ) {
      func isAlike(_ other: Count) -> Bool {
        other.cause == cause && other.occasion == occasion && other.phase == phase
          && other.isRead == isRead
      }
      if counts.indices.contains(last), isAlike(counts[last]) {
        counts[last].count += count
      } else if let place = counts.firstIndex(where: isAlike) {
        counts[place].count += count
        last = place
      } else {
        last = counts.count
        counts.append(
          Count(occasion: occasion, cause: cause, phase: phase, isRead: isRead, count: count))
      }
    }

    public static func == (one: Self, other: Self) -> Bool {
      one.counts == other.counts && one.wakeUps == other.wakeUps
    }

    /// Exits on an occasion.
    public subscript(occasion: Occasion) -> Int {
      counts.reduce(0) { $1.occasion == occasion ? $0 + $1.count : $0 }
    }

    public var setup: Int { self[.setup] }
    public var delivery: Int { self[.delivery] }

    /// All of them.
    public var total: Int { counts.reduce(0) { $0 + $1.count } }

    /// Exits of one cause.
    public struct Cause: Equatable, Sendable {
      public let cause: ExitCause
      public var count: Int

      public var name: String { cause.name }
    }

    /// All of them by cause, in the order of the causes' first appearance.
    public var causes: [Cause] {
      counts.reduce(into: []) { causes, count in
        if let place = causes.firstIndex(where: { $0.cause == count.cause }) {
          causes[place].count += count.count
        } else {
          causes.append(Cause(cause: count.cause, count: count.count))
        }
      }
    }

    /// A row of a table of exits: one occasion, what the guest's kernel was doing, and one cause.
    public struct Row: Equatable, Sendable {
      public let occasion: Occasion
      public let phase: KernelPhase?
      public let cause: ExitCause
      public var reads = 0
      public var writes = 0
      /// Exits that are no access.
      public var others = 0

      public var total: Int { reads + writes + others }
    }

    /// The rows by occasion, each in the order of its first exit.
    public var rows: [Row] {
      Occasion.allCases.flatMap { occasion in
        var rows: [Row] = []
        for count in counts where count.occasion == occasion {
          let place =
            rows.firstIndex { $0.phase == count.phase && $0.cause == count.cause } ?? rows.count
          if place == rows.count {
            rows.append(Row(occasion: occasion, phase: count.phase, cause: count.cause))
          }
          switch count.isRead {
          case true?: rows[place].reads += count.count
          case false?: rows[place].writes += count.count
          case nil: rows[place].others += count.count
          }
        }
        return rows
      }
    }
  }
}
