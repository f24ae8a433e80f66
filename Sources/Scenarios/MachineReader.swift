import Designs
package import Files
import Guest
package import Machine
import VMM

extension ScenarioFolder {
  /// The names of the built-in machines, and of those in the folder.
  package var machineNames: [String] { builtInNames + names(of: .machine) }

  private var builtInNames: [String] { VMMPersonality.allCases.map(\.rawValue) }

  /// The built-in machine with this name, or the one in the file with this name or path.
  ///
  /// - Throws: `InputError` for a file that is malformed, or describes no machine that could run.
  package func machine(named name: String) throws(InputError) -> MachineDescription {
    if let vmm = VMMPersonality(rawValue: name) { return try builtIn(vmm) }
    let path = try machineFile(name, from: nil, field: "")
    let value = try InputFile(path).value(as: .machineFile)
    let vmm = value.choice("from") ?? VMMPersonality.qemuVirt
    return try own(
      value, named: baseName(path),
      from: builtIn(
        vmm, virtualCPUs: value["virtual-cpus"].map { Int(clamping: $0.integer) } ?? 1))
  }

  /// The machine of a scenario: a built-in one, or one of its own.
  ///
  /// - Parameters:
  ///   - asked: the VMM whose map the user asks for instead.
  ///   - topology: of the devices that are not listed one by one.
  ///   - designs: which must be able to run on it.
  func machine(
    of scenario: CheckedValue, _ asked: VMMPersonality?, _ topology: Topology,
    _ device: Workload.Device, under designs: [Design]
  ) throws(InputError) -> (vmm: VMMPersonality, own: MachineDescription?) {
    let field = scenario["machine"]
    var vmm: VMMPersonality? = scenario.choice("vmm")
    var source = field
    var name = "inline"
    if let text = field?.text, !text.isEmpty, let field {
      if let named = VMMPersonality(rawValue: text) {
        try checkVMM(of: scenario, beside: field)
        return (asked ?? named, nil)
      }
      let path = try machineFile(text, from: field.place, field: field.field)
      source = try InputFile(path).value(as: .machineFile)
      name = baseName(path)
    }
    guard let source, source.describesMachine else { return (asked ?? vmm ?? .qemuVirt, nil) }
    if let from = source["from"] {
      try checkVMM(of: scenario, beside: from)
      vmm = source.choice("from")
    }
    let base = asked ?? vmm ?? .qemuVirt
    let machine = try own(
      source, named: name,
      from: builtIn(
        base, topology, like: device,
        virtualCPUs: source["virtual-cpus"].map { Int(clamping: $0.integer) } ?? 1))
    for design in designs {
      guard let problem = machine.problem(under: design) else { continue }
      throw InputError(
        "\(problem.message) (\(problem.kind.rawValue))", at: source.place(of: problem.field),
        field: problem.field)
    }
    return (base, machine)
  }

  private func checkVMM(
    of scenario: CheckedValue, beside field: CheckedValue
  ) throws(InputError) {
    guard scenario["vmm"] != nil else { return }
    throw InputError(
      expected: "no built-in machine beside 'vmm', which names one", found: field.text.quoted,
      at: field.place, field: field.field)
  }

  /// - Parameter value: a machine file's content, or what stands in a scenario.
  private func own(
    _ value: CheckedValue, named name: String, from base: MachineDescription
  ) throws(InputError) -> MachineDescription {
    var base = base
    base.base = base.name
    base.name = name
    let listed = value["devices"].flatMap { $0.items.isEmpty ? nil : $0 }
    return try value.machine(from: base, devices: listed)
  }

  private func builtIn(
    _ vmm: VMMPersonality, _ topology: Topology = .single,
    like device: Workload.Device? = nil, virtualCPUs: Int = 1
  ) throws(InputError) -> MachineDescription {
    do throws(RunFailure) {
      guard let device else {
        return try .builtIn(vmm, topology, virtualCPUs: virtualCPUs)
      }
      return try .builtIn(vmm, topology, like: device, virtualCPUs: virtualCPUs)
    } catch {
      throw InputError(error.message)
    }
  }

  private func machineFile(
    _ name: String, from place: Place?, field: String
  ) throws(InputError) -> String {
    let isPath = name.contains("/") || name.hasSuffix(".yaml")
    guard isPath || names(of: .machine).contains(name) else {
      throw InputError(
        "expected a machine (a path, or \(alternatives(machineNames))), found \(name.quoted)"
          + suggestion(for: name, among: machineNames), at: place, field: field)
    }
    return try file(.machine, named: name, from: place, field: field)
  }
}

extension CheckedValue {
  /// Whether it says more of a machine than how many units it has.
  fileprivate var describesMachine: Bool {
    let counts = ["its", "smmus", "order", "controller", "vmovp"]
    return members.contains { member in
      !counts.contains(member.name) && (member.name != "devices" || !member.value.items.isEmpty)
    }
  }
}
