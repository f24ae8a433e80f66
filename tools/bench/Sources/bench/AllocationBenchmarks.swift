import AllocationCount
import Simulation
import Timing

/// What an MSI allocates: nothing. What grows with the number of MSIs, such as the list of their
/// latencies, doubles now and then.
enum AllocationBenchmarks {
  static func marks() throws -> [Mark] {
    let few = try MessageBenchmarks.workload(1_000)
    let many = try MessageBenchmarks.workload(201_000)
    let machine = [few, many].map { workload in allocations { keep(try? workload.run()) } }
    let load = [50, 550].map { milliseconds in
      let setting = LoadBenchmarks.narrow(milliseconds: UInt64(milliseconds))
      var sent = 0
      let count = allocations { sent = LoadBenchmarks.result(setting).sent }
      return (sent: sent, count: count)
    }
    return [
      mark("allocations of an MSI through the machine's models", machine[1] - machine[0], 200_000),
      mark(
        "allocations of an MSI under load", load[1].count - load[0].count,
        load[1].sent - load[0].sent),
    ]
  }

  private static func mark(_ name: String, _ allocations: Int, _ messages: Int) -> Mark {
    Mark(
      name: name, value: Double(allocations) / Double(max(1, messages)), bound: 0.005,
      unit: "/MSI", isGate: true)
  }

  private static func allocations(_ body: () -> Void) -> Int {
    body()
    let before = allocation_count()
    body()
    return Int(allocation_count() - before)
  }
}
