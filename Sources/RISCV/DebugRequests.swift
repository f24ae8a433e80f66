internal import ArmFormats
internal import Bits
internal import Memory
internal import RISCVFormats

extension RISCVIOMMU {
  /// Translates for software through `tr_req_iova`, `tr_req_ctl` and `tr_response`
  /// (RISC-V IOMMU 1.0, 4 and 5.24 to 5.26).
  mutating func debugTranslate(_ request: DebugRequest, _ memory: PhysicalMemory) {
    registers.debugRequest = request
    guard request[.go] else { return }
    registers.debugRequest[.go] = false
    var access = DeviceAccess.write
    if request[.readOnly] { access = request[.execute] ? .execute : .read }
    var inbound = DeviceRequest(
      device: request[.device], address: IOVA(registers.debugAddress), access: access)
    inbound.hasProcess = request[.processValid]
    inbound.process = request[.processValid] ? request[.process] : 0
    inbound.isPrivileged = request[.processValid] && request[.isPrivileged]
    var response = DebugResponse()
    switch translate(inbound, in: memory) {
    case .translated(let translation):
      response[.memoryType] = translation.memoryType
      let shift = UInt64(translation.pageShift)
      response[.isRange] = shift > 12
      let page = translation.address.rawValue &>> 12
      // The size is in the page number: ones below a zero.
      let low = lowBits(shift &- 12)
      response[.page] = shift > 12 ? page & ~low | low &>> 1 : page
    case .memoryResident:
      response[.fault] = true
      if reports(.typeDisallowed, of: inbound.device, memory) {
        _ = recordFault(FaultRecord(inbound, .typeDisallowed), memory)
      }
    case .completed, .refused: response[.fault] = true
    }
    registers.debugResponse = response
  }
}
