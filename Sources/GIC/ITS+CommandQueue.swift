internal import ArmFormats
internal import Bits
public import Memory

// The command queue (IHI 0069, 5.3).
extension ITS {
  /// Runs commands until the queue is empty or stalls; at most one lap of the queue.
  @inlinable
  public mutating func runCommands<O: ITSObserver>(
    memory: PhysicalMemory, redistributors: inout Redistributors, observer: inout O
  ) {
    if O.isOn {
      run(memory: memory, redistributors: &redistributors, observer: &observer)
    } else {
      runUnobserved(memory: memory, redistributors: &redistributors)
    }
  }

  /// Runs one command; `nil` when there is none, the queue is stalled or the ITS is off.
  public mutating func processNextCommand<O: ITSObserver>(
    memory: PhysicalMemory, redistributors: inout Redistributors, observer: inout O
  ) -> ITSCommandReport? {
    guard hasCommands else { return nil }
    return next(memory: memory, redistributors: &redistributors, observer: &observer)
  }

  @usableFromInline
  mutating func runUnobserved(memory: PhysicalMemory, redistributors: inout Redistributors) {
    var none = NoITSObserver()
    run(memory: memory, redistributors: &redistributors, observer: &none)
  }

  @usableFromInline
  mutating func run<O: ITSObserver>(
    memory: PhysicalMemory, redistributors: inout Redistributors, observer: inout O
  ) {
    var remaining = commandBase.byteCount / 32
    while hasCommands && remaining > 0 {
      _ = next(memory: memory, redistributors: &redistributors, observer: &observer)
      remaining &-= 1
    }
  }

  @inline(__always)
  private mutating func next<O: ITSObserver>(
    memory: PhysicalMemory, redistributors: inout Redistributors, observer: inout O
  ) -> ITSCommandReport {
    let offset = readOffset
    guard let command = memory.load(ITSCommand.self, at: commandBase.address + offset) else {
      return finish(offset, ITSCommand(), .tableAbort, observer: &observer)
    }
    do throws(ITSFault) {
      try execute(command, memory: memory, redistributors: &redistributors, observer: &observer)
      return finish(offset, command, nil, observer: &observer)
    } catch {
      return finish(offset, command, error, observer: &observer)
    }
  }

  /// Advances `GITS_CREADR`, or stalls on it.
  @inline(__always)
  private mutating func finish<O: ITSObserver>(
    _ offset: UInt64, _ command: ITSCommand, _ failure: ITSFault?, observer: inout O
  ) -> ITSCommandReport {
    var error: ITSCommandError?
    if let failure {
      let code = failure.code(of: command[.opcode])
      error = code
      lastError = code
      let policy = failure == .tableAbort ? personality.onAbort : personality.onCommandError
      isStalled = policy == .stall
    }
    if !isStalled {
      let next = offset &+ 32
      readOffset = next >= commandBase.byteCount ? 0 : next
    }
    let report = ITSCommandReport(
      offset: offset, command: command, error: error, stalled: isStalled)
    if O.isOn { observer.didExecute(report) }
    return report
  }
}
