package import Designs
package import Linux
import Machine
import VMM

// What a design, or a run of it, needs and no released kernel or VMM has.

extension Design {
  /// What the design's choices rest on and nothing released has, each once, by axis.
  package var missingInterfaces: [ReleaseSwitch] {
    DesignAxis.all.compactMap { $0.choice(of: self).interface }.unreleased
  }
}

extension RunSpecification {
  /// What the run rests on and nothing released has, each once: what its design's choices need, a
  /// vSMMU that its VMM has not, what its kernels have beyond every release, and a software MSI
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
  /// What the run of one of its designs rests on and nothing released has.
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
