internal import ArmFormats
internal import Bits
package import RISCVFormats

/// An interrupt file of an IMSIC: pending and enable bits of up to 2047 identities, of supervisor
/// level or of one virtual hart (RISC-V AIA 1.0, 3).
package struct InterruptFile: BitwiseCopyable, Sendable {
  private var pending = InlineArray<32, UInt64>(repeating: 0)
  private var enabled = InlineArray<32, UInt64>(repeating: 0)
  /// `eidelivery`: 0 off, 1 on. 0x40000000, delivery from an APLIC, is not supported.
  package private(set) var delivery: UInt64 = 0
  /// `eithreshold`: identities of this value and higher do not interrupt; 0 lets all.
  package private(set) var threshold: UInt64 = 0
  /// The largest identity: one less than a multiple of 64, 63 to 2047.
  package let identities: UInt32

  /// A file after reset.
  ///
  /// - Parameter identities: rounded up to one less than a multiple of 64.
  package init(identities: UInt32 = 255) {
    self.identities = min(max(identities, 1), 2047) | 63
  }

  /// Whether identity `number` exists.
  package func implements(_ number: UInt32) -> Bool { number >= 1 && number <= identities }

  // MARK: The memory-mapped page

  /// A 32-bit write to the file's page (3.5). Identities that do not exist, and other offsets, are
  /// ignored.
  ///
  /// - Parameter value: as a little-endian word.
  /// - Returns: whether an interrupt became pending, or already was.
  @discardableResult
  package mutating func write(_ value: UInt32, at offset: UInt64) -> Bool {
    switch offset {
    case InterruptFilePage.setLittleEndian: setPending(value)
    case InterruptFilePage.setBigEndian: setPending(value.byteSwapped)
    default: false
    }
  }

  /// Sets the pending bit of an identity; `false` when it does not exist.
  @discardableResult
  package mutating func setPending(_ number: UInt32) -> Bool {
    guard implements(number) else { return false }
    pending[Int(number >> 6)] |= MemoryResidentFile.bit(number)
    return true
  }

  package func isPending(_ number: UInt32) -> Bool {
    implements(number) && pending[Int(number >> 6)] & MemoryResidentFile.bit(number) != 0
  }

  package func isEnabled(_ number: UInt32) -> Bool {
    implements(number) && enabled[Int(number >> 6)] & MemoryResidentFile.bit(number) != 0
  }

  // MARK: Registers behind `*iselect` and `*ireg`

  /// Reads a register (3.8), with XLEN 64.
  ///
  /// - Returns: `nil` for a number that raises an illegal (or virtual) instruction exception: odd
  ///   ones of the arrays, and those outside 0x70 to 0xff.
  package func readRegister(_ number: UInt64) -> UInt64? {
    guard (0x70...0xff).contains(number) else { return nil }
    switch number {
    case InterruptFileRegister.eidelivery: return delivery
    case InterruptFileRegister.eithreshold: return threshold
    case 0x71, 0x73..<InterruptFileRegister.eip0: return 0
    default:
      guard number & 1 == 0 else { return nil }
      let index = Int(number & 0x3f) / 2
      guard index <= Int(identities >> 6) else { return 0 }
      return number < InterruptFileRegister.eie0 ? pending[index] : enabled[index]
    }
  }

  /// Writes a register (3.8), with XLEN 64.
  ///
  /// - Returns: `false` where `readRegister` returns `nil`.
  @discardableResult
  package mutating func writeRegister(_ number: UInt64, _ value: UInt64) -> Bool {
    guard (0x70...0xff).contains(number) else { return false }
    switch number {
    case InterruptFileRegister.eidelivery:
      // WARL: other values keep the old one.
      if value <= 1 { delivery = value }
    case InterruptFileRegister.eithreshold: threshold = value & UInt64(identities)
    case 0x71, 0x73..<InterruptFileRegister.eip0: break
    default:
      guard number & 1 == 0 else { return false }
      let index = Int(number & 0x3f) / 2
      guard index <= Int(identities >> 6) else { return true }
      // There is no identity 0.
      let bits = index == 0 ? value & ~1 : value
      if number < InterruptFileRegister.eie0 {
        pending[index] = bits
      } else {
        enabled[index] = bits
      }
    }
    return true
  }

  // MARK: `*topei` and the signal

  /// `*topei`: the lowest identity that is pending, enabled and below the threshold (3.9).
  package var top: TopInterrupt {
    var top = TopInterrupt()
    for index in 0...Int(identities >> 6) {
      let both = pending[index] & enabled[index]
      guard both != 0 else { continue }
      let number = UInt16(index << 6 | both.trailingZeroBitCount)
      guard threshold == 0 || UInt64(number) < threshold else { return top }
      top[.identity] = number
      top[.priority] = number
      return top
    }
    return top
  }

  /// Reads `*topei` and claims the interrupt that it names, as one CSR instruction does.
  package mutating func claim() -> TopInterrupt {
    let top = top
    let number = UInt32(top[.identity])
    pending[Int(number >> 6)] &= ~MemoryResidentFile.bit(number)
    return top
  }

  /// Whether the file signals an external interrupt to its hart (3.10).
  package var isSignalling: Bool { delivery == 1 && top[.identity] != 0 }
}
