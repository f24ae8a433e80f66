package import Designs
package import Files
package import Linux
import Timing

/// One condition of a run: everything about it that files, their schema, options, axes, help and
/// reports need, in one place.
///
/// Its name is the path of its field with `-` between the parts; the fields of `machine` stand for
/// themselves. `--NAME` is its option, `--axis NAME` its axis, and JSON and CSV call it so.
package struct Condition: Sendable {
  /// A value that lists of values show.
  package struct Value: Sendable {
    package let text: String
    /// One sentence.
    package let meaning: String
  }

  /// Makes a run have a value.
  package typealias Change = @Sendable (inout Conditions) -> Void

  package let name: String
  /// Path of its field in scenario files.
  package let field: [String]
  /// Property that varies, in one sentence.
  package let meaning: String
  /// The values of a closed list, or those that an axis shows where none are named.
  package let values: [Value]
  /// Whether it has no values but those that are listed.
  package let isClosed: Bool
  /// Placeholder of a value in help: `kernel`, `n`.
  package let placeholder: String
  /// Shape that a field must have.
  let shape: Shape
  /// Default of an absent field; `nil` for a field that must be there, or that follows from others.
  let standard: JSONValue?
  let isRequired: Bool
  /// Use of it as an axis of matrices.
  let axis: AxisUse
  private let read: @Sendable (Conditions) -> String
  private let make: @Sendable (String, ScenarioFolder, Place?) throws(ConditionError) -> Change

  /// Use of a condition as an axis of matrices.
  enum AxisUse: Sendable {
    /// Not at all: it decides about nothing that a matrix shows.
    case none
    /// Only if it is asked for.
    case asked
    /// Also in the overview of all axes.
    case overview
  }

  /// Whether its values are whole numbers.
  package var isNumber: Bool { if case .integer = shape { true } else { false } }

  /// Whether conditions have what a file that says nothing has; never where a file must say.
  package func isPlain(in conditions: Conditions) -> Bool {
    !isRequired && read(conditions) == read(Self.plain)
  }

  /// Whether the overview of all axes shows it.
  package var isInOverview: Bool { axis == .overview }

  /// The option that sets it.
  package var option: String { "--\(name)" }

  /// The value that conditions have, as an option or a file would give it.
  package func text(of conditions: Conditions) -> String { read(conditions) }

  /// Returns the change that makes a run have the value that an option or an axis gives.
  ///
  /// - Parameters:
  ///   - folder: folder in which the names of files are looked up.
  ///   - origin: option or axis that gave it: `--guest-usage`.
  package func change(
    to text: String, in folder: ScenarioFolder, from origin: String
  ) throws(InputError) -> Change {
    do { return try make(text, folder, nil) } catch {
      throw InputError("\(origin): \(error.message)", at: error.place)
    }
  }

  /// The same, for the value of a field.
  func change(to value: CheckedValue, in folder: ScenarioFolder) throws(InputError) -> Change {
    let text = try value.conditionText
    do { return try make(text, folder, value.place) } catch {
      throw InputError(error.message, at: error.place ?? value.place, field: value.field)
    }
  }
}

/// Error of a text that is no value of a condition.
struct ConditionError: Error {
  /// Message with the expected and the found value.
  let message: String
  /// Place in another file, for a file that could not be read.
  var place: Place?

  init(_ message: String, at place: Place? = nil) {
    self.message = message
    self.place = place
  }
}

extension CheckedValue {
  /// A value as an option would give it.
  fileprivate var conditionText: String {
    get throws(InputError) {
      switch content {
      case .text(let text): return text
      case .integer(let value): return String(value)
      case .boolean, .number, .list: return plainText
      case .mapping: return try kernel.description
      }
    }
  }

  /// The kernel that a field names: a release, or a mapping with `release`, `with` and `without`.
  package var kernel: Kernel {
    get throws(InputError) {
      let names = { (list: String) in self[list]?.items ?? [] }
      do throws(KernelNameError) {
        guard case .mapping = content else { return try Kernel(name: text) }
        return try Kernel(
          release: text("release"), with: names("with").map(\.text),
          without: names("without").map(\.text))
      } catch {
        let culprit = (names("with") + names("without")).first { $0.text == error.name }
        let value = culprit ?? self["release"] ?? self
        throw InputError(error.message(about: value.text), at: value.place, field: value.field)
      }
    }
  }
}

extension KernelNameError {
  /// The switch that is at fault.
  fileprivate var name: String? {
    switch self {
    case .malformed, .unknownRelease: nil
    case .unknownSwitch(let name): name
    case .unsuitable(let item, _): item.rawValue
    }
  }

  /// Returns a message with the expected and the found value.
  func message(about text: String) -> String {
    switch self {
    case .malformed: return "expected \(Kernel.expectation), found \(text.quoted)"
    case .unknownRelease(let release):
      return "expected a release that the models know, \(Kernel.oldest) to \(Kernel.newest), found "
        + "\(release.description.quoted)"
    case .unknownSwitch(let name):
      let names = ReleaseSwitch.allCases.map(\.rawValue)
      return "expected a switch of the release table ('doorbell releases list'), found "
        + name.quoted + suggestion(for: name, among: names)
    case .unsuitable(let item, let reason):
      return "expected a switch of a Linux kernel, found \(item.rawValue.quoted), which \(reason)"
    }
  }
}

extension Kernel {
  /// Name of a kernel, for messages.
  static let expectation = "a kernel release such as 6.5 or 6.12+sw-msi-native+no-require-direct"
}

// How entries are made.
extension Condition {
  /// A choice among the cases of an enumeration.
  init<Word: Choice>(
    _ field: String, _ path: any WritableKeyPath<Conditions, Word> & Sendable, _ meaning: String,
    axis: AxisUse = .asked
  ) {
    let values = Word.allCases.map { Value(text: $0.rawValue, meaning: $0.meaning) }
    let names = values.map(\.text)
    self.init(
      field, meaning, values: values, isClosed: true,
      shape: .choice(of: Word.self, \.meaning),
      standard: .string(Self.plain[keyPath: path].rawValue), axis: axis,
      read: { $0[keyPath: path].rawValue },
      make: { text, _, _ throws(ConditionError) in
        guard let word = Word(rawValue: text) else {
          throw ConditionError(
            "expected \(alternatives(names)), found \(text.quoted)"
              + suggestion(for: text, among: names))
        }
        return { $0[keyPath: path] = word }
      })
  }

  /// A kernel, of which an axis shows the releases at which a result changes.
  init(
    _ field: String, _ path: any WritableKeyPath<Conditions, Kernel> & Sendable, _ meaning: String,
    of side: ReleaseRecord.Sides
  ) {
    self.init(
      field, meaning, values: Kernel.turningPoints(of: side), placeholder: "kernel",
      shape: .kernel, isRequired: true, axis: .overview,
      read: { $0[keyPath: path].description },
      make: { text, _, _ throws(ConditionError) in
        let kernel: Kernel
        do throws(KernelNameError) { kernel = try Kernel(name: text) } catch {
          throw ConditionError(error.message(about: text))
        }
        return { $0[keyPath: path] = kernel }
      })
  }

  /// A whole number.
  ///
  /// - Parameters:
  ///   - listed: values that an axis shows, with their meanings.
  ///   - standard: whether the plain value is the default of an absent field.
  init(
    _ field: String, _ path: any WritableKeyPath<Conditions, Int> & Sendable, _ meaning: String,
    _ range: ClosedRange<Int>, listed: KeyValuePairs<String, String> = [:],
    hasStandard: Bool = true, axis: AxisUse = .asked
  ) {
    self.init(
      field, meaning, values: listed.map { Value(text: $0, meaning: $1) }, placeholder: "n",
      shape: .integer(UInt64(range.lowerBound)...UInt64(range.upperBound)),
      standard: hasStandard ? .integer(Self.plain[keyPath: path]) : nil, axis: axis,
      read: { String($0[keyPath: path]) },
      make: { text, _, _ throws(ConditionError) in
        guard let number = Int(text), range.contains(number) else {
          throw ConditionError(
            "expected \(range.lowerBound) to \(range.upperBound), found \(text.quoted)")
        }
        return { $0[keyPath: path] = number }
      })
  }

  init(
    _ field: String, _ meaning: String, values: [Value] = [], isClosed: Bool = false,
    placeholder: String = "", shape: Shape, standard: JSONValue? = nil, isRequired: Bool = false,
    axis: AxisUse, read: @escaping @Sendable (Conditions) -> String,
    make: @escaping @Sendable (String, ScenarioFolder, Place?) throws(ConditionError) -> Change
  ) {
    let parts = field.split(separator: ".").map(String.init)
    self.field = parts
    name = (parts.first == "machine" ? parts.dropFirst() : parts[...]).joined(separator: "-")
    self.meaning = meaning
    self.values = values
    self.isClosed = isClosed
    self.placeholder = placeholder
    self.shape = shape
    self.standard = standard
    self.isRequired = isRequired
    self.axis = axis
    self.read = read
    self.make = make
  }

  /// Conditions of a scenario that states none.
  private static let plain = Conditions(
    guestKernel: Kernel(Kernel.newest), hostKernel: Kernel(Kernel.newest),
    costs: CostModel(name: Scenario.standardCosts, platform: "", costs: [:]))
}

extension Kernel {
  /// The oldest release, and those at which a result of this side changes, with what does.
  static func turningPoints(of side: ReleaseRecord.Sides) -> [Condition.Value] {
    var points: [(release: Release, meanings: [String])] = [
      (Kernel.oldest, ["The oldest Linux that the models know."])
    ]
    for item in ReleaseSwitch.allCases {
      let record = item.record
      guard case .results(let sides) = record.effect, sides.contains(side),
        record.program == .linux
      else { continue }
      for release in record.releases {
        let text = "\(item.rawValue): \(record.meaning)"
        if let index = points.firstIndex(where: { $0.release == release }) {
          points[index].meanings.append(text)
        } else {
          points.append((release, [text]))
        }
      }
    }
    return points.sorted { $0.release < $1.release }.map {
      Condition.Value(
        text: $0.release.description, meaning: $0.meanings.joined(separator: " "))
    }
  }
}
