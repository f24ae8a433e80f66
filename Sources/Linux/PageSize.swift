/// The page size of a kernel on Arm.
public enum PageSize: String, Choice {
  case kib4 = "4k"
  case kib16 = "16k"
  case kib64 = "64k"

  /// log2 of its bytes.
  public var shift: UInt64 {
    switch self {
    case .kib4: 12
    case .kib16: 14
    case .kib64: 16
    }
  }

  public var meaning: String { "Pages of \(rawValue.dropLast()) KiB." }

  public var byteCount: UInt64 { 1 << shift }
}
