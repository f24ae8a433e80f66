internal import ArmFormats
internal import Bits
internal import RISCVFormats

/// Where a page of one or both stages leads.
struct StageMapping: BitwiseCopyable {
  /// The output for the input address itself.
  var address: UInt64 = 0
  /// log2 of the size of the page.
  var shift: UInt64 = 12
  var permissions: StagePermissions = .all
  /// Svpbmt.
  var memoryType: UInt8 = 0
  var isGlobal = false
  /// An MSI page table maps it.
  var isMessage = false
}

/// What a page of one stage, or of both, allows.
struct StagePermissions: OptionSet, BitwiseCopyable {
  let rawValue: UInt16

  static let read = Self(rawValue: 1 << 0)
  static let write = Self(rawValue: 1 << 1)
  static let execute = Self(rawValue: 1 << 2)
  static let user = Self(rawValue: 1 << 3)
  /// D is set: a write needs no update of the tables.
  static let dirty = Self(rawValue: 1 << 4)
  /// D was set before this request, too.
  static let wasDirty = Self(rawValue: 1 << 5)
  static let all: Self = [.read, .write, .execute, .user, .dirty, .wasDirty]

  init(rawValue: UInt16) { self.rawValue = rawValue }

  init(_ entry: PageTableEntry, wasDirty: Bool) {
    var value = UInt16(truncatingIfNeeded: entry.rawValue &>> 1 & 7)
    if entry[.user] { value |= Self.user.rawValue }
    if entry[.dirty] { value |= Self.dirty.rawValue }
    if wasDirty { value |= Self.wasDirty.rawValue }
    rawValue = value
  }

  /// Whether R, W and X allow what a request needs.
  @inline(__always)
  func allow(_ needs: AccessNeeds) -> Bool {
    if needs.isExecute && !contains(.execute) { return false }
    if needs.isRead && !contains(.read) { return false }
    return !needs.isWrite || contains(.write)
  }
}

/// How many bits a page table translates, and in how many levels.
struct TableGeometry: BitwiseCopyable {
  let levels: UInt64
  /// Bits of the input address that the root table is indexed with.
  let rootBits: UInt64

  /// log2 of the input range that an entry of `level` covers; the leaves of 4 KiB are at level 0.
  @inline(__always)
  static func shift(_ level: UInt64) -> UInt64 { 12 &+ 9 &* level }

  /// The width of the input address.
  var inputBits: UInt64 { Self.shift(levels &- 1) &+ rootBits }

  init(_ mode: FirstStageMode) {
    levels = UInt64(mode.rawValue) &- 5
    rootBits = 9
  }

  init(_ mode: SecondStageMode) {
    levels = UInt64(mode.rawValue) &- 5
    rootBits = 11
  }
}

extension RISCVIOMMU {
  /// Bare stages report pages of this size; the manual leaves it open and recommends a large one.
  static var bareShift: UInt64 { 30 }

  /// Whether an entry is valid and uses no reserved encoding (RISC-V Privileged, 12.3.2 step 3).
  @inline(__always)
  func isLegal(_ entry: PageTableEntry, level: UInt64) -> Bool {
    guard entry[.valid], entry[.readable] || !entry[.writable], entry.reserved == 0 else {
      return false
    }
    let type = entry[.memoryType]
    if type != 0 && (type == 3 || !capabilities[.memoryTypes]) { return false }
    if entry[.software60] != 0
      && (!capabilities[.softwareBits60] || personality.contains(.refusesSoftwareBits))
    {
      return false
    }
    if entry[.contiguous] && (level != 0 || !entry.isLeaf) { return false }
    // D, A, U and PBMT of an entry that points to a table are reserved.
    return entry.isLeaf
      || (type == 0 && !entry[.dirty] && !entry[.accessed] && !entry[.user])
  }

  /// log2 of the size of the page that a leaf maps; `nil` for a misaligned one.
  @inline(__always)
  func pageShift(_ entry: PageTableEntry, level: UInt64) -> UInt64? {
    guard entry[.page] & lowBits(9 &* level) == 0 else { return nil }
    guard entry[.contiguous] else { return TableGeometry.shift(level) }
    // Svnapot: PPN[3:0] is 0b1000, 64 KiB.
    return entry[.page] & 0xf == 8 ? 16 : nil
  }
}
