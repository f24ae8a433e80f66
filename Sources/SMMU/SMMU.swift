internal import ArmFormats
internal import Bits
public import Memory

/// A Non-secure SMMUv3: stream and context lookup, both stages of translation, caches, faults,
/// queues and registers (Arm IHI 0070).
///
/// Software reaches it through `readRegister` and `writeRegister` and through memory; devices
/// reach it through `translate`. What it wants to send itself waits in `nextOutgoingMessage` and
/// `nextDeviceMessage`.
public struct SMMU: ~Copyable {
  /// Profile: the values of the identification registers.
  public let profile: SMMUProfile
  /// The named differences from the manual that are in force.
  public let personality: SMMUPersonality

  let rules: WalkRules
  var registers: RegisterFile
  var streamEntries: ConfigurationCache<StreamTableEntry>
  var streamTables: ConfigurationCache<UInt64>
  var contextTables: ConfigurationCache<UInt64>
  var contexts: ConfigurationCache<TranslationContext>
  let cachesContexts: Bool
  let sharesGlobalPages: Bool
  var recent: RecentTranslations
  var pages: TranslationCache
  var stage2Cache: TranslationCache
  var stage1Tables: TranslationCache
  var stage2Tables: TranslationCache
  var stalls: StallBuffer
  var lastEvents = EventHistory()
  /// The STE that the last lookup read: it decides how faults of that lookup are reported.
  var lastEntry = StreamTableEntry()
  var outgoing = MessageQueue<OutgoingMessage>()
  var deviceMessages = MessageQueue<DeviceMessage>()
  var wired: SMMUInterrupts = []

  /// An SMMU after reset: disabled, with empty caches and queues.
  ///
  /// - Parameters:
  ///   - profile: features that exist.
  ///   - personality: `.architecture`, or the deviations of an implementation.
  ///   - caches: sizes of the caches; `.none` reads everything for every transaction.
  public init(
    profile: SMMUProfile, personality: SMMUPersonality = .architecture,
    caches: SMMUCacheGeometry = .default
  ) {
    self.profile = profile
    self.personality = personality
    rules = WalkRules(profile, personality)
    registers = RegisterFile(profile)
    streamEntries = .init(entries: caches.streamEntries, empty: StreamTableEntry())
    streamTables = .init(entries: caches.streamEntries, empty: 0)
    contextTables = .init(entries: caches.streamEntries, empty: 0)
    cachesContexts = caches.contexts > 0
    sharesGlobalPages = caches.sharesGlobalPages
    // One place is always needed, for the configuration in use.
    contexts = .init(entries: max(1, caches.contexts), empty: TranslationContext())
    recent = RecentTranslations(entries: caches.recent)
    pages = TranslationCache(entries: caches.pages, ways: caches.ways)
    stage2Cache = TranslationCache(entries: caches.stage2Pages, ways: caches.ways)
    stage1Tables = TranslationCache(entries: caches.stage1Tables, ways: caches.ways)
    stage2Tables = TranslationCache(entries: caches.stage2Tables, ways: caches.ways)
    stalls = StallBuffer(limit: Int(profile.idr5[.stallMaximum]))
  }

  /// Answers one access, recording the event that it may cause.
  ///
  /// - Parameters:
  ///   - transaction: the access as the device made it.
  ///   - memory: memory with the configuration, the tables and the Event queue.
  @inline(never)
  public mutating func translate(_ transaction: Transaction, in memory: PhysicalMemory)
    -> TranslationResult
  {
    guard recent.covers(transaction) else { return answerUnobserved(transaction, memory) }
    if let translation = recent.find(transaction) { return .translated(translation) }
    let result = answerUnobserved(transaction, memory)
    if case .translated(let translation) = result { recent.insert(transaction, translation) }
    return result
  }

  @inline(never)
  private mutating func answerUnobserved(
    _ transaction: Transaction, _ memory: PhysicalMemory
  ) -> TranslationResult {
    var observer = NoObserver()
    return answer(transaction, memory, &observer)
  }

  /// Answers one access and shows every station of it to `observer`.
  public mutating func translate(
    _ transaction: Transaction, in memory: PhysicalMemory,
    observer: inout some TranslationObserver
  ) -> TranslationResult {
    answer(transaction, memory, &observer)
  }
}

/// The wired interrupts of the SMMU that pulsed (IHI 0070, 3.18).
@frozen
public struct SMMUInterrupts: OptionSet, BitwiseCopyable, Sendable, Hashable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let eventQueue = Self(rawValue: 1 << 0)
  public static let pageQueue = Self(rawValue: 1 << 1)
  public static let commandSync = Self(rawValue: 1 << 2)
  public static let globalError = Self(rawValue: 1 << 3)
  /// A wake-up event for PEs that wait (WFE): CMD_SYNC with CS=SEV.
  public static let wakeUp = Self(rawValue: 1 << 4)
}
