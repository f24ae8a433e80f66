package import Attacks
package import Designs
package import Engine
package import Files
import Foundation

/// The results of the expectations of one scenario file.
package struct ScenarioTest: Sendable {
  /// The expectations of one design.
  package struct Part: Sendable {
    package let design: String
    package let checks: [FieldCheck]
    /// Reason for the design's result; `nil` for a step of a script.
    package let why: String?

    package init(design: String, checks: [FieldCheck], why: String? = nil) {
      self.design = design
      self.checks = checks
      self.why = why
    }

    package var failures: [FieldCheck] { checks.filter { !$0.holds } }
  }

  package enum Outcome: Sendable {
    case ran([Part])
    /// The file, or what it names, is malformed.
    case malformed(InputError)
  }

  package let file: String
  package let purpose: String
  package let outcome: Outcome
  /// `nil` for a scenario without a golden record.
  package var golden: GoldenCheck?
  /// Reason why the expectations are known not to hold; `nil` if they must.
  package var knownFailure: String?
  /// Whether the file is a script, which has steps instead of designs.
  package var isScript = false
  /// Duration of the test; `nil` if it was not measured.
  package var duration: Duration?

  /// The result of the test, in one word for each kind of result.
  package enum Result: String, CaseIterable, Sendable {
    case passed = "ok"
    /// The file has no expectation, so that nothing was tested.
    case expectsNothing = "expects nothing"
    /// The expectations do not hold, as the file says.
    case failedAsKnown = "known failure"
    case failed
    /// The expectations hold although the file says that they do not.
    case passedUnexpectedly = "unexpectedly ok"
    case malformed

    /// Whether the command fails by it.
    package var isFailure: Bool { self == .failed || self == .passedUnexpectedly }
  }

  package var result: Result {
    if error != nil { return .malformed }
    if checks == 0 { return .expectsNothing }
    return switch (failures > 0, knownFailure != nil) {
    case (false, false): .passed
    case (false, true): .passedUnexpectedly
    case (true, false): .failed
    case (true, true): .failedAsKnown
    }
  }

  /// Comparison of a scenario's golden record with the present results of its designs.
  package struct GoldenCheck: Equatable, Sendable {
    package let path: String
    /// None when it holds.
    package let differences: [Golden.Difference]

    package init(path: String, differences: [Golden.Difference]) {
      self.path = path
      self.differences = differences
    }
  }

  package init(file: String, purpose: String, outcome: Outcome) {
    self.file = file
    self.purpose = purpose
    self.outcome = outcome
  }

  /// The designs with expectations; none for a malformed file.
  package var parts: [Part] { if case .ran(let parts) = outcome { parts } else { [] } }
  /// Number of expectations that do not hold, the golden record among them.
  package var failures: Int {
    parts.reduce(golden?.differences.isEmpty == false ? 1 : 0) { $0 + $1.failures.count }
  }
  /// Number of expectations, the golden record among them.
  package var checks: Int { parts.reduce(golden == nil ? 0 : 1) { $0 + $1.checks.count } }
  package var error: InputError? { if case .malformed(let error) = outcome { error } else { nil } }
}

extension ScenarioFolder {
  /// Runs the scenario in the file at `path` and checks its expectations, and its golden record
  /// where it has one.
  package func test(
    _ path: String,
    by engine: @escaping Runner = { specification throws(RunFailure) in try specification.run() }
  ) async -> ScenarioTest {
    do throws(InputError) {
      var scenario = try scenario(named: path)
      let record = Golden.path(forScenario: path)
      scenario.wantsMappings = InputFile.exists(record)
      let comparison = await scenario.run(by: engine)
      for result in comparison.results {
        guard case .notModelled(let reason) = result.setup else { continue }
        throw InputError(
          "design \(result.design.name.quoted) cannot be run: \(reason)", at: Place(file: path))
      }
      let parts = scenario.addingAttacks(to: comparison.checkedExpectations)
      var test = ScenarioTest(file: path, purpose: scenario.purpose, outcome: .ran(parts))
      test.knownFailure = scenario.knownFailure
      if scenario.wantsMappings {
        let found = Golden(comparison, findings: await scenario.findings(of: Attack.all))
        test.golden = .init(
          path: record, differences: try Golden(path: record).differences(in: found))
      }
      return test
    } catch {
      return ScenarioTest(file: path, purpose: "", outcome: .malformed(error))
    }
  }

  /// The scenario files at `path`, in alphabetical order: the file itself, or all in a folder.
  ///
  /// Folders named `designs`, `costs`, `published` and `recordings` hold files of other kinds.
  package static func scenarioFiles(at path: String) throws(InputError) -> [String] {
    guard isFolder(path) else {
      guard FileManager.default.fileExists(atPath: path) else {
        throw InputError("no such file or folder", at: Place(file: path))
      }
      return [path]
    }
    var seen: Set<FileStatus.Identity> = []
    let files = try files(below: path, unless: &seen)
    guard !files.isEmpty else {
      throw InputError(
        expected: "scenario files (*.yaml) in the folder", found: "none", at: Place(file: path),
        field: "")
    }
    return files
  }

  /// - Parameter seen: files and folders that links have led to already, so that each file is named
  ///   once and a link to a folder around it leads nowhere.
  private static func files(
    below folder: String, unless seen: inout Set<FileStatus.Identity>
  ) throws(InputError) -> [String] {
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
      throw InputError(
        "the folder cannot be read: \(error.localizedDescription)", at: Place(file: folder))
    }
    var files: [String] = []
    for name in names.sorted() where !name.hasPrefix(".") {
      let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
      guard let found = FileStatus(path) else { continue }
      if found.isFolder {
        guard !otherKinds.contains(name), seen.insert(found.identity).inserted else { continue }
        files += try Self.files(below: path, unless: &seen)
      } else if name.hasSuffix(".yaml"), seen.insert(found.identity).inserted {
        files.append(path)
      }
    }
    return files
  }

  private static let otherKinds = [
    "designs", "costs", "machines", "recordings", "sweeps", "published",
  ]
}

extension Comparison {
  /// The expectations of the scenario, each checked against its design's result.
  package var checkedExpectations: [ScenarioTest.Part] {
    scenario.expectations.compactMap { expectation in
      results.first { $0.design.name == expectation.design }.map {
        ScenarioTest.Part(
          design: expectation.design, checks: expectation.check($0), why: $0.why)
      }
    }
  }
}
