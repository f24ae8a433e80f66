internal import ArmFormats
internal import Bits
internal import Linux
internal import Software

// The CPUs that interrupts go to: kernel/irq/affinity.c, lib/group_cpus.c, kernel/irq/cpuhotplug.c,
// drivers/irqchip/irq-gic-v3-its.c.
extension GuestKernel {
  /// Gives each vector of a device its CPU: that of the machine's list where it has one, else as
  /// managed interrupts are spread.
  mutating func spreadVectors(_ count: Int, of device: Int) {
    let list = devices[device].function.cpus
    for vector in 0..<count {
      let cpu =
        list.isEmpty
        ? Self.managedGroup(of: vector, among: count, cpus: online.count).lowerBound
        : list[vector % list.count] % online.count
      devices[device].affinities[UInt32(truncatingIfNeeded: vector)] = cpu
    }
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
    devices[device].affinities[event] = cpu
    return its?.move(
      device: devices[device].function.requesterID, event: event, to: cpu) ?? []
  }

  /// A CPU goes off line (`irq_migrate_all_off_this_cpu`): the interrupts that it had go to the next
  /// CPU of their group that is on line, or of all. The last CPU stays.
  mutating func takeOffline(_ cpu: Int) -> [Step<Never>] {
    guard online.indices.contains(cpu), online[cpu], online.count(where: { $0 }) > 1 else {
      return []
    }
    online[cpu] = false
    var steps: [Step<Never>] = [
      Step(.guest, "takedown_cpu", "CPU \(cpu) goes off line", .decide)
    ]
    for device in devices.indices {
      let events = devices[device].affinities.filter { $0.value == cpu }.keys.sorted()
      for event in events {
        let group = Self.managedGroup(
          of: Int(event), among: devices[device].affinities.count, cpus: online.count)
        let target = group.first { online[$0] } ?? online.firstIndex(of: true)
        guard let target else { continue }
        steps += setAffinity(of: Int(event), device, to: target).map { $0.about(device) }
      }
    }
    return steps
  }
}
