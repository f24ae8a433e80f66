internal import ArmFormats
public import Bits
public import Software

/// Linux's MSI-X code (`drivers/pci/msi/msi.c`, `api.c`) on one function, as steps; or that of a
/// driver whose device keeps its messages inside, where they look the same.
public struct MSIXDriver: Sendable {
  public let agent: Agent
  private let kernel: Kernel
  /// The table, as the kernel's machine addresses it.
  public let table: PA
  /// Offset of the capability in configuration space.
  public let capability: UInt16
  /// Entries of the table, 1 to 2048.
  public let size: Int
  /// Whether the table is one of the device's own.
  public let isInternal: Bool

  public init(
    agent: Agent, kernel: Kernel = Kernel(Kernel.newest), table: PA, capability: UInt16,
    size: Int = 1, isInternal: Bool = false
  ) {
    self.isInternal = isInternal
    self.agent = agent
    self.kernel = kernel
    self.table = table
    self.capability = capability
    self.size = size
  }

  // MARK: Configuration space

  private var controlRead: RegisterRead { .configuration(offset: capability &+ 2, width: 2) }

  /// Asks how many vectors there are (`pci_msix_vec_count`).
  public var count: Step<Never> {
    Step(agent, "pci_msix_vec_count", "MSI-X: \(size) vectors", .decide).reading([controlRead])
  }

  /// Enables or disables MSI-X, with or without the function mask
  /// (`pci_msix_clear_and_set_ctrl`).
  public func control(enable: Bool, functionMask: Bool) -> Step<Never> {
    var control = MSIXControl(rawValue: UInt64(truncatingIfNeeded: max(1, min(size, 2048)) - 1))
    control[.enable] = enable
    control[.functionMask] = functionMask
    let mask = functionMask ? ", function masked" : ""
    return Step(
      agent, "pci_msix_clear_and_set_ctrl", "MSI-X \(enable ? "enabled" : "disabled")\(mask)",
      .config(
        offset: capability &+ 2, value: UInt32(truncatingIfNeeded: control.rawValue), width: 2)
    ).reading([controlRead])
  }

  /// Enables MSI-X with the function mask, and looks where the table stands
  /// (`msix_capability_init`, `msix_map_region`).
  public var enableMasked: Step<Never> {
    control(enable: true, functionMask: true).reading(
      after: [controlRead, .configuration(offset: capability &+ 4, width: 4), controlRead])
  }

  // MARK: Table

  /// Reads the vector control of the vectors that are set up (`msix_prepare_msi_desc`).
  public func prepare(_ vectors: Range<Int>) -> Step<Never> {
    Step(
      agent, "msix_prepare_msi_desc", "vector control of \(vectors.count) vectors", .decide
    ).reading(vectors.map { .register(place(of: $0, 12), width: 4) })
  }

  /// Masks the whole table, also entries without a vector (`msix_mask_all`).
  public var maskAll: [Step<Never>] {
    (0..<size).map { write($0, 12, 1, "msix_mask_all", "masked") }
  }

  /// Writes a vector's message (`pci_write_msg_msix`), and reads back, so that it has arrived.
  ///
  /// - Parameter reason: owner of the address and the data.
  public func write(
    _ vector: Int, address: IOVA, data: UInt32, reason: String
  ) -> [Step<Never>] {
    let function = "pci_write_msg_msix"
    let text = "(\(address), \(hex(UInt64(data)))): \(reason)"
    return [
      write(vector, 0, UInt32(truncatingIfNeeded: address.rawValue), function, text)
        .believing(DoorbellBelief("MSI-X driver", .iova(address)))
        .carrying(.message(vector: vector, address: address, data: data)),
      write(
        vector, 4, UInt32(truncatingIfNeeded: address.rawValue >> 32), function, "upper address"),
      write(vector, 8, data, function, "data")
        .reading(after: [.register(place(of: vector, 8), width: 4)]),
    ]
  }

  /// Writes a vector's message and mask again (`__pci_restore_msix_state`): a live entry is masked
  /// while its message changes.
  public func restore(
    _ vector: Int, address: IOVA, data: UInt32, isMasked: Bool
  ) -> [Step<Never>] {
    let function = "pci_write_msg_msix"
    let mask = write(vector, 12, 1, "pci_msix_write_vector_ctrl", "masked")
    let unmask = write(vector, 12, 0, "pci_msix_write_vector_ctrl", "unmasked")
    let flush = RegisterRead.register(place(of: vector, 8), width: 4)
    var steps = isMasked ? [] : [mask]
    steps += [
      write(
        vector, 0, UInt32(truncatingIfNeeded: address.rawValue), function,
        "(\(address), \(hex(UInt64(data)))): restored"
      ).carrying(.message(vector: vector, address: address, data: data)),
      write(
        vector, 4, UInt32(truncatingIfNeeded: address.rawValue >> 32), function, "upper address"),
    ]
    let last = write(vector, 8, data, function, "data")
    steps += isMasked ? [last.reading(after: [flush])] : [last, unmask.reading(after: [flush])]
    return steps + [isMasked ? mask : unmask]
  }

  /// Clears the message of a vector that is deactivated (`msi_domain_deactivate`).
  public func clear(_ vector: Int) -> [Step<Never>] {
    let function = "pci_write_msg_msix"
    return [
      write(vector, 0, 0, function, "no message")
        .carrying(.message(vector: vector, address: 0, data: 0)),
      write(vector, 4, 0, function, "upper address"),
      write(vector, 8, 0, function, "data")
        .reading(after: [.register(place(of: vector, 8), width: 4)]),
    ]
  }

  /// Masks or unmasks a vector (`pci_msix_mask`, `pci_msix_unmask`). A read of the table's first word
  /// flushes a mask, and before `msix-mask-flush` an unmask, too.
  public func setMask(_ vector: Int, _ isMasked: Bool) -> Step<Never> {
    let flushes = isMasked || !kernel.has(.msixMaskFlush)
    return write(
      vector, 12, isMasked ? 1 : 0, isMasked ? "pci_msix_mask" : "pci_msix_unmask",
      isMasked ? "masked" : "unmasked"
    ).reading(after: flushes ? [.register(table, width: 4)] : [])
  }

  /// Masks a vector when MSI-X is turned off (`pci_msix_shutdown`).
  public func maskAtShutdown(_ vector: Int) -> Step<Never> {
    write(vector, 12, 1, "pci_msix_shutdown", "masked")
      .reading(after: kernel.has(.msixMaskFlush) ? [.register(table, width: 4)] : [])
  }

  /// Writes 32 bits of a vector's entry.
  ///
  /// - Parameter offset: 0, 4, 8 or 12.
  public func write(
    _ vector: Int, _ offset: UInt64, _ value: UInt32, _ function: String, _ text: String
  ) -> Step<Never> {
    Step(
      agent, isInternal ? "irq_write_msi_msg" : function,
      "\(isInternal ? "internal store, message" : "MSI-X entry") \(vector): \(text)",
      .mmio(place(of: vector, offset), UInt64(value), width: 4))
  }

  private func place(of vector: Int, _ offset: UInt64) -> PA {
    table + UInt64(vector) * MSIXTableEntry.byteCount + offset
  }
}
