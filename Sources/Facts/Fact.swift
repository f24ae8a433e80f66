/// Something that a model takes from a real source: what stands where, in which releases, and which
/// part of Doorbell rests on it.
package struct Fact: Equatable, Sendable {
  /// The source it is read from.
  package enum Project: String, CaseIterable, Sendable {
    case linux, qemu
    case cloudHypervisor = "cloud-hypervisor"
    case openvmm
  }

  /// The part of a file that the claim is about.
  package enum Scope: Equatable, Sendable {
    /// The whole file, functions included.
    case file
    case function(String)
    case macro(String)
    case enumerator(String)
    /// A structure, a union or an enumeration, with its members.
    case structure(String)
    /// A constant, or what a variable is initialised with.
    case constant(String)

    package var name: String? {
      switch self {
      case .file: nil
      case .function(let name), .macro(let name), .enumerator(let name), .structure(let name),
        .constant(let name):
        name
      }
    }
    /// The scope in words.
    package var description: String {
      switch self {
      case .file: "the file"
      case .function(let name): "\(name)()"
      case .macro(let name): "#define \(name)"
      case .enumerator(let name): "enumerator \(name)"
      case .structure(let name): "struct \(name)"
      case .constant(let name): "constant \(name)"
      }
    }
  }

  package enum Claim: Equatable, Sendable {
    /// The scope exists.
    case exists
    /// Its value is this expression, numbers in any base.
    case value(String)
    /// These pieces of source stand in it, in this order, with anything between.
    case holds([String])
    /// This piece of source does not stand in it.
    case lacks(String)

    /// The claim in words.
    package var description: String {
      switch self {
      case .exists: "exists"
      case .value(let value): "= \(value)"
      case .holds(let pieces): pieces.joined(separator: " ... ")
      case .lacks(let piece): "without \(piece)"
      }
    }
  }

  /// The releases of the project that a fact holds for.
  package struct Releases: Equatable, Sendable {
    /// The first; `nil` for all up to the last.
    package var first: Release?
    /// The last; `nil` for all from the first on.
    package var last: Release?
    /// Releases of older series from which on it holds too, such as 6.18.15.
    package var backports: [Release] = []

    package static let all = Self()

    /// Whether it holds for a release.
    package func contains(_ release: Release) -> Bool {
      if backports.contains(where: { $0.isSameSeries(as: release) && $0 <= release }) {
        return true
      }
      if let first, release < first { return false }
      if let last, last.series < release.series { return false }
      return true
    }

    package var description: String {
      let range =
        switch (first, last) {
        case (nil, nil): "all"
        case (let first?, nil): "from \(first)"
        case (nil, let last?): "until \(last)"
        case (let first?, let last?): "\(first) to \(last)"
        }
      return backports.isEmpty
        ? range : "\(range), \(backports.map(\.description).joined(separator: ", "))"
    }
  }

  /// Stable across releases of Doorbell: tests and scripts name it.
  package let name: String
  package let project: Project
  /// From the top of the project's tree.
  package let file: String
  package let scope: Scope
  package let claim: Claim
  package let releases: Releases
  /// Meaning for the models, in one line.
  package let meaning: String
  /// The files of Doorbell that use it, from the top of its checkout.
  package let usedBy: [String]
  /// The scenarios that rest on it, from the top of `scenarios`.
  package let scenarios: [String]
  /// The release switch whose state on a tree this fact shows.
  package let releaseSwitch: String?

  init(
    _ name: String, in project: Project = .linux, _ file: String, _ scope: Scope, _ claim: Claim,
    _ meaning: String, from first: Release? = nil, until last: Release? = nil,
    backports: [Release] = [], usedBy: [String], scenarios: [String] = [],
    releaseSwitch: String? = nil
  ) {
    self.name = name
    self.project = project
    self.file = file
    self.scope = scope
    self.claim = claim
    self.meaning = meaning
    releases = Releases(first: first, last: last, backports: backports)
    self.usedBy = usedBy
    self.scenarios = scenarios
    self.releaseSwitch = releaseSwitch
  }
}

/// A release of a project by its numbers, such as 6.18.15; marks of candidates are left out.
package struct Release: Comparable, Hashable, Sendable, CustomStringConvertible,
  ExpressibleByStringLiteral
{
  package let numbers: [Int]

  package init(numbers: [Int]) { self.numbers = numbers }

  package init(stringLiteral text: String) { numbers = Self.numbers(text) }

  /// The leading numbers of a text; `nil` without any.
  package init?(_ text: String) {
    numbers = Self.numbers(text)
    if numbers.isEmpty { return nil }
  }

  private static func numbers(_ text: String) -> [Int] {
    text.prefix { $0.isNumber || $0 == "." }.split(separator: ".").prefix(4).compactMap { Int($0) }
  }

  /// The first two numbers.
  var series: Release { Release(numbers: Array(numbers.prefix(2))) }
  func isSameSeries(as other: Release) -> Bool { series == other.series }

  package static func < (one: Release, two: Release) -> Bool {
    one.numbers.lexicographicallyPrecedes(two.numbers)
  }
  package var description: String { numbers.map(String.init).joined(separator: ".") }
}
