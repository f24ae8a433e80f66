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
  var queues: ContiguousArray<QueueState> = []
  var channels: ContiguousArray<ServerPool> = []
  var players: ContiguousArray<Player> = []
  var virtualCPUs: ContiguousArray<VirtualCPU> = []
  var physicalCPUs: ContiguousArray<PhysicalCPU> = []
  var flights: ContiguousArray<Flight> = []
  var freeFlights: ContiguousArray<Int32> = []

  var pages: TagCache
  var walkCache: TagCache
  var routes: TagCache
  var walks: ServerPool
  var its = ServiceStation()
  var vPEMoves = ServiceStation()
  var smmuCommands = ServiceStation()

  var result = LoadResult()
  var isCounting = false

  public init(
    path: DeliveryPath, costs: CostModel, setting: LoadSetting, seed: UInt32,
    caches: CacheSizes = CacheSizes()
  ) {
    self.path = path
    self.costs = CostTable(costs)
    self.setting = setting
    random = SeededRandom(seed: seed)
    end = setting.warmUp + setting.duration
    pages = TagCache(entries: caches.pages, ways: caches.ways)
    walkCache = TagCache(entries: caches.walks, ways: caches.ways)
    routes = TagCache(entries: caches.routes, ways: 4)
    walks = ServerPool(servers: setting.walkSlots)
    addCPUs()
    addDevices()
  }

  private mutating func addCPUs() {
    let cpus = max(1, setting.physicalCPUs)
    physicalCPUs = ContiguousArray(repeating: PhysicalCPU(), count: cpus)
    let perMachine = max(1, setting.virtualCPUs)
    for number in 0..<perMachine * max(1, setting.virtualMachines) {
      let home = Int32(truncatingIfNeeded: number % cpus)
      var cpu = VirtualCPU(home: home, cpu: home)
      cpu.isBusy = number % perMachine < setting.busyCPUs
      virtualCPUs.append(cpu)
    }
  }

  private mutating func addDevices() {
    let perMachine = max(1, setting.virtualCPUs)
    let machines = max(1, setting.virtualMachines)
    var device = 0
    for (number, load) in setting.devices.enumerated() {
      for _ in 0..<load.count {
        if case .recorded(let place, _) = load.source {
          players.append(
            Player(
              recording: place, firstQueue: Int32(truncatingIfNeeded: queues.count),
              queues: load.queues))
        }
        for queue in 0..<load.queues {
          let cpu = device % machines * perMachine + (device / machines + queue) % perMachine
          queues.append(
            QueueState(
              load: Int32(truncatingIfNeeded: number), device: Int32(truncatingIfNeeded: device),
              virtualCPU: Int32(truncatingIfNeeded: cpu),
              interruptCPU: Int32(truncatingIfNeeded: queues.count % physicalCPUs.count)))
        }
        if case .closed(_, _, let count) = load.source {
          channels.append(ServerPool(servers: count))
        } else {
          channels.append(ServerPool(servers: 1))
        }
        device += 1
      }
    }
  }

  /// Runs the load from start to end.
  ///
  /// - Parameter limit: how many MSIs are traced, from the first on.
  public consuming func run(tracing limit: Int = 0) -> LoadResult {
    if limit > 0 { result.trace = LoadTrace(limit: limit) }
    start()
    while step() {}
    result.span = setting.duration
    result.usedCosts = costs.usedItems
    return result
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
    scheduleMove()
  }

  /// Lets the next event happen; `false` at the end.
  private mutating func step() -> Bool {
    guard let (time, event) = clock.next(), time <= end else { return false }
    isCounting = time >= setting.warmUp
    result.steps &+= 1
    let index = event.index
    switch event.kind {
    case .event: deviceEvent(index)
    case .recorded: play(index)
    case .coalesced: if queues[Int(index)].coalescingPlan == event.plan { send(index) }
    case .lookUp: lookUp(index, at: time)
    case .arrived: path.isDirect ? arriveDirectly(index) : interruptHost(index)
    case .injected: inject(index)
    case .woken:
      virtualCPUs[Int(index)].isBeingWoken = false
      if virtualCPUs[Int(index)].state == .blocked { makeReady(index, first: true) }
    case .virtualCPU: if virtualCPUs[Int(index)].plan == event.plan { proceed(index) }
    case .slice: if physicalCPUs[Int(index)].plan == event.plan { endSlice(index) }
    case .move: moveInterrupt(index)
    }
    return true
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
    if traced >= 0 { result.trace?.stay(traced, at: station, for: time) }
  }

  mutating func count(_ cause: ExitCause) {
    if isCounting { result.exitCounts[cause.place] &+= 1 }
  }

  /// The host uses a physical CPU; what runs there loses the time.
  mutating func takeFromHost(_ time: SimulatedTime, on cpu: Int32) {
    let current = physicalCPUs[Int(cpu)].current
    if isCounting { result.hostTime += time }
    guard current >= 0 else { return }
    if isCounting { result.stolenTime += time }
    if virtualCPUs[Int(current)].phase == .working { virtualCPUs[Int(current)].debt += time }
  }
}
