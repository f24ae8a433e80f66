package import Designs
package import Linux
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
  /// vSMMU that its VMM has not, and what its kernels have beyond every release.
  package var missingInterfaces: [ReleaseSwitch] {
    let nesting = design.iommu == .nested ? conditions.vmm.nestingInterface : nil
    let kernels = conditions.hostKernel.unreleased + conditions.guestKernel.unreleased
    return (design.missingInterfaces + (nesting.map { [$0] } ?? []) + kernels).unreleased
  }
}

extension [ReleaseSwitch] {
  fileprivate var unreleased: [ReleaseSwitch] {
    reduce(into: []) { found, item in
      if !item.record.isReleased, !found.contains(item) { found.append(item) }
    }
  }
}
