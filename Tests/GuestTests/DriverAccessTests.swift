import Bits
import Firmware
import Linux
import Software
import Testing

@testable import Guest

/// How many exits the guest's steps cost where every page is emulated, by phase: the formulae that
/// recorded kernels follow for any number of vectors N, table size T and CPUs.
@Suite("Accesses of drivers")
struct DriverAccessTests {
  /// Reads and writes of registers and configuration space.
  static func accesses(_ steps: [Step<Never>], _ phase: KernelPhase? = nil) -> Int {
    steps.filter { phase == nil || $0.phase == phase }.reduce(0) { sum, step in
      var own = 0
      switch step.action {
      case .mmio, .config: own = 1
      default: break
      }
      return sum + own + step.readsBefore.count + step.readsAfter.count
    }
  }

  static func guest(
    _ kernel: Kernel, table: Int, cpus: Int = 1, underKVM: Bool = true, store: MessageStore = .msiX
  ) throws -> GuestKernel {
    try GuestKernel(
      kernel: kernel, firmware: GuestBench.firmware(remapPermitted: nil),
      devices: [
        .init(
          requesterID: GuestBench.device, vectors: table, msixTable: IPA(GuestBench.table.rawValue),
          msixCapability: 0x70, store: store)
      ],
      cpus: cpus, invalidatesByRedistributor: underKVM,
      frames: BumpFrames(base: 0x4000_0000, size: 0x4000_0000),
      tableFrames: PlacedFrames([:], rest: BumpFrames(base: 0x1_0000_0000, size: 0x1000_0000)),
      contextTable: nil)
  }

  static let kernels = [Kernel(5, 10), Kernel(6, 1), Kernel(6, 12), Kernel(6, 18), Kernel(7, 3)]

  @Test(
    "enable and request of N vectors of T: 14 + 13N + T with KVM, 14 + 16N + T without",
    arguments: kernels)
  func enable(kernel: Kernel) throws {
    let isOld = kernel == Kernel(5, 10)
    for count in 1...9 {
      for table in [count, count + 1, 16, 64] {
        for underKVM in [true, false] {
          var guest = try Self.guest(kernel, table: table, underKVM: underKVM)
          _ = try guest.perform(.boot)
          _ = try guest.perform(.attachDMADomain)
          let first = try guest.perform(.enableVectors(count))
          let each = isOld ? 17 : underKVM ? 13 : 16
          #expect(Self.accesses(first) == 14 + each * count + table, "\(kernel) \(count) \(table)")
          // The events stay mapped from one enable to the next where the device's domain has them.
          for vector in 0..<count { _ = guest.freeVector(vector, of: 0) }
          _ = guest.freeVectors(of: 0)
          let again = try guest.perform(.enableVectors(count))
          let map = kernel.has(.ittAtDomainCreation) ? 10 : 14
          #expect(Self.accesses(again) == map + each * count + table)
        }
      }
    }
  }

  @Test("the MSI-X table takes 6N + T of them, 7N + T on 5.10", arguments: kernels)
  func table(kernel: Kernel) throws {
    for (count, table) in [(1, 1), (2, 3), (4, 4), (9, 16)] {
      var guest = try Self.guest(kernel, table: table)
      _ = try guest.perform(.boot)
      let steps = try guest.perform(.enableVectors(count))
      let range = GuestBench.table..<GuestBench.table + 0x8000
      let accesses = steps.flatMap { step -> [PA] in
        var places: [PA] = []
        for case .register(let place, _) in step.readsBefore + step.readsAfter {
          places.append(place)
        }
        if case .mmio(let place, _, _) = step.action { places.append(place) }
        return places.filter { range.contains($0) }
      }
      #expect(accesses.count == (kernel == Kernel(5, 10) ? 7 : 6) * count + table)
    }
  }

  @Test(
    "free_irq: 13 a vector with KVM, 16 without; the rest 2N + 4, N + 4 on 5.10", arguments: kernels
  )
  func free(kernel: Kernel) throws {
    let isOld = kernel == Kernel(5, 10)
    for count in [1, 2, 5, 16] {
      for underKVM in [true, false] {
        var guest = try Self.guest(kernel, table: 16, underKVM: underKVM)
        _ = try guest.perform(.boot)
        _ = try guest.perform(.enableVectors(count))
        for vector in 0..<count {
          let steps = guest.freeVector(vector, of: 0)
          #expect(Self.accesses(steps) == (underKVM && !isOld ? 13 : 16))
        }
        let disable = guest.freeVectors(of: 0)
        #expect(Self.accesses(disable, .msixDisable) == (isOld ? 1 : 2) * count + 4)
        let unmap = kernel.has(.ittAtDomainCreation) ? 0 : 4
        #expect(Self.accesses(disable, .itsDeviceFree) == unmap)
        #expect(Self.accesses(guest.releaseEvents(of: 0)) == 4 - unmap)
      }
    }
  }

  @Test("boot: 42 for the ITS and 34 for the SMMU, 22 for each further CPU and its walk")
  func boot() throws {
    for cpus in [1, 2, 3, 8] {
      var guest = try Self.guest(Kernel(7, 3), table: 1, cpus: cpus)
      let steps = try guest.perform(.boot)
      // GICR_CTLR is read once before the CPUs.
      #expect(Self.accesses(steps, .itsProbe) == 43)
      #expect(Self.accesses(steps, .smmuProbe) == 34)
      #expect(Self.accesses(steps, .itsCPUInit) == 21 * cpus)
      let walk = 1 + 3 * cpus + (1...cpus).reduce(0) { $0 + 1 + 2 * $1 + 4 }
      #expect(Self.accesses(steps, .controllerProbe) == walk)
    }
  }

  @Test("the interrupt controllers come up before the SMMU")
  func order() throws {
    var guest = try Self.guest(Kernel(7, 3), table: 1, cpus: 2)
    let phases = try guest.perform(.boot).compactMap(\.phase)
    let last = try #require(phases.lastIndex(of: .itsCPUInit))
    #expect(last < (try #require(phases.firstIndex(of: .smmuProbe))))
  }

  @Test("a managed vector moves when it is requested where it was mapped to another CPU")
  func managed() throws {
    var guest = try Self.guest(Kernel(7, 3), table: 4, cpus: 4)
    _ = try guest.perform(.boot)
    _ = try guest.allocateVectors(4, managed: 1..<4, of: 0)
    let moves = try (0..<4).map { vector in
      try guest.requestVector(vector, of: 0).filter { $0.function == "its_set_affinity" }.count
    }
    #expect(moves == [0, 0, 2, 2])
  }

  @Test("a CPU that goes away shuts its own managed vector down, and starts it when it comes back")
  func cpus() throws {
    var guest = try Self.guest(Kernel(7, 3), table: 3, cpus: 2)
    _ = try guest.perform(.boot)
    _ = try guest.allocateVectors(3, managed: 1..<3, of: 0)
    for vector in 0..<3 { _ = try guest.requestVector(vector, of: 0) }
    let off = guest.takeOffline(1)
    #expect(Self.accesses(off, .cpuOffline) == 13)
    let on = try guest.bringOnline(1)
    #expect(Self.accesses(on, .cpuOnline) == 12)
    #expect(Self.accesses(on, .itsCPUInit) == 14)
  }

  @Test("a vector that was freed is mapped again when it is requested")
  func reactivation() throws {
    var guest = try Self.guest(Kernel(7, 3), table: 3)
    _ = try guest.perform(.boot)
    _ = try guest.perform(.enableVectors(3))
    _ = guest.freeVector(1, of: 0)
    let steps = try guest.requestVector(1, of: 0)
    #expect(Self.accesses(steps) == 5 + 4 + 2 + 1)
    #expect(try guest.requestVector(7, of: 0).isEmpty)
  }

  @Test("plain MSI: 15 of configuration space at enable, and 9 of the ITS; no unmask")
  func plainMSI() throws {
    var guest = try Self.guest(Kernel(7, 3), table: 1, store: .msi)
    _ = try guest.perform(.boot)
    let steps = try guest.allocateVectors(1, managed: 0..<0, of: 0)
    #expect(Self.accesses(steps) == 14 + 9)
    #expect(Self.accesses(try guest.requestVector(0, of: 0)) == 2)
  }
}
