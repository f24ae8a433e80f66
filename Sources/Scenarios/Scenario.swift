package import Designs
package import Guest
package import Linux
package import Machine
package import Timing

/// A guest, its device's work, the designs to run it under, and what is expected of them. Its
/// conditions read like properties of its own.
@dynamicMemberLookup
package struct Scenario: Sendable {
  /// The file's name without its extension.
  package let name: String
  /// The file as the user would name it.
  package let file: String
  /// Purpose of the scenario, in one line.
  package let purpose: String
  /// Source that justifies its expectations; empty if the file names none.
  package var source = ""
  /// The rows of the scenario table that it shows.
  package var rows: [String] = []
  /// Reason why its expectations are known not to hold; `nil` if they must.
  package var knownFailure: String?
  package var conditions: Conditions
  /// A machine of the user's own; `nil` for the built-in one.
  package var machine: MachineDescription?
  /// Source of the workload, such as `recordings/nested.jsonl`.
  package let workloadSource: String
  package var workload: Workload
  package var designs: [Design]
  /// Whether the runs make digests of their events.
  package var isTraced = false
  /// Whether the runs take down what both stages map.
  package var wantsMappings = false
  /// Whether the runs take down when each MSI was where.
  package var wantsTimeline = false
  package var expectations: [DesignExpectation]
  /// Load that 'doorbell load' runs; the workload is then one MSI of each vector.
  package var load: LoadSetting?
  /// The file for programs, the same wherever the scenarios folder was found.
  package var shownFile = ""
  /// All files that it was read from, its own first.
  package var inputFiles: [String] = []

  /// The cost model of scenarios that name none.
  package static let standardCosts = "ampere-altra"

  package init(
    name: String, file: String, purpose: String, conditions: Conditions, workloadSource: String,
    workload: Workload, designs: [Design], expectations: [DesignExpectation]
  ) {
    self.name = name
    self.file = file
    shownFile = file
    self.purpose = purpose
    self.conditions = conditions
    self.workloadSource = workloadSource
    self.workload = workload
    self.designs = designs
    self.expectations = expectations
  }

  package init(
    name: String, file: String, purpose: String, usage: GuestUsage, guestKernel: Kernel,
    hostKernel: Kernel, workloadSource: String, workload: Workload, designs: [Design],
    costs: CostModel, seed: UInt32, expectations: [DesignExpectation]
  ) {
    var conditions = Conditions(guestKernel: guestKernel, hostKernel: hostKernel, costs: costs)
    conditions.usage = usage
    conditions.seed = seed
    self.init(
      name: name, file: file, purpose: purpose, conditions: conditions,
      workloadSource: workloadSource, workload: workload, designs: designs,
      expectations: expectations)
  }

  package subscript<Value>(dynamicMember condition: WritableKeyPath<Conditions, Value>) -> Value {
    get { conditions[keyPath: condition] }
    set { conditions[keyPath: condition] = newValue }
  }

  /// One run for each design.
  ///
  /// - Parameters:
  ///   - journeyOf: the MSI whose journey is wanted, counted from 0.
  ///   - device: the device that sends it.
  package func specifications(
    journeyOf: Int? = nil, device: Int = 0
  ) -> [RunSpecification] {
    designs.map { specification(of: $0, journeyOf: journeyOf, device: device) }
  }

  /// The run of a design.
  func specification(
    of design: Design, journeyOf: Int? = nil, device: Int = 0
  ) -> RunSpecification {
    var specification = RunSpecification(
      design: design, workload: workload, conditions: conditions, journeyOf: journeyOf)
    specification.isTraced = isTraced
    specification.wantsMappings = wantsMappings
    specification.wantsTimeline = wantsTimeline
    specification.machine = machine
    specification.journeyDevice = device
    return specification
  }
}

/// Overrides that the user gives for a scenario file's own values.
package struct ScenarioOverrides: Sendable {
  /// Names or paths; empty for those of the file.
  package var designs: [String] = []
  /// Values of conditions, as text, by the condition's name.
  private var conditions: [String: String] = [:]
  /// Values for fields of the scenario, its designs and its costs.
  package var settings: [FieldSetting] = []

  package init() {}

  /// The value that the user asks for; `nil` for what the file says.
  package subscript(condition: Condition) -> String? {
    get { conditions[condition.name] }
    set { conditions[condition.name] = newValue }
  }

  /// The options that ask for the same conditions again, without those of these names.
  package func arguments(without names: Set<String> = []) -> [String] {
    Condition.all.flatMap { condition -> [String] in
      guard !names.contains(condition.name), let value = self[condition] else { return [] }
      return [condition.option, value]
    }
  }
}
