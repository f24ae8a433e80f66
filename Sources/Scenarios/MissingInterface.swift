package import Designs
package import Linux
import Machine
import VMM

// What a design, or a run of it, needs and no released kernel or VMM has.

extension Design {
  /// Unreleased interfaces that the design's choices rest on, each once, by axis.
  package var missingInterfaces: [ReleaseSwitch] {
    DesignAxis.all.compactMap { $0.choice(of: self).interface }.unreleased
  }
}

extension RunSpecification {
  /// Unreleased interfaces that the run rests on, each once: those of its design's choices, a vSMMU
  /// that its VMM has not, the switches of its kernels beyond every release, and a software MSI
  /// window that no release has.
  package var missingInterfaces: [ReleaseSwitch] {
    if let interface = platformInterface { return [interface].unreleased }
    let nesting = design.iommu == .nested ? conditions.vmm.nestingInterface : nil
    let kernels = conditions.hostKernel.unreleased + conditions.guestKernel.unreleased
    let isMoved = machine.map { $0.host.messageWindow != MachineDescription.Host.linuxWindow }
    let window: [ReleaseSwitch] = isMoved == true ? [.messageWindow] : []
    return (design.missingInterfaces + (nesting.map { [$0] } ?? []) + kernels + window).unreleased
  }
}

extension Scenario {
  /// Returns the unreleased interfaces that the run of one of its designs rests on.
  package func missingInterfaces(of design: String) -> [ReleaseSwitch] {
    specifications().first { $0.design.name == design }?.missingInterfaces ?? []
  }
}

extension [ReleaseSwitch] {
  fileprivate var unreleased: [ReleaseSwitch] {
    reduce(into: []) { found, item in
      if !item.record.isReleased, !found.contains(item) { found.append(item) }
    }
  }
}
