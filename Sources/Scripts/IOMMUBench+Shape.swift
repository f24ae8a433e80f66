package import Files
import IOMMU
package import Scenarios

// What a script can say about the IOMMU core.
extension IOMMUBench {
  package static var configuration: [Shape.Field] {
    [
      .optional("kernel", .kernel, "The kernel, such as 6.18, with its switches."),
      .optional(
        "policy", .choice(of: AttachPolicy.self, \.meaning),
        "Who refuses devices with direct regions, instead of what the release does."),
      .optional("page", .integer(4...64), "The kernel's page size in KiB: 4, 16 or 64."),
      .optional(
        "unsafe-interrupts", .boolean, "The module parameter allow_unsafe_interrupts."),
      .required(
        "devices", .dictionary(keys: "names of devices to what they are", device),
        "The devices, each in a group of its own."),
    ]
  }

  private static var device: Shape {
    .record([
      .optional("class", .choice(of: FunctionClass.self) { _ in "" }, "What the function is."),
      .optional("regions", .list(.oneOf(sources)), "What makes its reserved regions."),
      .optional("doorbell", number, "The physical address that its MSIs go to."),
      .optional("isolated-msi", .boolean, "Whether only the device can send its interrupts."),
      .optional(
        "default-domain", .choice([.init("dma"), .init("identity")]),
        "What the kernel attaches it to."),
      .optional(
        "blocked-domain", .boolean,
        "Whether the driver has a blocked domain; else the core takes an empty unmanaged one."),
    ])
  }

  private static var number: Shape { .integer(0...(.max)) }

  private static var range: [Shape.Field] {
    [
      .required("base", number, "The first address."),
      .required("length", number, "In bytes."),
    ]
  }

  private static var sources: [Shape.Field] {
    [
      .required("intel-rmrr", .record(range), "An Intel RMRR."),
      .required("intel-isa", .record([]), "Intel's 16 MiB for ISA bridges."),
      .required("x86-interrupts", .record([]), "0xfee00000, which x86 IOMMUs do not translate."),
      .required(
        "amd-ivmd",
        .record(range + [.optional("exclusion", .boolean, "An exclusion range.")]), "An AMD IVMD."),
      .required("amd-hypertransport", .record([]), "AMD's HyperTransport range."),
      .required(
        "arm-rmr", .record(range + [.optional("flags", number, "The node's flags.")]),
        "An IORT RMR."),
      .required(
        "hi161x", .record([.required("its", number, "The ITS' base.")]),
        "A HiSilicon SMMU that does not translate the doorbell."),
      .required(
        "virtio-iommu", .record(range + [.optional("msi", .boolean, "A doorbell.")]),
        "A region that virtio-iommu probes."),
      .required(
        "device-tree", .record(range + [.optional("physical", number, "The physical address.")]),
        "A device tree's iommu-addresses."),
      .required("software-msi", .record([]), "The window of arm-smmu-v3 and virtio-iommu."),
    ]
  }

  private static func onDevice(_ fields: [Shape.Field] = []) -> Shape {
    .record([.required("device", .anyText, "A device of the bench.")] + fields)
  }

  private static var object: Shape.Field {
    .required("object", .anyText, "The name of an object, or its number.")
  }
  private static var result: Shape.Field {
    .optional("as", .anyText, "The name that later steps call the new object.")
  }

  package static var actions: [Shape.Field] {
    [
      .optional("regions", onDevice(), "List the group's reserved regions as sysfs does."),
      .optional("claim", onDevice(), "Take the group from the DMA API."),
      .optional("release", onDevice(), "Give the group back to the DMA API."),
      .optional(
        "attach",
        onDevice([
          .required(
            "domain",
            .choice(["identity", "blocked", "unmanaged", "mapped"].map { .init($0) }),
            "A kernel user's own domain; 'mapped' has the direct regions in it.")
        ]), "Attach the group to a domain."),
      .optional(
        "prepare-msi",
        onDevice([.optional("doorbell", number, "Instead of the device's own.")]),
        "Compose a message: what the irqdomain does for a vector."),
      .optional("firmware-dma", onDevice(), "Let the firmware access its regions."),
      .optional(
        "translate", onDevice([.required("address", number, "An IOVA.")]),
        "Where the group's domain sends a write."),
      .optional("mappings", onDevice(), "List the group's domain."),
      .optional(
        "allocate-iova", onDevice([.required("size", number, "In bytes.")]),
        "Let the DMA API map a buffer."),
      .optional("type1-attach", onDevice(), "Attach the group to the type 1 container."),
      .optional(
        "type1-map", .record(range + [.optional("to", number, "Physical address.")]),
        "Map a range for the container."),
    ] + iommufdActions
  }

  private static var iommufdActions: [Shape.Field] {
    [
      .optional("ioas-alloc", .record([result]), "IOMMU_IOAS_ALLOC."),
      .optional(
        "ioas-map",
        .record([
          object, .optional("iova", number, "Else the kernel chooses."),
          .required("length", number, "In bytes."), .optional("to", number, "Physical address."),
        ]), "IOMMU_IOAS_MAP."),
      .optional("ioas-unmap", .record([object] + range), "IOMMU_IOAS_UNMAP."),
      .optional("ioas-allow", .record([object] + range), "IOMMU_IOAS_ALLOW_IOVAS."),
      .optional("ioas-reserve", .record([object] + range), "A driver reserves a range."),
      .optional("ioas-ranges", .record([object]), "IOMMU_IOAS_IOVA_RANGES."),
      .optional("bind", onDevice([result]), "VFIO_DEVICE_BIND_IOMMUFD."),
      .optional("iommufd-attach", onDevice([object]), "VFIO_DEVICE_ATTACH_IOMMUFD_PT."),
      .optional("iommufd-replace", onDevice([object]), "The same for an attached device."),
      .optional("iommufd-detach", onDevice(), "VFIO_DEVICE_DETACH_IOMMUFD_PT."),
      .optional(
        "hwpt-alloc",
        onDevice([
          object, result, .optional("nest-parent", .boolean, "IOMMU_HWPT_ALLOC_NEST_PARENT."),
          .optional("nested", .boolean, "A user's stage 1."),
          .optional("data", .choice(["none", "unknown", "smmuv3"].map { .init($0) }), "Its type."),
        ]), "IOMMU_HWPT_ALLOC."),
      .optional(
        "viommu-alloc",
        onDevice([object, result, .optional("unknown-type", .boolean, "An unknown type.")]),
        "IOMMU_VIOMMU_ALLOC."),
      .optional(
        "vdevice-alloc",
        onDevice([object, result, .required("id", number, "The virtual StreamID.")]),
        "IOMMU_VDEVICE_ALLOC."),
      .optional("veventq-alloc", .record([object, result]), "IOMMU_VEVENTQ_ALLOC."),
      .optional("destroy", .record([object]), "IOMMU_DESTROY."),
      .optional(
        "doorbell-pages", onDevice([.required("count", .integer(1...1000), "How many.")]),
        "Compose messages for that many ITS pages, one after the other."),
    ]
  }
}
