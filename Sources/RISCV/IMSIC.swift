package import Bits

/// The IMSICs of a machine: for each hart one supervisor-level interrupt file and its guest
/// interrupt files, each in a page of its own (RISC-V AIA 1.0, 3.6).
package struct IMSICs: Sendable {
  /// The supervisor-level file of hart 0.
  package let base: PA
  package let hartCount: Int
  /// GEILEN: guest interrupt files of each hart, 0 to 63.
  package let guestFiles: Int
  private var files: ContiguousArray<InterruptFile>

  /// IMSICs after reset.
  ///
  /// - Parameters:
  ///   - base: aligned to the files of all harts.
  ///   - guestFiles: for each hart; the pages of a hart are rounded up to a power of two.
  ///   - identities: of each file.
  package init(
    base: PA, hartCount: Int, guestFiles: Int = 0, identities: UInt32 = 255
  ) {
    self.base = base.alignedDown(toBit: 12)
    self.hartCount = max(1, min(hartCount, 16384))
    self.guestFiles = max(0, min(guestFiles, 63))
    files = ContiguousArray(
      repeating: InterruptFile(identities: identities),
      count: self.hartCount * (self.guestFiles + 1))
  }

  /// Pages from one hart's supervisor-level file to the next one's: 2^this.
  private var pageBits: UInt64 {
    UInt64(roundedUpToPowerOfTwo(guestFiles + 1).trailingZeroBitCount)
  }

  /// Where all files are.
  package var range: AddressRange {
    AddressRange(from: base.rawValue, length: UInt64(hartCount) << (12 + pageBits))
  }

  /// Where a file is: guest 0 is the supervisor-level file.
  package func address(hart: Int, guest: Int = 0) -> PA {
    base + (UInt64(max(0, hart)) << (12 + pageBits)) + UInt64(max(0, guest)) << 12
  }

  /// The hart and the guest file at an address; `nil` for other addresses, and for the pages that
  /// round a hart's files up, which read as zero and ignore writes.
  package func file(at address: PA) -> (hart: Int, guest: Int)? {
    let page = (address.rawValue &- base.rawValue) >> 12
    guard address >= base, page >> pageBits < UInt64(hartCount) else { return nil }
    let guest = Int(page & lowBits(pageBits))
    return guest <= guestFiles ? (Int(page >> pageBits), guest) : nil
  }

  /// A file; `nil` for one that does not exist.
  package func file(hart: Int, guest: Int = 0) -> InterruptFile? {
    place(hart, guest).map { files[$0] }
  }

  private func place(_ hart: Int, _ guest: Int) -> Int? {
    guard (0..<hartCount).contains(hart), (0...guestFiles).contains(guest) else { return nil }
    return hart * (guestFiles + 1) + guest
  }

  /// Changes a file, as the CSRs of its hart do; `nil` for one that does not exist.
  @discardableResult
  package mutating func withFile<Result>(
    hart: Int, guest: Int = 0, _ change: (inout InterruptFile) -> Result
  ) -> Result? {
    place(hart, guest).map { change(&files[$0]) }
  }

  /// A 32-bit write of a device or an IOMMU.
  ///
  /// - Returns: the file, and whether the identity exists there; `nil` when no file is at the
  ///   address.
  @discardableResult
  package mutating func write(_ value: UInt32, at address: PA)
    -> (hart: Int, guest: Int, isImplemented: Bool)?
  {
    guard let (hart, guest) = file(at: address), let place = place(hart, guest) else {
      return nil
    }
    let isKnown = files[place].write(value, at: address.offset(belowBit: 12))
    return (hart, guest, isKnown)
  }

  /// `hgeip` of a hart: bit n is set while guest file n signals (AIA 3.10; Privileged 21.2.4).
  package func guestSignals(hart: Int) -> UInt64 {
    var signals: UInt64 = 0
    for guest in 1..<(guestFiles + 1) where file(hart: hart, guest: guest)?.isSignalling == true {
      signals |= 1 << UInt64(guest)
    }
    return signals
  }
}
