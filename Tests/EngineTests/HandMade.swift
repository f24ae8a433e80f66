import ArmFormats
import Bits
import Guest
import Linux

/// A guest's set-up written down by hand, so that a test can go on from it as it likes.
enum HandMade {
  /// Where the guest's kernel keeps its LPI property table.
  static let properties: IPA = 0x400e_0000
  /// Where this set-up puts the device's translation table.
  static let translationTable: PA = 0x4700_0000
  static let doorbell: IOVA = 0xffff_f000

  static func at(
    _ microseconds: UInt64, _ activities: [Workload.Activity]
  ) -> [Workload.Entry] {
    activities.map { .init(nanoseconds: microseconds * 1000, $0) }
  }

  /// The doorbell's mapping, and each vector with the EventID of its number, enabled and unmasked.
  static func setup(
    of vectors: [Int], device: Workload.Device = Fixtures.device
  ) -> [Workload.Entry] {
    var activities: [Workload.Activity] = [
      .map(doorbell, 0x809_0000, size: 0x1000, [.write, .noExecute, .mmio]),
      .itsCommands([.mapd(device: device.guestID, eventBits: 5, table: translationTable)]),
      .msixControl(enable: true, functionMask: false),
    ]
    for vector in vectors {
      let event = UInt32(vector)
      activities +=
        [
          .itsCommands([
            .mapti(device: device.guestID, event: event, lpi: 8192 + event, collection: 0),
            .sync(target: 0),
          ]),
          write(vector, 0, 0xffff_f040), write(vector, 4, 0), write(vector, 8, event),
        ] + configure(vector, enabled: true, device: device) + [write(vector, 12, 0)]
    }
    return at(0, activities)
  }

  static func write(_ vector: Int, _ offset: UInt64, _ value: UInt32) -> Workload.Activity {
    .msixWrite(offset: UInt64(vector) * 16 + offset, value: value)
  }

  static func mask(_ vector: Int, _ masked: Bool) -> Workload.Activity {
    write(vector, 12, masked ? 1 : 0)
  }

  /// A change of an LPI's configuration, followed by INV, or by GICR_INVLPIR.
  static func configure(
    _ vector: Int, enabled: Bool, directly: Bool = false, device: Workload.Device = Fixtures.device
  ) -> [Workload.Activity] {
    let invalidation: Workload.Activity =
      directly
      ? .redistributorWrite(offset: 0xa0, value: 8192 + UInt64(vector))
      : .itsCommands([
        .inv(device: device.guestID, event: UInt32(vector)), .sync(target: 0),
      ])
    return [.lpiConfiguration(properties + UInt64(vector), enabled ? 0xc3 : 0xc2), invalidation]
  }
}
