/// The architecture's answers to the accesses of a vector.
///
/// A file lists only the accesses where its second opinion deviates from the record, in order and
/// with the recorded answer, but not which accesses they are. Where several have that recorded
/// answer, the reading that fits best what was found is taken.
struct AccessExpectations {
  /// One answer for each access, in order.
  let answers: [AccessSummary]
  /// More readings than this are not tried.
  private static let mostReadings = 256

  init(_ vector: Vector, found: [FoundAnswer]) {
    var recorded: [AccessSummary] = []
    var present: [AccessSummary] = []
    for (step, found) in zip(vector.steps, found) {
      guard case .access = step.action else { continue }
      recorded.append(AccessSummary(step.answer))
      present.append(AccessSummary(found.answer))
    }
    guard case .deviates(let deviations) = vector.verdict else {
      answers = recorded
      return
    }
    var readings: [[AccessSummary]] = []
    Self.collect(&readings, recorded, deviations[...], from: 0)
    answers =
      readings.min { Self.distance($0, present) < Self.distance($1, present) }
      ?? recorded.map { _ in AccessSummary(outcome: "an access that the file's opinion names") }
  }

  /// Adds every way to place `deviations` at accesses from `start` on.
  private static func collect(
    _ readings: inout [[AccessSummary]], _ answers: [AccessSummary],
    _ deviations: ArraySlice<AccessDeviation>, from start: Int
  ) {
    guard let first = deviations.first else {
      readings.append(answers)
      return
    }
    for index in answers.indices.dropFirst(start) where answers[index] == first.recorded {
      guard readings.count < mostReadings else { return }
      var next = answers
      next[index] = first.architecture
      collect(&readings, next, deviations.dropFirst(), from: index + 1)
    }
  }

  private static func distance(_ left: [AccessSummary], _ right: [AccessSummary]) -> Int {
    zip(left, right).count { $0 != $1 }
  }
}
