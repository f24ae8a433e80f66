import Bits
import Designs
import Engine
import Files
import Foundation
import GIC
import Machine
import PCI
import ResultFixtures
import Scenarios
import Testing
import VMM

@Suite("Machine files")
struct MachineFileTests {
  static let folder = ScenarioFolder(path: "\(repository)/scenarios")

  private func machine(_ text: String) throws -> MachineDescription {
    let files = try TemporaryFolder(["mine.yaml": text])
    do throws(InputError) {
      return try Self.folder.machine(named: files.path + "/mine.yaml")
    } catch {
      throw RelativeError(message: files.relative(error.description))
    }
  }

  struct RelativeError: Error { let message: String }

  @Test("every machine of the folder is one, and so is every built-in one")
  func all() throws {
    for name in Self.folder.machineNames {
      #expect(try Self.folder.machine(named: name).problem == nil, "\(name)")
    }
    #expect(Self.folder.machineNames.starts(with: VMMPersonality.allCases.map(\.rawValue)))
  }

  @Test(
    "a written file reads as the machine that it was written of", arguments: VMMPersonality.allCases
  )
  func roundTrip(vmm: VMMPersonality) throws {
    var original = try MachineDescription.builtIn(vmm)
    original.guest.reservedRange = .init(
      range: AddressRange(from: 0x900_0000, length: 0x1_0000), remapPermitted: true,
      requesters: 0x1100...0x11ff)
    original.guest.reservedRange?.isPrivileged = true
    original.guest.reservedRange?.attributes = .normalWriteBack
    original.host.interrupts = .leastLoaded
    original.host.messageWindow = AddressRange(from: 0xa00_0000, length: 0x20_0000)
    original.host.smmuFeatures = [.ats, .coherentPath]
    original.host.gic = .v4
    original.host.bridges[0].streamOffset = 0x40
    original.devices[0].name = "it's"
    original.devices[0].virtualCPUs = [0]
    var read = try machine(original.fileText)
    #expect(read.name == "mine")
    read.name = original.name
    #expect(read == original)
  }

  @Test("what is not given is that of the built-in machine, with room for the virtual CPUs")
  func standards() throws {
    let machine = try machine("from: kvmtool\nvirtual-cpus: 4\n")
    #expect(machine.guest == .kvmtool(virtualCPUs: 4))
    #expect(machine.host == .qemuVirt)
    #expect(machine.base == "kvmtool")
    #expect(machine.devices.count == 1)
  }

  @Test(
    "a mistake is one error with its place",
    arguments: [
      ("guest:\n  gicd: 0x4000_0000\n", "mine.yaml:2:9:"),
      ("guest:\n  gicd: 0x40000000\n", "mine.yaml"),
      ("virtual-cpus: 600\n", "mine.yaml:1:15:"),
      ("host:\n  its: [0x8080000, 0x8090000]\n", "mine.yaml:2:20:"),
      ("host:\n  ram: [{ base: 0x40000000, size: 0 }]\n", "mine.yaml:2:9:"),
      ("host:\n  ram: [{ base: 0xffffffffffffffff, size: 2 }]\n", "mine.yaml:2:9:"),
      ("host:\n  ram: [{ base: 0, size: 999999999 TiB }]\n", "mine.yaml:2:9:"),
      ("devices:\n  - { name: nic, its: 1 }\n", "mine.yaml:2:23:"),
      ("devices:\n  - { name: nic, requester: '1:0.0' }\n", "mine.yaml:2:"),
      ("host:\n  bridges:\n    - buses: { first: 3, last: 2 }\n", "mine.yaml:3:14:"),
      ("host: { interrupts: all }", "mine.yaml:1:21:"),
      ("host: { msi-window: { base: 0x8000001, size: 1 MiB } }", "mine.yaml:1:21:"),
      ("host: { msi-window: 0x8000000 }", "mine.yaml:1:21:"),
      ("guest: { rmr: { base: 0, size: 1 MiB, privileged: maybe } }", "mine.yaml:1:51:"),
      ("guest: { rmr: { base: 0, size: 1 MiB, attributes: cached } }", "mine.yaml:1:51:"),
      ("from: qemu\n", "mine.yaml:1:7:"), ("its: 2\n", "mine.yaml:1:1:"),
      ("devices: 2\n", "mine.yaml:1:10:"), ("- 1\n", "mine.yaml:1:1:"),
      (
        "guest: { rmr: { base: 0, size: 1 MiB, requesters: { first: '02:00.0', last: '01:00.0' } } }",
        "mine.yaml:1:51:"
      ),
    ])
  func mistakes(text: String, place: String) throws {
    let error = #expect(throws: RelativeError.self) { try machine(text) }
    #expect(error?.message.hasPrefix(place) == true, "\(error?.message ?? "")")
  }

  /// A scenario with this `machine`.
  private func scenario(_ machine: String, _ rest: String = "") throws -> Scenario {
    let files = try TemporaryFolder([
      "test.yaml": """
      purpose: A machine of its own.
      guest: { kernel: "7.3" }
      host: { kernel: "7.3" }
      workload: { synthetic: { vectors: 2, messages: 4, interval: 50 us } }
      designs: [rmr-identity]
      \(rest)
      machine: \(machine)

      """,
      "mine.yaml": "devices: [{ name: a, vectors: 3 }, { name: b, vectors: 5 }]\n",
    ])
    do throws(InputError) {
      return try Self.folder.scenario(named: files.path + "/test.yaml")
    } catch {
      throw RelativeError(message: files.relative(error.description))
    }
  }

  @Test("a scenario names a built-in machine, a file, or describes one in place")
  func scenarios() throws {
    let named = try scenario("crosvm")
    #expect(named.vmm == .crosvm && named.machine == nil)
    let file = try scenario("mine.yaml")
    #expect(file.machine?.devices.map(\.vectors) == [3, 5])
    #expect(file.topology.devices == 2)
    let inline = try scenario("{ from: openvmm, guest: { smmu: 0xd0000000 } }")
    #expect(inline.machine?.guest.smmuBase == 0xd000_0000)
    #expect(inline.machine?.guest.ramBase == 0x4000_0000)
    #expect(inline.vmm == .openVMM)
    let counted = try scenario("{ devices: 3, its: 2, order: reverse }")
    #expect(counted.machine == nil && counted.topology.devices == 3)
    let both = try scenario("{ devices: 3, its: 2, host: { cpus: 4 } }")
    #expect(both.machine?.devices.map(\.its) == [0, 1, 0])
    #expect(both.machine?.host.cpus == 4)
  }

  @Test(
    "what cannot stand together is one error",
    arguments: [
      ("crosvm", "vmm: kvmtool", "machine"), ("{ from: crosvm }", "vmm: kvmtool", "machine.from"),
      ("nothing", "", "machine"), ("missing.yaml", "", "machine"), ("~", "", "machine"),
      ("{ devices: 66 }", "", "machine.devices"),
    ])
  func conflicts(machine: String, rest: String, field: String) throws {
    let error = #expect(throws: RelativeError.self) { try scenario(machine, rest) }
    #expect(error?.message.contains(field) == true, "\(error?.message ?? "")")
    #expect(error?.message.hasPrefix("test.yaml:") == true, "\(error?.message ?? "")")
  }

  @Test(
    "a move names a virtual CPU of the machine, and a CPU of its host",
    arguments: [
      (
        "affinity: [{ at: 1 us, vector: 0, cpu: 2 }]",
        "affinity[0].cpu': expected a virtual CPU, 0 to 1"
      ),
      ("offline: [{ at: 1 us, cpu: 7 }]", "offline[0].cpu': expected a virtual CPU, 0 to 1"),
      (
        "offline: [{ at: 1 us, cpu: 0 }, { at: 2 us, cpu: 0 }, { at: 3 us, cpu: 1 }]",
        "offline[2].cpu': expected a CPU after which one is still on line"
      ),
      (
        "migrate: [{ at: 1 us, virtual-cpu: 2, to: 1 }]",
        "migrate[0].virtual-cpu': expected a virtual CPU, 0 to 1"
      ),
      (
        "migrate: [{ at: 1 us, virtual-cpu: 1, to: 3 }]",
        "migrate[0].to': expected a CPU of the host, 0 to 2"
      ),
      ("migrate: [{ at: 1 us, virtual-cpu: 1, to: 2 }]", nil),
    ] as [(String, String?)])
  func moves(move: String, message: String?) throws {
    let files = try TemporaryFolder([
      "test.yaml": """
      purpose: A move.
      guest: { kernel: "7.3" }
      host: { kernel: "7.3" }
      workload: { synthetic: { vectors: 2, messages: 4, interval: 50 us, \(move) } }
      designs: [rmr-identity]
      machine: { virtual-cpus: 2, host: { cpus: 3, gicr: 0x3000000000 } }

      """
    ])
    do throws(InputError) {
      _ = try Self.folder.scenario(named: files.path + "/test.yaml")
      #expect(message == nil)
    } catch {
      let text = files.relative(error.description)
      #expect(text.hasPrefix("test.yaml:4:"), "\(text)")
      #expect(message.map { text.contains($0) } == true, "\(text)")
    }
  }

  @Test("a scenario on unlike devices delivers under its designs")
  func unlike() throws {
    let scenario = try scenario(
      """
      { devices: [
          { name: nvme, vectors: 3, requester: "01:00.0" },
          { name: nic, vectors: 64, smmu: 1, its: 1, requester: "03:00.0", dma-bits: 40 } ],
        host: {
          its: [0x8080000, 0x2100000000], smmus: [0x9050000, 0x2000000000],
          bridges: [
            { buses: { first: 0, last: 1 }, stream-offset: 0x40 },
            { buses: { first: 2, last: 3 }, device-offset: 0x20, stream-offset: 0 } ] } }
      """.replacing("\n", with: " "))
    let result = try #require(scenario.specifications().first).run()
    #expect(result.verdict == .delivered, "\(result.why)")
    #expect(result.devices.map(\.smmu) == [0, 1])
    #expect(result.devices.map(\.its) == [0, 1])
  }
}
