internal import ArmFormats
internal import Bits
internal import Memory
internal import RISCVFormats

/// The registers of one queue (RISC-V IOMMU 1.0, 3 and 5.6 to 5.17).
struct IOMMUQueue: BitwiseCopyable {
  var base = QueueBase()
  var head: UInt32 = 0
  var tail: UInt32 = 0
  var control = QueueControl()

  var isEmpty: Bool { head == tail }
  /// The tail is the head minus one.
  var isFull: Bool { next(tail) == head }

  func next(_ index: UInt32) -> UInt32 { (index &+ 1) & base.indexMask }
  func address(_ index: UInt32, entrySize: UInt64) -> UInt64 {
    // A queue of more than a page is aligned to its size.
    base.address | UInt64(index) &* entrySize
  }

  /// Whether records can be written, or commands be read.
  var isRunning: Bool { control[.isOn] && control[.enable] }
}

extension RISCVIOMMU {
  /// Writes a record to the fault queue (3.2).
  ///
  /// - Returns: `false` when it is lost: the queue is off or full, or its memory does not answer.
  mutating func recordFault(_ record: FaultRecord, _ memory: PhysicalMemory) -> Bool {
    guard registers.faults.isRunning, !registers.faults.control[.memoryFault],
      !registers.faults.control[.overflow]
    else { return false }
    defer { interrupt(.faults, memory) }
    guard !registers.faults.isFull else {
      registers.faults.control[.overflow] = true
      return false
    }
    let place = registers.faults.address(registers.faults.tail, entrySize: 32)
    guard store(record, at: place, memory) else {
      registers.faults.control[.memoryFault] = true
      return false
    }
    registers.faults.tail = registers.faults.next(registers.faults.tail)
    return true
  }

  /// Writes a record in the byte order of the queues; `false` when nothing answers.
  func store(_ record: some InlineRecord, at address: UInt64, _ memory: PhysicalMemory) -> Bool {
    for index in 0..<type(of: record).wordCount {
      let place = address &+ UInt64(truncatingIfNeeded: index &* 8)
      guard write(place, record[word: index], bigEndian: isBigEndian, memory) else {
        return false
      }
    }
    return true
  }
}
