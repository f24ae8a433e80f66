internal import ArmFormats
internal import Bits
internal import Linux
package import Software

// The CPUs that interrupts go to: kernel/irq/affinity.c, lib/group_cpus.c, kernel/irq/cpuhotplug.c,
// drivers/irqchip/irq-gic-v3-its.c.
extension GuestKernel {
  /// The CPU that a vector is mapped to first: that of the machine's list where it has one, else the
  /// least loaded of all that are on line, whatever its group (`its_irq_domain_activate`,
  /// `its_select_cpu`).
  func firstCPU(of vector: Int, _ device: Int) -> Int {
    let list = devices[device].function.cpus
    guard list.isEmpty else { return list[vector % list.count] % online.count }
    let isManaged = devices[device].vectors[vector].group != nil
    return leastLoaded(of: online.indices.filter { online[$0] }, managed: isManaged) ?? 0
  }

  /// `cpumask_pick_least_loaded`: the first of those with the fewest interrupts of the kind.
  private func leastLoaded(of cpus: [Int], managed: Bool) -> Int? {
    cpus.min { loads[$0].of(managed: managed) < loads[$1].of(managed: managed) }
  }

  /// A vector goes to the least loaded of some CPUs, which may be its own (`its_set_affinity`).
  mutating func move(_ vector: Int, of device: Int, within cpus: [Int]) -> [Step<Never>] {
    let event = UInt32(truncatingIfNeeded: vector)
    guard let old = devices[device].affinities[event] else { return [] }
    let isManaged = devices[device].vectors[vector].group != nil
    loads[old].count(-1, isManaged: isManaged)
    let cpu = leastLoaded(of: cpus, managed: isManaged) ?? old
    loads[cpu].count(1, isManaged: isManaged)
    guard cpu != old else { return [] }
    devices[device].affinities[event] = cpu
    return its?.move(
      device: devices[device].function.requesterID, event: event, to: cpu) ?? []
  }

  /// The CPUs of a managed interrupt (`irq_create_affinity_masks`, `group_cpus_evenly` on one node):
  /// as many groups in a row as there are vectors, the first ones with a CPU more. More vectors than
  /// CPUs begin again with the first group. The interrupt goes to the first CPU of its group that is
  /// on line (`its_select_cpu`, which prefers the least loaded).
  static func managedGroup(of vector: Int, among count: Int, cpus: Int) -> Range<Int> {
    let groups = max(1, min(count, cpus))
    let (length, longer) = cpus.quotientAndRemainder(dividingBy: groups)
    let group = vector % groups
    let start = group * length + min(group, longer)
    return start..<start + length + (group < longer ? 1 : 0)
  }

  /// A vector's interrupt moves to another CPU (`its_set_affinity`): MOVI. Nothing happens for a vector
  /// without an interrupt, for the CPU that it has, and for one that is off line.
  mutating func setAffinity(of vector: Int, _ device: Int, to cpu: Int) -> [Step<Never>] {
    let event = UInt32(truncatingIfNeeded: vector)
    guard online.indices.contains(cpu), online[cpu], devices[device].lpis[event] != nil,
      devices[device].affinities[event] ?? 0 != cpu
    else { return [] }
    guard devices[device].vectors.indices.contains(vector) else {
      // A recorded guest set its interrupts up by commands of its own.
      devices[device].affinities[event] = cpu
      return
        (its?.move(device: devices[device].function.requesterID, event: event, to: cpu) ?? [])
        .during(.affinity)
    }
    return move(vector, of: device, within: [cpu]).during(.affinity)
  }

  /// A CPU goes off line (`irq_migrate_all_off_this_cpu`): the interrupts that it had go to a CPU of
  /// their group that is on line, or of all; a managed one whose group has none left is shut down until
  /// its CPU comes back. The last CPU stays.
  package mutating func takeOffline(_ cpu: Int) -> [Step<Never>] {
    guard online.indices.contains(cpu), online[cpu], online.count(where: { $0 }) > 1 else {
      return []
    }
    online[cpu] = false
    var steps: [Step<Never>] = [
      Step(.guest, "takedown_cpu", "CPU \(cpu) goes off line", .decide)
    ]
    steps += its.map { [$0.awaitRedistributor(cpu: cpu)] } ?? []
    for device in devices.indices {
      let events = devices[device].affinities.filter { $0.value == cpu }.keys.sorted()
      for event in events {
        steps += leave(Int(event), of: device).map { $0.about(device) }
      }
    }
    return steps.during(.cpuOffline)
  }

  /// A vector's CPU goes away.
  private mutating func leave(_ vector: Int, of device: Int) -> [Step<Never>] {
    let all = online.indices.filter { online[$0] }
    guard devices[device].vectors.indices.contains(vector) else {
      let group = Self.managedGroup(
        of: vector, among: devices[device].affinities.count, cpus: online.count)
      guard let target = group.first(where: { online[$0] }) ?? all.first else { return [] }
      return setAffinity(of: vector, device, to: target)
    }
    guard devices[device].vectors[vector].isStarted else { return [] }
    guard let group = devices[device].vectors[vector].group else {
      return move(vector, of: device, within: all)
    }
    let rest = group.filter { online[$0] }
    guard rest.isEmpty else { return move(vector, of: device, within: rest) }
    devices[device].vectors[vector].waitsForCPU = true
    return stop(vector, of: device)
  }

  /// A CPU comes back (`its_cpu_init`, `irq_affinity_online_cpu`): the managed interrupts that had
  /// been shut down with it start again.
  package mutating func bringOnline(_ cpu: Int) throws(Refusal) -> [Step<Never>] {
    guard online.indices.contains(cpu), !online[cpu] else { return [] }
    online[cpu] = true
    var steps = (its?.wakeRedistributor(cpu: cpu) ?? []) + (its?.initCPU(cpu) ?? [])
    for device in devices.indices {
      for vector in devices[device].vectors.indices
      where devices[device].vectors[vector].isShutDown(with: cpu) {
        steps += try restart(vector, of: device).map { $0.about(device) }
      }
    }
    return steps
  }
}
