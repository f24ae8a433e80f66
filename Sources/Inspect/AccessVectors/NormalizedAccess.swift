internal import ArmFormats
internal import Bits
internal import Guest
internal import Software

/// An access as it is compared: values of which the model does not decide all bits are masked, and a
/// queue's producer or consumer counts from where it was written last.
struct NormalizedAccess: Equatable, Sendable {
  var access: AccessVector.Access
  /// The determined part of what is written; 0 for a read.
  var value: UInt64

  /// Whether a model's access is the same, as far as it is determined.
  func isSame(as other: Self) -> Bool {
    isSamePlace(as: other) && value == other.value
  }

  /// Whether both are of the same register, in the same direction and as wide.
  func isSamePlace(as other: Self) -> Bool {
    access.block == other.access.block && access.frame == other.access.frame
      && access.offset == other.access.offset && access.isWrite == other.access.isWrite
      && access.width == other.access.width
  }

  /// Whether it is a read that drivers repeat until it returns what they wait for.
  var isPoll: Bool {
    guard !access.isWrite else { return false }
    switch access.block {
    case .its: return access.offset == ITSRegister.commandRead
    case .redistributor:
      return [
        RedistributorRegister.control, RedistributorRegister.waker,
        RedistributorRegister.synchronize,
      ].contains(access.offset)
    case .smmu:
      return [
        SMMURegister.commandQueueConsumer, SMMURegister.cr0Acknowledge,
        SMMURegister.interruptControlAcknowledge, SMMURegister.eventQueueProducer,
      ].contains(access.offset)
    case .configuration, .table: return false
    }
  }

  /// Such as `w4 GITS_CWRITER +0x40`.
  var description: String {
    let direction = access.isWrite ? "w" : "r"
    let frame = access.block == .redistributor ? "CPU \(access.frame) " : ""
    let entry = access.block == .table ? "[\(access.offset / 16)] " : ""
    let name =
      access.register.isEmpty ? "\(access.block.rawValue) + \(hex(access.offset))" : access.register
    let sign = AccessNormalizer.isPointer(access) ? " +" : " = "
    return "\(direction)\(access.width) \(frame)\(entry)\(name)"
      + (access.isWrite ? sign + hex(value) : "")
  }
}

/// Normalizes the accesses of one side, in their order.
struct AccessNormalizer {
  /// What the pointers of queues were written last, by block and offset.
  private var pointers: [UInt64: UInt64] = [:]
  /// The bits of SMMU_CMDQ_PROD that count, with the wrap bit.
  private var commandMask = lowBits(20)
  /// Where the function's MSI capability has the message's address.
  private let messageAddress: UInt64

  init(_ layout: FunctionLayout) { messageAddress = UInt64(layout.msiCapability) + 4 }

  /// Whether the register holds a place in a queue.
  static func isPointer(_ access: AccessVector.Access) -> Bool {
    switch access.block {
    case .its: access.offset == ITSRegister.commandWrite
    case .smmu:
      access.offset == SMMURegister.commandQueueProducer
        || access.offset == SMMURegister.eventQueueConsumer
    default: false
    }
  }

  mutating func normalize(_ access: AccessVector.Access) -> NormalizedAccess {
    guard access.isWrite else { return NormalizedAccess(access: access, value: 0) }
    if access.block == .smmu, access.offset == SMMURegister.commandQueueBase {
      commandMask = lowBits((access.value & 0x1f) + 1)
    }
    if access.block == .configuration, access.offset == messageAddress, access.width == 4 {
      return NormalizedAccess(access: access, value: access.value & lowBits(12))
    }
    guard !Self.isPointer(access) else {
      let old = pointers[access.offset] ?? 0
      pointers[access.offset] = access.value
      let mask = access.block == .its ? 0xffff : commandMask
      return NormalizedAccess(access: access, value: (access.value &- old) & mask)
    }
    return NormalizedAccess(access: access, value: access.value & Self.determined(access))
  }

  /// The bits of a written value that the kernel decides by itself: not what an allocator returned,
  /// and not what it had read.
  private static func determined(_ access: AccessVector.Access) -> UInt64 {
    switch access.block {
    case .its:
      switch access.offset {
      // Quiescent is read-only.
      case ITSRegister.control: return lowBits(31)
      case ITSRegister.commandBase: return ~(lowBits(52) & ~lowBits(12))
      case ITSRegister.tableBase..<ITSRegister.tableBase + 64:
        // While it is probed, what was read is written back with another page size.
        guard access.value >> 63 == 1 || access.value >> 62 & 1 == 1 else { return 3 << 8 }
        return ~(lowBits(48) & ~lowBits(12))
      default: return ~0
      }
    case .redistributor:
      switch access.offset {
      case RedistributorRegister.control: return 1
      case RedistributorRegister.waker: return 2
      case RedistributorRegister.configurationBase, RedistributorRegister.pendingBase:
        return ~(lowBits(52) & ~lowBits(12))
      default: return ~0
      }
    case .smmu:
      switch access.offset {
      case SMMURegister.streamTableBase: return ~(lowBits(52) & ~lowBits(6))
      // How large a queue may be is the kernel's configuration (CONFIG_CMA_ALIGNMENT).
      case SMMURegister.commandQueueBase, SMMURegister.eventQueueBase: return ~lowBits(52)
      default: return ~0
      }
    case .configuration: return ~0
    case .table:
      // The doorbell's page is the IOVA allocator's choice.
      return access.offset % 16 == 0 ? lowBits(12) : ~0
    }
  }
}

extension Step<Never> {
  /// The accesses of a step of the model, in order; of registers that no block has, none.
  func accesses(step name: String, stride: UInt64) -> [AccessVector.Access] {
    var list = readsBefore.compactMap { access($0, step: name, stride) }
    switch action {
    case .mmio(let place, let value, let width):
      list +=
        access(.register(place, width: width), step: name, stride, writing: value)
        .map { [$0] } ?? []
    case .config(let offset, let value, let width):
      list +=
        access(
          .configuration(offset: offset, width: width), step: name, stride,
          writing: UInt64(value)
        ).map { [$0] } ?? []
    default: break
    }
    return list + readsAfter.compactMap { access($0, step: name, stride) }
  }

  private func access(
    _ read: RegisterRead, step name: String, _ stride: UInt64, writing value: UInt64? = nil
  ) -> AccessVector.Access? {
    var access = AccessVector.Access(
      number: 0, step: name, phase: phase?.rawValue ?? "", block: .configuration, frame: 0,
      function: "", offset: 0, register: "", isWrite: value != nil, width: 0, value: value ?? 0,
      path: function)
    switch read {
    case .configuration(let offset, let width):
      guard device ?? 0 == 0 else { return nil }
      access.offset = UInt64(offset)
      access.width = width
    case .register(let place, let width):
      access.width = width
      let address = place.rawValue
      let redistributor = address &- GuestReplica.Map.redistributors
      if address &- GuestReplica.Map.its < 0x2_0000 {
        access.block = .its
        access.offset = address &- GuestReplica.Map.its
      } else if redistributor < stride &* 512 {
        access.block = .redistributor
        access.frame = Int(redistributor / stride)
        access.offset = redistributor % stride
      } else if address &- GuestReplica.Map.smmu < 0x2_0000 {
        access.block = .smmu
        access.offset = address &- GuestReplica.Map.smmu
      } else if address &- GuestReplica.Map.table < 0x8000 {
        access.block = .table
        access.offset = address &- GuestReplica.Map.table
      } else {
        return nil
      }
    }
    return access
  }
}
