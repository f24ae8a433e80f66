internal import Bits
internal import Designs
internal import Platforms
internal import RISCV
internal import RISCVFormats
internal import Software
internal import Timing

// KVM's AIA: guest interrupt files, and the routes of irqfds (arch/riscv/kvm/aia_imsic.c, vm.c).
extension RISCVSystem {
  /// Builds a VM: its memory for CPUs and devices, and its virtual hart on a guest interrupt file.
  mutating func addVM() {
    let number = vms.count
    vms.append(
      VM(
        table: RISCVPageTable(root: allocate(pages: 4)),
        domain: RISCVPageTable(root: allocate(pages: 4)), messageTable: allocate()))
    perform(
      .vmm, "kvm_riscv_aia_create",
      "AIA mode auto; the virtual hart's file at "
        + "\(RISCVMap.guestInterruptFiles)")
    var table = vms[number].domain
    let words = table.map(
      RISCVMap.guestRAM.rawValue, to: RISCVMap.ram(ofVM: number).rawValue, level: 2
    ) { allocate() }
    vms[number].domain = table
    perform(
      .host, "iommufd_ioas_map",
      "guest RAM \(RISCVMap.guestRAM) -> "
        + "\(RISCVMap.ram(ofVM: number))", .write(words))
    if answer == .window { mapWindow(vm: number) }
    update(vm: number, to: 0)
  }

  /// The window: one page for each CPU, all or none.
  private mutating func mapWindow(vm: Int) {
    var table = vms[vm].domain
    var words: [MemoryWrite] = []
    for hart in 0..<RISCVMap.harts {
      words += table.map(
        RISCVMap.window.rawValue + UInt64(hart) << 12,
        to: platform.files.address(hart: hart).rawValue
      ) { allocate() }
    }
    vms[vm].domain = table
    perform(
      .host, "iommu_dma_prepare_msi_list",
      "window \(RISCVMap.window): \(RISCVMap.harts) pages to "
        + "the harts' own files", .write(words))
  }

  /// `kvm_riscv_vcpu_aia_imsic_update`: the virtual hart comes to a physical one.
  mutating func update(vm: Int, to hart: Int) {
    let old = vms[vm].file > 0 ? (vms[vm].hart, vms[vm].file) : nil
    let used = vms.indices.filter { $0 != vm && vms[$0].hart == hart }.map { vms[$0].file }
    guard let file = (1...RISCVMap.guestFiles).first(where: { !used.contains($0) }) else { return }
    let function = "kvm_riscv_vcpu_aia_imsic_update"
    perform(.kvm, "kvm_riscv_aia_alloc_hgei", "guest file \(file) of hart \(hart)")
    for register in [
      InterruptFileRegister.eidelivery, InterruptFileRegister.eithreshold,
      InterruptFileRegister.eip0, InterruptFileRegister.eie0,
    ] {
      perform(
        .kvm, "imsic_vsfile_local_clear", "register \(hex(register)) of the new file is 0",
        self.file(hart, file, register, 0))
    }
    let target = platform.files.address(hart: hart, guest: file)
    var table = vms[vm].table
    let words = table.map(RISCVMap.guestInterruptFiles.rawValue, to: target.rawValue) { allocate() }
    vms[vm].table = table
    perform(
      .kvm, "kvm_riscv_mmu_ioremap", "hgatp's table: \(RISCVMap.guestInterruptFiles) -> \(target)",
      .write(words))
    vms[vm].hart = hart
    vms[vm].file = file
    // The producers move before the old file's state does.
    if answer == .messageTable, vms[vm].ownsGeometry {
      perform(.kvm, "kvm_riscv_vcpu_irq_update", "the IOMMU learns of the new file")
      if let device = devices.firstIndex(where: { $0.vm == vm }) {
        setVirtualCPUAffinity(of: device)
      }
    }
    if let old { move(from: old, to: (hart, file), function) }
    perform(.kvm, function, "hstatus.VGEIN = \(file)")
  }

  /// The state of the old file is read and cleared, and set in the new one.
  private mutating func move(
    from old: (hart: Int, file: Int), to new: (hart: Int, file: Int), _ function: String
  ) {
    let registers = [
      InterruptFileRegister.eip0, InterruptFileRegister.eie0, InterruptFileRegister.eithreshold,
      InterruptFileRegister.eidelivery,
    ]
    for register in registers {
      let source = platform.files.file(hart: old.hart, guest: old.file)
      guard let value = source?.readRegister(register) else { continue }
      perform(
        .kvm, "imsic_vsfile_read", "register \(hex(register)) of the old file is read and cleared",
        file(old.hart, old.file, register, 0))
      let present = platform.files.file(hart: new.hart, guest: new.file)?.readRegister(register)
      perform(
        .kvm, "imsic_vsfile_local_update", "register \(hex(register)) of the new file",
        file(new.hart, new.file, register, value | (present ?? 0)))
    }
  }

  /// The host's scheduler moves the virtual hart.
  mutating func moveVirtualHart(of vm: Int, to hart: Int) {
    guard vms[vm].hart != hart else { return }
    exits.add(.timeSlice, on: .run)
    update(vm: vm, to: hart)
  }

  /// QEMU and KVM take a vector into use (`vfio_msix_vector_do_use`, `kvm_irqfd_assign`).
  mutating func use(_ number: Int, of index: Int) {
    let vector = devices[index].vectors[number]
    perform(
      .vmm, "kvm_irqchip_add_msi_route",
      "route of vector \(number): the guest's own message (\(hex(vector.address)), \(vector.data))",
      device: index)
    perform(
      .kvm, "kvm_irqfd_assign", "vector \(number)'s eventfd injects identity \(vector.data)",
      device: index)
    setVectorSignal(number, of: index)
    // `kvm_arch_update_irqfd_routing` looks for the virtual hart whose file it is.
    guard answer == .messageTable, refusal == nil,
      vector.address == RISCVMap.guestInterruptFiles.rawValue
    else { return }
    perform(
      .kvm, "kvm_arch_irq_bypass_add_producer", "vector \(number) is handed to the IOMMU",
      device: index)
    setVirtualCPUAffinity(of: index)
    devices[index].vectors[number].isBypassed = true
    writeEntry(
      number, of: index, address: vector.address, data: vector.data,
      reason: "the guest's own message (irq_write_msi_msg)")
  }

  /// `kvm_riscv_vcpu_aia_imsic_inject`: a write to the guest's file, wherever it runs.
  mutating func inject(_ identity: UInt32, intoVM vm: Int) {
    let target = platform.files.address(hart: vms[vm].hart, guest: vms[vm].file)
    stop(.riscv(.injection), target.rawValue, [UInt64(identity)], "writel to the guest's file")
    platform.files.write(identity, at: target)
  }
}
