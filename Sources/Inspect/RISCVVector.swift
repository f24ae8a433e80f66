internal import Bits

/// One test of a vector file about a RISC-V IOMMU: a machine's state, what is done to it, and what
/// a reference implementation answered.
package struct RISCVVector: Sendable {
  /// Implementation that gave the answers in a file, and the machine on which they were recorded.
  package enum Recorder: Sendable {
    /// The reference model of the specification: requests are translated and not executed.
    case referenceModel
    /// QEMU's `riscv-iommu` over qtest: writes are executed.
    case qemu
  }

  package var id: String
  /// Subject of the vector: `bare`, `s1`, `s1pc`, `s2`, `nested`, `nestedpc`, `dc`, `msi`, `mrif`,
  /// `ats`, `translated`, `seq`, `cmd`.
  package var group: String
  package var tags: [String]
  package var recorder: Recorder
  /// `capabilities`.
  package var capabilities: UInt64
  /// `fctl` after reset.
  package var features: UInt64
  /// `fctl.BE` can be written.
  package var writesEndianness: Bool
  /// `ddtp` as written.
  package var directory: UInt64
  package var memory: [MemoryWord]
  /// 4 KiB pages whose data is corrupt.
  package var corruptPages: [UInt64]
  /// Words that are looked at besides those of `memory`.
  package var watched: [UInt64]
  package var steps: [RISCVStep]
  package var verdict: RISCVVerdict
}

/// One step and its recorded answer.
package struct RISCVStep: Sendable {
  package var action: RISCVAction
  package var answer: RISCVAnswer
  /// Answer of empty caches, if it differs: a stale entry may be used or not.
  package var fresh: RISCVAnswer?
}

/// Action of a step.
package enum RISCVAction: Sendable {
  case request(RISCVRequest)
  /// A hart changes memory.
  case store([MemoryWord])
  /// Commands put on the queue, 128-bit each.
  case commands([[UInt64]])

  /// The action in a few words.
  package var description: String {
    switch self {
    case .request(let request): request.description
    case .store(let words): "store of \(words.count) words"
    case .commands(let commands): "\(commands.count) commands"
    }
  }
}

/// An inbound transaction.
package struct RISCVRequest: Equatable, Sendable {
  /// `untranslated`, `translated` or `ats`.
  package enum Kind: String, Sendable {
    case untranslated
    case translated
    case ats
  }

  package var kind: Kind
  package var device: UInt64
  package var process: UInt64?
  package var address: UInt64
  package var isWrite: Bool
  package var isExecute: Bool
  package var isPrivileged: Bool
  package var isReadOnly: Bool
  package var isCXL: Bool
  /// Data of the write, if the recording executed the request.
  package var data: UInt64?

  /// The request in a few words.
  package var description: String {
    let verb =
      switch kind {
      case .ats: "ATS request for"
      default: isWrite ? "write to" : isExecute ? "execution of" : "read of"
      }
    let prefix = kind == .translated ? "translated " : ""
    let owner = process.map { ", process \(hex($0))" } ?? ""
    return "\(prefix)\(verb) \(hex(address)) by device \(hex(device))\(owner)"
  }
}

/// Answer in a step.
package struct RISCVAnswer: Equatable, Sendable {
  /// `ok`, `ur` (Unsupported Request) or `ca` (Completer Abort).
  package var status: String?
  package var cause: UInt64?
  package var address: UInt64?
  /// The address is an interrupt file's; `nil` where the file does not say.
  package var isMessage: Bool?
  package var resident: ResidentFile?
  /// Svpbmt; `nil` where the file does not say.
  package var memoryType: UInt64?
  /// Of an ATS completion: `r`, `w`, `x`, and where granted `u`, `g`, `priv`, `cxl`.
  package var completion: [CompletionBit] = []
  /// Fault records of four words; `nil` where the file does not say.
  package var faults: [[UInt64]]? = []
  /// Words of memory that the IOMMU changed, by address.
  package var writes: [MemoryWord] = []
  /// Vectors of the interrupts that it sent; `nil` where the file does not say.
  package var interrupts: [UInt64]? = []
  /// `cqh`, `cqcsr` and `ipsr` after commands.
  package var commandState: CommandState?
  /// Messages to the IO bridge, as text.
  package var messages: [String] = []
  /// A notice MSI that was sent: identity and address.
  package var notice: MemoryWord?
  /// The data of an executed write were found at `address`.
  package var landed: Bool?

  package init() {}
}

/// One bit of an ATS completion.
package struct CompletionBit: Equatable, Sendable {
  package var name: String
  package var isSet: Bool
}

/// A memory-resident interrupt file that a request leads to.
package struct ResidentFile: Equatable, Sendable, CustomStringConvertible {
  package var file: UInt64
  package var identity: UInt64
  package var notice: UInt64

  package var description: String {
    "file \(hex(file)), notice \(hex(identity)) to \(hex(notice))"
  }
}

/// The registers of the command queue.
package struct CommandState: Equatable, Sendable, CustomStringConvertible {
  package var head: UInt64
  package var control: UInt64
  package var pending: UInt64

  package var description: String {
    "cqh \(head), cqcsr \(hex(control)), ipsr \(hex(pending))"
  }
}

/// A second opinion on a vector, written from the specification.
package enum RISCVVerdict: Sendable {
  case agrees
  /// Answers of the architecture that deviate from the record, by step.
  case deviates([RISCVOpinion])
  case unjudged
}

/// Answer of the architecture in a step, as far as it differs from the record.
package struct RISCVOpinion: Sendable {
  package var step: Int
  package var change: Change
  /// Nothing is said of the step's number: it is the first whose record is not the architecture's.
  package var isFirst = false

  package enum Change: Sendable {
    /// Granted, with this address, or with an interrupt file.
    case granted(address: UInt64?, isMessage: Bool, resident: ResidentFile?)
    /// Refused with this cause.
    case refused(cause: UInt64)
    /// `iotval` of the fault record.
    case faultAddress(UInt64)
    case completion([CompletionBit])
    case writes([MemoryWord])
    /// These words are written, and this notice is sent.
    case recorded(writes: [MemoryWord], notice: MemoryWord?)
    /// Nothing faults, and nothing is said of the rest.
    case noFault
    /// Something that only its name is known of: nothing can be expected.
    case other(String)
  }
}
