public import Bits
public import Memory

/// An access that a step makes beyond memory: a device, or the layer below, answers it.
public enum Access<Call: Sendable>: Sendable {
  /// A write of a device register, `width` bytes wide.
  case register(PA, UInt64, width: Int)
  /// A write of `width` bytes of a function's configuration space.
  case configuration(offset: UInt16, value: UInt32, width: Int)
  case call(Call)
}

/// Carries steps out on the memory of the machine that their software runs on.
///
/// Every model that has steps carried out goes by it; what differs is who answers the accesses: the
/// physical bus, a hypervisor that traps them, or one device of a bench.
public struct Executor: Sendable {
  public let memory: PhysicalMemory

  public init(memory: PhysicalMemory) { self.memory = memory }

  /// Carries out what an action does to memory; words outside of RAM are dropped.
  ///
  /// - Returns: the access that is still to be answered; `nil` for none.
  @inlinable
  public func execute<Call>(_ action: Action<Call>) -> Access<Call>? {
    switch action {
    case .decide: return nil
    case .write(let words):
      for word in words { memory.store64(word.address, word.value) }
      return nil
    case .writeByte(let address, let byte):
      memory.store8(address, byte)
      return nil
    case .mmio(let address, let value, let width):
      return .register(address, value, width: width)
    case .config(let offset, let value, let width):
      return .configuration(offset: offset, value: value, width: width)
    case .call(let call): return .call(call)
    }
  }

  /// Carries a flow out, step by step.
  ///
  /// - Parameter answer: answers an access, before the next step.
  @inlinable
  public func execute<Call, Failure: Error>(
    _ steps: [Step<Call>], answer: (Access<Call>) throws(Failure) -> Void
  ) throws(Failure) {
    for step in steps {
      if let access = execute(step.action) { try answer(access) }
    }
  }
}
