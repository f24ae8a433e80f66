internal import GLibSupport
internal import Simulation

/// Many devices, virtual and physical CPUs under load: every MSI passes the stations of its path,
/// waits where others are served, and arrives when its virtual CPU runs.
///
/// State lies in arrays of structs, and a message in flight allocates nothing. A run depends on
/// its inputs and the seed alone.
public struct LoadEngine: ~Copyable {
  let path: DeliveryPath
  var costs: CostTable
  let setting: LoadSetting
  let random: SeededRandom
  let end: SimulatedTime

  var clock = EventQueue<LoadEvent>()
  var kinds = StateTable<LoadKind>()
  var queues = StateTable<QueueState>()
  var devices = StateTable<DeviceState>()
  var channels: ContiguousArray<ServerPool> = []
  var players = StateTable<Player>()
  var virtualCPUs = StateTable<VirtualCPU>()
  var physicalCPUs = StateTable<PhysicalCPU>()
  var flights = StateTable<Flight>()
  var freeFlights = StateTable<Int32>()

  var pages: TagCache
  var walkCache: TagCache
  var routes: TagCache
  var walks: ServerPool
  var its = ServiceStation()
  var vPEMoves = ServiceStation()
  var virtualITSs = StateTable<VirtualITS>()
  var injectionCache: TagCache
  /// Virtual CPUs of each machine, and the first one that KVM injects for.
  let perMachine: Int
  let firstInjected: Int
  var smmuCommands = ServiceStation()

  /// Messages between the interconnect and the end of their look-up in the ITS, and how many those
  /// may be; the others wait in a list, each with a credit of its device.
  var writesUnderWay = 0
  let mostUnderWay: Int
  var firstBlocked: Int32 = -1
  var lastBlocked: Int32 = -1

  var workCosts: InlineArray<4, WorkCost> = .init(repeating: WorkCost(WorkPath()))
  var totals = LoadTotals()
  var latencies: ContiguousArray<SimulatedTime> = []
  var trace: LoadTrace?
  var steps = 0
  var snapshots: [LoadSnapshot] = []
  var nextSnapshot: SimulatedTime

  public init(
    path: DeliveryPath, costs: CostModel, setting: LoadSetting, seed: UInt32,
    caches: CacheSizes = CacheSizes()
  ) {
    self.path = path
    self.costs = CostTable(costs)
    self.setting = setting
    random = SeededRandom(seed: seed)
    nextSnapshot = setting.warmUp ?? .zero
    end = nextSnapshot + setting.duration
    mostUnderWay = max(1, setting.interconnectWrites &+ setting.itsWrites)
    pages = TagCache(entries: caches.pages, ways: caches.ways)
    walkCache = TagCache(entries: caches.walks, ways: caches.ways)
    routes = TagCache(entries: caches.routes, ways: 4)
    walks = ServerPool(servers: setting.walkSlots)
    injectionCache = TagCache(entries: setting.injectionCacheEntries ?? 0, ways: 16)
    perMachine = max(1, setting.virtualCPUs)
    let direct = min(setting.virtualPEs ?? .max, 1 << 20) / perMachine
    firstInjected = path.isDirect ? direct * perMachine : 0
    for work in GuestWork.allCases { workCosts[work.place] = WorkCost(path[work]) }
    addCPUs()
    addDevices()
  }

  private mutating func addCPUs() {
    let cpus = max(1, setting.physicalCPUs)
    for _ in 0..<cpus { physicalCPUs.append(PhysicalCPU()) }
    for _ in 0..<max(1, setting.virtualMachines) { virtualITSs.append(VirtualITS()) }
    for number in 0..<perMachine * max(1, setting.virtualMachines) {
      let home = Int32(truncatingIfNeeded: number % cpus)
      var cpu = VirtualCPU(home: home, cpu: home)
      cpu.isBusy = number % perMachine < setting.busyCPUs
      cpu.isDirect = number < firstInjected
      virtualCPUs.append(cpu)
    }
  }

  private mutating func addDevices() {
    let machines = max(1, setting.virtualMachines)
    var spread = Array(repeating: 0, count: machines)
    var device = 0
    for (number, load) in setting.devices.enumerated() {
      kinds.append(LoadKind(load))
      for _ in 0..<load.count {
        if case .recorded(let place, _) = load.source {
          players.append(
            Player(
              recording: place, firstQueue: Int32(truncatingIfNeeded: queues.count),
              queues: load.queues))
        }
        for queue in 0..<load.queues {
          let machine = device % machines
          let chosen = load.vectors.cpu(
            of: queue, among: load.queues, on: perMachine, after: spread[machine])
          spread[machine] += 1
          let cpu = machine * perMachine + chosen
          queues.append(
            QueueState(
              load: Int32(truncatingIfNeeded: number), device: Int32(truncatingIfNeeded: device),
              virtualCPU: Int32(truncatingIfNeeded: cpu),
              interruptCPU: Int32(truncatingIfNeeded: queues.count % physicalCPUs.count)))
        }
        channels.append(ServerPool(servers: load.channels))
        devices.append(DeviceState(credits: Int32(clamping: max(1, setting.postedWrites))))
        device += 1
      }
    }
  }

  /// Runs the load from start to end.
  ///
  /// - Parameters:
  ///   - limit: how many MSIs are traced, from the first on.
  ///   - isStopped: asked now and then; a run that is stopped ends with what it has.
  public consuming func run(
    tracing limit: Int = 0, isStopped: () -> Bool = { false }
  ) -> LoadResult {
    if limit > 0 { trace = LoadTrace(limit: limit) }
    start()
    while step() {
      guard steps & 0x3fff == 0, isStopped() else { continue }
      takeSnapshot(at: now, isLast: true)
      return LoadResult(self, isComplete: false)
    }
    while snapshots.count <= LoadResult.slots { takeSnapshot(at: nextSnapshot) }
    return LoadResult(self, isComplete: true)
  }

  private mutating func start() {
    for index in virtualCPUs.indices where virtualCPUs[index].isBusy {
      makeReady(Int32(truncatingIfNeeded: index), first: false)
    }
    for index in queues.indices {
      let queue = Int32(truncatingIfNeeded: index)
      switch setting.devices[Int(queues[index].load)].source {
      case .closed(let depth, _, _): for _ in 0..<depth { submit(queue) }
      case .open: scheduleArrival(queue)
      case .recorded: continue
      }
    }
    for index in players.indices { schedulePlayback(Int32(truncatingIfNeeded: index)) }
    scheduleMove(after: now)
    scheduleDrop()
  }

  /// Lets the next event happen; `false` at the end.
  private mutating func step() -> Bool {
    guard let (time, event) = clock.next(), time <= end else { return false }
    while time >= nextSnapshot, snapshots.count < LoadResult.slots {
      takeSnapshot(at: nextSnapshot)
    }
    steps &+= 1
    let index = event.index
    switch event.kind {
    case .event: burst(index)
    case .recorded: play(index)
    case .posted: post(index)
    case .coalesced: if queues[Int(index)].coalescingPlan == event.plan { endCoalescing(index) }
    case .lookUp: lookUp(index, at: time)
    case .arrived: arrive(index)
    case .injected: inject(index)
    case .woken:
      virtualCPUs[Int(index)].isBeingWoken = false
      switch virtualCPUs[Int(index)].state {
      case .blocked: makeReady(index, first: true)
      case .polled: endPolling(index)
      case .ready, .running: break
      }
    case .virtualCPU: if virtualCPUs[Int(index)].plan == event.plan { proceed(index) }
    case .slice: if physicalCPUs[Int(index)].plan == event.plan { endSlice(index) }
    case .move: moveInterrupt(index)
    case .drop: dropTranslations(index)
    case .pollEnd: if virtualCPUs[Int(index)].plan == event.plan { block(index) }
    }
    return true
  }

  /// The ITS has looked a message up.
  private mutating func arrive(_ index: Int32) {
    leaveITS()
    let target = Int(queues[Int(flights[Int(index)].queue)].virtualCPU)
    if virtualCPUs[target].isDirect { arriveDirectly(index) } else { interruptHost(index) }
  }

  var now: SimulatedTime { clock.now }

  mutating func schedule(
    _ kind: LoadEvent.Kind, _ index: Int32, at time: SimulatedTime, plan: UInt16 = 0
  ) {
    clock.schedule(LoadEvent(kind: kind, plan: plan, index: index), at: time)
  }

  /// Puts `time` on the account of a message.
  mutating func spend(_ index: Int32, _ time: SimulatedTime, at station: Station) {
    flights[Int(index)].times.add(time, at: station)
    let traced = flights[Int(index)].traced
    if traced >= 0 { trace?.stay(traced, at: station, for: time) }
  }

  mutating func count(_ cause: ExitCause) { totals.exits[cause.place] &+= 1 }
  mutating func count(_ work: GuestWork) { totals.work[work.place] &+= 1 }

  /// The host uses a physical CPU, after what it does there already; what runs there loses the time.
  ///
  /// - Returns: when it begins.
  mutating func useHost(_ time: SimulatedTime, on cpu: Int32) -> SimulatedTime {
    let start = physicalCPUs[Int(cpu)].host.serve(at: now, for: time)
    takeFromGuest(time, on: cpu)
    return start
  }

  /// The host's last use of a physical CPU takes longer.
  mutating func keepHost(_ time: SimulatedTime, on cpu: Int32) {
    physicalCPUs[Int(cpu)].host.extend(by: time)
    takeFromGuest(time, on: cpu)
  }

  private mutating func takeFromGuest(_ time: SimulatedTime, on cpu: Int32) {
    totals.hostTime += time
    let current = physicalCPUs[Int(cpu)].current
    guard current >= 0 else { return }
    totals.stolenTime += time
    if virtualCPUs[Int(current)].phase != .idle { virtualCPUs[Int(current)].debt += time }
  }
}

/// What one of a guest's works costs, as the data path asks for it.
struct WorkCost: BitwiseCopyable, Sendable {
  let toVMM: UInt64
  let toKVM: UInt64
  let untrapped: UInt64
  let hostCommands: UInt64

  init(_ path: WorkPath) {
    toVMM = path.exits(to: .vmm)
    toKVM = path.exits(to: .kvm)
    untrapped = UInt64(max(0, path.untrapped))
    hostCommands = UInt64(max(0, path.hostCommands))
  }
}
