internal import ArmFormats
package import Bits
package import Memory

/// An untranslated request of a function without a PASID, outside of the interrupt window.
package struct DMARequest: Equatable, Sendable {
  package var requester: UInt16
  package var address: IOVA
  package var isWrite: Bool

  package init(from requester: UInt16, at address: IOVA, isWrite: Bool) {
    self.requester = requester
    self.address = address
    self.isWrite = isWrite
  }
}

/// What became of a request.
package enum DMAOutcome: Equatable, Sendable {
  /// Translation is off, or passes through.
  case untranslated
  case translated(PA, size: UInt64, fromCache: Bool)
  case blocked(FaultReason, isRecorded: Bool)
}

/// Why a request is blocked.
struct DMAFault: Error {
  var reason: FaultReason
  /// Not recorded: `FPD` of the entry that was reached.
  var isQuiet = false

  init(_ reason: FaultReason, isQuiet: Bool = false) {
    self.reason = reason
    self.isQuiet = isQuiet
  }
}

/// A page that a walk came to.
struct WalkedPage {
  var output: UInt64
  var shift: UInt64
  var isReadable = true
  var isWritable = true
}

extension VTDUnit {
  /// Translates a request (3.4 to 3.8), recording the fault that it may cause.
  package mutating func translate(_ request: DMARequest, in memory: PhysicalMemory) -> DMAOutcome {
    guard registers.status & VTDCommand.translation != 0 else { return .untranslated }
    do throws(DMAFault) {
      return registers.isScalable
        ? try translateScalable(request, memory) : try translateLegacy(request, memory)
    } catch {
      if !error.isQuiet {
        record(
          error.reason, of: request.requester, information: request.address.rawValue,
          isRead: !request.isWrite)
      }
      return .blocked(error.reason, isRecorded: !error.isQuiet)
    }
  }

  private func load(_ address: UInt64, _ reason: FaultReason, _ memory: PhysicalMemory)
    throws(DMAFault) -> UInt64
  {
    guard let word = memory.load64(PA(address & lowBits(52))) else { throw DMAFault(reason) }
    return word
  }

  // MARK: Legacy mode (9.1, 9.3)

  private mutating func translateLegacy(_ request: DMARequest, _ memory: PhysicalMemory)
    throws(DMAFault) -> DMAOutcome
  {
    let place = registers.root & ~0xfff &+ UInt64(request.requester >> 8) << 4
    let root = RootEntry(words: [
      try load(place, .rootAccess, memory), try load(place &+ 8, .rootAccess, memory),
    ])
    guard root[.lowerPresent] else { throw DMAFault(.rootNotPresent) }
    guard root[word: 0] & 0xffe == 0, root[word: 1] == 0 else { throw DMAFault(.rootReserved) }
    let table = root[.lowerTable] << 12 &+ UInt64(request.requester & 0xff) << 4
    let context = ContextEntry(words: [
      try load(table, .contextAccess, memory), try load(table &+ 8, .contextAccess, memory),
    ])
    guard context[.present] else { throw DMAFault(.contextNotPresent) }
    do throws(DMAFault) {
      return try translate(request, context, memory)
    } catch {
      throw DMAFault(error.reason, isQuiet: context[.disablesFaults])
    }
  }

  private mutating func translate(
    _ request: DMARequest, _ context: ContextEntry, _ memory: PhysicalMemory
  ) throws(DMAFault) -> DMAOutcome {
    guard context[word: 0] & 0xffff_0000_0000_0ff0 == 0, context[word: 1] & ~lowBits(24) == 0,
      context[word: 1] & 0x80 == 0
    else { throw DMAFault(.contextReserved) }
    guard isSupported(width: context[.width]) else { throw DMAFault(.contextInvalid) }
    switch context[.type] {
    case 0: break
    case 1 where profile.hasDeviceTLBs: break
    case 2 where profile.passesThrough: return .untranslated
    default: throw DMAFault(.contextInvalid)
    }
    if let found = try cached(request, context[.domain], nil) { return found }
    let levels = UInt64(context[.width]) &+ 2
    guard request.address.rawValue >> (12 &+ 9 &* levels) == 0 else {
      throw DMAFault(.beyondWidth)
    }
    let page = try walkSecondStage(
      request.address.rawValue, context[.table] << 12, levels, request.isWrite, .legacy, memory)
    return keep(page, request, context[.domain], nil, isFirstStage: false)
  }

  private func isSupported(width: UInt8) -> Bool {
    (1...3).contains(width) && isSet(profile.widths, bit: UInt64(width))
  }

  // MARK: Scalable mode (9.2, 9.4 to 9.6)

  /// A reason of scalable mode, or what an implementation has for it.
  private func reason(_ scalable: FaultReason, _ legacy: FaultReason) -> FaultReason {
    personality.contains(.reportsLegacyReasons) ? legacy : scalable
  }

  private mutating func translateScalable(_ request: DMARequest, _ memory: PhysicalMemory)
    throws(DMAFault) -> DMAOutcome
  {
    let isUpper = request.requester & 0x80 != 0
    let place = registers.root & ~0xfff &+ UInt64(request.requester >> 8) << 4
    var root = RootEntry()
    root[word: 0] = try load(
      place &+ (isUpper ? 8 : 0), reason(.scalableRootAccess, .rootAccess), memory)
    guard root[.lowerPresent] else {
      throw DMAFault(reason(.scalableRootNotPresent, .rootNotPresent))
    }
    guard root[word: 0] & 0xffe == 0 else {
      throw DMAFault(reason(.scalableRootReserved, .rootReserved))
    }
    let table = root[.lowerTable] << 12 &+ UInt64(request.requester & 0x7f) << 5
    let access = reason(.scalableContextAccess, .contextAccess)
    let context = ScalableContextEntry(words: [
      try load(table, access, memory), try load(table &+ 8, access, memory),
    ])
    guard context[.present] else {
      throw DMAFault(reason(.scalableContextNotPresent, .contextNotPresent))
    }
    let isQuiet =
      context[.disablesFaults] && !personality.contains(.ignoresScalableFPD)
    do throws(DMAFault) {
      return try translate(request, context, memory)
    } catch {
      throw DMAFault(error.reason, isQuiet: error.isQuiet || isQuiet)
    }
  }

  private mutating func translate(
    _ request: DMARequest, _ context: ScalableContextEntry, _ memory: PhysicalMemory
  ) throws(DMAFault) -> DMAOutcome {
    guard context[word: 0] & 0x1e0 == 0, context[word: 1] & ~lowBits(21) == 0 else {
      throw DMAFault(reason(.scalableContextReserved, .contextReserved))
    }
    let pasid = context[.requesterPASID]
    if pasid != 0, !profile.hasRequesterPASID {
      throw DMAFault(
        personality.contains(.refusesRequesterPASID) ? .pasidInvalid : .scalableContextReserved)
    }
    guard pasid >> (UInt32(context[.directorySize]) &+ 13) == 0 else {
      throw DMAFault(.requesterPASIDError)
    }
    let word = try load(
      context[.directory] << 12 &+ UInt64(pasid >> 6) << 3, .directoryAccess, memory)
    let directory = PASIDDirectoryEntry(rawValue: word)
    guard directory[.present] else { throw DMAFault(.directoryNotPresent) }
    do throws(DMAFault) {
      guard word & 0xffc == 0 else { throw DMAFault(.directoryReserved) }
      return try translate(request, pasid, at: directory[.table] << 12, memory)
    } catch {
      throw DMAFault(error.reason, isQuiet: error.isQuiet || directory[.disablesFaults])
    }
  }

  private mutating func translate(
    _ request: DMARequest, _ pasid: UInt32, at table: UInt64, _ memory: PhysicalMemory
  ) throws(DMAFault) -> DMAOutcome {
    var entry = PASIDTableEntry()
    let place = table &+ UInt64(pasid & 0x3f) << 6
    for index in 0..<8 {
      entry[word: index] = try load(place &+ UInt64(index) << 3, .pasidAccess, memory)
    }
    guard entry[.present] else { throw DMAFault(.pasidNotPresent) }
    do throws(DMAFault) {
      return try translate(request, pasid, entry, memory)
    } catch {
      throw DMAFault(error.reason, isQuiet: error.isQuiet || entry[.disablesFaults])
    }
  }

  private mutating func translate(
    _ request: DMARequest, _ pasid: UInt32, _ entry: PASIDTableEntry, _ memory: PhysicalMemory
  ) throws(DMAFault) -> DMAOutcome {
    typealias Translation = PASIDTableEntry.Translation
    let type = entry[.type]
    let usesFirst = type == Translation.firstStage || type == Translation.nested
    let usesSecond = type == Translation.secondStage || type == Translation.nested
    guard !usesFirst || profile.hasFirstStage && entry[.firstStageMode] == 0,
      !usesSecond || profile.hasSecondStage && isSupported(width: entry[.width]),
      type != Translation.nested || profile.nests,
      usesFirst || usesSecond || type == Translation.passThrough && profile.passesThrough
    else { throw DMAFault(.pasidInvalid) }
    guard usesFirst || usesSecond else { return .untranslated }
    if let found = try cached(request, entry[.domain], pasid) { return found }
    let address = request.address.rawValue
    var page = WalkedPage(output: address, shift: 63)
    if usesFirst {
      page = try walkFirstStage(address, entry, request.isWrite, memory)
      if usesSecond {
        let second = try walkSecondStage(
          page.output, entry[.secondStageTable] << 12, UInt64(entry[.width]) &+ 2,
          request.isWrite, .nested, memory)
        page.output = second.output
        page.shift = min(page.shift, second.shift)
        page.isWritable = page.isWritable && second.isWritable
      }
    } else {
      let levels = UInt64(entry[.width]) &+ 2
      guard address >> (12 &+ 9 &* levels) == 0 else {
        throw DMAFault(reason(.secondStageBeyondWidth, .beyondWidth))
      }
      page = try walkSecondStage(
        address, entry[.secondStageTable] << 12, levels, request.isWrite,
        personality.contains(.reportsLegacyReasons) ? .legacy : .scalable, memory)
    }
    return keep(page, request, entry[.domain], pasid, isFirstStage: usesFirst)
  }

  // MARK: The IOTLB

  private func cached(_ request: DMARequest, _ domain: UInt16, _ pasid: UInt32?)
    throws(DMAFault) -> DMAOutcome?
  {
    let address = request.address.rawValue
    guard
      let entry = pages.last(where: {
        $0.domain == domain && $0.pasid == pasid && $0.requester == request.requester
          && ($0.page ^ address) >> $0.shift == 0
      }), request.isWrite ? entry.isWritable : entry.isReadable
    else { return nil }
    return .translated(
      PA(entry.output | address & lowBits(entry.shift)), size: 1 << entry.shift, fromCache: true)
  }

  private mutating func keep(
    _ page: WalkedPage, _ request: DMARequest, _ domain: UInt16, _ pasid: UInt32?,
    isFirstStage: Bool
  ) -> DMAOutcome {
    let address = request.address.rawValue
    insert(
      CachedPage(
        domain: domain, pasid: pasid, requester: request.requester,
        page: address & ~lowBits(page.shift), shift: page.shift,
        output: page.output & ~lowBits(page.shift), isReadable: page.isReadable,
        isWritable: page.isWritable, isFirstStage: isFirstStage))
    return .translated(PA(page.output), size: 1 << page.shift, fromCache: false)
  }
}
