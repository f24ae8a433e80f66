import Bits
package import Files
import IOMMU
import Linux
package import Scenarios
import Software

extension IOMMUBench {
  package func perform(
    _ action: String, _ arguments: CheckedValue
  ) throws(InputError) -> Outcome {
    switch action {
    case "regions", "claim", "release", "attach", "prepare-msi", "firmware-dma", "translate",
      "mappings", "allocate-iova", "type1-attach", "doorbell-pages":
      return try performOnGroup(action, arguments, try group(arguments))
    case "type1-map":
      return outcome { () throws(Refusal) in
        try container.map(try arguments.span(), to: PA(arguments.integer("to")))
        return []
      }
    default: return try performOnFile(action, arguments)
    }
  }

  private func performOnGroup(
    _ action: String, _ arguments: CheckedValue, _ group: IOMMUGroup
  ) throws(InputError) -> Outcome {
    switch action {
    case "regions":
      return Outcome([.init("regions", .array(group.regions.map { .string($0.sysfsLine) }))])
    case "claim":
      return outcome(of: group) { () throws(Refusal) in
        try group.claim(for: "user")
        return [.init("domain", .string(group.domain.kind.rawValue))]
      }
    case "release":
      return outcome(of: group) { () throws(Refusal) in
        try group.release()
        return [.init("domain", .string(group.domain.kind.rawValue))]
      }
    case "attach": return attach(group, to: arguments.text("domain"))
    case "prepare-msi":
      let doorbell = arguments["doorbell"].map { PA($0.integer) } ?? group.devices[0].doorbell
      return outcome(of: group) { () throws(Refusal) in
        let address = try group.prepareMessage(for: doorbell, window: iommufd.doorbells)
        return [
          .init("address", address.json),
          .init("reaches", .string(group.domain.translate(address)?.description ?? "nothing")),
        ]
      }
    case "firmware-dma":
      return Outcome(
        [.init("survives", .bool(group.firmwareCanAccess))],
        chain: ["the group is attached to the \(group.domain.name) domain"])
    case "translate":
      let output = group.domain.translate(IOVA(arguments.integer("address")))
      return Outcome([.init("output", .string(output?.description ?? "nothing"))])
    case "mappings": return Outcome([.init("mappings", mappings(of: group))])
    case "allocate-iova":
      return outcome(of: group) { () throws(Refusal) in
        let iova = group.domain.allocate(size: arguments.integer("size"))
        guard let iova else {
          throw Refusal(
            by: .host, in: "iommu_dma_alloc_iova", errno: "ENOMEM", message: "no IOVA is free")
        }
        return [.init("address", iova.json)]
      }
    case "type1-attach":
      return outcome(of: group) { () throws(Refusal) in
        try container.attach(group)
        return [
          .init("reserved", .array(container.reserved.map { .string($0.sysfsLine) })),
          .init("cookie", .string(group.domain.cookie.text)),
        ]
      }
    default: return prepareMany(Int(clamping: arguments.integer("count")), group)
    }
  }

  /// Messages for ITS pages at 2 MiB steps, until one is refused.
  private func prepareMany(_ count: Int, _ group: IOMMUGroup) -> Outcome {
    var last: JSONValue = .null
    for index in 0..<count {
      do throws(Refusal) {
        let doorbell = PA(0x1_0000_0040 + UInt64(index) << 21)
        last = try group.prepareMessage(for: doorbell, window: iommufd.doorbells).json
      } catch {
        var outcome = Outcome(error)
        outcome.values = [.init("prepared", .integer(index)), .init("last", last)]
        return outcome
      }
    }
    return Outcome([.init("prepared", .integer(count)), .init("last", last)])
  }

  private func attach(_ group: IOMMUGroup, to name: String) -> Outcome {
    let domain: IOMMUDomain
    switch name {
    case "identity": domain = IOMMUDomain(.identity)
    case "blocked": domain = IOMMUDomain(.blocked)
    default:
      domain = IOMMUDomain(.unmanaged, name: "the user's", granule: group.domain.granule)
      if name == "mapped" {
        for region in group.regions where region.kind.isMappedDirectly {
          domain.map(
            region.addresses, to: PA(region.base.rawValue), region.attributes, by: "the user")
        }
      }
    }
    return outcome(of: group) { () throws(Refusal) in
      try group.replace(domain)
      return [
        .init("domain", .string(domain.kind.rawValue)),
        .init("firmware-dma", .bool(group.firmwareCanAccess)),
      ]
    }
  }

  private func mappings(of group: IOMMUGroup) -> JSONValue {
    .array(
      group.domain.ranges.map { range, mapping in
        let last = range.upperBound
        return .string(
          "\(hex(range.lowerBound))..\(hex(last)) -> \(mapping.output) \(mapping.attributes.text)")
      })
  }
}

extension CheckedValue {
  /// The range that `base` and `length` give.
  ///
  /// - Throws: `Refusal` with `EOVERFLOW` or `EINVAL`, as system calls do.
  func span() throws(Refusal) -> ClosedRange<UInt64> {
    let length = integer("length")
    guard length > 0 else {
      throw Refusal(by: .host, in: "ioctl", errno: "EINVAL", message: "the length is 0")
    }
    let end = integer("base").addingReportingOverflow(length - 1)
    guard !end.overflow else {
      throw Refusal(
        by: .host, in: "ioctl", errno: "EOVERFLOW", message: "the range passes the end")
    }
    return integer("base")...end.partialValue
  }
}

extension IOMMUDomain.Cookie {
  /// For outcomes.
  var text: String {
    switch self {
    case .none: "none"
    case .dma: "dma"
    case .msi(let base): "msi \(base)"
    case .iommufd: "iommufd"
    }
  }
}
