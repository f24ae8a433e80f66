package import ArmFormats

/// One line of a machine's trace: what its SMMU or its ITS did.
package enum TraceEvent: BitwiseCopyable, Sendable {
  /// A register of the SMMU was written; QEMU says so after the write has had its effect.
  case smmuWrite(offset: UInt64, value: UInt64, width: UInt64)
  /// A command is about to be consumed: indexes of the Command queue, without their wrap bits.
  case commandFetch(producer: UInt64, consumer: UInt64, consumerWrap: UInt64)
  case command(SMMUOpcode)
  /// A command was refused with this error code.
  case commandError(UInt64)
  case invalidateStream(UInt32)
  case invalidateStreamRange(first: UInt32, last: UInt32)
  case invalidateContext(UInt32)
  /// TLBI_NH_ALL or TLBI_S12_VMALL.
  case invalidateMachine(vmid: UInt64)
  case invalidateRange(RangeInvalidation)
  case invalidateASID(asid: UInt64, vmid: UInt64)
  /// The configuration of a stream is read from memory.
  case configurationMiss(UInt32)
  /// The stream table is looked into for a stream.
  case streamLookup(UInt32)
  case streamTable(StreamTableRead)
  /// An STE is read from this address.
  case streamEntry(UInt64)
  /// A CD is read from this address: an IPA when stage 2 translates.
  case context(UInt64)
  /// The output size of the CD, in bits.
  case contextOutput(UInt64)
  case contextTable(ContextTable)
  case descriptor(DescriptorFetch)
  case cacheInsert(asid: UInt64, vmid: UInt64, address: UInt64)
  case cacheHit(asid: UInt64, vmid: UInt64, address: UInt64)
  case translated(TranslatedAccess)
  /// The STE says bypass (`isOn`), or the SMMU is off.
  case bypassed(stream: UInt32, address: UInt64, isWrite: Bool, isOn: Bool)
  case aborted(stream: UInt32, address: UInt64, isWrite: Bool)
  /// A translation failed; the event record follows, which names the stream.
  case failed(EventKind, address: UInt64)
  case event(EventKind, stream: UInt32)

  case itsWrite(offset: UInt64, value: UInt64, width: UInt64)
  /// The entry of the command queue that is carried out next.
  case itsCommandFetch(index: UInt64)
  case itsCommand(ITSCommand)
  case deviceRead(device: UInt32, isValid: Bool, size: UInt64, table: UInt64)
  case interruptRead(
    table: UInt64, event: UInt32, isValid: Bool, isVirtual: Bool, intid: UInt32,
    collection: UInt32)
  case collectionRead(collection: UInt32, isValid: Bool, target: UInt64)
  /// A device's message arrives at the ITS: an MSI.
  case message(offset: UInt64, data: UInt64, width: UInt64, device: UInt32)
  case redistributorWrite(cpu: UInt64, offset: UInt64, value: UInt64, width: UInt64)
  case acknowledge(cpu: UInt64, intid: UInt64)

  /// A register of a function's configuration space is written.
  case configurationWrite(device: UInt32, offset: UInt64, value: UInt64)
  /// A function's MSI-X control changes; the line names only the kind of function.
  case messageControl(isNVMe: Bool, isEnabled: Bool, isMasked: Bool)
  /// An NVMe controller signals a vector of its MSI-X table.
  case controllerInterrupt(vector: UInt64)
  /// An NVMe controller begins with a command.
  case controllerCommand(isAdmin: Bool, opcode: UInt64)
  /// An NVMe controller looks for a command's data: its second PRP, and how many there are.
  case controllerPages(second: UInt64, count: UInt64)
  /// An NVMe controller is told of a queue at this address.
  case controllerQueue(UInt64)
}

/// Range of a TLBI by address.
package struct RangeInvalidation: BitwiseCopyable, Sendable, Equatable {
  package var vmid: UInt64
  /// All bits set: every ASID.
  package var asid: UInt64
  package var address: UInt64
  /// `TG`: 0 where the command has no range.
  package var granule: UInt64
  package var pages: UInt64
  package var level: UInt64
  package var isLeaf: Bool
  package var stage: UInt64
}

/// The first level of a two-level stream table, as it was read.
package struct StreamTableRead: BitwiseCopyable, Sendable, Equatable {
  package var base: UInt64
  package var entryIndex: UInt64
  package var secondLevel: UInt64
  package var secondIndex: UInt64
  /// Base address of the table, which names the SMMU.
  package var table: UInt64 { (base &- entryIndex &* 8) & 0xf_ffff_ffff_ffc0 }
  /// The largest index that the entry allows.
  package var largestIndex: UInt64
}

/// One of the two tables of a CD, decoded.
package struct ContextTable: BitwiseCopyable, Sendable, Equatable {
  /// 0 for the low half of the address space, 1 for the high half.
  package var index: UInt64
  /// `TxSZ`.
  package var sizeField: UInt64
  /// Base address of the table: with stage 2, after it.
  package var table: UInt64
  /// log2 of the granule.
  package var granuleBits: UInt64
}

/// A translation table descriptor, as it was read.
package struct DescriptorFetch: BitwiseCopyable, Sendable, Equatable {
  /// 1, 2, or 3 for stage 1 of a nested translation.
  package var stage: UInt64
  package var level: UInt64
  /// The address that is translated: an IOVA, or an IPA for stage 2.
  package var input: UInt64
  /// log2 of what one entry of this level maps.
  package var entryBits: UInt64
  /// Base address of the table.
  package var base: UInt64
  package var index: UInt64
  package var value: UInt64

  /// Address of the descriptor.
  package var address: UInt64 { base &+ index &* 8 }
}

/// An access that was translated.
package struct TranslatedAccess: BitwiseCopyable, Sendable, Equatable {
  package var stream: UInt32
  package var address: UInt64
  package var output: UInt64
  /// Bit 0: reads are allowed, bit 1: writes.
  package var permissions: UInt64
  /// 1, 2, or 3 for both.
  package var stage: UInt64
}
