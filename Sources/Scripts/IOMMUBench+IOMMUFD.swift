import Bits
import Files
import IOMMU
import Scenarios
import Software

// The system calls of iommufd, and VFIO's that take its objects.
extension IOMMUBench {
  func performOnFile(_ action: String, _ arguments: CheckedValue) throws(InputError) -> Outcome {
    switch action {
    case "ioas-alloc": return Outcome([named(arguments, iommufd.allocateAddressSpace())])
    case "ioas-map", "ioas-unmap", "ioas-allow", "ioas-reserve", "ioas-ranges":
      let id = try object(arguments)
      return outcome { () throws(Refusal) in
        try change(iommufd.addressSpace(id), action, arguments)
      }
    case "veventq-alloc":
      let id = try object(arguments)
      return outcome { () throws(Refusal) in
        [named(arguments, try iommufd.allocateEventQueue(viommu: id, kind: 1))]
      }
    case "destroy":
      let id = try object(arguments)
      return outcome { () throws(Refusal) in
        try iommufd.destroy(id)
        return []
      }
    default: return try performOnDevice(action, arguments)
    }
  }

  private func change(
    _ space: IOAddressSpace, _ action: String, _ arguments: CheckedValue
  ) throws(Refusal) -> [JSONValue.Member] {
    switch action {
    case "ioas-map":
      let iova = try space.map(
        at: arguments["iova"].map { IOVA($0.integer) }, length: arguments.integer("length"),
        to: PA(arguments.integer("to")))
      return [.init("iova", iova.json)]
    case "ioas-unmap":
      return [.init("bytes", .address(try space.unmap(try arguments.span())))]
    case "ioas-allow": try space.allow([try arguments.span()])
    case "ioas-reserve": try space.reserve(try arguments.span(), for: "driver")
    default:
      return [
        .init(
          "ranges",
          .array(
            space.usableRanges.map { .string("\(hex($0.lowerBound))..\(hex($0.upperBound))") }))
      ]
    }
    return []
  }

  private func performOnDevice(
    _ action: String, _ arguments: CheckedValue
  ) throws(InputError) -> Outcome {
    let group = try group(arguments)
    let device = group.devices[0]
    if action == "bind" {
      return outcome(of: group) { () throws(Refusal) in
        let id = try iommufd.bind(device, of: group)
        objects[device.name] = id
        return [named(arguments, id)]
      }
    }
    guard let bound = objects[device.name] else {
      return Outcome(
        Refusal(
          by: .host, in: "vfio_device_fops_unl_ioctl", errno: "EINVAL",
          message: "\(device.name) is not bound"))
    }
    let target = action == "iommufd-detach" ? 0 : try object(arguments)
    return outcome(of: group) { () throws(Refusal) in
      switch action {
      case "iommufd-attach": try iommufd.attach(device: bound, to: target)
      case "iommufd-replace": try iommufd.replace(device: bound, by: target)
      case "iommufd-detach": try iommufd.detach(device: bound)
      default: return [named(arguments, try allocate(action, arguments, bound, target))]
      }
      return [.init("domain", .string(group.domain.name))]
    }
  }

  private func allocate(
    _ action: String, _ arguments: CheckedValue, _ device: UInt32, _ target: UInt32
  ) throws(Refusal) -> UInt32 {
    switch action {
    case "viommu-alloc":
      return try iommufd.allocateVirtualIOMMU(
        device: device, parent: target,
        isKnownType: !(arguments["unknown-type"]?.boolean ?? false))
    case "vdevice-alloc":
      return try iommufd.allocateVirtualDevice(
        viommu: target, device: device, virtualID: arguments.integer("id"))
    default:
      let isParent = arguments["nest-parent"]?.boolean ?? false
      let flags: IOMMUFD.TableFlags = isParent ? .nestParent : []
      guard arguments["nested"]?.boolean ?? false else {
        return try iommufd.allocatePaging(
          device: device, addressSpace: target, flags: flags)
      }
      let data = arguments.text("data")
      return try iommufd.allocateNested(
        device: device, parent: target, hasData: data != "none", isKnownType: data != "unknown",
        flags: flags)
    }
  }

  /// The ID that a step means: a name that an earlier one gave, or a number.
  private func object(_ arguments: CheckedValue) throws(InputError) -> UInt32 {
    let text = arguments.text("object")
    if let id = objects[text] { return id }
    if let number = UInt64(number: text) { return UInt32(truncatingIfNeeded: number) }
    throw (arguments["object"] ?? arguments).error(
      expected: "an object that an earlier step named with 'as' "
        + "(\(alternatives(objects.keys.sorted()))), or a number")
  }

  private func named(_ arguments: CheckedValue, _ id: UInt32) -> JSONValue.Member {
    if let name = arguments["as"]?.text { objects[name] = id }
    return .init("id", .integer(Int(id)))
  }
}
