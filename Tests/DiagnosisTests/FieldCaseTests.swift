import Diagnosis
import Files
import Foundation
import Testing

/// A report as people send it, with what is wrong and why.
private struct FieldCase: Sendable, CustomTestStringConvertible {
  let name: String
  let files: [String]
  let cause: String
  let alternatives: [String]
  /// Regular expressions of the facts that a good answer names.
  let facts: [String]
  /// Regular expressions that the first cause must not have.
  let wrong: [String]
  /// Kinds of files of which the answer has to ask for one.
  let missing: [String]

  var testDescription: String { name }

  static let all: [Self] = {
    guard let folder = Bundle.module.url(forResource: "Cases", withExtension: nil) else {
      return []
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.sorted().compactMap { Self(folder.appendingPathComponent($0)) }
  }()

  private init?(_ folder: URL) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    guard let data = try? Data(contentsOf: folder.appendingPathComponent("answer.json")),
      let answer = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
      let cause = answer["cause"] as? String
    else { return nil }
    func strings(_ name: String) -> [String] { answer[name] as? [String] ?? [] }
    name = folder.lastPathComponent
    files = names.filter { $0 != "answer.json" }.sorted().map { "\(folder.path)/\($0)" }
    self.cause = cause
    alternatives = strings("alternatives")
    facts = strings("must_mention")
    wrong = strings("must_not")
    missing = strings("missing")
  }
}

@Suite("Reports from the field")
struct FieldCaseTests {
  @Test("there are cases") func present() { #expect(FieldCase.all.count >= 15) }

  @Test("the cause of a report is named first, with its facts", arguments: FieldCase.all)
  fileprivate func cause(report: FieldCase) throws {
    var reader = CaseReader()
    try reader.read(report.files)
    let diagnosis = Diagnosis(reading: reader)
    let first = try #require(diagnosis.causes.first)
    #expect(first.cause.rawValue == report.cause)
    var text = diagnosis.causes.prefix(3).map { finding in
      ([finding.cause.rawValue, finding.means, finding.fix] + finding.evidence.map(\.text))
        .joined(separator: "\n")
    }.joined(separator: "\n")
    if [.cannotTell, .nothingWrongFound].contains(first.cause) {
      text += diagnosis.missing.map(\.text).joined(separator: "\n")
    }
    for fact in report.facts { #expect(try Self.has(fact, text), "\(fact) in \(text)") }
    for statement in report.wrong {
      let claims = [first.cause.rawValue, first.means, first.fix].joined(separator: "\n")
      #expect(try !Self.has(statement, claims), "\(statement) in \(claims)")
    }
    let kinds = diagnosis.missing.map(\.kind.rawValue)
    #expect(report.missing.isEmpty || kinds.contains { report.missing.contains($0) }, "\(kinds)")
    try place(diagnosis.causes.flatMap(\.evidence))
  }

  private static func has(_ pattern: String, _ text: String) throws -> Bool {
    let expression = try NSRegularExpression(pattern: pattern, options: [.caseInsensitive])
    return expression.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
  }

  /// Evidence stands in the line that it names.
  private func place(_ evidence: [Evidence]) throws {
    for item in evidence {
      guard let line = item.line else { continue }
      let bytes = try Data(contentsOf: URL(fileURLWithPath: item.file))
      let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
      try #require(line >= 1 && line <= lines.count)
      func words(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      }
      #expect(
        words(String(decoding: lines[line - 1], as: UTF8.self)).contains(words(item.text)),
        "\(item)")
    }
  }
}
