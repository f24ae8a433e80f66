internal import Bits
internal import Designs
internal import Guest
internal import Linux
internal import PCI
internal import Platforms
internal import RISCV
internal import RISCVFormats
internal import Software
internal import Timing

// The guest's kernel: its IMSIC's driver, and the device's.
extension RISCVSystem {
  /// The guest's driver binds to a device: it turns it on, and asks for all its vectors.
  mutating func drive(_ index: Int) {
    let vm = devices[index].vm
    if vms[vm].nextIdentity == RISCVMap.firstIdentity { bootGuest(vm) }
    let driver = guestDriver(of: index)
    trap(
      Step(
        .guest, "pci_enable_device", "memory decode and bus mastering",
        .config(offset: 4, value: 6, width: 2)
      ).during(.pciEnable), of: index)
    trap(driver.enableMasked.during(.msixEnable), of: index)
    trap(driver.prepare(0..<devices[index].vectors.count).during(.msixEnable), of: index)
    for step in driver.maskAll { trap(step.during(.msixEnable), of: index) }
    for number in devices[index].vectors.indices {
      guard vms[vm].nextIdentity <= RISCVMap.identities else {
        return refuse(Self.noIdentity(.guest, "imsic_vector_alloc"), device: index)
      }
      let identity = vms[vm].nextIdentity
      vms[vm].nextIdentity += 1
      perform(.guest, "imsic_vector_alloc", "identity \(identity) of virtual hart 0", device: index)
      let address = RISCVMap.guestInterruptFiles.rawValue
      for step in driver.write(
        number, address: IOVA(address), data: identity, reason: "its own interrupt file")
      { trap(step.during(.msixEnable), of: index) }
    }
    trap(
      driver.control(enable: true, functionMask: false).during(.msixEnable), of: index)
    for number in devices[index].vectors.indices {
      enable(devices[index].vectors[number].data, vm: vm, device: index)
      trap(driver.setMask(number, false).during(.requestIRQ), of: index)
    }
  }

  /// `imsic_local_init`: the registers of the file that `hstatus.VGEIN` names need no exit.
  private mutating func bootGuest(_ vm: Int) {
    for (register, value, text) in [
      (InterruptFileRegister.eithreshold, 0, "eithreshold 0"),
      (InterruptFileRegister.eidelivery, 1, "eidelivery 1"),
    ] as [(UInt64, UInt64, String)] {
      perform(
        .guest, "imsic_local_init", "\(text), by vsireg: no exit",
        file(vms[vm].hart, vms[vm].file, register, value))
    }
  }

  private mutating func enable(_ identity: UInt32, vm: Int, device: Int) {
    let register = InterruptFileRegister.eie0 + 2 * UInt64(identity >> 6)
    let old = platform.files.file(hart: vms[vm].hart, guest: vms[vm].file)?.readRegister(register)
    perform(
      .guest, "__imsic_eix_update", "identity \(identity) enabled, by vsireg: no exit",
      file(
        vms[vm].hart, vms[vm].file, register, (old ?? 0) | MemoryResidentFile.bit(identity)),
      device: device, payload: .interrupt(identity, isEnabled: true))
  }

  func guestDriver(of index: Int) -> MSIXDriver {
    MSIXDriver(
      agent: .guest, kernel: specification.guestKernel, table: RISCVMap.guestBAR(ofDevice: index),
      capability: UInt16(devices[index].function.msixCapability),
      size: devices[index].vectors.count)
  }

  /// An access of the guest's that traps, and what the VMM makes of it (`vfio_pci_write_config`,
  /// `msix_table_mmio_write`).
  mutating func trap(_ step: Step<Never>, of index: Int) {
    let isTable: Bool
    switch step.action {
    case .mmio: isTable = true
    case .config: isTable = false
    default: isTable = step.readsBefore.contains { if case .register = $0 { true } else { false } }
    }
    perform(
      Step<FileChange>(step.agent, step.function, step.text, .decide), device: index,
      payload: step.payload)
    let cause: ExitCause = isTable ? .msixTable : .configuration
    for read in step.readsBefore + step.readsAfter {
      let readCause: ExitCause = if case .register = read { .msixTable } else { .configuration }
      exits.add(readCause, on: .setup, step.phase, isRead: true)
    }
    switch step.action {
    case .mmio(let address, let value, _):
      exits.add(cause, on: .setup, step.phase, isRead: false)
      emulate(address.rawValue &- RISCVMap.guestBAR(ofDevice: index).rawValue, value, of: index)
    case .config(let offset, let value, let width):
      exits.add(cause, on: .setup, step.phase, isRead: false)
      perform(
        .host, "vfio_pci_config_write",
        "configuration \(hex(UInt64(offset))) = "
          + hex(UInt64(value)), .config(offset: offset, value: value, width: width), device: index)
    default: break
    }
  }

  /// The VMM's copy of the MSI-X table.
  private mutating func emulate(_ offset: UInt64, _ value: UInt64, of index: Int) {
    let number = Int(truncatingIfNeeded: offset / 16)
    guard devices[index].vectors.indices.contains(number) else { return }
    switch offset % 16 {
    case 0:
      devices[index].vectors[number].address =
        devices[index].vectors[number].address & ~0xffff_ffff | value
    case 4:
      devices[index].vectors[number].address =
        devices[index].vectors[number].address & 0xffff_ffff | value << 32
    case 8: devices[index].vectors[number].data = UInt32(truncatingIfNeeded: value)
    default:
      devices[index].vectors[number].isMasked = value & 1 != 0
      guard value & 1 == 0, !devices[index].vectors[number].isRouted else { return }
      use(number, of: index)
    }
  }

  /// The guest's driver lets the device go: VFIO frees its interrupts.
  mutating func unbind(_ index: Int) {
    guard devices[index].vm == 0 else { return }
    for step in [
      guestDriver(of: index).control(enable: false, functionMask: false).during(.msixDisable)
    ] { trap(step, of: index) }
    for number in devices[index].vectors.indices { devices[index].vectors[number].isRouted = false }
  }
}
