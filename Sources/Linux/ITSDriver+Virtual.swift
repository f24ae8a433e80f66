internal import ArmFormats
public import Bits
public import Software

/// Support of the interrupt controllers for virtual LPIs (`gic_rdists->has_vlpis`, `has_rvpeid`).
public enum VirtualLPISupport: Sendable {
  case v4
  case v4Point1
}

/// A virtual PE as the driver keeps it (`struct its_vpe`).
public struct ITSVirtualPE: Equatable, Sendable {
  public let number: UInt16
  /// Its virtual pending table, 64 KiB.
  public let pendingTable: PA
  /// The LPI that calls the host while the vPE is away (`vpe_db_lpi`).
  public let doorbell: UInt32
  /// The CPU whose redistributor it belongs to (`col_idx`).
  public var cpu: Int
}

/// State that the driver keeps for a VM (`struct its_vm`).
public struct ITSVirtualMachine: Equatable, Sendable {
  /// The property table of the VM's virtual LPIs, 64 KiB.
  public let propertyTable: PA
  /// One for each virtual CPU.
  public var virtualPEs: [ITSVirtualPE]
}

// Virtual LPIs: `its_vpe_*`, `its_vlpi_*` of irq-gic-v3-its.c and irq-gic-v4.c.
extension ITSDriver {
  /// Tables for a VM, and its vPEs, which no ITS has yet (`its_vpe_irq_domain_alloc`).
  ///
  /// - Parameters:
  ///   - cpus: the CPU that each virtual CPU runs on.
  ///   - firstPE: the number of the first vPE: the driver numbers those of all VMs (`its_vpe_id_alloc`).
  /// - Throws: `Refusal` with `ENOMEM` or `ENOSPC` when memory or LPIs are exhausted.
  public mutating func createVirtualMachine(
    cpus: [Int], firstPE: UInt16, frames: inout some FrameAllocator
  ) throws(Refusal) -> (machine: ITSVirtualMachine, step: Step<Never>) {
    let function = "its_vpe_irq_domain_alloc"
    guard let properties = frames.allocate(size: 0x1_0000) else {
      throw Refusal(by: agent, in: function, errno: "ENOMEM", message: "no property table")
    }
    var virtualPEs: [ITSVirtualPE] = []
    for (index, cpu) in cpus.enumerated() {
      guard let table = frames.allocate(size: 0x1_0000) else {
        throw Refusal(by: agent, in: function, errno: "ENOMEM", message: "no pending table")
      }
      guard let doorbell = takeLPI() else {
        throw Refusal(by: agent, in: "its_lpi_alloc", errno: "ENOSPC", message: "no LPI is left")
      }
      virtualPEs.append(
        ITSVirtualPE(
          number: firstPE &+ UInt16(truncatingIfNeeded: index), pendingTable: table,
          doorbell: doorbell, cpu: cpu))
    }
    return (
      ITSVirtualMachine(propertyTable: properties, virtualPEs: virtualPEs),
      Step(agent, function, "virtual LPI property table at \(properties)", .decide)
    )
  }

  /// Maps a vPE on this ITS (`its_send_vmapp`, `its_send_vinvall`).
  ///
  /// - Parameters:
  ///   - isFirst: whether no ITS has it yet: GICv4.1 is told then that its tables are new
  ///     (`its_build_vmapp_cmd`, `vmapp_count`).
  ///   - function: the kernel's reason.
  public mutating func map(
    _ vPE: ITSVirtualPE, of machine: ITSVirtualMachine, isFirst: Bool, function: String
  ) -> [Step<Never>] {
    let isNew = virtualLPIs == .v4Point1
    return send(
      [
        .vmapp(
          virtualPE: vPE.number, target: UInt64(vPE.cpu), table: vPE.pendingTable,
          tableBits: Self.interruptBits, defaultDoorbell: isNew ? vPE.doorbell : 0,
          configuration: isNew ? machine.propertyTable : 0, allocate: isNew && isFirst),
        .vsync(virtualPE: vPE.number),
        .vinvall(virtualPE: vPE.number), .vsync(virtualPE: vPE.number),
      ],
      function: function,
      text: "VMAPP vPE \(vPE.number) -> CPU \(vPE.cpu), pending table at \(vPE.pendingTable), "
        + "doorbell LPI \(vPE.doorbell); VINVALL, on the ITS at \(base)")
  }

  /// Takes a vPE from this ITS (`its_unmap_vm`).
  public mutating func unmap(_ vPE: ITSVirtualPE) -> [Step<Never>] {
    send(
      [
        .vmapp(
          virtualPE: vPE.number, target: 0, table: 0, tableBits: 1, valid: false),
        .vsync(virtualPE: vPE.number),
      ],
      function: "its_unmap_vm", text: "VMAPP V=0 vPE \(vPE.number), on the ITS at \(base)")
  }

  /// Enables or disables the LPI that calls the host (`its_vpe_unmask_irq`,
  /// `its_vpe_4_1_unmask_irq`).
  public mutating func enableDoorbell(of vPE: ITSVirtualPE, _ isEnabled: Bool) -> [Step<Never>] {
    let write = configurationWrite(lpi: vPE.doorbell, enabled: isEnabled)
    if virtualLPIs == .v4Point1 {
      return [write]
        + send(
          [.invdb(virtualPE: vPE.number), .vsync(virtualPE: vPE.number)],
          function: "its_vpe_4_1_send_inv", text: "INVDB vPE \(vPE.number)")
    }
    return [
      write,
      Step(
        agent, "its_vpe_send_inv", "GICR_INVLPIR of LPI \(vPE.doorbell)",
        .mmio(
          frame(ofCPU: vPE.cpu) + RedistributorRegister.invalidateLPI, UInt64(vPE.doorbell),
          width: 8)),
    ]
  }

  /// Takes a pending doorbell away (`its_vpe_set_irqchip_state`, with DirectLPI).
  public func clearDoorbell(of vPE: ITSVirtualPE) -> Step<Never> {
    Step(
      agent, "its_vpe_set_irqchip_state", "GICR_CLRLPIR of LPI \(vPE.doorbell)",
      .mmio(
        frame(ofCPU: vPE.cpu) + RedistributorRegister.clearLPI, UInt64(vPE.doorbell), width: 8))
  }

  // MARK: Events

  /// Turns an event into a virtual LPI (`its_vlpi_map`).
  ///
  /// - Parameters:
  ///   - properties: the byte of the virtual property table.
  ///   - wasPhysical: whether a physical LPI has to go first.
  public mutating func mapVirtual(
    device: UInt32, event: UInt32, intid: UInt32, properties: UInt8, to vPE: ITSVirtualPE,
    of machine: ITSVirtualMachine, wasPhysical: Bool
  ) -> [Step<Never>] {
    let name = "DeviceID \(hex(UInt64(device))) EventID \(event)"
    var steps = [virtualConfigurationWrite(intid, properties, machine)]
    if wasPhysical {
      steps += send(
        [.discard(device: device, event: event), .sync(target: UInt64(vPE.cpu))],
        function: "its_vlpi_map", text: "DISCARD \(name), which was a physical LPI")
    }
    let doorbell = doorbellOfEvents(vPE)
    return steps
      + send(
        [
          .vmapti(
            device: device, event: event, virtualPE: vPE.number, virtualLPI: intid,
            doorbell: doorbell),
          .vsync(virtualPE: vPE.number),
        ],
        function: "its_vlpi_map",
        text: "VMAPTI \(name) -> vLPI \(intid) of vPE \(vPE.number), doorbell \(doorbell)")
  }

  /// GICv4.0 names the doorbell in each event; GICv4.1 has the vPE's default one.
  private func doorbellOfEvents(_ vPE: ITSVirtualPE) -> UInt32 {
    virtualLPIs == .v4Point1 ? INTID.spurious : vPE.doorbell
  }

  /// Turns a virtual LPI back into the physical one (`its_vlpi_unmap`).
  public mutating func unmapVirtual(
    device: UInt32, event: UInt32, lpi: UInt32, cpu: Int
  ) -> [Step<Never>] {
    let name = "DeviceID \(hex(UInt64(device))) EventID \(event)"
    let collection = UInt16(truncatingIfNeeded: cpu)
    return send(
      [
        .discard(device: device, event: event), .sync(target: UInt64(cpu)),
        .mapti(device: device, event: event, lpi: lpi, collection: collection),
        .sync(target: UInt64(cpu)),
      ],
      function: "its_vlpi_unmap",
      text: "DISCARD \(name), which was a vLPI; MAPTI -> LPI \(lpi), ICID \(cpu)")
      + configure(device: device, event: event, lpi: lpi, cpu: cpu, enabled: true)
  }

  /// Gives a virtual LPI to another vPE (`its_vlpi_map` of an event that is mapped).
  public mutating func moveVirtual(
    device: UInt32, event: UInt32, to vPE: ITSVirtualPE
  ) -> [Step<Never>] {
    send(
      [
        .vmovi(
          device: device, event: event, virtualPE: vPE.number, doorbell: doorbellOfEvents(vPE)),
        .vsync(virtualPE: vPE.number),
      ],
      function: "its_vlpi_map",
      text: "VMOVI DeviceID \(hex(UInt64(device))) EventID \(event) -> vPE \(vPE.number)")
  }

  /// Writes a byte of the virtual property table and has it read (`its_vlpi_prop_update`).
  public mutating func configureVirtual(
    device: UInt32, event: UInt32, intid: UInt32, properties: UInt8, of vPE: ITSVirtualPE,
    of machine: ITSVirtualMachine
  ) -> [Step<Never>] {
    [virtualConfigurationWrite(intid, properties, machine)]
      + send(
        [.inv(device: device, event: event), .vsync(virtualPE: vPE.number)],
        function: "its_send_vinv", text: "INV DeviceID \(hex(UInt64(device))) EventID \(event)")
  }

  private func virtualConfigurationWrite(
    _ intid: UInt32, _ properties: UInt8, _ machine: ITSVirtualMachine
  ) -> Step<Never> {
    Step(
      agent, "lpi_write_config", "vLPI \(intid) \(properties & 1 != 0 ? "enabled" : "disabled")",
      .writeByte(machine.propertyTable + UInt64(intid &- INTID.firstLPI), properties)
    ).carrying(.virtualLPI(intid, isEnabled: properties & 1 != 0))
  }

  /// Sets or clears a virtual LPI's pending state (`its_irq_set_irqchip_state`).
  public mutating func setVirtualPending(
    device: UInt32, event: UInt32, isPending: Bool, of vPE: ITSVirtualPE
  ) -> [Step<Never>] {
    let command: ITSCommand =
      isPending
      ? .int(device: device, event: event) : .clear(device: device, event: event)
    return send(
      [command, .vsync(virtualPE: vPE.number)],
      function: isPending ? "its_send_vint" : "its_send_vclear",
      text: "\(isPending ? "INT" : "CLEAR") DeviceID \(hex(UInt64(device))) EventID \(event)")
  }

  /// A virtual CPU goes to another CPU (`its_vpe_set_affinity`, `its_send_vmovp`): its vPE moves,
  /// which must not be resident.
  ///
  /// - Parameters:
  ///   - itsList: the ITSs of the list that have the vPE, a bit for each; 0 without a list.
  ///   - sequence: the same for the commands of one move on several ITSs.
  public mutating func move(
    _ vPE: ITSVirtualPE, to cpu: Int, itsList: UInt16, sequence: UInt16
  ) -> [Step<Never>] {
    send(
      [
        .vmovp(
          virtualPE: vPE.number, target: UInt64(cpu), sequence: sequence, itsList: itsList),
        .vsync(virtualPE: vPE.number),
      ],
      function: "its_send_vmovp", text: "VMOVP vPE \(vPE.number) -> CPU \(cpu)")
  }

  // MARK: Residency

  /// The virtual CPU is about to run (`its_vpe_schedule`, `its_vpe_4_1_schedule`).
  public func makeResident(_ vPE: ITSVirtualPE, of machine: ITSVirtualMachine) -> [Step<Never>] {
    let frame = frame(ofCPU: vPE.cpu)
    let text = "vPE \(vPE.number) is resident on CPU \(vPE.cpu)"
    var residency = VirtualResidency(rawValue: 0)
    residency[.valid] = true
    guard virtualLPIs != .v4Point1 else {
      residency[.virtualPE] = vPE.number
      residency[.groupOneEnable] = true
      return [residencyWrite(residency, frame, "its_vpe_4_1_schedule", text)]
    }
    let properties =
      machine.propertyTable.rawValue | 7 << 7 | 1 << 10 | UInt64(Self.interruptBits - 1)
    residency[.address] = vPE.pendingTable.rawValue >> 16
    residency[.pendingLast] = true
    return [
      Step(
        agent, "its_vpe_schedule", "virtual LPI property table at \(machine.propertyTable)",
        .mmio(frame + RedistributorRegister.virtualConfigurationBase, properties, width: 8)),
      residencyWrite(residency, frame, "its_vpe_schedule", text),
    ]
  }

  /// The virtual CPU leaves its CPU (`its_vpe_deschedule`, `its_vpe_4_1_deschedule`).
  ///
  /// - Parameter wantsDoorbell: whether it blocks, so that an interrupt must call the host.
  public func makeNonResident(_ vPE: ITSVirtualPE, wantsDoorbell: Bool) -> [Step<Never>] {
    var residency = VirtualResidency(rawValue: 0)
    let isNew = virtualLPIs == .v4Point1
    if isNew {
      residency[.doorbell] = wantsDoorbell
      residency[.pendingLast] = !wantsDoorbell
    }
    return [
      residencyWrite(
        residency, frame(ofCPU: vPE.cpu), isNew ? "its_vpe_4_1_deschedule" : "its_vpe_deschedule",
        "vPE \(vPE.number) leaves CPU \(vPE.cpu)\(wantsDoorbell ? " and asks for a doorbell" : "")"
      )
    ]
  }

  private func residencyWrite(
    _ residency: VirtualResidency, _ frame: PA, _ function: String, _ text: String
  ) -> Step<Never> {
    Step(
      agent, function, text,
      .mmio(frame + RedistributorRegister.virtualPendingBase, residency.rawValue, width: 8))
  }
}
