internal import Designs
internal import Guest

/// An operation of the guest, and the device that it is about.
struct DeviceOperation {
  let nanoseconds: UInt64
  let operation: GuestOperation
  let device: Int

  /// What one device's guest does, for all devices of a machine: the kernel boots once, sets device
  /// after device up, and then each does at each time what the one would. A device with another
  /// number of vectors than the one signals its own in turn.
  static func interleaved(
    _ operations: [Workload.TimedOperation], over devices: [Workload.Device],
    like first: Workload.Device, order: SetupOrder
  ) -> [Self] {
    let boot = operations.prefix { $0.operation == .boot }
    let rest = operations.dropFirst(boot.count)
    let setup = rest.prefix { !$0.operation.isActivity }
    let activities = rest.dropFirst(setup.count)
    let messages = devices.allSatisfy { $0.vectors == first.vectors } ? 0 : activities.messageCount
    var all = boot.map { Self(nanoseconds: $0.nanoseconds, operation: $0.operation, device: 0) }
    let indices = order == .forward ? Array(devices.indices) : devices.indices.reversed()
    for index in indices {
      all += setup.map { timed in
        var operation = timed.operation
        if devices[index].vectors != first.vectors {
          let own = max(1, min(messages, devices[index].vectors))
          switch operation {
          case .enableVectors: operation = .enableVectors(own)
          case .bind(let driver, _): operation = .bind(driver, vectors: own)
          default: break
          }
        }
        return Self(nanoseconds: timed.nanoseconds, operation: operation, device: index)
      }
    }
    all.reserveCapacity(all.count + activities.count * devices.count)
    // One by one: a list for each of a million activities would be a million allocations.
    var message = 0
    for timed in activities {
      for (index, device) in devices.enumerated() {
        var operation = timed.operation
        if case .activity(.message) = operation, device.vectors != first.vectors {
          operation = .activity(.message(vector: message % device.vectors))
        }
        all.append(Self(nanoseconds: timed.nanoseconds, operation: operation, device: index))
      }
      if case .activity(.message) = timed.operation { message += 1 }
    }
    return all
  }
}

extension ArraySlice<Workload.TimedOperation> {
  fileprivate var messageCount: Int {
    count { if case .activity(.message) = $0.operation { true } else { false } }
  }
}
