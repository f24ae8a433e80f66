internal import Designs
internal import Guest

/// An operation of the guest, and the device that it is about.
struct DeviceOperation {
  let nanoseconds: UInt64
  let operation: GuestOperation
  let device: Int
}

/// What one device's guest does, for all devices of a machine: the kernel boots once, sets device
/// after device up, and then each does at each time what the one would. A device with another
/// number of vectors than the one signals its own in turn.
///
/// A collection in effect, whose activities are made when they are asked for: there may be millions
/// for each device.
struct DeviceOperations {
  private let setup: [DeviceOperation]
  private let activities: ArraySlice<Workload.TimedOperation>
  private let devices: [Workload.Device]
  /// The vectors of the one device.
  private let vectors: Int
  /// For each activity the number of messages before it, where a device has other vectors.
  private let messages: [Int32]

  init(
    _ operations: [Workload.TimedOperation], over devices: [Workload.Device],
    like first: Workload.Device, order: SetupOrder
  ) {
    let boot = operations.prefix { $0.operation == .boot }
    let rest = operations.dropFirst(boot.count)
    let setup = rest.prefix { !$0.operation.isActivity }
    activities = rest.dropFirst(setup.count)
    self.devices = devices
    vectors = first.vectors
    var count: Int32 = 0
    var messages: [Int32] = []
    if devices.contains(where: { $0.vectors != first.vectors }) {
      for timed in activities {
        messages.append(count)
        if case .activity(.message) = timed.operation { count += 1 }
      }
    }
    self.messages = messages
    var all = boot.map {
      DeviceOperation(nanoseconds: $0.nanoseconds, operation: $0.operation, device: 0)
    }
    let indices = order == .forward ? Array(devices.indices) : devices.indices.reversed()
    for index in indices {
      all += setup.map { timed in
        var operation = timed.operation
        if devices[index].vectors != first.vectors {
          let own = max(1, min(Int(count), devices[index].vectors))
          switch operation {
          case .enableVectors: operation = .enableVectors(own)
          case .bind(let driver, _): operation = .bind(driver, vectors: own)
          default: break
          }
        }
        return DeviceOperation(
          nanoseconds: timed.nanoseconds, operation: operation, device: index)
      }
    }
    self.setup = all
  }

  var count: Int { setup.count + activities.count * devices.count }

  /// The VM's number of the device that an operation is about.
  func device(of number: Int) -> Int {
    number < setup.count ? setup[number].device : (number - setup.count) % devices.count
  }

  /// The time and the vector of an operation that is a message; `nil` for any other.
  func message(_ number: Int) -> (nanoseconds: UInt64, vector: Int)? {
    guard number >= setup.count else { return nil }
    let (place, device) = (number - setup.count).quotientAndRemainder(dividingBy: devices.count)
    let index = activities.startIndex + place
    guard case .activity(.message(let vector)) = activities[index].operation else { return nil }
    return (
      activities[index].nanoseconds,
      devices[device].vectors == vectors
        ? vector : Int(messages[place]) % devices[device].vectors
    )
  }

  /// The operation of a number, 0 to `count` - 1.
  subscript(number: Int) -> DeviceOperation {
    guard number >= setup.count else { return setup[number] }
    let (place, device) = (number - setup.count).quotientAndRemainder(dividingBy: devices.count)
    let timed = activities[activities.startIndex + place]
    let operation =
      message(number).map { GuestOperation.activity(.message(vector: $0.vector)) }
      ?? timed.operation
    return DeviceOperation(
      nanoseconds: timed.nanoseconds, operation: operation, device: device)
  }
}
