internal import Guest

/// An operation of the guest, and the device that it is about.
struct DeviceOperation {
  let nanoseconds: UInt64
  let operation: GuestOperation
  let device: Int

  /// What one device's guest does, for all devices of a machine: the kernel boots once, sets device
  /// after device up, and then each does at each time what the one would.
  static func interleaved(
    _ operations: [Workload.TimedOperation], over topology: Topology
  ) -> [Self] {
    let boot = operations.prefix { $0.operation == .boot }
    let rest = operations.dropFirst(boot.count)
    let setup = rest.prefix { !$0.operation.isActivity }
    func of(_ device: Int) -> (Workload.TimedOperation) -> Self {
      { Self(nanoseconds: $0.nanoseconds, operation: $0.operation, device: device) }
    }
    var all = boot.map(of(0))
    for device in topology.deviceOrder { all += setup.map(of(device)) }
    let activities = rest.dropFirst(setup.count)
    all.reserveCapacity(all.count + activities.count * topology.devices)
    // One by one: a list for each of a million activities would be a million allocations.
    for operation in activities {
      for device in 0..<topology.devices { all.append(of(device)(operation)) }
    }
    return all
  }
}
