internal import Bits
package import Files

/// One test of a vector file about a VT-d unit: a machine's state, what is done to it, and what QEMU
/// answered.
package struct VTDVector: Sendable {
  package var id: String
  package var group: String
  package var tags: [String]
  package var capabilities: UInt64
  package var extended: UInt64
  /// What software writes before the first step; `nil` for a register that it leaves alone.
  package var interruptTable: UInt64?
  package var rootTable: UInt64?
  package var queueAddress: UInt64?
  package var faultAddress: UInt64?
  package var faultData: UInt64
  /// What it turns on.
  package var remapsInterrupts: Bool
  package var passesCompatibility: Bool
  package var translates: Bool
  package var memory: [MemoryWord]
  package var steps: [X86Step]
  /// `GSTS_REG` in the end.
  package var status: UInt64
  package var verdict: X86Verdict
}

/// One step of a test of an x86 machine, and its recorded answer.
package struct X86Step: Sendable {
  package var action: X86Action
  package var answer: X86Answer
}

/// What is done in a step.
package enum X86Action: Sendable {
  /// A function writes to the interrupt window.
  case message(
    requester: UInt16, address: UInt64, data: UInt32, isWrite: Bool, keepsFaults: Bool)
  /// A function reads or writes 4 bytes.
  case access(requester: UInt16, address: UInt64, isWrite: Bool)
  case store([MemoryWord])
  /// Descriptors of an invalidation queue, or commands.
  case commands([[UInt64]])
  /// The driver clears faults.
  case clear

  /// The action in a few words.
  package var description: String {
    switch self {
    case .message(let requester, let address, let data, _, _):
      "message of \(hex(UInt64(requester))): \(hex(UInt64(data))) to \(hex(address))"
    case .access(let requester, let address, let isWrite):
      "\(isWrite ? "write" : "read") of \(hex(UInt64(requester))) at \(hex(address))"
    case .store(let words): "store of \(words.count) words"
    case .commands(let commands): "\(commands.count) commands"
    case .clear: "faults cleared"
    }
  }
}

/// An interrupt as the local APICs are told of it.
package struct X86Interrupt: Equatable, Sendable {
  package var destination: UInt64
  package var isLogical: Bool
  package var mode: UInt64
  package var vector: UInt64
  /// `nil` where it is not stated.
  package var isLevel: Bool?
}

/// What a step answered.
package struct X86Answer: Equatable, Sendable {
  /// `ok`, `fault`, `abort`, `untranslated`, `unseen`.
  package var outcome: String?
  /// The message after remapping: address and data.
  package var message: MemoryWord?
  package var interrupts: [X86Interrupt] = []
  /// Fault recording registers, or event log entries.
  package var records: [[UInt64]] = []
  package var faultStatus: UInt64?
  package var isEventPending = false
  package var address: UInt64?
  package var size: UInt64?
  /// The page of a translation, where its size is not known.
  package var base: UInt64?
  package var isHit = false
  package var writes: [MemoryWord] = []
  package var head: UInt64?
  package var status: [MemoryWord] = []
}

/// What the second opinion says of the recorded answers.
package enum X86Verdict: Sendable {
  case agrees
  /// The outcome is right, and a record that the architecture asks for is missing.
  case lacksEvent([X86Opinion])
  case deviates([X86Opinion])
  case unjudged
}

/// One difference between the record and the second opinion.
package struct X86Opinion: Sendable {
  package var step: Int
  package var answer: Answer

  package enum Answer: Sendable {
    case interrupt(X86Interrupt)
    case translated(address: UInt64, size: UInt64)
    case untranslated
    /// `reason` is a code where there is one.
    case blocked(reason: UInt64?, isRecorded: Bool)
  }
}

/// One test of a vector file about an AMD IOMMU.
package struct AMDVector: Sendable {
  package var id: String
  package var group: String
  package var tags: [String]
  /// `EXT_FEATURE_REG`.
  package var features: UInt64
  package var deviceTable: UInt64
  package var control: UInt64
  package var memory: [MemoryWord]
  package var steps: [X86Step]
  package var verdict: X86Verdict
}
