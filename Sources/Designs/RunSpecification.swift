public import Guest
public import Linux
public import Machine
import PCI
public import Timing
import VMM

/// Everything that one run depends on. Its conditions read like properties of its own.
@dynamicMemberLookup
public struct RunSpecification: Sendable {
  public var design: Design
  public var workload: Workload
  public var conditions: Conditions
  /// The defect that a test injects.
  public var mutation: Mutation?
  /// A machine of the user's own, which stands for `vmm` and for the counts of `topology`.
  public var machine: MachineDescription?
  /// Whether latencies are wanted at the high end of the cost model's ranges too, which takes a
  /// second run.
  public var spansRanges = true
  /// The MSI whose journey is wanted, counted from 0 among those of its device.
  public var journeyOf: Int?
  /// The device that sends it, counted from 0.
  public var journeyDevice = 0
  /// One more MSI, whose journey is then the one that is wanted.
  public var interposed: Interposition?
  /// Whether the mappings of both stages are wanted.
  public var wantsMappings = false
  /// Whether it is wanted when each MSI was where.
  public var wantsTimeline = false
  /// Whether a digest of the run's events is wanted.
  public var isTraced = false

  public init(
    design: Design, workload: Workload, conditions: Conditions, journeyOf: Int? = nil
  ) {
    self.design = design
    self.workload = workload
    self.conditions = conditions
    self.journeyOf = journeyOf
  }

  public init(
    design: Design, workload: Workload, usage: GuestUsage = .dmaAPI, guestKernel: Kernel,
    hostKernel: Kernel, costs: CostModel, seed: UInt32 = 1, journeyOf: Int? = nil
  ) {
    var conditions = Conditions(guestKernel: guestKernel, hostKernel: hostKernel, costs: costs)
    conditions.usage = usage
    conditions.seed = seed
    self.init(design: design, workload: workload, conditions: conditions, journeyOf: journeyOf)
  }

  @inlinable @inline(__always)
  public subscript<Value>(dynamicMember condition: WritableKeyPath<Conditions, Value>) -> Value {
    get { conditions[keyPath: condition] }
    set { conditions[keyPath: condition] = newValue }
  }

  /// The devices of a machine, otherwise as the workload has its one.
  package func devices(of description: MachineDescription) -> [Workload.Device] {
    description.devices.map {
      Workload.Device(
        name: $0.name, guestID: UInt32($0.guestRequester.rawValue),
        hostID: UInt32($0.requester.rawValue), vectors: $0.vectors, store: workload.device.store)
    }
  }

  /// Addresses of the structures in a recording; the defaults on any other machine.
  package var placement: Workload.Placement {
    isMachineAsRecorded ? workload.placement : Workload.Placement()
  }

  /// Whether the guest finds its SMMU, its doorbell and its device where a recorded one did, so that
  /// its choices would be the same.
  package var isSetupAsRecorded: Bool {
    isMachineAsRecorded && design.virtualITS == .besideWindow
      && design.advertisement != .msiDirect && design.controller == .its
  }

  private var isMachineAsRecorded: Bool {
    machine == nil && conditions.topology.devices == 1 && conditions.topology.controller == .its
      && conditions.vmm == .qemuVirt && conditions.hostPageSize == .kib4
      && conditions.guestPageSize == .kib4
  }

  /// Whether the workload's DMA can be done: a recording's is in pages of 4 KiB.
  package var doesDMA: Bool {
    design.iommu == .nested && (conditions.guestPageSize == .kib4 || !workload.isRecorded)
  }
}
