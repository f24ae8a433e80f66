package import Files

/// The results of a replay, ready to be printed.
package struct ReplayReport: Sendable {
  package let text: String
  package let json: JSONValue
  /// Sections of the page.
  package let sections: [ReportSection]
  /// Whether everything that was compared agrees.
  package let holds: Bool
  /// Reason why the input was not read in full, a sentence; `nil` if it was.
  package var damage: String?
}

extension RecordedCase {
  /// The machine's story, compared with the recorded counts where there are any.
  ///
  /// - Throws: `InputError` when a file cannot be read.
  package func tell(progress: (Int) -> Void = { _ in }) throws(InputError) -> ReplayReport {
    var story = MachineStory()
    var reader = TraceReader()
    if let trace { try reader.read(trace, into: &story, progress: progress) }
    var differences: [String]?
    if let summary {
      differences = try SummaryAgreement.differences(story, reader.counts, summary: summary)
    }
    let report = StoryReport(
      name: name, story: story, counts: reader.counts, guest: guest, innerGuest: innerGuest,
      disagreements: differences, companions: try companions(story, progress: progress),
      hasTrace: trace != nil)
    return ReplayReport(
      text: report.text, json: report.json, sections: report.sections,
      holds: differences?.isEmpty ?? true,
      damage: reader.counts.damage.map {
        "\(name): the log ends early, in line \(reader.counts.lines): \($0)"
      })
  }
}
