import Bits
package import Files
import IOMMU
import Linux
package import Scenarios
import Software

/// The IOMMU core of one kernel with its users: VFIO's type 1, iommufd, and drivers.
package final class IOMMUBench: Bench {
  package static let name = "iommu"
  package static let title =
    "The IOMMU core of one kernel, with reserved regions, VFIO's type 1 container and iommufd."

  let kernel: Kernel
  let pageSize: UInt64
  var groups: [(name: String, group: IOMMUGroup)] = []
  let iommufd: IOMMUFD
  let container: Type1Container
  /// IDs that iommufd gave out, by the names that the script gives them.
  var objects: [String: UInt32] = [:]
  /// VFIO's KVM routes of one VM.
  var routes = 0

  package init(_ value: CheckedValue) throws(InputError) {
    kernel = try value["kernel"]?.kernel ?? Kernel(6, 18)
    pageSize = (value["page"]?.integer ?? 4) << 10
    let policy: AttachPolicy? = value.choice("policy")
    let isUnsafe = value["unsafe-interrupts"]?.boolean ?? false
    iommufd = IOMMUFD(kernel: kernel, pageSize: pageSize, allowsUnsafeInterrupts: isUnsafe)
    container = Type1Container(allowsUnsafeInterrupts: isUnsafe)
    for member in value["devices"]?.members ?? [] {
      let device = try Self.device(member)
      let kind: IOMMUDomain.Kind = member.value.choice("default-domain") ?? .dma
      groups.append(
        (
          member.name,
          IOMMUGroup(
            [device], kernel: kernel, policy: policy, defaultKind: kind, granule: pageSize,
            hasBlockedDomain: member.value["blocked-domain"]?.boolean ?? true)
        ))
    }
  }

  private static func device(_ member: CheckedValue.Member) throws(InputError) -> IOMMUDevice {
    var sources: [RegionSource] = []
    for region in member.value["regions"]?.items ?? [] { sources.append(try source(region)) }
    return IOMMUDevice(
      name: member.name, function: member.value.choice("class") ?? .other, sources: sources,
      doorbell: PA(member.value["doorbell"]?.integer ?? 0x809_0040),
      hasIsolatedMSI: member.value["isolated-msi"]?.boolean ?? true)
  }

  private static func source(_ value: CheckedValue) throws(InputError) -> RegionSource {
    guard let member = value.members.first else { throw value.error(expected: "a region") }
    let base = IOVA(member.value.integer("base"))
    let length = member.value.integer("length")
    switch member.name {
    case "intel-rmrr": return .intelRMRR(base: base, length: length)
    case "intel-isa": return .intelISA
    case "x86-interrupts": return .x86Interrupts
    case "amd-ivmd":
      return .amdIVMD(
        base: base, length: length, isExclusion: member.value["exclusion"]?.boolean ?? false)
    case "amd-hypertransport": return .amdHyperTransport
    case "arm-rmr":
      return .armRMR(
        base: base, length: length,
        flags: .init(rawValue: UInt32(truncatingIfNeeded: member.value.integer("flags"))))
    case "hi161x": return .hi161x(itsBase: PA(member.value.integer("its")))
    case "virtio-iommu":
      return .virtioIOMMU(
        base: base, length: length, isMSI: member.value["msi"]?.boolean ?? false)
    case "device-tree":
      return .deviceTree(
        base: base, length: length, physical: member.value["physical"].map { PA($0.integer) })
    default: return .softwareMSI
    }
  }

  /// The group of a device that a step names.
  func group(_ arguments: CheckedValue) throws(InputError) -> IOMMUGroup {
    let name = arguments.text("device")
    guard let found = groups.first(where: { $0.name == name }) else {
      throw (arguments["device"] ?? arguments).error(
        expected: "a device of the bench (\(alternatives(groups.map(\.name))))")
    }
    return found.group
  }

  /// Returns the outcome of a step, or its refusal, with the log that led there.
  func outcome(
    of group: IOMMUGroup? = nil, _ body: () throws(Refusal) -> [JSONValue.Member]
  ) -> Outcome {
    let start = group?.log.count ?? 0
    do throws(Refusal) {
      return Outcome(try body(), chain: Array(group?.log.dropFirst(start) ?? []))
    } catch {
      return Outcome(error, chain: group?.log ?? [])
    }
  }
}

extension IOVA {
  /// As a value of an outcome.
  var json: JSONValue { .string(description) }
}

extension JSONValue {
  static func address(_ value: UInt64) -> JSONValue { .string(hex(value)) }
}
