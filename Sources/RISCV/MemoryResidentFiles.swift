internal import ArmFormats
internal import Bits
package import Memory
package import RISCVFormats

/// What came of a write to a virtual interrupt file in memory.
package enum RecordedMessage: BitwiseCopyable, Sendable, Equatable {
  /// The pending bit of this identity is set, and the notice MSI is sent.
  case recorded(identity: UInt32)
  /// The pending bit is set, and no notice goes out (a personality).
  case recordedQuietly(identity: UInt32)
  /// Not a message: accepted and discarded.
  case discarded
  /// The file or the notice's target does not answer.
  case faulted(FaultCause)
}

extension RISCVIOMMU {
  /// Records a 32-bit write of a device in a memory-resident interrupt file, and sends the notice
  /// MSI (RISC-V AIA 1.0, 8.5.2).
  ///
  /// - Parameters:
  ///   - data: the data as a little-endian word.
  ///   - request: the request whose translation named `target`.
  package mutating func record(
    _ data: UInt32, at target: MemoryResidentTarget, of request: DeviceRequest,
    memory: PhysicalMemory
  ) -> RecordedMessage {
    // Bit 2 of the address says which byte order the data has; big-endian messages need IMSICs
    // with `seteipnum_be`, which these are.
    var identity = data
    if personality.contains(.takesEveryOffset) {
      guard target.offset & 3 == 0 else {
        return refuse(.messageEntryMisconfigured, request, memory)
      }
    } else {
      guard target.offset & 0xffb == 0 else { return .discarded }
      if target.offset & 4 != 0 { identity = data.byteSwapped }
    }
    guard identity < MemoryResidentFile.identities else {
      guard personality.contains(.refusesWideIdentities) else { return .discarded }
      return refuse(.messageEntryMisconfigured, request, memory)
    }
    return store(identity, at: target, of: request, memory)
  }

  /// Sets the pending bit; an identity of 0 is no exception (8.3.1).
  private mutating func store(
    _ identity: UInt32, at target: MemoryResidentTarget, of request: DeviceRequest,
    _ memory: PhysicalMemory
  ) -> RecordedMessage {
    let bit = MemoryResidentFile.bit(identity)
    let place = target.file.rawValue &+ MemoryResidentFile.pendingOffset(identity)
    let mistakes = personality.contains(.mistakesFileFaults)
    do throws(MemoryFailure) {
      // A memory-resident file is little-endian on every machine.
      let pending = try read(place, bigEndian: false, memory)
      guard write(place, pending | bit, bigEndian: false, memory) else { throw .refused }
      if personality.contains(.noticesEnabledOnly) {
        let enabled = try read(place &+ 8, bigEndian: false, memory)
        guard enabled & bit != 0 else { return .recordedQuietly(identity: identity) }
      }
    } catch {
      let cause: FaultCause = mistakes ? .messageEntryAccess : .fileAccess
      return refuse(error == .corrupt ? .fileCorrupt : cause, request, memory)
    }
    let notice = target.notice
    guard send(IOMMUMessage(address: notice, data: target.identity), memory) else {
      if personality.contains(.recordsLostMessages) {
        return refuse(.messageWriteAccess, request, memory)
      }
      var record = FaultRecord()
      record[.cause] = .messageWriteAccess
      record[.value] = notice.rawValue
      _ = recordFault(record, memory)
      return .faulted(.messageWriteAccess)
    }
    return .recorded(identity: identity)
  }

  private mutating func refuse(
    _ cause: FaultCause, _ request: DeviceRequest, _ memory: PhysicalMemory
  ) -> RecordedMessage {
    recordMessageFault(cause, request, memory)
    return .faulted(cause)
  }

  /// A message that was translated could not be delivered: recorded by QEMU only, since the bus
  /// knows of it otherwise.
  package mutating func messageLost(_ request: DeviceRequest, memory: PhysicalMemory) {
    guard personality.contains(.recordsLostMessages) else { return }
    recordMessageFault(.messageWriteAccess, request, memory)
  }

  private mutating func recordMessageFault(
    _ cause: FaultCause, _ request: DeviceRequest, _ memory: PhysicalMemory
  ) {
    var record = FaultRecord(request, cause)
    if personality.contains(.omitsMessageAddress) { record[.value] = 0 }
    guard reports(cause, of: request.device, memory) else { return }
    _ = recordFault(record, memory)
  }

  /// Whether `DC.tc.DTF` of a device lets a fault be recorded.
  mutating func reports(_ cause: FaultCause, of device: UInt32, _ memory: PhysicalMemory) -> Bool {
    guard !cause.isReportedDespiteDTF, registers.directory[.mode].hasDirectory else { return true }
    let context = try? deviceContext(device, memory)
    return context?[.disablesFaults] != true
  }
}
