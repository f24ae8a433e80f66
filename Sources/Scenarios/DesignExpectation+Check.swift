import Bits
package import Designs
package import Files
package import Software

/// One expectation of one field, and what was found.
package struct FieldCheck: Equatable, Sendable {
  /// Such as `journeys.delivered`.
  package let field: String
  package let expected: String
  package let found: String
  package let holds: Bool
  /// Place of the expectation in its file; `nil` for one that is in no file.
  package var place: Place?

  package init(_ field: String, expected: String, found: String, holds: Bool? = nil) {
    self.field = field
    self.expected = expected
    self.found = found
    self.holds = holds ?? (expected == found)
  }
}

extension DesignExpectation {
  /// Every field that the file names, compared with `result`.
  package func check(_ result: RunResult) -> [FieldCheck] {
    let checks =
      setupChecks(result) + journeyChecks(result) + messageChecks(result) + exitChecks(result)
      + (whyContains.map { [.contains("why", $0, in: result.why)] } ?? [])
      + deviceChecks(result)
    return checks.map { check in
      var check = check
      check.place = place(of: check.field)
      return check
    }
  }

  /// Returns the place of a field's expectation, or of that of the field around it.
  package func place(of field: String) -> Place? {
    var field = field
    while !field.isEmpty {
      if let place = places[field] { return place }
      field = field.lastIndex { $0 == "." || $0 == "[" }.map { String(field[..<$0]) } ?? ""
    }
    return places[""]
  }

  private func deviceChecks(_ result: RunResult) -> [FieldCheck] {
    guard !devices.isEmpty else { return [] }
    // A result of one device does not list it.
    guard result.devices.count >= devices.count else {
      return [
        FieldCheck(
          "devices", expected: "\(devices.count) or more",
          found: result.devices.isEmpty ? "one, told by itself" : "\(result.devices.count)")
      ]
    }
    return zip(devices, result.devices).enumerated().flatMap { index, pair in
      pair.0.check(pair.1, "devices[\(index)]")
    }
  }

  private func setupChecks(_ result: RunResult) -> [FieldCheck] {
    guard let setup else { return [] }
    let refusal = result.refusal
    var checks: [FieldCheck] = []
    if let isEnabled = setup.isEnabled {
      checks.append(
        FieldCheck(
          "setup.outcome", expected: isEnabled ? "enabled" : "refused",
          found: refusal == nil ? "enabled" : "refused"))
    }
    if let by = setup.by {
      checks.append(
        FieldCheck("setup.by", expected: by, found: refusal?.agent.rawValue ?? "no refusal"))
    }
    if let errno = setup.errno {
      checks.append(FieldCheck("setup.errno", expected: errno, found: refusal?.errno ?? "none"))
    }
    if let message = setup.messageContains {
      checks.append(.contains("setup.message", message, in: refusal?.message ?? ""))
    }
    return checks
  }

  private func journeyChecks(_ result: RunResult) -> [FieldCheck] {
    var checks: [FieldCheck] = []
    if let verdict {
      checks.append(
        FieldCheck("verdict", expected: verdict.rawValue, found: result.verdict.rawValue))
    }
    for (verdict, count) in journeys {
      checks.append(
        FieldCheck(
          "journeys.\(verdict.rawValue)", expected: String(count),
          found: String(result.count(of: verdict))))
    }
    if let total {
      checks.append(
        FieldCheck(
          "journeys.total", expected: String(total), found: String(result.verdicts.count)))
    }
    return checks
  }

  private func messageChecks(_ result: RunResult) -> [FieldCheck] {
    FieldCheck.message(result.message, "message", address: address, data: data)
  }

  private func exitChecks(_ result: RunResult) -> [FieldCheck] {
    var checks: [FieldCheck] = []
    if let setupExits {
      checks.append(
        FieldCheck(
          "exits.setup", expected: String(setupExits), found: String(result.exits.setup)))
    }
    if let exitsPerInterrupt {
      checks.append(
        FieldCheck(
          "exits.perInterrupt", expected: String(exitsPerInterrupt),
          found: String(result.exitsPerInterrupt)))
    }
    if let wakeUps {
      checks.append(
        FieldCheck(
          "exits.wakeUps", expected: String(wakeUps), found: String(result.exits.wakeUps)))
    }
    return checks
  }
}

extension DeviceExpectation {
  fileprivate func check(_ result: DeviceResult, _ field: String) -> [FieldCheck] {
    let verdictCheck = verdict.map {
      FieldCheck("\(field).verdict", expected: $0.rawValue, found: result.verdict.rawValue)
    }
    let reason = whyContains.map { FieldCheck.contains("\(field).why", $0, in: result.why) }
    return [verdictCheck, reason].compactMap(\.self)
      + FieldCheck.message(result.message, "\(field).message", address: address, data: data)
  }
}

extension FieldCheck {
  /// Returns the checks of an MSI-X entry, as far as its expected values are given.
  fileprivate static func message(
    _ message: RunResult.Message?, _ field: String, address: UInt64?, data: UInt64?
  ) -> [FieldCheck] {
    let addressCheck = address.map {
      FieldCheck(
        "\(field).address", expected: hex($0), found: message?.address.description ?? "none")
    }
    let dataCheck = data.map {
      FieldCheck(
        "\(field).data", expected: hex($0), found: message.map { hex(UInt64($0.data)) } ?? "none")
    }
    return [addressCheck, dataCheck].compactMap(\.self)
  }

  /// A text that must have `part` in it.
  fileprivate static func contains(_ field: String, _ part: String, in text: String) -> FieldCheck {
    FieldCheck(
      field, expected: "a text with '\(part)'", found: text.isEmpty ? "nothing" : "'\(text)'",
      holds: text.contains(part))
  }
}

extension RunResult {
  /// Refusal of the set-up; `nil` if it was enabled.
  package var refusal: Refusal? {
    if case .refused(let refusal) = setup { refusal } else { nil }
  }
}
