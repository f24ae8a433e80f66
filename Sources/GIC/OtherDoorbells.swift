internal import ArmFormats
public import Bits

/// A GICv2m frame: a write of an SPI's number makes it pending; whoever writes
/// (Arm Base System Architecture, and Linux `drivers/irqchip/irq-gic-v2m.c`).
public struct GICv2mFrame: Equatable, Sendable {
  /// `MSI_TYPER`.
  public static let typeRegister: UInt64 = 0x008
  /// `MSI_SETSPI_NS`: the doorbell.
  public static let doorbell: UInt64 = 0x040
  public static let frameSize: UInt64 = 0x1000

  /// The first SPI's INTID, 32 to 1019.
  public let firstSPI: UInt32
  public let count: UInt32

  public init(firstSPI: UInt32, count: UInt32) {
    self.firstSPI = firstSPI
    self.count = count
  }

  /// Reads a register of the frame.
  public func readRegister(_ offset: UInt64) -> UInt64 {
    offset == Self.typeRegister ? UInt64(firstSPI) << 16 | UInt64(count) : 0
  }

  /// A write into the frame: the SPI that became pending, if it was a message of this frame.
  @discardableResult
  public func receiveWrite(
    _ offset: UInt64, _ value: UInt32, distributor: inout Distributor
  ) -> UInt32? {
    guard offset == Self.doorbell, value >= firstSPI, value &- firstSPI < count,
      distributor.holds(value)
    else { return nil }
    distributor.setPending(value)
    return value
  }
}

/// Message-based SPIs of the distributor itself: `GICD_SETSPI_NSR` and `GICD_CLRSPI_NSR`
/// (IHI 0069, 12.9; Linux `drivers/irqchip/irq-gic-v3-mbi.c`).
public enum MessageBasedSPI {
  public static let setOffset: UInt64 = 0x40
  public static let clearOffset: UInt64 = 0x48

  /// A write to the distributor: the SPI that it named, if it was a message.
  @discardableResult
  public static func receiveWrite(
    _ offset: UInt64, _ value: UInt32, distributor: inout Distributor
  ) -> UInt32? {
    let intid = value & 0x3ff
    guard offset == setOffset || offset == clearOffset, distributor.holds(intid) else {
      return nil
    }
    if offset == setOffset {
      distributor.setPending(intid)
    } else {
      distributor.clearPending(intid)
    }
    return intid
  }
}

/// The MSI controller of Freescale Layerscape: up to 32 messages share one SPI and a register
/// says which arrived (Linux `drivers/irqchip/irq-ls-scfg-msi.c`).
public struct LayerscapeMSI: Equatable, Sendable {
  /// The doorbell, `MSIIR`, at the start of the frame.
  public static let doorbell: UInt64 = 0
  /// The SPI that the messages share.
  public let spi: UInt32
  /// `MSIR`: bit 31 - *n* is set while message *n* waits.
  public private(set) var waiting: UInt32 = 0

  public init(spi: UInt32) { self.spi = spi }

  /// A write into the frame: the number of the message, if it was one. The number is in bits
  /// [7:3] of the data (`ls_scfg_msi_compose_msg`: 32 messages for each register).
  @discardableResult
  public mutating func receiveWrite(
    _ offset: UInt64, _ value: UInt32, distributor: inout Distributor
  ) -> UInt32? {
    guard offset == Self.doorbell else { return nil }
    let number = (value &>> 3) & 31
    waiting |= 0x8000_0000 &>> number
    distributor.setLine(spi, high: true)
    return number
  }

  /// The handler reads the register, which clears it.
  public mutating func take(distributor: inout Distributor) -> UInt32 {
    defer { waiting = 0 }
    distributor.setLine(spi, high: false)
    return waiting
  }
}

/// The pre-ITS of Socionext Synquacer: a window whose *address* carries the DeviceID, in front of
/// an ITS (Linux `irq-gic-v3-its.c`: `its_enable_quirk_socionext_synquacer`).
///
/// Whoever can write the window can name any DeviceID: a page of it holds the doorbells of 1024
/// devices.
public struct PreITSWindow: Equatable, Sendable {
  public let base: PA
  /// Four bytes for each DeviceID; a power of two.
  public let size: UInt64

  public init(base: PA, size: UInt64) {
    self.base = base
    self.size = size
  }

  /// The address of a device's doorbell.
  public func doorbell(of deviceID: UInt32) -> PA { base + UInt64(deviceID) &* 4 }

  /// The DeviceID that a write at `address` has, whatever requester it came from; `nil` outside.
  public func deviceID(at address: PA) -> UInt32? {
    let offset = address.rawValue &- base.rawValue
    guard offset < size, offset & 3 == 0 else { return nil }
    return UInt32(truncatingIfNeeded: offset &>> 2)
  }
}
