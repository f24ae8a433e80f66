public import Guest

extension Workload {
  /// A device that sends `messages` MSIs, one each `interval` nanoseconds, vector after vector.
  ///
  /// Nothing is recorded of the guest: its model sets the device up by itself.
  public static func synthetic(vectors: Int, messages: Int, every interval: UInt64) -> Workload {
    let device = Device(name: "synthetic", guestID: 0x1100, hostID: 0x10, vectors: vectors)
    let entries = (0..<messages).map {
      Entry(nanoseconds: UInt64($0) &* interval, .message(vector: $0 % max(vectors, 1)))
    }
    return Workload(device: device, entries: entries)
  }
}
