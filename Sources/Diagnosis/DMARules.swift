internal import ArmFormats
internal import Bits
internal import Inspect

/// Faults of DMA: accesses that are no MSIs.
enum DMARules {
  static func find(_ joined: Joined) -> [Finding] {
    let events = faults(joined)
    return Findings.best(
      permission(joined) + zero(joined, events) + traced(joined, events) + truncated(joined, events)
        + unexplained(joined, events))
  }

  /// Translation faults that are no message's: reads, or writes elsewhere than to a doorbell.
  static func faults(_ joined: Joined) -> [JoinedEvent] {
    joined.events.filter { event in
      guard event.kind == .translation || event.kind == .addressSize, event.isOfAccess,
        !event.event.missing.contains(2)
      else { return false }
      return !isMessage(event, joined)
    }
  }

  /// Whether a write goes to a doorbell: offset 0x40 of a page, and in a window or where a device was
  /// told to write.
  static func isMessage(_ event: JoinedEvent, _ joined: Joined) -> Bool {
    guard event.record.couldBeMessage, event.address & 0xfff == 0x040 else { return false }
    if joined.windows.contains(where: { $0.contains(event.address) }) { return true }
    if joined.messageAddresses.contains(where: { $0.1 == event.address }) {
      return true
    }
    if joined.itsBases.contains(where: {
      ($0 &+ 0x1_0040) & 0xffff_ffff == event.address & 0xffff_ffff
    }) {
      return true
    }
    // A page that was mapped as memory is no doorbell.
    let history = joined.facts.mappings.history(of: event.address)
    if let target = history.last(where: \.isMap)?.target {
      return joined.itsBases.contains {
        $0 &+ 0x1_0000 == target & ~0xfff || $0 == target & ~0xffff
      }
    }
    // Alone, and again and again at the same address: a vector. Among other pages: a buffer.
    return joined.faultingPages[event.stream] == 1 && !event.isStage2 && event.address > 0xfff
  }

  private static func list(_ events: [JoinedEvent]) -> String {
    let addresses = events.prefix(5).map { hex($0.address) }
    return addresses.joined(separator: ", ")
      + (events.count > 5 ? " and \(events.count - 5) more" : "")
  }

  private static func count(_ events: [JoinedEvent]) -> Int {
    events.reduce(0) { $0 &+ $1.report.count }
  }

  // MARK: Permission and address 0

  private static func permission(_ joined: Joined) -> [Finding] {
    let events = joined.events.filter {
      $0.kind == .permission && $0.isOfAccess && $0.event.missing.isEmpty
    }
    guard let event = events.first else { return [] }
    let mapped = joined.facts.mappings.history(of: event.address).last { $0.isMap }
    return [
      Finding(
        .dmaPermission, 0.86, events.prefix(4).map { Optional.some($0.source) } + [mapped?.source],
        means:
          "\(event.who): \(event.what). The page is mapped, without the permission that this access "
          + "needs: the driver mapped it for the other direction (DMA_TO_DEVICE is read-only for the device) "
          + "or the device uses a buffer the wrong way.",
        fix:
          "Compare the direction of dma_map_single or dma_map_page for \(hex(event.address)) with what the "
          + "device does there.",
        missing: mapped == nil ? [MissingFile(.mappings, "how the page is mapped")] : [],
        explains: [.dmaUnmappedAddress])
    ]
  }

  private static func zero(_ joined: Joined, _ events: [JoinedEvent]) -> [Finding] {
    let low = events.filter { $0.address < 0x1_0000 && !$0.isStage2 }
    guard let event = low.first else { return [] }
    let others = events.filter { $0.stream == event.stream && $0.address >= 0x1_0000 }
    guard others.count <= low.count else { return [] }
    let reset = joined.notices(.functionReset).first
    return [
      Finding(
        .dmaAddressZero, 0.85, low.prefix(4).map { Optional.some($0.source) } + [reset?.source],
        means:
          "\(event.who): \(event.what) (\(list(low)); \(count(low)) in all). Address 0 or little more is no "
          + "address that a driver hands out: the device was given none, or lost it in a reset, and takes zero "
          + "for its queue or buffer.",
        fix:
          "Look for a queue or descriptor whose address the driver did not write, or wrote before a reset of "
          + "the device.",
        explains: [.dmaUnmappedAddress, .dmaAddressTruncated])
    ]
  }

  // MARK: With a trace of mappings

  private static func traced(_ joined: Joined, _ events: [JoinedEvent]) -> [Finding] {
    guard !joined.facts.mappings.isEmpty else { return [] }
    var freed: [(JoinedEvent, MappingTrace.Change, MappingTrace.Change?)] = []
    var stale: [(JoinedEvent, MappingTrace.Change)] = []
    for event in events.prefix(256) {
      let history = joined.facts.mappings.history(of: event.address)
      // Clocks of log and trace are the same where both count from boot.
      let isComparable =
        event.report.firstTime.map { time in
          history.contains { ($0.time ?? 0) < time &+ 600_000_000 }
        } ?? false
      let before =
        isComparable
        ? history.filter { $0.time ?? 0 <= event.report.firstTime ?? 0 } : history
      guard let last = before.last else { continue }
      if last.isMap {
        stale.append((event, last))
      } else {
        freed.append((event, last, before.last { $0.isMap }))
      }
    }
    if let (event, unmap, map) = freed.first {
      let delay = event.report.firstTime.flatMap { time in
        unmap.time.flatMap { $0 <= time ? time - $0 : nil }
      }
      let down = joined.notices(.interfaceDown, .unbound, .functionReset).first
      return [
        Finding(
          .dmaUseAfterUnmap, 0.93,
          freed.prefix(4).map { Optional.some($0.0.source) }
            + freed.prefix(3).map { Optional.some($0.1.source) }
            + [map?.source, down?.source],
          means: "\(event.who) uses memory that its driver has unmapped: the trace has an unmap of "
            + "\(hex(unmap.range.lowerBound)), and "
            + (delay.map { "\(decimal($0)) ms later " } ?? "then ")
            + "the device still \(event.isWrite ? "does a write to" : "does a read of") \(list(freed.map(\.0))) "
            + "(\(event.kind), stage 1). "
            + (map?.target.map {
              "The page was mapped as memory (\(hex($0))), so that it is a buffer."
            } ?? "")
            + " With strict invalidation the fault shows a driver that frees before the device has stopped.",
          fix:
            "Fix the driver's stop path: stop the device's DMA engines and wait until they are idle before "
            + "buffers are unmapped.",
          explains: [.dmaUnmappedAddress, .staleConfiguration])
      ]
    }
    guard let (event, map) = stale.first else { return [] }
    return [
      Finding(
        .staleConfiguration, 0.8, [event.source, map.source],
        means:
          "\(event.who): \(event.what), and the trace maps that page and does not unmap it. The tables have "
          + "the mapping; the SMMU uses an entry or a translation from before (a missing or too narrow "
          + "invalidation), or another domain's.",
        fix:
          "Look at the invalidations (TLBI, CFGI_STE, CFGI_CD) between the mapping and the fault, and at the "
          + "domain that is attached.",
        explains: [.dmaUnmappedAddress])
    ]
  }

  private static func decimal(_ microseconds: UInt64) -> String {
    "\(microseconds / 1000).\(microseconds % 1000 / 100)"
  }

  // MARK: Lost upper bits

  private static func truncated(_ joined: Joined, _ events: [JoinedEvent]) -> [Finding] {
    let high = joined.facts.mappings.changes.filter {
      $0.isMap && $0.range.lowerBound > 0xffff_ffff
    }
    guard !high.isEmpty else { return [] }
    for event in events where event.address <= 0xffff_ffff && !event.isStage2 {
      guard joined.facts.mappings.history(of: event.address).isEmpty else { continue }
      // Bits 39:32 and up are lost, or all above 31.
      let match = high.first { change in
        [0xffff_ffff, 0xff_ffff_ffff].contains { mask in
          change.range.lowerBound & mask <= event.address
            && event.address <= change.range.upperBound & mask
        }
      }
      guard let match else { continue }
      return [
        Finding(
          .dmaAddressTruncated, 0.88, [event.source, match.source],
          means:
            "\(event.who): \(event.what). The trace maps \(hex(match.range.lowerBound)), of which this is the "
            + "lower half: the device, its driver or a bridge dropped the upper bits.",
          fix:
            "Set the DMA mask to what the device can address (dma_set_mask_and_coherent), or write the upper "
            + "half of the address register.",
          explains: [.dmaUnmappedAddress])
      ]
    }
    return []
  }

  // MARK: Without

  private static func unexplained(_ joined: Joined, _ events: [JoinedEvent]) -> [Finding] {
    let rest = events.filter { $0.address >= 0x1_0000 || $0.isStage2 }
    guard let event = rest.first else { return [] }
    let stage2 = rest.first { $0.isStage2 }
    let down = joined.notices(.interfaceDown, .unbound, .functionReset, .guestReset).first {
      notice in
      guard let time = notice.time, let at = event.report.firstTime else { return false }
      return time > at ? time - at < 5_000_000 : at - time < 5_000_000
    }
    let missing =
      joined.facts.mappings.isEmpty
      ? [
        MissingFile(
          .mappings, "whether \(hex(event.address)) was mapped before, and when it was unmapped")
      ] : []
    let unmapped = Finding(
      .dmaUnmappedAddress, joined.facts.mappings.isEmpty ? 0.5 : 0.75,
      rest.prefix(4).map { Optional.some($0.source) },
      means: "\(event.who): \(event.what) (\(list(rest)); \(count(rest)) in all). "
        + (stage2 == nil
          ? "Stage 1 has no mapping there"
          : "Stage 2 has no mapping for IPA \(hex(stage2?.ipa ?? 0))")
        + (joined.facts.mappings.isEmpty
          ? "; the files do not say whether it ever had."
          : ", and the trace shows that it never had."),
      fix:
        "Trace iommu:map and iommu:unmap while it happens, and compare with the addresses that the driver "
        + "gives to the device.",
      missing: missing)
    guard joined.facts.mappings.isEmpty, stage2 == nil else { return [unmapped] }
    return [
      unmapped,
      Finding(
        .dmaUseAfterUnmap, down == nil ? 0.35 : 0.6,
        rest.prefix(3).map { Optional.some($0.source) } + [down?.source],
        means:
          "\(event.who): \(event.what). The device may use a buffer that its driver has unmapped"
          + (down == nil ? "." : ": the device was being stopped or reset at that time."),
        fix: "Stop the device's DMA before buffers are unmapped.", missing: missing),
    ]
  }
}
