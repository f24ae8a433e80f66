import Bits
package import Files
import Guest
import Linux

extension RecordingReader {
  /// Returns the workload's activity for an event of the guest or its device.
  mutating func activity(
    _ kind: String, _ line: CheckedValue
  ) throws(InputError) -> Workload.Activity {
    let iova = IOVA(line.integer("iova"))
    switch kind {
    case "map":
      let protection = line.choice("prot", RecordingShapes.Protection.self)
      return .map(
        iova, IPA(line.integer("ipa")), size: line.integer("size"), protection?.attributes ?? [])
    case "unmap": return .unmap(iova, size: line.integer("size"))
    case "lpi-config":
      return .lpiConfiguration(
        IPA(line.integer("address")), UInt8(truncatingIfNeeded: line.integer("value")))
    case "gicr-write":
      return .redistributorWrite(offset: line.integer("offset"), value: line.integer("value"))
    case "msix-write": return try msixWrite(line)
    case "msix-control":
      return .msixControl(
        enable: line["enable"]?.boolean == true,
        functionMask: line["functionMask"]?.boolean == true)
    case "dma":
      accesses.append(
        Recording.Access(
          address: iova, isWrite: line.text("rw") == "w",
          output: line["pa"].map { PA($0.integer) }, fault: line.text("fault")))
      return .dma(
        iova, isWrite: line.text("rw") == "w", count: Int(clamping: line["count"]?.integer ?? 1))
    default: return try interrupt(line)
    }
  }

  private func msixWrite(_ line: CheckedValue) throws(InputError) -> Workload.Activity {
    let offset = line.integer("offset")
    let size = UInt64((device?.vectors ?? 0) * 16)
    guard offset % 4 == 0, offset < size else {
      throw InputError(
        expected: "a multiple of 4 below \(size), the size of the MSI-X table",
        found: "\(offset)", at: line["offset"]?.place ?? line.place, field: "offset")
    }
    return .msixWrite(offset: offset, value: line.word("value"))
  }

  private mutating func interrupt(_ line: CheckedValue) throws(InputError) -> Workload.Activity {
    let vector = Int(clamping: line.integer("vector"))
    guard vector < device?.vectors ?? 0 else {
      throw InputError(
        expected: "a vector below \(device?.vectors ?? 0), the size of the MSI-X table",
        found: "\(vector)", at: line["vector"]?.place ?? line.place, field: "vector")
    }
    interrupts.append(
      Recording.Interrupt(
        vector: vector, address: IOVA(line.integer("address")), data: line.word("data"),
        output: PA(line.integer("pa")), deviceID: line.word("deviceID"),
        eventID: line.word("eventID"), intid: line.word("intid"),
        walk: line["walk"]?.items.map(Recording.Descriptor.init) ?? []))
    return .message(vector: vector)
  }

  /// Keeps what a fact of this kind says.
  mutating func takeFact(_ kind: String, _ line: CheckedValue) throws(InputError) {
    switch kind {
    case "device":
      device = Workload.Device(
        name: line.text("name"), guestID: line["guest"]?.word("deviceID") ?? 0,
        hostID: line["host"]?.word("deviceID") ?? 0,
        vectors: Int(clamping: line["msix"]?.integer("vectors") ?? 0))
    case "rmr":
      reservedRegion = Recording.ReservedRegion(
        base: IPA(line.integer("base")), length: line.integer("length"),
        flags: line.integer("flags"))
    case "its": takeDoorbell(line)
    case "frame": try takeFrame(line)
    case "backing": try takeBacking(line)
    case "ste":
      placement.streamTable = (PA(line.integer("level1Table")), PA(line.integer("level2Table")))
    case "ste-words": streamTableEntry = line["words"]?.items.map(\.integer) ?? []
    case "cd-words": contextDescriptor = line["words"]?.items.map(\.integer) ?? []
    case "cd": placement.contextDescriptors = PA(line.integer("ipa"))
    default: descriptors.append(Recording.Descriptor(line))
    }
  }

  private mutating func takeDoorbell(_ line: CheckedValue) {
    if line.text("side") == "guest" {
      guestDoorbell = IPA(line.integer("doorbell"))
    } else {
      hostDoorbell = PA(line.integer("doorbell"))
    }
  }

  private mutating func takeFrame(_ line: CheckedValue) throws(InputError) {
    let level = Int(clamping: line.integer("level"))
    let isStage1 = line.integer("stage") == 1
    guard let base = line[isStage1 ? "iova" : "ipa"], let ipa = line["ipa"] else {
      throw InputError(
        expected: isStage1 ? "'iova' and 'ipa' for stage 1" : "'ipa' for stage 2",
        found: "none", at: line.place, field: isStage1 ? "iova" : "ipa")
    }
    let slot = TableSlot(level: level, base: base.integer)
    if isStage1 {
      placement.stage1[slot] = PA(ipa.integer)
    } else {
      placement.stage2[slot] = PA(line.integer("pa"))
    }
  }

  /// Pages that a recording may name, so that a bad size cannot exhaust memory.
  private static let pageLimit: UInt64 = 1 << 20

  private mutating func takeBacking(_ line: CheckedValue) throws(InputError) {
    guard let size = line["size"] else { return }
    let page: UInt64 = 4096
    let pages = size.integer / page
    guard size.integer % page == 0, pages <= Self.pageLimit - UInt64(placement.pages.count) else {
      throw size.error(expected: "a multiple of 4096, and at most 4 GiB in all")
    }
    for index in 0..<pages {
      placement.pages.append(
        (
          IPA(line.integer("ipa") &+ index &* page), PA(line.integer("pa") &+ index &* page)
        ))
    }
  }
}

extension CheckedValue {
  /// The 32-bit integer of a field, which its shape bounds.
  fileprivate func word(_ name: String) -> UInt32 { UInt32(truncatingIfNeeded: integer(name)) }
}

extension Recording.Descriptor {
  fileprivate init(_ value: CheckedValue) {
    self.init(
      stage: Int(clamping: value.integer("stage")), level: Int(clamping: value.integer("level")),
      address: PA(value.integer("address")), value: value.integer("value"))
  }
}
