/// Record of a switch: its program, its first release, its source and its effect.
public struct ReleaseRecord: Sendable {
  /// The program that has the behaviour.
  public enum Program: String, CaseIterable, Sendable {
    case linux = "Linux"
    case qemu = "QEMU"
    case openVMM = "OpenVMM"
    case cloudHypervisor = "Cloud Hypervisor"
    case hyperV = "Hyper-V"
  }

  /// State of a behaviour on its way into a release.
  public enum State: Equatable, Sendable {
    /// Part of this release and of later ones.
    case merged(Release)
    /// Part of the tree; the first release is known only by this bound.
    case mergedBy(Release)
    /// In the program's tree, in no release that is known.
    case inTree
    /// On a public list, at this date, and in no known release.
    case posted(String)
    /// On a developer's branch.
    case workInProgress
    /// Described, and never posted as a patch.
    case neverPosted
  }

  /// Sides whose results a behaviour changes.
  public struct Sides: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let guest = Self(rawValue: 1)
    public static let host = Self(rawValue: 2)
  }

  /// Effect of a behaviour in the models.
  public enum Effect: Equatable, Sendable {
    /// Runs end otherwise: another verdict, message, reason or number of exits.
    case results(Sides)
    /// Runs take other steps to the same end.
    case steps(Sides)
    /// Only scripts on a bench of its subsystem show it.
    case scripts
    /// None yet.
    case none
  }

  public let program: Program
  public let state: State
  /// Stable releases that brought it to lines older than `state`'s.
  public let backports: [Release]
  /// A commit, a message's identifier, a thread or a function.
  public let source: String
  /// Change that it makes, in one line.
  public let meaning: String
  public let effect: Effect
  /// The choice of a design that brings it, as `axis: word`, or the field of a machine that does;
  /// `nil` for a behaviour of its own.
  public let choice: String?

  init(
    program: Program = .linux, _ state: State, backports: [Release] = [], _ source: String,
    _ meaning: String, _ effect: Effect, choice: String? = nil
  ) {
    self.program = program
    self.state = state
    self.backports = backports
    self.source = source
    self.meaning = meaning
    self.effect = effect
    self.choice = choice
  }

  /// Whether this release of the program has it.
  func isPart(of release: Release) -> Bool {
    guard program == .linux else { return false }
    switch state {
    case .merged(let first), .mergedBy(let first):
      return release >= first || backports.contains { release >= $0 && release.isOfLine($0) }
    case .inTree, .posted, .workInProgress, .neverPosted: return false
    }
  }

  /// Whether any release has it.
  public var isReleased: Bool {
    switch state {
    case .merged, .mergedBy: true
    case .inTree, .posted, .workInProgress, .neverPosted: false
    }
  }

  /// The releases from which on it is there, the stable ones first: `6.18.15, 7.0`.
  public var releases: [Release] {
    switch state {
    case .merged(let first), .mergedBy(let first): backports + [first]
    case .inTree, .posted, .workInProgress, .neverPosted: []
    }
  }
}

extension ReleaseRecord.State: CustomStringConvertible {
  public var description: String {
    switch self {
    case .merged(let release): "merged in \(release)"
    case .mergedBy(let release): "merged in \(release) at the latest"
    case .inTree: "in the tree, in no known release"
    case .posted(let date): "posted \(date), not merged"
    case .workInProgress: "work in progress"
    case .neverPosted: "never posted"
    }
  }

  /// One word for programs.
  public var word: String {
    switch self {
    case .merged, .mergedBy: "merged"
    case .inTree: "in-tree"
    case .posted: "posted"
    case .workInProgress: "work-in-progress"
    case .neverPosted: "never-posted"
    }
  }
}

extension ReleaseRecord.Effect: CustomStringConvertible {
  public var description: String {
    switch self {
    case .results(let sides): "results\(sides.text)"
    case .steps(let sides): "steps\(sides.text)"
    case .scripts: "scripts"
    case .none: "none yet"
    }
  }
}

extension ReleaseRecord.Sides {
  fileprivate var text: String {
    switch self {
    case .guest: " (guest)"
    case .host: " (host)"
    default: " (guest, host)"
    }
  }
}
