public import Designs
public import InputFiles
import Simulation

extension Shape {
  /// A cost file: what each kind of work takes, and how the number is known.
  public static let costs = Shape.record([
    .required("platform", .anyText, "The machine that the numbers stand for."),
    .required(
      "costs",
      .record(CostModel.Item.allCases.map { .required($0.rawValue, cost, $0.meaning) }),
      "One number for each kind of work."),
  ])

  private static let cost = Shape.record([
    .required("value", .number, "How long it takes."),
    .required("unit", .choice(of: CostUnit.self) { _ in "" }, "The unit of the value."),
    .required(
      "status", .choice(of: CostModel.Status.self, \.meaning), "How the number is known."),
    .required("source", .anyText, "Where it was measured, or why it is assumed."),
  ])
}

/// A unit of time in a cost file.
private enum CostUnit: String, CaseIterable {
  case picoseconds = "ps"
  case nanoseconds = "ns"
  case microseconds = "us"

  var picoseconds: Double {
    switch self {
    case .picoseconds: 1
    case .nanoseconds: 1e3
    case .microseconds: 1e6
    }
  }
}

extension ScenarioFolder {
  /// The names of the cost models in the folder.
  public var costNames: [String] { names(of: .costs) }

  /// The cost model with this name, or in the file at this path.
  public func costs(named name: String) throws(InputError) -> CostModel {
    try readCosts(at: file(.costs, named: name))
  }

  /// The cost model in the file at `path`.
  func readCosts(at path: String) throws(InputError) -> CostModel {
    let value = try InputFile(path).value(as: .costs)
    var costs: [CostModel.Item: CostModel.Cost] = [:]
    for member in value["costs"]?.members ?? [] {
      guard let item = CostModel.Item(rawValue: member.name) else { continue }
      costs[item] = try cost(member.value)
    }
    return CostModel(name: baseName(path), platform: value.text("platform"), costs: costs)
  }

  private func cost(_ value: CheckedValue) throws(InputError) -> CostModel.Cost {
    guard let number = value["value"], let unit: CostUnit = value.choice("unit"),
      let status: CostModel.Status = value.choice("status")
    else { throw value.error(expected: "a cost") }
    let time = number.number * unit.picoseconds
    guard time <= 1e15 else { throw number.error(expected: "at most 1000 seconds") }
    return CostModel.Cost(
      time: SimulatedTime(picoseconds: UInt64(time.rounded())), status: status,
      source: value.text("source"))
  }
}

extension CostModel.Item {
  /// What the item stands for.
  public var meaning: String {
    switch self {
    case .exitToKernel: "A guest exit that KVM handles in the kernel, there and back."
    case .exitToVMM: "A guest exit that the VMM handles, there and back."
    case .softwareStep: "One software step of a kernel or of the VMM."
    case .systemCall: "One system call of the VMM."
    case .interconnectHop: "A posted write from the device to the SMMU, or from there on."
    case .translationHit: "A translation that hits the SMMU's TLB."
    case .tableRead: "One read of a table by the SMMU or the ITS."
    case .hostInterruptEntry: "From the physical LPI to the host's handler."
    case .irqfdInjection: "From the eventfd signal to the virtual interrupt's injection."
    case .kick: "From the injection to the guest's acknowledge, with the virtual CPU's kick."
    case .guestHandler: "The guest's acknowledge, handler entry and EOI, none of which trap."
    }
  }
}

extension CostModel.Status {
  /// What the status says about a number.
  public var meaning: String {
    switch self {
    case .measured: "Published by whoever measured it."
    case .secondHand: "Published, and quoted by somebody else."
    case .derived: "Computed from measured numbers."
    case .assumed: "A plausible round number: nothing published was found."
    }
  }
}
