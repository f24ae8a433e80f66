internal import ArmFormats

/// The reporter's machine as a scenario: what the files say of it, with the design that it runs and
/// others beside it. What they do not say is left at the usual, and named in the file.
package struct ReportersMachine: Sendable {
  /// Releases as scenarios write them, `6.12`.
  package private(set) var guestKernel = "7.3"
  package private(set) var hostKernel = "7.3"
  package private(set) var usage = "dma-api"
  /// Parts that its tables leave out; `nil` if none.
  package private(set) var firmware: String?
  package private(set) var design = "rmr-identity"
  package private(set) var vectors = 4
  private var map: ReportersMap
  /// Assumptions about values that the files do not give.
  package private(set) var assumed: [String] = []

  package init(_ diagnosis: Diagnosis) {
    let joined = diagnosis.joined
    map = ReportersMap(joined)
    let causes = Set(diagnosis.causes.filter { $0.confidence >= 0.5 }.map(\.cause))
    guestKernel = release(joined.release(of: .guest), "guest") ?? guestKernel
    hostKernel = release(joined.release(of: .host), "host") ?? hostKernel
    let counts =
      joined.functions.map(\.interrupts.count)
      + joined.functions.compactMap { $0.listed?.msix?.value.count }
    if let most = counts.max(), most > 0 {
      vectors = min(most, 32)
    } else {
      assumed.append("4 vectors")
    }
    (design, firmware) = Self.design(causes, joined)
    if causes.contains(.vfioInGuestWindow) || causes.contains(.rmrRelaxable) { usage = "vfio" }
  }

  private mutating func release(_ release: Sourced<KernelRelease>?, _ side: String) -> String? {
    guard let release else {
      assumed.append("the \(side)'s kernel 7.3")
      return nil
    }
    // The models know Linux since 4.9.
    let known = max(release.value, KernelRelease(4, 9))
    if known != release.value {
      assumed.append("the \(side)'s kernel 4.9, the oldest that is modelled")
    }
    return known.short
  }

  /// The design that the machine runs, and what its tables leave out.
  private static func design(_ causes: Set<Cause>, _ joined: Joined) -> (String, String?) {
    if causes.contains(.rmrNoDsm5) { return ("rmr-identity", "no-dsm5") }
    if causes.contains(.rmrDeviceTree) || causes.contains(.vmmAccelNeedsAcpi) {
      return ("rmr-identity", "device-tree")
    }
    if causes.contains(.rmrRevisionTooOld) { return ("rmr-identity", "iort-revision-3") }
    if causes.contains(.rmrRelaxable) { return ("rmr-relaxable", nil) }
    let withoutRange: Set<Cause> = [
      .rmrAbsent, .rmrWrongIds, .rmrOtherSmmu, .rmrSingleIdSkipped, .rmrWrongRange,
    ]
    if !causes.isDisjoint(with: withoutRange) { return ("no-rmr", nil) }
    if causes.contains(.vmmForwardsGuestAddress) { return ("forward-address", nil) }
    if causes.contains(.gicv2mSpisExhausted) || causes.contains(.msiNotIsolated) {
      return ("gicv2m", nil)
    }
    let hasSMMU = joined.isAccelerated || joined.facts.commands.isEmpty
    return (hasSMMU ? "rmr-identity" : "cookie", nil)
  }

  /// The scenario file. The first design is the machine's own.
  package var text: String { text(places: true) }

  /// The scenario file.
  ///
  /// - Parameter places: whether it says where things stand; not all that machines have is a place in
  ///   the models.
  package func text(places: Bool) -> String {
    let others = ["rmr-identity", "forward-address", "untrapped"].filter { $0 != design }
    var lines = [
      "purpose: A reporter's machine, beside other designs.",
      "# Written by 'doorbell diagnose --scenario'. The first design is the machine's own.",
    ]
    lines += assumed.map { "# assumed, as no file says: \($0)" }
    if !places {
      lines.append("# assumed: where things stand, as the models cannot have it as it is")
    }
    lines += ["guest:", "  kernel: \"\(guestKernel)\""]
    lines.append("  usage: \(usage)")
    if let firmware { lines.append("  firmware: \(firmware)") }
    lines += ["host:", "  kernel: \"\(hostKernel)\""] + map.lines(places: places)
    lines += ["workload:", "  synthetic:"]
    lines += ["    vectors: \(vectors)", "    messages: 100", "    interval: 10 us"]
    lines.append("designs: [\(([design] + others).joined(separator: ", "))]")
    return lines.joined(separator: "\n") + "\n"
  }
}
