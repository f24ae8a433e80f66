internal import ArmFormats
internal import Bits

/// One read of a table, or a look-up that needed none, on the way of an access.
enum WalkStep: BitwiseCopyable {
  case read(DescriptorFetch, line: Int)
  /// The TLB held the translation of this address.
  case hit(UInt64, line: Int)

  var line: Int {
    switch self {
    case .read(_, let line), .hit(_, let line): line
    }
  }
}

/// One access of a device, and what the machine made of it.
struct RecordedAccess {
  let line: Int
  let time: Int
  let address: UInt64
  /// `nil` where it failed.
  var output: UInt64?
  /// Bit 0: the mapping allows reads; bit 1: writes.
  var permissions: UInt64 = 0
  /// 0 where nothing was translated.
  var stage: UInt64 = 0
  var steps: [WalkStep] = []
  var fault: EventKind?
  /// Message that the access was, if it was an MSI.
  var message: RecordedMessage?

  var page: UInt64 { address & ~0xfff }
  var reads: [(fetch: DescriptorFetch, line: Int)] {
    steps.compactMap { if case .read(let fetch, let line) = $0 { (fetch, line) } else { nil } }
  }

  /// The last entry that stage 1 read, or stage 2 where it translates alone.
  var leaf: (fetch: DescriptorFetch, line: Int)? {
    let wanted: UInt64 = stage == 2 ? 2 : stage
    return reads.last { $0.fetch.stage == wanted }
  }

  /// Output address of the leaf: an IPA if stage 2 follows.
  var leafOutput: UInt64? {
    leaf.map { leaf in
      let inside = lowBits(leaf.fetch.entryBits)
      return leaf.fetch.value & 0xffff_ffff_f000 & ~inside | address & inside
    }
  }
}

/// An MSI as the machine's ITS saw it.
struct RecordedMessage: Equatable {
  /// The line and the time at which the device began to signal.
  var line: Int
  var time: Int
  var vector: UInt64
  var device: UInt32
  var event: UInt32
  /// `nil` where the ITS had no mapping for it.
  var intid: UInt32?
  /// Of the collection.
  var cpu: UInt64?
  var acknowledged: (line: Int, time: Int, cpu: UInt64)?

  static func == (left: Self, right: Self) -> Bool {
    left.line == right.line && left.event == right.event && left.intid == right.intid
  }
}
