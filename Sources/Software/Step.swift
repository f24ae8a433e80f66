public import Bits

/// One atomic step of software: what one agent does between two points at which a device event
/// may fall.
///
/// Steps are data: a flow is an array of them, made by the model of one piece of software and
/// carried out in order (`Executor`). `Call` is what this software may ask of the layer below it
/// (an ioctl, say); `Never` for software that only touches memory and MMIO. Programs go by
/// `action`, `payload`, `refusal` and `belief`; `text` is for people.
public struct Step<Call: Sendable>: Sendable {
  public let agent: Agent
  /// The function that does it in the modelled software, such as `its_irq_domain_activate`.
  public let function: String
  /// What it does, and what the agent knows by it, in one sentence.
  public let text: String
  public let action: Action<Call>
  /// What the step does in the terms of the manuals; `nil` where the action says it all.
  public var payload: Payload?
  /// The request that the step refuses; `nil` for a step that refuses nothing.
  @Rare public var refusal: Refusal?
  /// The doorbell as the agent knows it from now on; `nil` when the step does not tell.
  @Rare public var belief: DoorbellBelief?
  /// The assigned device that it is about, counted from 0; `nil` for a step about none or all.
  public var device: Int?
  /// What is read right before the action, and right after it: a driver's polls, the first half of
  /// a read-modify-write, a read-back that flushes a write.
  public var readsBefore: [RegisterRead] = []
  public var readsAfter: [RegisterRead] = []
  /// What the kernel is doing; `nil` where no access vector names it.
  public var phase: KernelPhase?

  @inlinable
  public init(_ agent: Agent, _ function: String, _ text: String, _ action: Action<Call>) {
    self.agent = agent
    self.function = function
    self.text = text
    self.action = action
  }

  /// A step that records a refusal, and changes nothing.
  public init(refusing refusal: Refusal) {
    self.init(
      refusal.agent, refusal.function, "\(refusal.errno): \(refusal.message)", .decide)
    self.refusal = refusal
  }

  /// The same step, about that device unless it is about another already.
  @inlinable
  public func about(_ device: Int) -> Self {
    var step = self
    step.device = self.device ?? device
    return step
  }

  /// The same step, with what it does in the terms of the manuals.
  @inlinable
  public func carrying(_ payload: Payload) -> Self {
    var step = self
    step.payload = payload
    return step
  }

  /// The same step, with reads around its action.
  @inlinable
  public func reading(_ before: [RegisterRead] = [], after: [RegisterRead] = []) -> Self {
    var step = self
    step.readsBefore += before
    step.readsAfter += after
    return step
  }

  /// The same step, made in that phase unless it has one already.
  @inlinable
  public func during(_ phase: KernelPhase) -> Self {
    var step = self
    step.phase = self.phase ?? phase
    return step
  }

  /// The same step, after which its agent holds this belief.
  @inlinable
  public func believing(_ belief: DoorbellBelief) -> Self {
    var step = self
    step.belief = belief
    return step
  }
}

/// How a step acts. Addresses are physical to the machine that the software runs on: IPAs for a
/// guest.
public enum Action<Call: Sendable>: Sendable {
  /// Changes nothing but what the agent knows.
  case decide
  /// Writes 64-bit words to memory, in order.
  case write([MemoryWrite])
  /// Writes one byte of memory.
  case writeByte(PA, UInt8)
  /// Writes a device register, `width` bytes wide.
  case mmio(PA, UInt64, width: Int)
  /// Writes `width` bytes of the configuration space of the function that the step is about.
  case config(offset: UInt16, value: UInt32, width: Int)
  /// Asks the layer below.
  case call(Call)
}

extension Action {
  /// The same action in the smallest parts that another agent can come between: a write word by word.
  public var inWords: [Self] {
    guard case .write(let words) = self else { return [self] }
    return words.map { .write([$0]) }
  }
}

/// A 64-bit word on its way to memory.
public struct MemoryWrite: Equatable, Sendable {
  public let address: PA
  public let value: UInt64

  public init(_ address: PA, _ value: UInt64) {
    self.address = address
    self.value = value
  }
}

extension Step {
  /// The same step for software that may call: a step without calls fits everywhere.
  @inlinable
  public func lifted<Other>(to _: Other.Type = Other.self) -> Step<Other> where Call == Never {
    let action: Action<Other> =
      switch self.action {
      case .decide: .decide
      case .write(let words): .write(words)
      case .writeByte(let address, let byte): .writeByte(address, byte)
      case .mmio(let address, let value, let width): .mmio(address, value, width: width)
      case .config(let offset, let value, let width):
        .config(offset: offset, value: value, width: width)
      }
    var lifted = Step<Other>(agent, function, text, action)
    lifted.payload = payload
    lifted.refusal = refusal
    lifted.belief = belief
    lifted.device = device
    lifted.readsBefore = readsBefore
    lifted.readsAfter = readsAfter
    lifted.phase = phase
    return lifted
  }
}

extension Array {
  /// The same steps, made in that phase as far as they have none.
  @inlinable
  public func during<Call>(_ phase: KernelPhase) -> Self where Element == Step<Call> {
    map { $0.during(phase) }
  }
}
