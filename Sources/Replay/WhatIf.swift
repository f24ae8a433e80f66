internal import Designs
package import Files
internal import Guest
internal import Linux
package import Scenarios

/// Scenario made from the recording of a device, to be run under other designs.
package struct WhatIf: Sendable {
  package let recording: Recording
  package let scenario: Scenario
  /// Remarks on gaps in the files, and on what is run otherwise than recorded, a sentence each.
  package let remarks: [String]

  /// Makes the scenario.
  ///
  /// - Parameters:
  ///   - path: of the trace or the folder, for errors.
  ///   - overrides: the designs to run, with the recorded one before them when it is known, and
  ///     what else the user wants otherwise than recorded.
  /// - Throws: `InputError` when the recording or a design cannot be used.
  package init(
    _ made: CaseRecording, of path: String, in folder: ScenarioFolder,
    overrides: ScenarioOverrides
  ) throws(InputError) {
    recording = try Recording(text: made.text, path: "the recording made from \(path)")
    var remarks = made.remarks
    var names = overrides.designs
    if let recorded = made.design, !names.contains(recorded) { names.insert(recorded, at: 0) }
    // Before, the designs with a vIOMMU are refused, or have no doorbell behind it.
    let recordedHost = recording.hostKernel.map { Kernel($0) }
    var host = Kernel(Kernel.newest)
    if let found = recordedHost, overrides[.hostKernel] == nil {
      if found.isKnown, found.has(.attachWithoutDevice) {
        host = found
      } else {
        let reason = found.isKnown ? "cannot nest under QEMU" : "the models do not know"
        remarks.append(
          "the recorded host ran Linux \(found), which \(reason): the designs are run with Linux "
            + "\(host)" + (found.isKnown ? " (--host-kernel \(found) runs the recorded one)" : ""))
      }
    }
    let guest = recording.guestKernel.map { Kernel($0) } ?? recordedHost ?? host
    var conditions = Conditions(
      guestKernel: guest.isKnown ? guest : host, hostKernel: host,
      costs: try folder.costs(named: Scenario.standardCosts))
    try conditions.apply(overrides, in: folder)
    var designs = [try folder.design(named: names[0])]
    for name in names.dropFirst() {
      let design = try folder.design(named: name)
      guard !designs.contains(where: { $0.name == design.name }) else { continue }
      designs.append(design)
    }
    scenario = Scenario(
      name: recording.name, file: path, purpose: "What a recorded device's MSIs would have met.",
      conditions: conditions, workloadSource: path, workload: recording.workload,
      designs: designs, expectations: [])
    self.remarks = remarks
  }

  /// Returns the agreement of the recorded design's run with the recording; `nil` if the recording
  /// has no design, or the user asked for another use of the device.
  package func agreement(with comparison: Comparison) -> RecordingAgreement? {
    guard let name = recording.design, scenario.usage == .dmaAPI,
      let result = comparison.results.first(where: { $0.design.name == name })
    else { return nil }
    return RecordingAgreement(recording, result)
  }
}
