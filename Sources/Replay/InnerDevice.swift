internal import Firmware

/// A device as the guest inside a recorded machine knows it.
struct InnerDevice {
  /// The folder of the guest's files, within the case.
  let folder: String
  /// The requester ID.
  let requesterID: UInt32
  let facts: GuestFacts.Device
  /// As the guest's firmware maps the requester ID; that itself where no IORT says otherwise.
  private(set) var streamID: UInt32
  private(set) var deviceID: UInt32
  /// The range that the guest's firmware reserves for the device around the MSI window.
  private(set) var reserved: PlatformFacts.ReservedRange?
  /// GITS_TRANSLATER as the guest knows it.
  private(set) var doorbell: UInt64?

  /// Finds the device of `inner` that is `outer`; `nil` when the files do not say which that is.
  init?(_ inner: GuestFacts?, of outer: GuestFacts.Device?, folder: String, in root: String) {
    guard let inner, let (id, facts) = inner.device(like: outer) else { return nil }
    self.folder = folder
    self.facts = facts
    requesterID = id
    (streamID, deviceID) = (id, id)
    readFirmware("\(root)/\(folder)/acpi")
  }

  private mutating func readFirmware(_ path: String) {
    let platform = RecordedCase.platform(path)
    let route = platform.route(of: requesterID)
    streamID = route.stream?.id ?? requesterID
    deviceID = route.device?.id ?? requesterID
    doorbell = platform.itses.first?.doorbell
    reserved = platform.reserved.first { range in
      range.streams.contains { $0.ids.contains(streamID) }
        && range.base <= MachineStory.softwareWindow.lowerBound
        && range.last ?? 0 >= MachineStory.softwareWindow.lowerBound
    }
  }
}

extension GuestFacts {
  /// The one device of the same model as `outer`; where nothing is known of that, the one device
  /// that has vectors.
  func device(like outer: Device?) -> (id: UInt32, facts: Device)? {
    let model = outer?.model ?? ""
    let matches = devices.filter {
      model.isEmpty ? $0.value.vectors.contains { !$0.isMasked } : $0.value.model == model
    }
    return matches.count == 1 ? matches.first.map { ($0.key, $0.value) } : nil
  }
}
