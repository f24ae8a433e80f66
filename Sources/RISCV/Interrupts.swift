internal import ArmFormats
package import Bits
internal import Memory
internal import RISCVFormats

/// A message of the IOMMU itself: a 32-bit write that no IOMMU translates.
@frozen
package struct IOMMUMessage: BitwiseCopyable, Sendable, Equatable {
  package var address: PA
  package var data: UInt32

  package init(address: PA, data: UInt32) {
    self.address = address
    self.data = data
  }
}

/// The sources of interrupts of an IOMMU, in the order of `ipsr` (RISC-V IOMMU 1.0, 5.18).
@frozen
package struct IOMMUInterrupts: OptionSet, BitwiseCopyable, Sendable, Hashable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let commands = Self(rawValue: 1 << 0)
  package static let faults = Self(rawValue: 1 << 1)
  package static let pageRequests = Self(rawValue: 1 << 3)
}

/// An entry of the MSI configuration table (RISC-V IOMMU 1.0, 5.29).
struct MessageVector: BitwiseCopyable {
  var address: UInt64 = 0
  var data: UInt32 = 0
  var isMasked = false
  /// A message waits for the mask to be cleared.
  var isPending = false
}

extension RISCVIOMMU {
  /// The next message for an interrupt file, oldest first; `nil` when none waits.
  package mutating func nextOutgoingMessage() -> IOMMUMessage? { outgoing.next() }

  /// The next request to the IO bridge, oldest first; `nil` when none waits.
  package mutating func nextBridgeMessage() -> IOMMUBridgeMessage? { bridgeMessages.next() }

  /// The interrupt wires that are asserted, with `fctl.WSI`: bit n is vector n.
  package var wires: UInt16 {
    guard registers.features[.wiredInterrupts] else { return 0 }
    var wires: UInt16 = 0
    for bit in 0..<4 where registers.pending & 1 &<< UInt8(bit) != 0 {
      wires |= 1 &<< UInt16(vector(IOMMUInterrupts(rawValue: 1 &<< UInt8(bit))))
    }
    return wires
  }

  private func vector(_ source: IOMMUInterrupts) -> Int {
    switch source {
    case .commands: Int(registers.vectors[.command])
    case .faults: Int(registers.vectors[.fault])
    default: Int(registers.vectors[.pageRequest])
    }
  }

  /// Sets the pending bit of a source whose interrupts are on, and sends its message when the bit
  /// was clear (5.18).
  mutating func interrupt(_ source: IOMMUInterrupts, _ memory: PhysicalMemory) {
    let isOn =
      switch source {
      case .commands: registers.commands.control[.interruptEnable]
      case .faults: registers.faults.control[.interruptEnable]
      default: registers.pageRequests.control[.interruptEnable]
      }
    guard isOn, registers.pending & source.rawValue == 0 else { return }
    registers.pending |= source.rawValue
    guard !registers.features[.wiredInterrupts] else { return }
    let number = vector(source)
    guard !registers.messages[number].isMasked else {
      registers.messages[number].isPending = true
      return
    }
    sendVector(number, memory)
  }

  /// Sends the message of a vector; a target that does not answer is cause 273 (5.29).
  mutating func sendVector(_ number: Int, _ memory: PhysicalMemory) {
    let vector = registers.messages[number]
    let data = isBigEndian ? vector.data.byteSwapped : vector.data
    guard !send(IOMMUMessage(address: PA(vector.address), data: data), memory) else { return }
    var record = FaultRecord()
    record[.cause] = .messageWriteAccess
    record[.value] = vector.address
    _ = recordFault(record, memory)
  }

  /// Puts a 32-bit write on the bus; `false` when nothing answers.
  ///
  /// `message.data` is what a little-endian reader sees.
  mutating func send(_ message: IOMMUMessage, _ memory: PhysicalMemory) -> Bool {
    let address = message.address.rawValue
    guard address & ~addressMask == 0, address & 3 == 0 else { return false }
    if memory.store32(message.address, message.data) { return true }
    guard let files = profile.interruptFiles, files.contains(address) else { return false }
    outgoing.append(message)
    return true
  }
}
