/// The facts that the models take from real sources, by subject.
extension Fact {
  /// All of them, in a fixed order; their names differ.
  package static let all: [Fact] =
    window + iommufdInterface + nesting + smmuDriver + smmuLayouts + firmware + itsDriver
    + itsRegisters + messages + vfio + kvm + qemu + otherMonitors
}
