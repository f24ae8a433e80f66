internal import ArmFormats
internal import Bits

extension SMMU {
  /// CMD_CFGI_*: drops configuration, and exactly what the command names (4.3).
  mutating func invalidateConfiguration(_ command: SMMUCommand) {
    let stream = command[.stream]
    switch command[.opcode] {
    case .invalidateStream: invalidateStreams(stream, bits: 0, isLeaf: command[.leaf])
    case .invalidateStreamRange:
      invalidateStreams(stream, bits: UInt64(command[.streamRange]) + 1, isLeaf: false)
    case .invalidateContext:
      invalidateContext(stream, command[.substream], isLeaf: command[.leaf])
    default: invalidateContexts(stream)
    }
  }

  /// Drops the STEs of 2^bits streams, with the CDs fetched through them (4.3.1, 4.3.2).
  private mutating func invalidateStreams(_ stream: UInt32, bits: UInt64, isLeaf: Bool) {
    let mask = ~lowBits(bits)
    let matches = { (key: UInt64) in (key & 0xffff_ffff) & mask == UInt64(stream) & mask }
    streamEntries.removeAll(where: matches)
    contexts.removeAll(where: matches)
    contextTables.removeAll(where: matches)
    guard !isLeaf else { return }
    let split = registers.streamTable.split
    streamTables.removeAll { key in
      ((key & 0xffff_ffff) &<< split) & mask & ~lowBits(split)
        == UInt64(stream) & mask & ~lowBits(split)
    }
  }

  /// Drops one CD; that of SubstreamID 0 also serves traffic without one (4.3.3).
  private mutating func invalidateContext(_ stream: UInt32, _ substream: UInt32, isLeaf: Bool) {
    let effective = profile.idr1[.substreamBits] == 0 ? 0 : substream
    contexts.remove(ConfigurationKey.make(stream, effective))
    if effective == 0 { contexts.remove(ConfigurationKey.make(stream, nil)) }
    guard !isLeaf else { return }
    // The leaves of an L1CD hold 64 or 1024 CDs.
    contextTables.remove(ConfigurationKey.make(stream, effective >> 6))
    contextTables.remove(ConfigurationKey.make(stream, effective >> 10))
  }

  private mutating func invalidateContexts(_ stream: UInt32) {
    let key = ConfigurationKey.make(stream, nil)
    let matches = { (other: UInt64) in
      other & ConfigurationKey.streamMask == key & ConfigurationKey.streamMask
    }
    contexts.removeAll(where: matches)
    contextTables.removeAll(where: matches)
  }

  /// CMD_TLBI_* (4.4); any other opcode is reserved.
  mutating func invalidateTranslations(_ command: SMMUCommand) -> CommandOutcome {
    guard !personality.contains(.keepsTranslations) else { return .done }
    switch command[.opcode].rawValue {
    case 0x10...0x13:
      // Illegal on a stage 2-only SMMU, also for QEMU.
      guard profile.idr0[.stage1] else { return .failed(.illegal) }
      return invalidateEL1(command)
    case 0x18, 0x1a: return absent
    case 0x20...0x23:
      guard profile.idr0[.hyp] else { return absent }
      return invalidateEL2(command)
    case 0x28, 0x2a:
      // Illegal on a stage 1-only SMMU, also for QEMU.
      guard profile.idr0[.stage2] else { return .failed(.illegal) }
      return invalidateStage2(command)
    case 0x30:
      invalidateNonHyp()
      return .done
    default: return .failed(.illegal)
    }
  }

  /// CMD_TLBI_NH_*: stage 1 of EL1 streams; the VMID counts where stage 2 exists (4.4.2).
  private mutating func invalidateEL1(_ command: SMMUCommand) -> CommandOutcome {
    typealias Tag = AddressSpaceTag
    let vmid = profile.idr0[.stage2] ? UInt64(command[.vmid]) : 0
    let space = Tag.valid | vmid << 16 | UInt64(command[.asid])
    let machine = Tag.valid | Tag.worldMask | Tag.vmidMask
    switch command[.opcode] {
    case .tlbiNHAll: dropStage1(in: space, mask: machine)
    case .tlbiNHASID:
      dropStage1(in: space, mask: machine | Tag.asidMask | Tag.global)
    case .tlbiNHVA:
      return dropStage1Pages(command, in: space, mask: machine | Tag.asidMask | Tag.global)
    default: return dropStage1Pages(command, in: space, mask: machine)
    }
    return .done
  }

  /// CMD_TLBI_EL2_*: `CR2.E2H` says which of the two EL2 regimes an address is in (4.4.2.8).
  private mutating func invalidateEL2(_ command: SMMUCommand) -> CommandOutcome {
    typealias Tag = AddressSpaceTag
    let isHost = registers.control2.contains(.hostExtensions)
    let world: UInt64 = isHost ? 2 : 1
    let space = Tag.valid | world << 32 | (isHost ? UInt64(command[.asid]) : 0)
    let regime = Tag.valid | Tag.worldMask
    switch command[.opcode] {
    case .tlbiEL2All:
      dropStage1(in: Tag.valid | 1 << 32, mask: regime)
      dropStage1(in: Tag.valid | 2 << 32, mask: regime)
    case .tlbiEL2ASID:
      dropStage1(
        in: Tag.valid | 2 << 32 | UInt64(command[.asid]),
        mask: regime | Tag.asidMask | Tag.global)
    case .tlbiEL2VA:
      return dropStage1Pages(command, in: space, mask: regime | Tag.asidMask | Tag.global)
    default: return dropStage1Pages(command, in: space, mask: regime)
    }
    return .done
  }

  /// CMD_TLBI_S12_VMALL and CMD_TLBI_S2_IPA (4.4.3).
  ///
  /// The latter drops stage 2 entries alone: what stage 1 combined with them stays, until
  /// CMD_TLBI_NH_* or S12_VMALL.
  private mutating func invalidateStage2(_ command: SMMUCommand) -> CommandOutcome {
    typealias Tag = AddressSpaceTag
    let space = Tag.make(vmid: command[.vmid])
    let machine = Tag.valid | Tag.worldMask | Tag.vmidMask
    if command[.opcode] == .tlbiS12VMAll {
      dropStage1(in: space, mask: machine)
      stage2Cache.removeAll(in: space, mask: machine)
      stage2Tables.removeAll(in: space, mask: machine)
      return .done
    }
    let scope = scope(of: command)
    stage2Cache.removeAll(in: space, mask: machine, globals: false, scope)
    if !command[.leaf] {
      stage2Tables.removeAll(in: space, mask: machine, globals: false, scope.withoutLevel)
    }
    return isDegenerate(command) ? .failed(.illegal) : .done
  }

  /// CMD_TLBI_NSNH_ALL: every EL1 and stage 2 entry of every VMID (4.4.4).
  private mutating func invalidateNonHyp() {
    dropStage1(in: AddressSpaceTag.valid, mask: AddressSpaceTag.valid | AddressSpaceTag.worldMask)
    stage2Cache.removeAll()
    stage2Tables.removeAll()
  }

  private mutating func dropStage1(in space: UInt64, mask: UInt64) {
    pages.removeAll(in: space, mask: mask)
    stage1Tables.removeAll(in: space, mask: mask)
  }

  private mutating func dropStage1Pages(_ command: SMMUCommand, in space: UInt64, mask: UInt64)
    -> CommandOutcome
  {
    let scope = scope(of: command, isVirtual: true)
    pages.removeAll(in: space, mask: mask, globals: true, scope)
    if !command[.leaf] {
      stage1Tables.removeAll(in: space, mask: mask, globals: true, scope.withoutLevel)
    }
    return isDegenerate(command) ? .failed(.illegal) : .done
  }

  /// The range and the hints of an address invalidation (4.4.1.1).
  ///
  /// - Parameter isVirtual: bits [63:56] of the address are a tag, which may be ignored (4.4.2).
  private func scope(of command: SMMUCommand, isVirtual: Bool = false) -> TranslationCache.Scope {
    let address = Int64(bitPattern: command.address)
    let first = isVirtual ? UInt64(bitPattern: (address << 8) >> 8) : command.address
    let granule = UInt64(command[.granule])
    guard profile.idr3[.rangeInvalidation], granule != 0 else {
      return .init(first: first, last: first | 0xfff)
    }
    let count = UInt64(command[.rangeCount])
    let scale = UInt64(command[.rangeScale])
    let shift = 10 + 2 * granule
    let start = first & ~lowBits(shift)
    let pages = (count + 1) << scale
    let size = pages >> (64 - shift) == 0 ? pages << shift : .max
    let end = start.addingReportingOverflow(size - 1)
    // With the tag ignored, a range from the top of the upper half goes on at the bottom of the
    // lower half; to drop more than asked is always allowed.
    return .init(
      first: end.overflow ? 0 : start, last: end.overflow ? .max : end.partialValue,
      granule: granule, level: leafLevel(of: command))
  }

  /// `TTL`; with 16 KiB granules level 1 is reserved and read as no hint.
  private func leafLevel(of command: SMMUCommand) -> UInt64 {
    command[.granule] == 2 && command[.level] == 1 ? 0 : UInt64(command[.level])
  }

  /// A granule without a range or a level is reserved: CERROR_ILL, after an invalidation that
  /// nothing forbids (4.4.1.1).
  private func isDegenerate(_ command: SMMUCommand) -> Bool {
    profile.idr3[.rangeInvalidation] && command[.granule] != 0 && command[.rangeCount] == 0
      && command[.rangeScale] == 0 && leafLevel(of: command) == 0
      && !personality.contains(.acceptsAbsentCommands)
  }
}

extension TranslationCache.Scope {
  /// For cached tables, whose level is not that of the leaf.
  fileprivate var withoutLevel: Self {
    var scope = self
    scope.level = 0
    return scope
  }
}
