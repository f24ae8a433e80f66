public import Linux

/// State of a guest's virtual CPU that has nothing to do.
public enum IdleVirtualCPU: String, Choice {
  case runs
  case blocks

  public var meaning: String {
    switch self {
    case .runs:  // as with nohlt, or under a load of its own
      "It stays in the guest."
    case .blocks: "It waits for an interrupt, and the host takes its physical CPU away."
    }
  }
}
