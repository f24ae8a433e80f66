import ArmFormats
import Bits
import GIC
import Testing

/// The KVM selftest `vgic_irq`, restated, and what it leaves out.
@Suite("CPUInterface")
struct CPUInterfaceTests {
  struct Bench: ~Copyable {
    var machine: Machine
    var distributor = Distributor(spiCount: 64, cpuCount: 2)
    var interface = CPUInterface(cpu: 0)

    init(edge: Bool = true, separates: Bool = false) throws {
      machine = try Machine(cpus: 2)
      interface.separatesDeactivation = separates
      for spi in UInt32(32)..<96 {
        distributor.configure(spi, enabled: true, priority: 0xf0, isEdge: edge, target: 0)
      }
    }

    mutating func take() -> UInt32 {
      interface.acknowledge(
        redistributors: &machine.redistributors, distributor: &distributor,
        memory: machine.memory)
    }

    mutating func end(_ intid: UInt32) {
      interface.endOfInterrupt(
        intid, redistributors: &machine.redistributors, distributor: &distributor)
      guard interface.separatesDeactivation else { return }
      interface.deactivate(
        intid, redistributors: &machine.redistributors, distributor: &distributor)
    }

    mutating func takeAll() -> [UInt32] {
      var taken: [UInt32] = []
      while true {
        let intid = take()
        guard intid != 1023 else { return taken }
        taken.append(intid)
        end(intid)
      }
    }
  }

  @Test("KQ-01: every injected SPI is acknowledged once", arguments: [false, true], [false, true])
  func injection(edge: Bool, separates: Bool) throws {
    var bench = try Bench(edge: edge, separates: separates)
    bench.distributor.setPending(32)
    #expect(bench.takeAll() == [32])
    bench.distributor.setPending(63)
    #expect(bench.takeAll() == [63])
    for spi in UInt32(32)..<64 { bench.distributor.setPending(spi) }
    #expect(bench.takeAll() == Array(32..<64))
    #expect(bench.take() == 1023)
    #expect(bench.interface.runningPriority == 0xff)
  }

  @Test("KQ-02: order follows priority, then INTID")
  func order() throws {
    var bench = try Bench()
    bench.interface.priorityMask = 0
    for spi in UInt32(32)..<96 {
      let priority = UInt8(spi % 31) * 8
      bench.distributor.configure(
        spi, enabled: true, priority: priority, isEdge: true, target: 0)
      bench.distributor.setPending(spi)
    }
    #expect(bench.take() == 1023, "masked")
    bench.interface.priorityMask = 0xff
    let expected = (UInt32(32)..<96).sorted { ($0 % 31, $0) < ($1 % 31, $1) }
    #expect(bench.takeAll() == expected)
  }

  @Test("KQ-06: a level that stays high asserts again after EOI, and not once it is low")
  func level() throws {
    var bench = try Bench(edge: false)
    bench.distributor.setLine(40, high: true)
    let first = bench.take()
    #expect(first == 40)
    #expect(bench.take() == 1023, "active")
    bench.end(40)
    #expect(bench.take() == 40)
    bench.distributor.setLine(40, high: false)
    bench.end(40)
    #expect(bench.take() == 1023)
  }

  @Test("a more urgent interrupt preempts, an equal or lesser one waits for EOI")
  func preemption() throws {
    var bench = try Bench()
    for (lpi, priority) in [(8192, 0xa0), (8193, 0x80), (8194, 0xa0)] as [(UInt32, UInt8)] {
      bench.machine.configure(lpi, priority | 3)
    }
    _ = bench.machine.redistributors.setPending(8192, at: 0, memory: bench.machine.memory)
    #expect(bench.take() == 8192)
    _ = bench.machine.redistributors.setPending(8194, at: 0, memory: bench.machine.memory)
    #expect(bench.take() == 1023)
    _ = bench.machine.redistributors.setPending(8193, at: 0, memory: bench.machine.memory)
    #expect(bench.take() == 8193)
    #expect(bench.interface.runningPriority == 0x80)
    bench.end(8193)
    #expect(bench.interface.runningPriority == 0xa0)
    bench.end(8192)
    #expect(bench.take() == 8194)
  }

  @Test("with EOImode set an interrupt stays active until DIR")
  func deactivation() throws {
    var bench = try Bench(separates: true)
    bench.distributor.setPending(50)
    _ = bench.take()
    bench.interface.endOfInterrupt(
      50, redistributors: &bench.machine.redistributors, distributor: &bench.distributor)
    bench.distributor.setPending(50)
    #expect(bench.distributor.isActive(50))
    #expect(bench.take() == 1023)
    bench.interface.deactivate(
      50, redistributors: &bench.machine.redistributors, distributor: &bench.distributor)
    #expect(bench.take() == 50)
  }

  @Test("an LPI that comes again while its handler runs is taken again")
  func lpiAgain() throws {
    var bench = try Bench()
    bench.machine.configure(8192)
    for _ in 0..<2 {
      _ = bench.machine.redistributors.setPending(8192, at: 0, memory: bench.machine.memory)
    }
    #expect(bench.take() == 8192, "two messages, one pending bit")
    _ = bench.machine.redistributors.setPending(8192, at: 0, memory: bench.machine.memory)
    bench.end(8192)
    #expect(bench.takeAll() == [8192])
  }

  @Test("EOI of a special INTID does nothing")
  func spurious() throws {
    var bench = try Bench()
    bench.distributor.setPending(33)
    _ = bench.take()
    bench.end(1023)
    #expect(bench.interface.runningPriority == 0xf0)
  }

  @Test("list registers: order, overflow and maintenance")
  func listRegisters() throws {
    var machine = try Machine(cpus: 1)
    var interface = VirtualCPUInterface(cpu: 0, listRegisterCount: 2)
    interface.enabledMaintenance = [.underflow, .noPending, .notPresent]
    #expect(interface.maintenance == [.underflow, .noPending])
    let presented = [
      interface.present(40, priority: 0x80), interface.present(8200, priority: 0x40),
      interface.present(41, priority: 0),
    ]
    #expect(presented == [true, true, false], "two list registers")
    #expect(interface.maintenance == [])
    let first = interface.acknowledge(
      redistributors: &machine.redistributors, memory: machine.memory)
    #expect(first == 8200)
    #expect(interface.firstFree == 1, "an LPI is not active, its register is free")
    #expect(interface.maintenance == .underflow)
    let blocked = interface.isSignalled(
      redistributors: &machine.redistributors, memory: machine.memory)
    #expect(!blocked, "0x80 does not preempt 0x40")
    interface.endOfInterrupt(8200)
    let second = interface.acknowledge(
      redistributors: &machine.redistributors, memory: machine.memory)
    #expect(second == 40)
    #expect(interface.maintenance == [.underflow, .noPending])
    interface.endOfInterrupt(40)
    #expect(interface.firstFree == 0)
    interface.endOfInterrupt(40)
    #expect(interface.unmatchedEnds == 1)
    #expect(interface.maintenance.contains(.notPresent))
    interface.clearUnmatchedEnds()
    #expect(!interface.maintenance.contains(.notPresent))
  }

  @Test(
    "a PPI's line: an edge latches, a level is pending while it is high", arguments: [true, false])
  func privateLines(isEdge: Bool) throws {
    var bench = try Bench()
    let timer: UInt32 = 27
    let configuration: UInt64 = isEdge ? 2 << 22 : 0
    for (offset, value) in [
      (0x1_0080, 1 << 27), (0x1_0100, 1 << 27), (0x1_0c04, configuration),
    ] as [(UInt64, UInt64)] {
      bench.machine.redistributors.writeRegister(
        offset, value, width: 4, at: 0, memory: bench.machine.memory)
    }
    bench.machine.redistributors.setPrivateLine(timer, at: 0, high: true)
    bench.machine.redistributors.setPrivateLine(timer, at: 0, high: false)
    #expect(bench.takeAll() == (isEdge ? [timer] : []))
    bench.machine.redistributors.setPrivateLine(timer, at: 0, high: true)
    #expect(bench.take() == timer)
    // Neither is there, nor is a PPI.
    bench.machine.redistributors.setPrivateLine(timer, at: 9, high: true)
    bench.machine.redistributors.setPrivateLine(40, at: 0, high: true)
    #expect(bench.take() == 1023)
  }

  @Test("a list register with HW names the physical interrupt to deactivate")
  func hardware() throws {
    var machine = try Machine(cpus: 1)
    var interface = VirtualCPUInterface(cpu: 0)
    var entry = ListRegister(pending: 27, priority: 0x20)
    entry[.hardware] = true
    entry[.physicalINTID] = 27
    interface[listRegister: 0] = entry
    let taken = interface.acknowledge(
      redistributors: &machine.redistributors, memory: machine.memory)
    #expect(taken == 27)
    #expect(interface.endOfInterrupt(27) == 27)
  }

  @Test("other doorbells: GICv2m, message-based SPIs, Layerscape, the pre-ITS")
  func otherDoorbells() throws {
    var distributor = Distributor(spiCount: 96, cpuCount: 1)
    let frame = GICv2mFrame(firstSPI: 80, count: 16)
    #expect(frame.readRegister(8) == 80 << 16 | 16)
    #expect(frame.receiveWrite(0x40, 85, distributor: &distributor) == 85)
    #expect(distributor.isPending(85))
    #expect(frame.receiveWrite(0x40, 96, distributor: &distributor) == nil)
    #expect(frame.receiveWrite(0x40, 79, distributor: &distributor) == nil)
    #expect(frame.receiveWrite(0x44, 85, distributor: &distributor) == nil)
    MessageBasedSPI.receiveWrite(0x40, 50, distributor: &distributor)
    #expect(distributor.isPending(50))
    MessageBasedSPI.receiveWrite(0x48, 50, distributor: &distributor)
    #expect(!distributor.isPending(50))
    var layerscape = LayerscapeMSI(spi: 60)
    #expect(layerscape.receiveWrite(0, 3 << 3, distributor: &distributor) == 3)
    #expect(distributor.isPending(60))
    #expect(layerscape.take(distributor: &distributor) == 0x1000_0000)
    #expect(!distributor.isPending(60))
    let window = PreITSWindow(base: 0x5800_0000, size: 0x20_0000)
    #expect(window.doorbell(of: 0x105) == 0x5800_0414)
    #expect(window.deviceID(at: 0x5800_0418) == 0x106, "a neighbour, in the same page")
    #expect(window.deviceID(at: 0x5820_0000) == nil)
  }
}
