public import ArmFormats
internal import Bits
internal import Linux
public import Software

/// Outcome of a call of IOMMU_HWPT_INVALIDATE.
public struct Invalidation: Sendable {
  /// The steps: one list of commands with a CMD_SYNC behind it for each batch.
  public internal(set) var steps: [Step<Never>] = []
  /// The `entry_num` that the VMM gets back.
  public internal(set) var done = 0
  /// Why the call ended early; `nil` when every command was issued.
  public internal(set) var refusal: Refusal?
}

extension HostKernel {
  /// The commands of one batch: `CMDQ_BATCH_ENTRIES` less the CMD_SYNC.
  public static let invalidationBatch = 63

  /// Forwards a guest's invalidations in batches (`arm_vsmmu_cache_invalidate`).
  ///
  /// A command that is refused ends the call at once. Those before it in its batch count as done and
  /// are not issued: the VMM, which goes on behind `entry_num`, leaves translations alive that the
  /// guest has invalidated. Either posted cure issues them first.
  public mutating func invalidate(
    _ commands: [SMMUCommand], of device: DeviceIndex
  ) -> Invalidation {
    var result = Invalidation()
    var batch: [SMMUCommand] = []
    for command in commands {
      do { batch.append(try converted(command, of: device)) } catch {
        result.refusal = error
        if !batch.isEmpty, kernel.has(.invalidateInCore) || kernel.has(.invalidateErrorPath) {
          result.steps += smmus[self[device].smmu].send(
            batch, "arm_vsmmu_cache_invalidate", Self.text(batch))
        }
        return result
      }
      result.done += 1
      guard batch.count == Self.invalidationBatch || result.done == commands.count else { continue }
      result.steps += smmus[self[device].smmu].send(
        batch, "arm_vsmmu_cache_invalidate", Self.text(batch))
      batch = []
    }
    return result
  }

  /// A call with one command, as QEMU makes it (`smmuv3_accel_issue_inv_cmd`).
  mutating func invalidate(
    _ command: SMMUCommand, of device: DeviceIndex
  ) throws(Refusal) -> [Step<Never>] {
    let result = invalidate([command], of: device)
    if let refusal = result.refusal { throw refusal }
    return result.steps
  }

  private static func text(_ batch: [SMMUCommand]) -> String {
    let rest = batch.count > 1 ? " and \(batch.count - 1) more" : ""
    return "\(batch.first.map { "\($0[.opcode])" } ?? "nothing")\(rest) for the guest"
  }
}
