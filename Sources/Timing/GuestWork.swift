/// What a guest's kernel does again and again while its devices work, and what may leave the
/// guest.
@frozen
public enum GuestWork: UInt8, CaseIterable, Sendable {
  /// A vector is masked in the MSI-X table (`pci_msix_mask`), which is read back.
  case mask
  /// A vector is unmasked (`pci_msix_unmask`).
  case unmask
  /// A buffer is unmapped and invalidated.
  case unmap
  /// An interrupt is moved to another virtual CPU.
  case move

  /// What the kernel does, in words.
  public var name: String {
    switch self {
    case .mask: "mask"
    case .unmask: "unmask"
    case .unmap: "unmap"
    case .move: "move"
    }
  }

  @inlinable
  var place: Int { Int(rawValue) }
}

/// What one of a guest's works does under one design.
public struct WorkPath: Equatable, Sendable {
  /// Exits that are alike.
  public struct Exit: Equatable, Sendable {
    public let cause: ExitCause
    public let isRead: Bool
    public let count: Int

    public init(_ cause: ExitCause, isRead: Bool, count: Int) {
      self.cause = cause
      self.isRead = isRead
      self.count = count
    }
  }

  /// The exits of the work's accesses.
  public var exits: [Exit]
  /// Accesses that reach the device, the SMMU or the ITS without an exit.
  public var untrapped: Int
  /// Commands that the host queues for its ITS, one system call for all.
  public var hostCommands: Int

  public init(exits: [Exit] = [], untrapped: Int = 0, hostCommands: Int = 0) {
    self.exits = exits
    self.untrapped = untrapped
    self.hostCommands = hostCommands
  }

  /// How many of its exits are answered there.
  func exits(to handler: ExitCause.Handler) -> UInt64 {
    exits.reduce(0) { $1.cause.handler == handler ? $0 &+ UInt64(max(0, $1.count)) : $0 }
  }
}
