/// A Linux kernel: a release, with some behaviours of other releases or of posted patches in it and
/// some of its own left out.
///
/// Models ask `has` and never compare releases themselves.
public struct Kernel: Hashable, Sendable {
  public let release: Release
  /// Switches that it has and its release has not.
  public let with: Set<ReleaseSwitch>
  /// Switches that its release has and it has not.
  public let without: Set<ReleaseSwitch>
  /// A bit for each switch of the table, by its place there.
  private let features: UInt128

  /// The oldest line of releases that the models know: that of the oldest recorded machines.
  public static let oldest = Release(5, 10)
  /// The newest line of releases that the models know: that of the shipped recordings.
  public static let newest = Release(7, 3)

  /// - Parameters:
  ///   - with: switches to add; those that the release has anyway change nothing.
  ///   - without: switches to take out.
  public init(
    _ release: Release, with: Set<ReleaseSwitch> = [], without: Set<ReleaseSwitch> = []
  ) {
    self.release = release
    self.with = with
    self.without = without
    var features: UInt128 = 0
    for (place, item) in ReleaseSwitch.allCases.enumerated() {
      let has = item.record.isPart(of: release) || with.contains(item)
      if has && !without.contains(item) { features |= 1 << UInt128(place) }
    }
    self.features = features
  }

  public init(_ major: Int, _ minor: Int) { self.init(Release(major, minor)) }

  /// Whether the kernel behaves as the switch says.
  public func has(_ item: ReleaseSwitch) -> Bool {
    features & (1 << UInt128(item.place)) != 0
  }

  /// Whether the models know the release: not older than `oldest`, not newer than `newest` and its
  /// stable releases.
  public var isKnown: Bool {
    release >= Self.oldest
      && (release.major, release.minor) <= (Self.newest.major, Self.newest.minor)
  }

  /// Switches that it has and no released kernel has, in the table's order.
  public var unreleased: [ReleaseSwitch] {
    ReleaseSwitch.allCases.filter { with.contains($0) && !$0.record.isReleased }
  }
}

/// Thrown when a text names no kernel.
public enum KernelNameError: Error, Equatable, Sendable {
  /// It has another form.
  case malformed
  /// The models know neither this release nor what it does.
  case unknownRelease(Release)
  /// There is no switch with this name.
  case unknownSwitch(String)
  /// The switch is none of a Linux kernel by itself; why, in a few words.
  case unsuitable(ReleaseSwitch, String)
}

extension Kernel: CustomStringConvertible {
  /// Reads what `description` writes: a release, and behind it `+NAME` for each switch that is added
  /// and `+no-NAME` for each that is taken out.
  public init(name: some StringProtocol) throws(KernelNameError) {
    let parts = String(name).split(separator: "+", omittingEmptySubsequences: false)
      .map { String($0) }
    var with: [String] = []
    var without: [String] = []
    for part in parts.dropFirst() {
      if part.hasPrefix("no-") {
        without.append(String(part.dropFirst(3)))
      } else {
        with.append(part)
      }
    }
    try self.init(release: parts[0], with: with, without: without)
  }

  /// A kernel by the names of its release and of its switches.
  public init(
    release text: String, with added: [String], without taken: [String]
  ) throws(KernelNameError) {
    guard let release = Release(text) else { throw .malformed }
    let kernel = Kernel(
      release, with: try Self.switches(added), without: try Self.switches(taken))
    guard kernel.isKnown else { throw .unknownRelease(release) }
    if let both = ReleaseSwitch.allCases.first(where: {
      kernel.with.contains($0) && kernel.without.contains($0)
    }) {
      throw .unsuitable(both, "stands among those to add and those to take out")
    }
    self = kernel
  }

  private static func switches(_ names: [String]) throws(KernelNameError) -> Set<ReleaseSwitch> {
    var found: Set<ReleaseSwitch> = []
    for name in names {
      guard let item = ReleaseSwitch(rawValue: name) else { throw .unknownSwitch(name) }
      let record = item.record
      guard record.program == .linux else {
        throw .unsuitable(item, "is of \(record.program.rawValue), not of a kernel")
      }
      if let choice = record.choice {
        throw .unsuitable(item, "comes with the choice '\(choice)'")
      }
      found.insert(item)
    }
    return found
  }

  /// `6.12+sw-msi-native+no-require-direct`, in the table's order.
  public var description: String {
    let added = ReleaseSwitch.allCases.filter(with.contains).map { "+\($0.rawValue)" }
    let taken = ReleaseSwitch.allCases.filter(without.contains).map { "+no-\($0.rawValue)" }
    return release.description + (added + taken).joined()
  }
}
