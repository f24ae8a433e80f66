package import Designs
package import Files
import Guest
import Linux
import VMM

/// One thing that a comparison varies besides the design.
package struct ComparisonAxis: Sendable {
  /// A value on the axis, and the change of a run that it stands for.
  package struct Value: Sendable {
    package let name: String
    /// What it means, in one line.
    package let meaning: String
    /// The options of `doorbell compare` and `doorbell explain` that make a run have it.
    package let arguments: [String]
    let change: @Sendable (inout RunSpecification) -> Void

    /// Makes a run have the value.
    package func apply(to specification: inout RunSpecification) { change(&specification) }
  }

  package let name: String
  /// What varies, in one line.
  package let meaning: String
  /// The values, in the order in which columns stand.
  package let values: [Value]
  /// Whether its values are choices of the design rather than conditions of the run.
  package var variesDesign: Bool { values.allSatisfy(\.arguments.isEmpty) }
  /// What names a value, for error messages.
  let expectation: String
  private let read: @Sendable (RunSpecification) -> String
  /// The value with this name, which an open axis may have without listing it.
  private let make: @Sendable (String) -> Value?

  /// The name of the value that a run has.
  package func value(of specification: RunSpecification) -> String { read(specification) }

  /// The same axis with these values only.
  ///
  /// - Throws: `InputError` for a name that stands for no value, or that is named twice.
  package func narrowed(to names: [String]) throws(InputError) -> ComparisonAxis {
    var chosen: [Value] = []
    for name in names {
      guard let value = make(name) else {
        throw InputError(
          "--axis \(self.name): expected \(expectation), found \(name.quoted)"
            + suggestion(for: name, among: values.map(\.name)))
      }
      guard !chosen.contains(where: { $0.name == value.name }) else {
        throw InputError("--axis \(self.name): expected each value once, found '\(name)' twice")
      }
      chosen.append(value)
    }
    return ComparisonAxis(
      name: self.name, meaning: meaning, values: chosen, expectation: expectation, read: read,
      make: make)
  }

  /// The same axis with one of its values.
  func only(_ value: Value) -> ComparisonAxis {
    ComparisonAxis(
      name: name, meaning: meaning, values: [value], expectation: expectation, read: read,
      make: make)
  }

  private init(
    name: String, meaning: String, values: [Value], expectation: String,
    read: @escaping @Sendable (RunSpecification) -> String,
    make: @escaping @Sendable (String) -> Value?
  ) {
    self.name = name
    self.meaning = meaning
    self.values = values
    self.expectation = expectation
    self.read = read
    self.make = make
  }

  /// An axis of which every case of an enumeration is a value.
  init<Word: CaseIterable & RawRepresentable<String> & Sendable>(
    _ name: String, _ path: any WritableKeyPath<RunSpecification, Word> & Sendable, option: String,
    _ meaning: String, means: (Word) -> String
  ) {
    let values = Word.allCases.map { word in
      Value(
        name: word.rawValue, meaning: means(word), arguments: [option, word.rawValue],
        change: { $0[keyPath: path] = word })
    }
    self.init(
      name: name, meaning: meaning, values: values,
      expectation: alternatives(values.map(\.name)),
      read: { $0[keyPath: path].rawValue },
      make: { name in values.first { $0.name == name } })
  }

  /// An axis of designs: another choice than the design's own, which makes it a variant.
  private init(_ axis: DesignAxis) {
    let values = axis.choices.map { choice in
      Value(name: choice.word, meaning: choice.meaning, arguments: []) { specification in
        var design = specification.design
        guard axis.choose(choice.word, for: &design) else { return }
        specification.design = design.named(after: specification.design)
      }
    }
    self.init(
      name: axis.name, meaning: axis.question, values: values,
      expectation: alternatives(values.map(\.name)), read: { axis.word(of: $0.design) },
      make: { name in values.first { $0.name == name } })
  }

  /// An axis of kernel releases, of which those are listed at which something changes.
  private init(
    _ name: String, _ path: any WritableKeyPath<RunSpecification, KernelVersion> & Sendable,
    option: String, _ meaning: String, _ releases: KeyValuePairs<String, String>
  ) {
    let meanings = releases.map { ($0, $1) }
    let make: @Sendable (String) -> Value? = { text in
      guard let version = KernelVersion(text) else { return nil }
      let meaning = meanings.first { $0.0 == version.description }?.1
      return Value(
        name: version.description, meaning: meaning ?? "Linux \(version).",
        arguments: [option, version.description], change: { $0[keyPath: path] = version })
    }
    self.init(
      name: name, meaning: meaning, values: meanings.compactMap { make($0.0) },
      expectation: "a kernel release such as 6.5",
      read: { $0[keyPath: path].description }, make: make)
  }
}

extension ComparisonAxis {
  /// All axes, in the order in which reports show them.
  package static let all: [ComparisonAxis] = [
    usage, guestKernel, hostKernel, firmware, delivery, idle, vmm, guestPageSize, hostPageSize, its,
    hostController,
  ]

  package static let usage = ComparisonAxis(
    "usage", \.usage, option: "--guest-usage", "How the guest uses the device.",
    means: \.meaning)

  static let guestKernel = ComparisonAxis(
    "guest-kernel", \.guestKernel, option: "--guest-kernel", "The guest's Linux.",
    [
      "5.19":
        "The last Linux that does not read RMRs (iort_iommu_rmr_get_resv_regions is new in 6.0); it "
        + "has no iommufd (new in 6.2).",
      "6.5": "The last Linux whose VFIO may block a device with a direct region.",
      "6.6": "The first Linux that refuses such a device (commit a48ce36e2786).",
      "7.3": "The Linux of the shipped recordings.",
    ])

  static let hostKernel = ComparisonAxis(
    "host-kernel", \.hostKernel, option: "--host-kernel", "The host's Linux.",
    [
      "6.12": "The last Linux without vIOMMU objects (drivers/iommu/iommufd/viommu.c).",
      "6.14": "The last Linux whose iommufd maps no doorbell by itself.",
      "6.15": "The first Linux whose iommufd does (commit 40f5175d0eb7).",
      "7.3": "The Linux of the shipped recordings.",
    ])

  static let firmware = ComparisonAxis(
    "firmware", \.firmware, option: "--firmware", "What the guest's firmware tables leave out.",
    means: \.meaning)

  static let delivery = ComparisonAxis(
    .delivery)

  static let idle = ComparisonAxis(
    "idle", \.idle, option: "--idle", "What the guest's virtual CPU does between interrupts.",
    means: \.meaning)

  static let vmm = ComparisonAxis(
    "vmm", \.vmm, option: "--vmm", "Whose address map the guest has.", means: \.meaning)

  static let guestPageSize = ComparisonAxis(
    "guest-page-size", \.guestPageSize, option: "--guest-page-size", "The guest's page size.",
    means: \.meaning)

  static let hostPageSize = ComparisonAxis(
    "host-page-size", \.hostPageSize, option: "--host-page-size", "The host's page size.",
    means: \.meaning)

  /// One device on each ITS.
  package static let its = ComparisonAxis(
    name: "its", meaning: "Physical ITSs, with a device on each.",
    values: ["1", "2"].compactMap(ComparisonAxis.itses),
    expectation: "1 to \(Topology.maximumITSs)", read: { String($0.topology.itses) },
    make: ComparisonAxis.itses)

  @Sendable private static func itses(_ text: String) -> Value? {
    guard let count = Int(text), (1...Topology.maximumITSs).contains(count) else { return nil }
    return Value(
      name: text, meaning: count == 1 ? "One ITS." : "\(count) ITSs, with a device on each.",
      arguments: ["--its", text]
    ) {
      $0.topology.itses = count
      $0.topology.devices = max(count, $0.topology.smmus)
    }
  }

  static let hostController = ComparisonAxis(
    "host-controller", \.topology.controller, option: "--host-controller",
    "What takes the physical MSIs.", means: \.meaning)

  /// The axis that an option such as `usage` or `guest-kernel=6.5,6.6` asks for.
  ///
  /// - Throws: `InputError` for an axis or a value that does not exist.
  package init(option: String) throws(InputError) {
    let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts.first ?? "")
    guard let axis = Self.all.first(where: { $0.name == name }) else {
      let names = Self.all.map(\.name)
      throw InputError(
        "--axis: expected \(alternatives(names)), found \(name.quoted)"
          + suggestion(for: name, among: names))
    }
    guard parts.count > 1 else {
      self = axis
      return
    }
    self = try axis.narrowed(
      to: parts[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init))
  }

  /// The axes that options ask for, each once; guest usages where none does.
  package static func chosen(_ options: [String]) throws(InputError) -> [ComparisonAxis] {
    var axes: [ComparisonAxis] = []
    for option in options {
      let axis = try ComparisonAxis(option: option)
      guard !axes.contains(where: { $0.name == axis.name }) else {
        throw InputError("--axis: expected each axis once, found '\(axis.name)' twice")
      }
      axes.append(axis)
    }
    return axes.isEmpty ? [.usage] : axes
  }
}
