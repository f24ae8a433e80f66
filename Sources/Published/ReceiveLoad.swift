internal import Bits
internal import GLibSupport
internal import SMMU

/// A NIC that receives for many flows into the rings of a few cores, and the drivers behind it: a
/// page for each packet, 64 pages to a descriptor, each page unmapped once its descriptor is used
/// up, and an acknowledgement for each flow of a poll.
struct ReceiveLoad {
  var flows = 5
  var cores = 5
  /// Pages of a descriptor, and descriptors of a ring.
  var descriptorPages = 64
  var ring = 16
  /// Packets that one poll of a core takes.
  var poll = 3
  var stageTwo = TranslatedMemory.StageTwo.none
  var invalidation = TranslatedMemory.Invalidation.tables
  var caches = SMMUCacheGeometry.default

  /// The result, for each received page.
  struct Result: Equatable {
    var misses = 0.0
    var reads = 0.0
    var commands = 0.0
    /// The part of stage 2's inputs that its TLB had.
    var stage2Hits = 0.0
    /// The part of accesses that reached another page than the one mapped.
    var wrong = 0.0
    var unmapped = 0
    var mapped = 0
    var live = 0
  }

  /// Receives so many pages; the first quarter is not counted.
  func run(pages: Int, seed: UInt32) throws(TranslatedMemory.Failure) -> Result {
    let memory = try TranslatedMemory.setUp(
      stageTwo, caches: caches, invalidation: invalidation)
    var run = Run(self, memory, SeededRandom(seed: seed))
    try run.start()
    return try run.finish(pages)
  }
}

extension ReceiveLoad {
  private struct Core {
    /// The descriptors of the ring in order, each its pages' addresses.
    var descriptors: [[UInt64]] = []
    var used = 0
    /// Flows of the packets that the next poll takes.
    var arrived: [Int] = []
    /// Acknowledgements that the device sends one after the other, and that are unmapped so.
    var sent: [UInt64] = []
    /// Used-up descriptors, to be unmapped by the next poll.
    var full: [[UInt64]] = []
    var completions: [UInt64] = []
    var packets = 0
  }

  private struct Run: ~Copyable {
    let load: ReceiveLoad
    let random: SeededRandom
    var memory: TranslatedMemory
    var addresses: AddressMagazines
    var cores: [Core]
    var buffer = 0
    var wrong = 0
    var result = Result()

    init(
      _ load: ReceiveLoad, _ memory: consuming TranslatedMemory, _ random: SeededRandom
    ) {
      self.load = load
      self.random = random
      self.memory = memory
      addresses = AddressMagazines(cores: load.cores)
      cores = Array(repeating: Core(), count: load.cores)
    }

    /// Drivers fill their rings.
    mutating func start() throws(TranslatedMemory.Failure) {
      for core in 0..<load.cores {
        // 1024 completions of 64 bytes, mapped for good.
        for _ in 0..<16 { cores[core].completions.append(try map(on: core)) }
        for _ in 0..<load.ring { try refill(core) }
      }
    }

    private mutating func map(on core: Int) throws(TranslatedMemory.Failure) -> UInt64 {
      guard let address = addresses.allocate(on: core) else { throw .exhausted }
      try memory.map(address, to: buffer)
      buffer += 1
      result.mapped += 1
      return address
    }

    private mutating func unmap(_ pages: [UInt64], on core: Int) {
      memory.unmap(pages)
      for page in pages { addresses.free(page, on: core) }
      result.unmapped += pages.count
    }

    private mutating func refill(_ core: Int) throws(TranslatedMemory.Failure) {
      var pages: [UInt64] = []
      for _ in 0..<load.descriptorPages { pages.append(try map(on: core)) }
      cores[core].descriptors.append(pages)
    }

    mutating func finish(_ pages: Int) throws(TranslatedMemory.Failure) -> Result {
      let warmUp = pages / 4
      for page in 0..<pages {
        if page == warmUp {
          memory.resetCounts()
          wrong = 0
        }
        try receive()
      }
      let count = Double(max(1, pages - warmUp))
      let counter = memory.counter
      result.misses = Double(counter.misses) / count
      result.reads = Double(counter.reads) / count
      result.commands = Double(memory.commands) / count
      result.stage2Hits = Double(counter.stage2Hits) / Double(max(1, counter.stage2Inputs))
      result.wrong = Double(wrong) / Double(max(1, counter.accesses))
      result.live = result.mapped - result.unmapped
      return result
    }

    private mutating func touch(_ address: UInt64, isWrite: Bool) {
      if !memory.access(address, isWrite: isWrite) { wrong += 1 }
    }

    /// A packet of a flow arrives at the core that the flow is steered to.
    private mutating func receive() throws(TranslatedMemory.Failure) {
      let flow = Int(random.next32() % UInt32(truncatingIfNeeded: load.flows))
      let core = flow % load.cores
      // A packet's time is also that of an acknowledgement's completion.
      if !cores[core].sent.isEmpty { unmap([cores[core].sent.removeFirst()], on: core) }
      if cores[core].descriptors.isEmpty { try refill(core) }
      let page = cores[core].descriptors[0][cores[core].used]
      touch(page, isWrite: true)
      touch(page + 2048, isWrite: true)
      let completion = cores[core].packets % 1024
      touch(cores[core].completions[completion / 64] + UInt64(completion % 64) * 64, isWrite: true)
      cores[core].packets += 1
      cores[core].used += 1
      cores[core].arrived.append(flow)
      if cores[core].used == load.descriptorPages {
        cores[core].used = 0
        cores[core].full.append(cores[core].descriptors.removeFirst())
      }
      if cores[core].arrived.count >= load.poll { try poll(core) }
    }

    /// The core takes its packets, acknowledges each flow once, and gives buffers back.
    private mutating func poll(_ core: Int) throws(TranslatedMemory.Failure) {
      let full = cores[core].full
      cores[core].full = []
      for pages in full {
        unmap(pages, on: core)
        try refill(core)
      }
      var seen: [Int] = []
      for flow in cores[core].arrived where !seen.contains(flow) {
        seen.append(flow)
        let page = try map(on: core)
        touch(page, isWrite: false)
        cores[core].sent.append(page)
      }
      cores[core].arrived.removeAll(keepingCapacity: true)
    }
  }
}
