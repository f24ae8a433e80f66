internal import Designs
package import Files
internal import Guest
internal import Linux
package import Scenarios

/// What other designs would have made of a recorded device: its recording, as a scenario.
package struct WhatIf: Sendable {
  package let recording: Recording
  package let scenario: Scenario
  /// What the files did not say, and what is run otherwise than recorded, a sentence each.
  package let remarks: [String]
  /// The release from which on both sides can nest: before, the designs with a vIOMMU are refused
  /// (IOMMU_HWPT_ALLOC with nesting for Arm, and a doorbell mapped behind it).
  private static let nesting = KernelVersion(6, 15)
  private static let newest = KernelVersion(7, 3)

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
    var names = overrides.designs == ["all"] ? folder.designNames : overrides.designs
    if let recorded = made.design, !names.contains(recorded) { names.insert(recorded, at: 0) }
    func kernel(_ side: String, _ asked: KernelVersion?, _ found: KernelVersion?) -> KernelVersion {
      if let asked { return asked }
      guard let found, found >= Self.nesting else {
        if let found {
          remarks.append(
            "the recorded \(side) ran Linux \(found), which has no nesting: the designs are run "
              + "with Linux \(Self.newest) (--\(side)-kernel \(found) runs the recorded one)")
        }
        return Self.newest
      }
      return found
    }
    let host = kernel("host", overrides.hostKernel, recording.hostKernel)
    let guest = overrides.guestKernel ?? recording.guestKernel ?? recording.hostKernel ?? host
    var designs = [try folder.design(named: names[0])]
    for name in names.dropFirst() {
      let design = try folder.design(named: name)
      guard !designs.contains(where: { $0.name == design.name }) else { continue }
      designs.append(design)
    }
    scenario = Scenario(
      name: recording.name, file: path, purpose: "What a recorded device's MSIs would have met.",
      usage: overrides.usage ?? .dmaAPI, guestKernel: guest, hostKernel: host,
      workloadSource: path, workload: recording.workload, designs: designs,
      costs: try folder.costs(named: overrides.costs ?? Scenario.standardCosts),
      seed: overrides.seed ?? 1, expectations: [])
    self.remarks = remarks
  }

  /// How the run of the recorded design compares with the recording; `nil` where the recording has
  /// no design, or the user asked for another use of the device.
  package func agreement(with comparison: Comparison) -> RecordingAgreement? {
    guard let name = recording.design, scenario.usage == .dmaAPI,
      let result = comparison.results.first(where: { $0.design.name == name })
    else { return nil }
    return RecordingAgreement(recording, result)
  }
}
