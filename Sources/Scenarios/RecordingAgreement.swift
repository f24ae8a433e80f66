import Bits
package import Designs
package import Files

/// Whether the run of the recorded design did what the recorded machine did.
///
/// Compared are, one by one: what became of each MSI, the message of the first vector, and where
/// each of the device's other accesses went. The LPIs are not: the recorded host gave other devices
/// some, too.
package struct RecordingAgreement: Equatable, Sendable {
  /// The design that ran.
  package let design: String
  /// MSIs that came out as recorded, of all that were sent.
  package let messages: (agreed: Int, compared: Int)
  /// Accesses that went where they went, of those that the models' memory has room for and that
  /// did not fail for an STE or a CD that the guest broke.
  package let accesses: (agreed: Int, compared: Int)
  /// Differences, a sentence each; the first few.
  package let differences: [String]
  private static let kept = 10

  /// Whether everything agrees.
  package var holds: Bool { differences.isEmpty }

  /// Compares a run with the recording whose workload it had.
  package init(_ recording: Recording, _ result: RunResult) {
    design = result.design.name
    var differences: [String] = []
    var arrived = 0
    for (index, recorded) in recording.interrupts.enumerated() {
      let verdict = result.verdicts.indices.contains(index) ? result.verdicts[index] : .refused
      if (verdict == .delivered) == recorded.isMapped {
        arrived += 1
      } else {
        differences.append(
          "MSI \(index) (vector \(recorded.vector)): recorded as "
            + (recorded.isMapped ? "delivered" : "without a mapping") + ", here \(verdict)")
      }
    }
    messages = (arrived, recording.interrupts.count)
    if let first = recording.interrupts.first(where: { $0.vector == 0 }),
      let message = result.message, first.address.rawValue != 0,
      (message.address, message.data) != (first.address, first.data)
    {
      differences.append(
        "the message of vector 0: recorded \(first.address) with data \(first.data), here "
          + "\(message.address) with data \(message.data)")
    }
    let translated = Self.compareAccesses(recording, result, &differences)
    accesses = translated
    self.differences = Array(differences.prefix(Self.kept))
  }

  private static func compareAccesses(
    _ recording: Recording, _ result: RunResult, _ differences: inout [String]
  ) -> (agreed: Int, compared: Int) {
    // Without an SMMU of its own a guest's device has no addresses that could be compared.
    guard result.accesses.count == recording.accesses.count else { return (0, 0) }
    var agreed = 0
    var compared = 0
    for (recorded, modelled) in zip(recording.accesses, result.accesses) {
      guard !recorded.failedByConfiguration,
        recorded.output.map({ RunSpecification.hasRoom(for: $0) }) ?? true
      else { continue }
      compared += 1
      if recorded.output == modelled.translated {
        agreed += 1
      } else {
        let place = { (output: PA?) in output.map { "\($0)" } ?? "a fault" }
        differences.append(
          "the access to \(recorded.address): recorded \(place(recorded.output)), here "
            + place(modelled.translated))
      }
    }
    return (agreed, compared)
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.design == right.design && left.messages == right.messages
      && left.accesses == right.accesses && left.differences == right.differences
  }

  /// For people: one line, and one for each difference.
  package var text: String {
    var text =
      "As recorded: '\(design)' is what the machine ran; \(messages.agreed) of "
      + "\(messages.compared) MSIs came out as they did there"
    if accesses.compared > 0 {
      text += ", and \(accesses.agreed) of \(accesses.compared) other accesses went where they went"
    } else {
      text += "; other accesses are not compared: without a vIOMMU they are not run"
    }
    return ([text + "."] + differences.map { "  differs: \($0)" }).joined(separator: "\n") + "\n"
  }

  package var json: JSONValue {
    .object([
      .init("design", .string(design)),
      .init("messages", .integer(messages.compared)),
      .init("messagesAsRecorded", .integer(messages.agreed)),
      .init("accesses", .integer(accesses.compared)),
      .init("accessesAsRecorded", .integer(accesses.agreed)),
      .init("differences", .array(differences.map { .string($0) })),
    ])
  }
}
