public import Software

/// An eventfd, as far as its readers see it: a counter (fs/eventfd.c).
struct EventFD: Equatable, Sendable {
  private var count: UInt64 = 0

  /// `eventfd_signal`: the counter stays at its end.
  mutating func signal() {
    if count < .max { count += 1 }
  }

  /// A read that does not wait: the count, which starts over; `nil` for -EAGAIN.
  mutating func read() -> UInt64? {
    defer { count = 0 }
    return count == 0 ? nil : count
  }
}

// A user of VFIO without KVM, which reads its vectors' eventfds itself
// (drivers/vfio/pci/vfio_pci_intrs.c).
extension HostKernel {
  /// A physical LPI reaches its handler, which signals the vector's eventfd (`vfio_msihandler`):
  /// KVM reads it at once where it has a route for it.
  ///
  /// - Returns: whether a vector is bound to the LPI.
  @discardableResult
  public mutating func handleInterrupt(lpi: UInt32) -> Bool {
    for index in devices.indices {
      guard let event = devices[index].events.first(where: { $0.value == lpi })?.key else {
        continue
      }
      signal(event, of: DeviceIndex(index))
      return true
    }
    return false
  }

  private mutating func signal(_ event: UInt32, of device: DeviceIndex) {
    if let lpi = self[device].events[event], case .kvm = targets[lpi] { return }
    self[device].eventfds[event, default: EventFD()].signal()
  }

  /// VFIO_DEVICE_SET_IRQS with VFIO_IRQ_SET_DATA_NONE and ACTION_TRIGGER: as if the vector's
  /// interrupt had come.
  ///
  /// - Throws: `Refusal` with `EINVAL` where no vector is enabled.
  public mutating func trigger(vector: Int, of device: DeviceIndex) throws(Refusal) {
    guard devices.indices.contains(device.rawValue), !self[device].events.isEmpty else {
      throw Refusal(
        by: .host, in: "vfio_pci_set_msi_trigger", errno: "EINVAL", message: "MSIs are off")
    }
    let event = UInt32(truncatingIfNeeded: vector)
    if self[device].events[event] != nil { signal(event, of: device) }
  }

  /// What the user reads from a vector's eventfd without waiting: how often it was signalled since
  /// the last time.
  ///
  /// - Throws: `Refusal` with `EAGAIN` where it was not, and with `EBADF` where there is none.
  public mutating func readEvents(
    vector: Int, of device: DeviceIndex
  ) throws(Refusal) -> UInt64 {
    let event = UInt32(truncatingIfNeeded: vector)
    guard devices.indices.contains(device.rawValue), self[device].events[event] != nil else {
      throw Refusal(
        by: .host, in: "eventfd_read", errno: "EBADF", message: "vector \(vector) has no eventfd")
    }
    guard let count = self[device].eventfds[event]?.read() else {
      throw Refusal(
        by: .host, in: "eventfd_read", errno: "EAGAIN", message: "nothing was signalled")
    }
    return count
  }
}
