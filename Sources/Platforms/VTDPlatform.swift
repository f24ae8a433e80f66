package import Bits
package import Machine
package import Memory
internal import PCI
package import VTD

/// An Intel machine's hardware between its functions and its local APICs: a VT-d unit, and RAM. A message
/// is a write to the interrupt window, which is recognised before DMA is translated, so that no page
/// table maps a doorbell.
package struct VTDPlatform: ~Copyable, Platform {
  package let memory: PhysicalMemory
  package var unit: VTDUnit

  package init(memory: PhysicalMemory, unit: consuming VTDUnit) {
    self.memory = memory
    self.unit = unit
  }

  package mutating func post(_ write: PostedWrite) -> PostOutcome {
    let address = write.address.rawValue
    guard address >> 20 == 0xfee else { return carry(write) }
    switch unit.remap(
      address: address, data: write.data, from: write.requester.rawValue, memory: memory)
    {
    case .message(let message):
      return .host(interrupt: UInt32(message.vector), cpu: message.destination)
    case .posted(let descriptor, let vector, let notification):
      return .guest(
        interrupt: UInt32(vector),
        .descriptor(descriptor, isNotified: notification != nil))
    case .blocked(let reason, let isRecorded):
      return .failed(
        PostFailure(
          reason.description, code: UInt16(reason.rawValue), isReported: isRecorded))
    }
  }

  private mutating func carry(_ write: PostedWrite) -> PostOutcome {
    let request = DMARequest(
      from: write.requester.rawValue, at: write.address, isWrite: true)
    let place: PA
    switch unit.translate(request, in: memory) {
    case .untranslated: place = PA(write.address.rawValue)
    case .translated(let address, _, _): place = address
    case .blocked(let reason, let isRecorded):
      return .failed(
        PostFailure(
          reason.description, code: UInt16(reason.rawValue), isReported: isRecorded))
    }
    return memory.store32(place, write.data)
      ? .memory(place) : .failed(PostFailure("external abort", isReported: false))
  }
}
