internal import ArmFormats
internal import Bits
internal import Memory

/// A translation in the IOTLB.
struct CachedPage {
  let domain: UInt16
  /// Of scalable mode; `nil` in legacy mode.
  let pasid: UInt32?
  let requester: UInt16
  let page: UInt64
  let shift: UInt64
  let output: UInt64
  let isReadable: Bool
  let isWritable: Bool
  let isFirstStage: Bool

  /// Whether it covers an address of the 2^`bits` from `base` on.
  func overlaps(_ base: UInt64, bits: UInt64) -> Bool {
    let wide = max(shift, bits)
    return (page ^ base) >> min(wide, 63) == 0
  }
}

extension VTDUnit {
  /// Entries of the IOTLB.
  static var cacheSize: Int { 64 }

  mutating func insert(_ page: CachedPage) {
    if pages.count >= Self.cacheSize { pages.removeFirst() }
    pages.append(page)
  }

  /// Contexts themselves are not cached; what came of them is.
  mutating func invalidateContexts() { pages = [] }

  // MARK: The queue (6.5.2)

  mutating func consumeQueue(_ memory: PhysicalMemory) {
    guard registers.status & VTDCommand.queue != 0 else { return }
    let size = registers.descriptorSize
    let length = UInt64(4096) << bits(registers.queueAddress, 2, 0)
    let base = PA(registers.queueAddress & ~0xfff & lowBits(52))
    // A head that is beyond the queue starts over.
    registers.queueHead %= length
    var budget = length / size
    while registers.queueHead != registers.queueTail, !registers.queueError, budget > 0 {
      budget -= 1
      guard registers.queueTail < length,
        let descriptor = descriptor(at: base + registers.queueHead, size, memory),
        execute(descriptor, memory)
      else { return fail() }
      registers.queueHead = (registers.queueHead &+ size) % length
    }
  }

  private func descriptor(at place: PA, _ size: UInt64, _ memory: PhysicalMemory)
    -> InvalidationDescriptor?
  {
    var descriptor = InvalidationDescriptor()
    for index in 0..<Int(size / 8) {
      guard let word = memory.load64(place + UInt64(index) * 8) else { return nil }
      descriptor[word: index] = word
    }
    return descriptor
  }

  /// The queue stands at a descriptor until software clears `FSTS.IQE`.
  private mutating func fail() {
    let before = faultStatus & 0x13
    registers.queueError = true
    if before == 0 { raiseFaultEvent() }
  }

  private mutating func execute(_ descriptor: InvalidationDescriptor, _ memory: PhysicalMemory)
    -> Bool
  {
    switch descriptor.kind {
    case 1: return invalidateContexts(descriptor)
    case 2: return invalidatePages(descriptor)
    // Device TLBs are in the devices.
    case 3: return profile.hasDeviceTLBs
    case 4: return invalidateInterrupts(descriptor)
    case 5: return wait(descriptor, memory)
    case 6: return profile.isScalable && invalidateByPASID(descriptor)
    case 7: return profile.isScalable && invalidatePASIDs(descriptor)
    default: return false
    }
  }

  private mutating func invalidateContexts(_ descriptor: InvalidationDescriptor) -> Bool {
    switch descriptor[.granularity] {
    case 1: pages = []
    case 2: pages.removeAll { $0.domain == descriptor[.domain] }
    case 3:
      let requester = UInt16(truncatingIfNeeded: descriptor[word: 0] >> 32)
      let mask = ~([0, 4, 6, 7] as [UInt16])[Int(bits(descriptor[word: 0], 49, 48))]
      pages.removeAll { $0.requester & mask == requester & mask }
    default: return false
    }
    return true
  }

  private mutating func invalidatePages(_ descriptor: InvalidationDescriptor) -> Bool {
    let domain = descriptor[.domain]
    switch descriptor[.granularity] {
    case 1: pages = []
    case 2: pages.removeAll { $0.domain == domain }
    case 3:
      guard UInt64(descriptor[.addressMask]) <= profile.largestMask else { return false }
      let base = descriptor[.page] << 12
      let width = 12 &+ UInt64(descriptor[.addressMask])
      pages.removeAll { $0.domain == domain && $0.overlaps(base, bits: width) }
    default: return false
    }
    return true
  }

  private mutating func invalidateByPASID(_ descriptor: InvalidationDescriptor) -> Bool {
    let (domain, pasid) = (descriptor[.domain], descriptor[.pasid])
    switch descriptor[.granularity] {
    case 2: pages.removeAll { $0.isFirstStage && $0.domain == domain && $0.pasid == pasid }
    case 3:
      guard UInt64(descriptor[.addressMask]) <= profile.largestMask else { return false }
      let base = descriptor[.page] << 12
      let width = 12 &+ UInt64(descriptor[.addressMask])
      pages.removeAll {
        $0.isFirstStage && $0.domain == domain && $0.pasid == pasid
          && $0.overlaps(base, bits: width)
      }
    default: return false
    }
    return true
  }

  private mutating func invalidatePASIDs(_ descriptor: InvalidationDescriptor) -> Bool {
    switch descriptor[.granularity] {
    case 0: pages.removeAll { $0.domain == descriptor[.domain] }
    case 1:
      pages.removeAll { $0.domain == descriptor[.domain] && $0.pasid == descriptor[.pasid] }
    case 3: pages = []
    default: return false
    }
    return true
  }

  private mutating func invalidateInterrupts(_ descriptor: InvalidationDescriptor) -> Bool {
    guard profile.remapsInterrupts else { return false }
    guard isSet(descriptor[word: 0], bit: 4) else {
      interrupts = [:]
      return true
    }
    let mask = lowBits(min(UInt64(descriptor[.indexMask]), 16))
    let index = UInt64(descriptor[.index]) & ~mask
    interrupts = interrupts.filter { UInt64($0.key) & ~mask != index }
    return true
  }

  /// The status word is written, and the interrupt is noted, when all before is done.
  private mutating func wait(_ descriptor: InvalidationDescriptor, _ memory: PhysicalMemory) -> Bool
  {
    let word = descriptor[word: 0]
    guard word & 0xffff_ff00 == 0, descriptor[word: 1] & 3 == 0 else { return false }
    if isSet(word, bit: 5) {
      memory.store32(PA(descriptor[word: 1] & lowBits(52)), descriptor[.status])
    }
    if isSet(word, bit: 4) { registers.isWaitComplete = true }
    return true
  }
}
