package import Bits
internal import GLibSupport
package import Guest
package import Linux
internal import Simulation

/// Distribution of the times at which a synthetic device signals.
package enum Arrivals: String, Choice {
  case regular
  case poisson

  package var meaning: String {
    switch self {
    case .regular: "One MSI each interval."
    case .poisson: "A Poisson process with the interval as its mean, drawn from the seed."
    }
  }
}

extension Workload {
  /// A device that sends `messages` MSIs, one each `interval` nanoseconds, vector after vector.
  ///
  /// Nothing is recorded of the guest: its model sets the device up by itself.
  ///
  /// - Parameters:
  ///   - seed: of the gaps, where they are random.
  ///   - store: store of the device's messages.
  ///   - buffer: IOVA at which the guest's driver maps a page for DMA first, if it does.
  ///   - moves: entries beside the MSIs, at times counted from the first of them.
  package static func synthetic(
    vectors: Int, messages: Int, every interval: UInt64, arrivals: Arrivals = .regular,
    seed: UInt32 = 1, buffer: IOVA? = nil, store: MessageStore = .msiX,
    driver: DeviceDriver = .plain, moves: [Entry] = []
  ) -> Workload {
    let device = Device(
      name: "synthetic", guestID: 0x1100, hostID: 0x10, vectors: vectors, store: store,
      driver: driver)
    let random = SeededRandom(seed: seed)
    var time: UInt64 = 0
    let first = buffer.map {
      Entry(
        nanoseconds: 0,
        .map($0.alignedDown(toBit: 12), IPA(0x5000_0000), size: 4096, [.read, .write, .cache]))
    }
    let entries = (0..<messages).map { index in
      defer {
        time &+=
          arrivals == .regular
          ? interval : random.exponential(mean: .nanoseconds(interval)).nanoseconds
      }
      return Entry(nanoseconds: time, .message(vector: index % max(vectors, 1)))
    }
    // An MSI and a move of the same time keep this order; the sort is stable by the index.
    let all = ((first.map { [$0] } ?? []) + entries + moves).enumerated().sorted {
      ($0.element.nanoseconds, $0.offset) < ($1.element.nanoseconds, $1.offset)
    }
    return Workload(device: device, entries: all.map(\.element))
  }
}
