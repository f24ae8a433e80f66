internal import Bits
internal import Linux
package import Software

// vfio-pci's interrupts inside the guest, for a user of its own: drivers/vfio/pci/vfio_pci_intrs.c.
extension GuestKernel {
  /// The user enables vectors and names an eventfd for each (`vfio_msi_enable`,
  /// `vfio_msi_set_vector_signal`). Around each the command register is read and written back, and
  /// MSI-X messages are written once more.
  package mutating func enableUserVectors(
    _ count: Int, of device: Int
  ) throws(Refusal) -> [Step<Never>] {
    let saved = devices[device].command
    var steps = [readCommand]
    steps += try allocateVectors(count, managed: 0..<0, of: device)
    steps.append(restoreCommand(saved, of: device))
    for vector in devices[device].vectors.indices {
      steps.append(readCommand)
      if devices[device].function.store == .msiX {
        steps += try rewriteMessage(of: vector, device).during(.vfioSetIRQs)
      }
      steps += try requestVector(vector, of: device)
      steps.append(restoreCommand(saved, of: device))
    }
    return steps
  }

  /// The user ends its vectors (`vfio_msi_disable`).
  package mutating func disableUserVectors(of device: Int) -> [Step<Never>] {
    let saved = devices[device].command
    var steps: [Step<Never>] = []
    for vector in devices[device].vectors.indices {
      steps.append(readCommand)
      steps += freeVector(vector, of: device)
      steps.append(restoreCommand(saved, of: device))
    }
    steps.append(readCommand)
    steps += freeVectors(of: device)
    steps.append(restoreCommand(saved, of: device))
    return steps
  }

  /// `vfio_pci_memory_lock_and_enable`, memory space being on.
  private var readCommand: Step<Never> {
    Step(.guest, "vfio_pci_memory_lock_and_enable", "memory space is on", .decide)
      .reading([.configuration(offset: 4, width: 2)]).during(.vfioSetIRQs)
  }

  /// `vfio_pci_memory_unlock_and_restore`.
  private mutating func restoreCommand(_ value: UInt16, of device: Int) -> Step<Never> {
    devices[device].command = value
    return Step<Never>(
      .guest, "vfio_pci_memory_unlock_and_restore", "the command register as it was",
      .config(offset: 4, value: UInt32(value), width: 2)
    ).during(.vfioSetIRQs)
  }
}
