package import Bits
package import Machine
package import Memory
internal import PCI
package import RISCV
package import RISCVFormats

/// The hardware of a RISC-V machine between its functions and its harts: an IOMMU, the IMSICs, and
/// RAM. A message is a write that ends at an interrupt file, wherever tables led it.
package struct RISCVPlatform: ~Copyable, Platform {
  package let memory: PhysicalMemory
  package var iommu: RISCVIOMMU
  package var files: IMSICs

  package init(memory: PhysicalMemory, iommu: consuming RISCVIOMMU, files: IMSICs) {
    self.memory = memory
    self.iommu = iommu
    self.files = files
  }

  /// A write behind the IOMMU, whose device_id is the requester ID.
  package mutating func post(_ write: PostedWrite) -> PostOutcome {
    let request = DeviceRequest(
      device: UInt32(write.requester.rawValue), address: write.address, access: .write)
    let outcome = carry(request, write.data)
    deliverOwnMessages()
    return outcome
  }

  private mutating func carry(_ request: DeviceRequest, _ data: UInt32) -> PostOutcome {
    switch iommu.translate(request, in: memory) {
    case .translated(let translation): return end(data, at: translation.address)
    case .memoryResident(let target): return record(data, at: target, of: request)
    case .completed: return .failed(PostFailure("no write", isReported: false))
    case .refused(let fault):
      return .failed(PostFailure(fault.cause, isReported: fault.isRecorded))
    }
  }

  /// A write at its physical address.
  private mutating func end(_ data: UInt32, at address: PA) -> PostOutcome {
    guard let place = files.file(at: address) else {
      guard !files.range.contains(address.rawValue) else {
        // The pages that round the files of a hart up ignore writes.
        return .failed(PostFailure("no interrupt file", isReported: false))
      }
      guard memory.store32(address, data) else {
        return .failed(PostFailure("external abort", isReported: false))
      }
      return .memory(address)
    }
    guard files.write(data, at: address)?.isImplemented == true else {
      // AIA 1.0, 3.5: identities that do not exist, and other offsets, are ignored.
      return .failed(PostFailure("no such identity", isReported: false))
    }
    let offset = address.offset(belowBit: 12)
    let identity = offset == InterruptFilePage.setBigEndian ? data.byteSwapped : data
    return place.guest == 0
      ? .host(interrupt: identity, cpu: UInt32(truncatingIfNeeded: place.hart))
      : .guest(interrupt: identity, .file(address.alignedDown(toBit: 12)))
  }

  private mutating func record(
    _ data: UInt32, at target: MemoryResidentTarget, of request: DeviceRequest
  ) -> PostOutcome {
    switch iommu.record(data, at: target, of: request, memory: memory) {
    case .recorded(let identity):
      return .guest(
        interrupt: identity,
        .memoryResident(
          target.file, notice: .init(address: target.notice, identity: target.identity)))
    case .recordedQuietly(let identity):
      return .guest(interrupt: identity, .memoryResident(target.file, notice: nil))
    case .discarded: return .failed(PostFailure("discarded", isReported: false))
    case .faulted(let cause): return .failed(PostFailure(cause, isReported: true))
    }
  }

  /// Carries notices and the IOMMU's interrupts to the interrupt files.
  package mutating func deliverOwnMessages() {
    while let message = iommu.nextOutgoingMessage() {
      files.write(message.data, at: message.address)
    }
  }
}

extension PostFailure {
  fileprivate init(_ cause: FaultCause, isReported: Bool) {
    self.init(cause.description, code: cause.rawValue, isReported: isReported)
  }
}
