/// Accesses of an NVMe controller as its own lines explain them.
///
/// An entry's fetch precedes the line of its command, a completion precedes the MSI, and the shadow
/// doorbells start with the command that sets them up: the controller first fills the shadow page,
/// then it reads that page and writes the event indexes (`hw/nvme/ctrl.c`).
struct ControllerStory {
  /// Purpose of an access.
  enum Role: String {
    case entry = "sqe"
    case completion = "cqe"
    case data
    case pageList = "prp-list"
    case shadowDoorbell = "shadow-doorbell"
    case eventIndex = "event-index"
  }

  /// Of each access, by the line of its translation.
  private(set) var roles: [Int: Role] = [:]
  /// `r` or `w`.
  private(set) var directions: [Int: String] = [:]
  /// The commands that entries' fetches turned out to hold.
  private(set) var commands: [Int: String] = [:]
  /// The fetch of the command that creates a queue, by the queue's page.
  private(set) var created: [UInt64: Int] = [:]

  private var command: String?
  private var completions: Set<UInt64> = []
  private var shadow: UInt64?
  private var index: UInt64?
  private var pageList: UInt64?
  private var isConfiguring = false
  private var previous: (line: Int, page: UInt64)?

  /// - Returns: `nil` when the log has no lines of a controller.
  init?(_ entries: ArraySlice<LoggedEvent>, _ accesses: [RecordedAccess]) {
    var wanted: [Int: RecordedAccess] = [:]
    for access in accesses where access.message == nil { wanted[access.line] = access }
    var hasController = false
    for entry in entries {
      if let access = wanted[entry.line] {
        note(access)
        previous = (access.line, access.page)
      } else if case .invalidateRange(let range) = entry.event {
        forget(range)
      } else if case .translated = entry.event {
        previous = nil  // Another device's, or a message.
      } else if let previous, take(entry.event, after: previous) {
        hasController = true
      }
    }
    guard hasController else { return nil }
  }

  /// Forgets pages whose mapping is taken away: what is mapped there next is something else.
  private mutating func forget(_ range: RangeInvalidation) {
    let granule: UInt64 = range.granule == 0 ? 4096 : 1 << (10 + 2 * min(range.granule, 3))
    let (size, overflow) = max(range.pages, 1).multipliedReportingOverflow(by: granule)
    func isGone(_ page: UInt64) -> Bool {
      page >= range.address && (overflow || page - range.address < size)
    }
    completions = completions.filter { !isGone($0) }
    if shadow.map(isGone) == true { shadow = nil }
    if index.map(isGone) == true { index = nil }
    if pageList.map(isGone) == true { pageList = nil }
    if shadow == nil, index == nil { isConfiguring = false }
  }

  private mutating func note(_ access: RecordedAccess) {
    guard let (role, direction) = role(access) else { return }
    roles[access.line] = role
    directions[access.line] = direction
  }

  private mutating func role(_ access: RecordedAccess) -> (Role, String)? {
    if completions.contains(access.page) { return (.completion, "w") }
    if isConfiguring, shadow == nil { shadow = access.page }
    if isConfiguring, index == nil, access.page != shadow { index = access.page }
    if access.page == index { return (.eventIndex, "w") }
    if access.page == shadow { return (.shadowDoorbell, index != nil ? "r" : "w") }
    if access.page == pageList { return (.pageList, "r") }
    return command.map { (.data, Self.writes.contains($0) ? "w" : "r") }
  }

  /// Takes in a line of the controller; `false` for any other.
  private mutating func take(_ event: TraceEvent, after access: (line: Int, page: UInt64)) -> Bool {
    switch event {
    case .controllerCommand(let isAdmin, let opcode):
      let name = Self.name(isAdmin, opcode)
      (roles[access.line], directions[access.line]) = (.entry, "r")
      commands[access.line] = name
      (command, pageList) = (name, nil)
      if name == "DBBUF_CONFIG" { (isConfiguring, shadow, index) = (true, nil, nil) }
    case .controllerPages(let second, let count):
      pageList = count > 2 ? second & ~0xfff : nil
    case .controllerQueue(let address): created[address & ~0xfff] = access.line
    case .controllerInterrupt:
      completions.insert(access.page)
      (roles[access.line], directions[access.line]) = (.completion, "w")
      command = nil
    default: return false
    }
    return true
  }

  /// Commands whose data the controller writes to memory; of all others it reads the data.
  private static let writes: Set<String> = ["IDENTIFY", "GET_LOG_PAGE", "READ"]

  /// NVMe 2.0, figures 138 and 346, as QEMU names them (`nvme_adm_opc_str`, `nvme_io_opc_str`).
  private static func name(_ isAdmin: Bool, _ opcode: UInt64) -> String {
    let admin: [UInt64: String] = [
      0x00: "DELETE_SQ", 0x01: "CREATE_SQ", 0x02: "GET_LOG_PAGE", 0x04: "DELETE_CQ",
      0x05: "CREATE_CQ", 0x06: "IDENTIFY", 0x08: "ABORT", 0x09: "SET_FEATURES",
      0x0a: "GET_FEATURES", 0x0c: "ASYNC_EV_REQ", 0x10: "ACTIVATE_FW", 0x11: "DOWNLOAD_FW",
      0x15: "NS_ATTACHMENT", 0x19: "DIRECTIVE_SEND", 0x1a: "DIRECTIVE_RECV", 0x1c: "VIRT_MNGMT",
      0x7c: "DBBUF_CONFIG", 0x80: "FORMAT_NVM",
    ]
    let io: [UInt64: String] = [
      0x00: "FLUSH", 0x01: "WRITE", 0x02: "READ", 0x04: "WRITE_UNCOR", 0x05: "COMPARE",
      0x08: "WRITE_ZEROES", 0x09: "DSM", 0x0c: "VERIFY", 0x12: "IO_MGMT_RECV", 0x19: "COPY",
    ]
    return (isAdmin ? admin : io)[opcode] ?? "opcode \(opcode)"
  }
}
