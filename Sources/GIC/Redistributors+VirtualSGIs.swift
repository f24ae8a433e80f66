internal import ArmFormats
internal import Bits
internal import Memory

// Virtual SGIs of GICv4.1 (IHI 0069, 5.4 and VSGI in 5.3). Their state lives in the area of the
// virtual pending table that the architecture leaves to the implementation.
extension Redistributors {
  /// VSGI: configures a virtual SGI, or clears its pending state.
  mutating func configureVirtualSGI(
    _ command: ITSCommand, of vPE: VirtualPE, memory: PhysicalMemory
  ) {
    let sgi = UInt64(command[.sgiINTID])
    if command[.sgiClear] {
      _ = Self.exchangeBit(
        Int(sgi & 7), at: vPE.table + (sgi &>> 3), to: false, memory: memory)
    } else {
      let configuration = LPIConfiguration(
        priority: command[.sgiPriority] &<< 4, enabled: command[.sgiEnable])
      memory.store8(
        vPE.table + VirtualTableLayout.configurationSGIs + sgi,
        UInt8(truncatingIfNeeded: configuration.rawValue))
    }
    invalidateVirtual(of: vPE, memory: memory)
  }

  /// `GITS_SGIR`: makes a virtual SGI pending, and rings the default doorbell if need be.
  mutating func setVirtualSGIPending(_ sgi: UInt32, of vPE: VirtualPE, memory: PhysicalMemory) {
    let was = Self.exchangeBit(
      Int(sgi & 7), at: vPE.table + UInt64(sgi &>> 3), to: true, memory: memory)
    guard was == false else { return }
    if isResident(vPE) {
      rescanVirtual(at: vPE.redistributor, memory: memory)
    } else {
      _ = ring(INTID.spurious, of: vPE, vINTID: sgi, memory: memory)
    }
  }
}
