import Bits
import Designs
import Engine
import Guest
import HostKernel
import Linux
import Simulation
import Timing
import VMM

/// MSIs through a whole system: device, SMMU, ITS, host, irqfd, virtual ITS, guest.
enum MessageBenchmarks {
  /// - Parameter hold: what an event of the queue takes, of which an MSI needs several.
  static func run(relativeTo hold: Measurement?) throws -> [Measurement] {
    // Set-up costs the same for both: the difference is messages.
    let few = try workload(1_000)
    let many = try workload(201_000)
    let small = Measurement.best("few", rounds: 7, operations: 1) { keep(try? few.run()) }
    let large = Measurement.best("many", rounds: 7, operations: 1) { keep(try? many.run()) }
    let nanoseconds = (large.nanoseconds - small.nanoseconds) / 200_000
    return [
      Measurement(
        name: "one MSI end to end, all stations timed", nanoseconds: nanoseconds,
        ratio: hold.map { (name: $0.name, value: nanoseconds / $0.nanoseconds) })
    ]
  }

  /// A million MSIs under each of five designs, on as many cores as there are; seconds.
  static func million() async throws -> Double {
    let designs: [(Design.Advertisement, Design.StageTwo, Design.MSIXEntry, Design.EventIDOwner)] =
      [
        (.rmrDirect, .softwareWindow, .replaced, .host),
        (.rmrDirect, .movedWindow, .replaced, .host),
        (.nothing, .guestDoorbell, .forwarded, .host),
        (.nothing, .guestDoorbell, .untrapped, .guest),
        (.rmrRelaxable, .softwareWindow, .replaced, .host),
      ]
    let runs = try designs.map { design in
      var run = try workload(1_000_000)
      run.design = Design(
        name: "", title: "", source: "", advertisement: design.0, stageTwo: design.1,
        msixEntry: design.2, eventIDOwner: design.3, delivery: .irqfd)
      return run
    }
    let clock = ContinuousClock()
    let elapsed = await clock.measure {
      await withTaskGroup(of: Void.self) { group in
        for run in runs { group.addTask { keep(try? run.run()) } }
      }
    }
    return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
  }

  static func workload(_ messages: Int, vectors: Int = 4) throws -> RunSpecification {
    let entries = (0..<messages).map {
      Workload.Entry(nanoseconds: UInt64($0) * 10_000, .message(vector: $0 % vectors))
    }
    return RunSpecification(
      design: Design(
        name: "rmr-identity", title: "", source: "", advertisement: .rmrDirect,
        stageTwo: .softwareWindow, msixEntry: .replaced, eventIDOwner: .host, delivery: .irqfd),
      workload: Workload(
        device: .init(name: "nvme", guestID: 0x1100, hostID: 0x10, vectors: vectors),
        entries: entries),
      guestKernel: Kernel(7, 3), hostKernel: Kernel(7, 3),
      costs: CostModel(name: "", platform: "", costs: [:]))
  }
}
