internal import ArmFormats
internal import Bits
internal import SMMU

// What a check compares of the models' values, and how it words them.

extension DescriptorRead {
  func `is`(_ fetch: DescriptorFetch) -> Bool {
    guard address.rawValue == fetch.address, value == fetch.value else { return false }
    switch step {
    case .stage1(let level): return fetch.stage != 2 && UInt64(level) == fetch.level
    case .stage2(let level): return fetch.stage == 2 && UInt64(level) == fetch.level
    default: return false
    }
  }
}

extension TranslationPermissions {
  /// Bit 0: both stages allow reads; bit 1: writes.
  var readWrite: UInt64 {
    let reads = contains([.privilegedRead, .stage2Read])
    let writes = contains([.privilegedWrite, .stage2Write])
    return (reads ? 1 : 0) | (writes ? 2 : 0)
  }
}

extension Transaction {
  var words: String {
    "stream \(hex(UInt64(streamID))) \(isWrite ? "write" : "read") \(hex(address.rawValue))"
  }
}

extension TranslationResult {
  var words: String {
    switch self {
    case .translated(let to):
      "\(hex(to.address.rawValue)) with permissions \(to.permissions.readWrite)"
    case .bypassed(let address): "\(hex(address.rawValue)) as it is"
    case .faulted(let event, _): "\(event[.kind])"
    case .aborted: "an abort"
    default: "\(self)"
    }
  }
}
