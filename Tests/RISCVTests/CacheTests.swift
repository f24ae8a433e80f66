import ArmFormats
import Bits
import RISCVFormats
import Testing

@testable import RISCV

@Suite("Caches and invalidation")
struct CacheTests {
  /// Device 1 translates page 0x1000 through both stages, device 2 through the first alone,
  /// device 3 through the second alone.
  private struct Setup {
    let machine: Machine
    let firstLeaf: UInt64
    let secondLeaf: UInt64
    let hostLeaf: UInt64

    init(isGlobal: Bool = false) throws {
      machine = try Machine()
      let (root, guestRoot, hostRoot) =
        (machine.allocate(), machine.allocate(pages: 4), machine.allocate())
      // The tables are identity-mapped in the second stage, by 2 MiB pages.
      for block in 0..<8 as Range<UInt64> {
        machine.map(
          block << 21, to: block << 21, root: guestRoot, levels: 3, level: 1, rootBits: 11)
      }
      machine.set(
        DeviceContext.firstStage(.sv39, root, pscid: 7).with(.sv39x4, guestRoot, gscid: 5),
        for: 1)
      machine.set(.firstStage(.sv39, hostRoot, pscid: 7), for: 2)
      machine.set(DeviceContext.bare.with(.sv39x4, guestRoot, gscid: 5), for: 3)
      let bits: UInt64 = isGlobal ? 0xff : 0xdf
      firstLeaf = machine.map(0x1000, to: 0x8000_0000, root: root, levels: 3, bits: bits)
      secondLeaf = machine.map(
        0x8000_0000, to: 0x5000, root: guestRoot, levels: 3, rootBits: 11)
      hostLeaf = machine.map(0x1000, to: 0x6000, root: hostRoot, levels: 3, bits: bits)
      fill()
    }

    func fill() {
      _ = machine.output(1, 0x1000)
      _ = machine.output(2, 0x1000)
      _ = machine.output(3, 0x8000_0000)
    }

    /// Which of the devices still answer from caches after their leaves went away.
    func stale() -> Set<UInt32> {
      let words = [firstLeaf, secondLeaf, hostLeaf].map { machine.load($0) }
      for place in [firstLeaf, secondLeaf, hostLeaf] { machine.store(place, 0) }
      var stale: Set<UInt32> = []
      if machine.output(1, 0x1000) == 0x5000 { stale.insert(1) }
      if machine.output(2, 0x1000) == 0x6000 { stale.insert(2) }
      if machine.output(3, 0x8000_0000) == 0x5000 { stale.insert(3) }
      for (place, word) in zip([firstLeaf, secondLeaf, hostLeaf], words) {
        machine.store(place, word)
      }
      return stale
    }
  }

  private func command(
    _ function: UInt8, gscid: UInt16? = nil, pscid: UInt32? = nil, address: UInt64? = nil,
    range: UInt64? = nil
  ) -> IOMMUCommand {
    var command = IOMMUCommand.make(.iotinval, function)
    if let gscid {
      command[.guestValid] = true
      command[.guestSoftContext] = gscid
    }
    if let pscid {
      command[.processSoftContextValid] = true
      command[.processSoftContext] = pscid
    }
    if let address {
      command[.addressValid] = true
      command[.page] = address >> 12
    }
    if let range {
      command[.addressValid] = true
      command[.isRange] = true
      command[.page] = range
    }
    return command
  }

  @Test("each IOTINVAL drops what it covers, and leaves the rest")
  func scopes() throws {
    let rows: [(String, IOMMUCommand, Set<UInt32>)] = [
      ("VMA host, all", command(0), [1, 3]),
      ("VMA host, PSCID", command(0, pscid: 7), [1, 3]),
      ("VMA host, other PSCID", command(0, pscid: 8), [1, 2, 3]),
      ("VMA host, address", command(0, address: 0x1000), [1, 3]),
      ("VMA host, other address", command(0, address: 0x2000), [1, 2, 3]),
      ("VMA VM, all", command(0, gscid: 5), [2]),
      ("VMA other VM", command(0, gscid: 6), [1, 2, 3]),
      ("VMA VM, PSCID", command(0, gscid: 5, pscid: 7), [2, 3]),
      ("VMA VM, PSCID, address", command(0, gscid: 5, pscid: 7, address: 0x1fff), [2, 3]),
      ("VMA VM, range", command(0, gscid: 5, range: 0x0), [2, 3]),
      ("VMA VM, range elsewhere", command(0, gscid: 5, range: 0x2), [1, 2, 3]),
      ("VMA VM, whole space", command(0, gscid: 5, range: (1 << 51) - 1), [2]),
      ("VMA VM, all ones", command(0, gscid: 5, range: (1 << 52) - 1), [2]),
      ("GVMA all", command(1), [2]),
      ("GVMA VM", command(1, gscid: 5), [2]),
      ("GVMA other VM", command(1, gscid: 6), [1, 2, 3]),
      // Translations of both stages go whatever the address.
      ("GVMA VM, address", command(1, gscid: 5, address: 0x8000_0000), [2]),
      ("GVMA VM, other address", command(1, gscid: 5, address: 0x9000_0000), [2, 3]),
    ]
    for (name, command, expected) in rows {
      let setup = try Setup()
      #expect(setup.stale() == [1, 2, 3], "\(name): cached before")
      setup.fill()
      setup.machine.submit([command])
      #expect(setup.stale() == expected, "\(name)")
    }
  }

  @Test("a global translation stays with PSCV, and goes without")
  func globals() throws {
    let setup = try Setup(isGlobal: true)
    setup.machine.submit([command(0, pscid: 7), command(0, gscid: 5, pscid: 7)])
    #expect(setup.stale() == [1, 2, 3])
    setup.machine.submit([command(0)])
    #expect(setup.stale() == [1, 3])
  }

  @Test("IODIR drops contexts of one device, or of all; IOTINVAL drops none")
  func directories() throws {
    for (command, stays) in [
      (IOMMUCommand.make(.iodir), false), (device(1), false), (device(2), true),
      (.make(.iotinval), true),
    ] {
      let setup = try Setup()
      setup.machine.set(DeviceContext(), for: 1)
      setup.machine.submit([command])
      let answer = setup.machine.cause(1, 0x1000)
      #expect(answer == (stays ? nil : 258), "\(command.words)")
    }
  }

  private func device(_ number: UInt32) -> IOMMUCommand {
    var command = IOMMUCommand.make(.iodir)
    command[.deviceValid] = true
    command[.device] = number
    return command
  }

  @Test("invalid entries are not cached")
  func invalid() throws {
    let setup = try Setup()
    let machine = setup.machine
    #expect(machine.cause(2, 0x3000) == 13)
    machine.store(setup.hostLeaf + 16, (0x9000 >> 12) << 10 | 0xdf)
    #expect(machine.output(2, 0x3000) == 0x9000)
    #expect(machine.cause(44, 0) == 258)
    machine.set(.bare, for: 44)
    #expect(machine.output(44, 0x10) == 0x10)
  }

  @Test("a defect that keeps translations is seen")
  func defect() throws {
    let machine = try Machine(personality: .keepsTranslations)
    let root = machine.allocate()
    machine.set(.firstStage(.sv39, root), for: 1)
    let leaf = machine.map(0x1000, to: 0x2000, root: root, levels: 3)
    #expect(machine.output(1, 0x1000) == 0x2000)
    machine.store(leaf, 0)
    machine.submit([.make(.iotinval), .make(.iodir)])
    #expect(machine.output(1, 0x1000) == 0x2000)
  }
}
