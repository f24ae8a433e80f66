import Attacks
import Designs
import Files

extension ScenarioFolder {
  /// The expectations of a scenario file, in its order.
  ///
  /// - Parameter designs: the designs as the file names them.
  func expectations(
    _ scenario: CheckedValue, designs: [String]
  ) throws(InputError) -> [DesignExpectation] {
    let names = designs.map { DesignName($0).name }
    var expectations: [DesignExpectation] = []
    for member in scenario["expect"]?.members ?? [] {
      guard names.contains(member.name) else {
        throw InputError(
          "expected one of the scenario's designs (\(alternatives(names))), found another name"
            + suggestion(for: member.name, among: names),
          at: member.place, field: member.value.field)
      }
      expectations.append(DesignExpectation(design: member.name, member.value))
    }
    return expectations
  }
}

extension DesignExpectation {
  fileprivate init(design: String, _ value: CheckedValue) {
    self.init(design: design)
    places = value.places
    verdict = value.choice("verdict")
    setup = value["setup"].map {
      Setup(
        isEnabled: $0["outcome"].map { $0.text == "enabled" }, by: $0["by"]?.text,
        errno: $0["errno"]?.text, messageContains: $0["message"]?.text)
    }
    for member in value["journeys"]?.members ?? [] {
      let count = Int(clamping: member.value.integer)
      if let verdict = Verdict(rawValue: member.name) {
        journeys.append((verdict, count))
      } else {
        total = count
      }
    }
    address = value["message"]?["address"]?.integer
    data = value["message"]?["data"]?.integer
    setupExits = value["exits"]?["setup"].map { Int(clamping: $0.integer) }
    exitsPerInterrupt = value["exits"]?["perInterrupt"]?.number
    wakeUps = value["exits"]?["wakeUps"].map { Int(clamping: $0.integer) }
    isolation = (value["isolation"]?.members ?? []).compactMap { member in
      IsolationFinding.Outcome(rawValue: member.value.text).map { (member.name, $0) }
    }
    whyContains = value["why"]?["contains"]?.text
    devices = value["devices"]?.items.map(DeviceExpectation.init) ?? []
  }
}

extension CheckedValue {
  /// Place of each part of the value, by its path within the value.
  fileprivate var places: [String: Place] {
    var places = ["": place]
    add(to: &places, at: "")
    return places
  }

  private func add(to places: inout [String: Place], at path: String) {
    for member in members {
      let inner = path.isEmpty ? member.name : "\(path).\(member.name)"
      places[inner] = member.value.place
      member.value.add(to: &places, at: inner)
    }
    for (index, item) in items.enumerated() {
      places["\(path)[\(index)]"] = item.place
      item.add(to: &places, at: "\(path)[\(index)]")
    }
  }
}

extension DeviceExpectation {
  fileprivate init(_ value: CheckedValue) {
    self.init()
    verdict = value.choice("verdict")
    address = value["message"]?["address"]?.integer
    data = value["message"]?["data"]?.integer
    whyContains = value["why"]?["contains"]?.text
  }
}
