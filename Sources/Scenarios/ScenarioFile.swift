package import Designs
package import Files
package import Guest
package import Linux
import Software
package import VMM

extension Shape {
  /// A scenario file.
  package static let scenario = Shape.record([
    .required("purpose", .anyText, "One line, the first of the file: what the scenario shows."),
    .optional("source", .anyText, "What justifies the expectations."),
    .optional("rows", .list(.anyText), "The rows of the scenario table that it shows."),
    .optional(
      "known-failure", .anyText,
      "Why the expectations do not hold yet; that they do is then a failure."),
    .required("guest", guest, "The guest."),
    .required(
      "host",
      .record([
        .required("kernel", kernel, "The release of the host's Linux kernel."),
        .optional("page-size", pageSize, "Its page size.", standard: "4k"),
      ]),
      "The host."),
    .optional(
      "vmm", .choice(of: VMMPersonality.self, \.meaning), "Whose address map the guest has.",
      standard: .string(VMMPersonality.qemuVirt.rawValue)),
    .optional(
      "machine", machine, "The physical machine; one device, one ITS, one SMMU if not given."),
    .required(
      "workload",
      .oneOf([
        .required(
          "recording", .anyText, "The path of a recording, from here or the scenarios folder."),
        .required("synthetic", synthetic, "A workload that is made up."),
        .required("load", load, "Devices under load, for 'doorbell load'."),
      ]), "What the guest and its device do."),
    .optional("smmu", smmu, "The SMMU's caches."),
    .optional("its", its, "The ITS's caches."),
    .required("designs", .list(.anyText), "Names of designs, or paths of design files."),
    .optional(
      "costs", .anyText, "The name of a cost model, or the path of a cost file.",
      standard: .string(Scenario.standardCosts)),
    .optional(
      "seed", .integer(0...UInt64(UInt32.max)), "Seeds whatever is random in the run.",
      standard: .integer(1)),
    .optional(
      "expect", .dictionary(keys: "names of designs to their expected results", designExpectation),
      "The expected result of each design; 'doorbell test' checks it."),
  ])

  static let guest = Shape.record([
    .required("kernel", kernel, "The release of the guest's Linux kernel."),
    .optional(
      "usage", .choice(of: GuestUsage.self, \.meaning), "How the guest uses the device.",
      standard: .string(GuestUsage.dmaAPI.rawValue)),
    .optional(
      "firmware", .choice(of: FirmwareVariant.self, \.meaning),
      "What its firmware tables leave out.",
      standard: .string(FirmwareVariant.complete.rawValue)),
    .optional(
      "unmap", .choice(of: UnmapPolicy.self, \.meaning),
      "When its DMA API invalidates what it has unmapped.",
      standard: .string(UnmapPolicy.strict.rawValue)),
    .optional(
      "idle", .choice(of: IdleVirtualCPU.self, \.meaning),
      "What its virtual CPU does between interrupts.",
      standard: .string(IdleVirtualCPU.runs.rawValue)),
    .optional("page-size", pageSize, "Its page size.", standard: "4k"),
  ])

  private static let pageSize = Shape.choice(of: PageSize.self, \.meaning)

  static let kernel = Shape.text(
    TextForm("a kernel release such as 6.5", pattern: #"[0-9]{1,4}\.[0-9]{1,4}(\..*)?"#))

  static let synthetic = Shape.record([
    .required("vectors", .integer(1...2048), "Entries of the device's MSI-X table."),
    .required("messages", .integer(1...1_000_000), "MSIs that the device sends, vector by vector."),
    .required(
      "interval",
      .text(TextForm("a time such as 10 us", pattern: "[0-9]{1,9} ?(ns|us|ms)")),
      "The time between two MSIs, in ns, us or ms."),
    .optional(
      "arrivals", .choice(of: Arrivals.self, \.meaning),
      "How the MSIs are spread; 'regular' if not given."),
    .optional(
      "message-store", .choice(of: MessageStore.self, \.meaning),
      "Where the device keeps its messages; 'msi-x' if not given. MSI has at most 32 vectors."),
    .optional(
      "buffer", .integer(0...(.max)),
      "The IOVA of a page that the guest's driver maps for DMA before anything is sent."),
  ])

  static let designExpectation = Shape.record([
    .optional("setup", setup, "The result of set-up."),
    .optional("verdict", verdict, "The worst of the verdicts of all MSIs."),
    .optional("journeys", journeys, "How many MSIs end in which way."),
    .optional("message", message, "What the device's first MSI-X entry holds."),
    .optional("exits", exits, "Exits of the guest's virtual CPUs."),
    .optional("isolation", isolation, "The results of attacks on the design."),
    .optional("why", why, "The sentence that says why it came out so."),
    .optional(
      "devices",
      .list(
        .record([
          .optional("verdict", verdict, "The worst of the verdicts of its MSIs."),
          .optional("message", message, "What its first MSI-X entry holds."),
          .optional("why", why, "The sentence that says why it came out so."),
        ])),
      "What becomes of each device, from the first on, where there are several."),
  ])

  private static let why = Shape.record([.required("contains", .anyText, "A part of the sentence.")]
  )

  private static let setup = Shape.record([
    .optional(
      "outcome", .choice([Choice("enabled"), Choice("refused")]),
      "Whether the interrupts could be enabled."),
    .optional("by", .choice(of: Agent.self, \.title), "Who refuses."),
    .optional("errno", .anyText, "The errno of the refusal, such as EINVAL."),
    .optional("message", .anyText, "A part of the refusal's message."),
  ])

  private static let verdict = Shape.choice(of: Verdict.self, \.meaning)

  private static let isolation = Shape.record(
    Attack.all.map { attack in
      .optional(
        attack.name, .choice(of: IsolationFinding.Outcome.self, \.meaning), attack.action)
    })

  private static let count = Shape.integer(0...UInt64(UInt32.max))

  private static let journeys = Shape.record(
    Verdict.allCases.map { .optional($0.rawValue, count, $0.meaning) }
      + [.optional("total", count, "All MSIs.")])

  private static let message = Shape.record([
    .optional("address", .integer(0...(.max)), "Message address."),
    .optional("data", .integer(0...UInt64(UInt32.max)), "Message data."),
  ])

  private static let exits = Shape.record([
    .optional("setup", count, "Caused by what the guest's kernel does."),
    .optional("perInterrupt", .number, "Caused by deliveries, for each MSI sent."),
  ])
}

extension PageSize {
  /// What the choice means, for readers of the schema.
  package var meaning: String { "Pages of \(rawValue.dropLast()) KiB." }
}

extension VMMPersonality {
  /// What the choice means, for readers of the schema.
  package var meaning: String {
    switch self {
    case .qemuVirt: "QEMU's virt machine: RAM from 1 GiB, the GIC inside the window."
    case .openVMM: "OpenVMM's direct boot: RAM from 1 GiB, the GIC below 4 GiB."
    case .openVMMLowRAM: "OpenVMM's UEFI boot, and all before May 2026: RAM from 0."
    case .cloudHypervisor: "Cloud Hypervisor: RAM from 2 GiB, the GIC below 144 MiB."
    }
  }
}

extension FirmwareVariant {
  /// What the variant means, for readers of the schema.
  package var meaning: String {
    switch self {
    case .complete: "Nothing is left out."
    case .noPreservedBoot: "No _DSM 5: RMRs say nothing about PCI devices."
    case .oldIORT: "An IORT before revision 5, whose RMRs Linux ignores."
    case .rmrWithoutIDs: "An RMR without ID mappings, which Linux skips."
    case .deviceTree: "ACPI: a device tree, which has nothing like an RMR."
    case .deviceTreeReserved:
      "ACPI: a device tree with iommu-addresses for the host bridge, not for its functions."
    }
  }
}

extension MessageStore {
  /// What the choice means, for readers of the schema.
  package var meaning: String {
    switch self {
    case .msiX: "In an MSI-X table behind a BAR."
    case .msi: "In the MSI capability: one address, data that differ in their low bits."
    case .device: "Inside the device (IMS): there is nothing to trap."
    }
  }
}

extension IdleVirtualCPU {
  /// What the choice means, for readers of the schema.
  package var meaning: String {
    switch self {
    case .runs: "It stays in the guest."
    case .blocks: "It waits for an interrupt, and the host takes its physical CPU away."
    }
  }
}

extension UnmapPolicy {
  /// What the policy means, for readers of the schema.
  package var meaning: String {
    switch self {
    case .strict: "Before the unmapping returns (iommu.strict=1)."
    case .lazy: "When 255 ranges wait in the flush queue, or after 10 ms (iommu.strict=0)."
    }
  }
}

extension GuestUsage {
  /// What the usage means, for readers of the schema.
  package var meaning: String {
    switch self {
    case .dmaAPI: "A driver of the guest with translated DMA: the default DMA domain."
    case .identity: "A driver of the guest with iommu.passthrough=1: the identity domain."
    case .vfio: "VFIO inside the guest by type 1: an unmanaged domain with an MSI cookie."
    case .iommufd: "VFIO inside the guest by iommufd: an unmanaged domain, doorbells by its list."
    case .nestedGuest: "VFIO inside the guest for an L2 guest without an SMMU of its own."
    case .nestedGuestWithSMMU: "VFIO inside the guest for an L2 guest with an SMMU of its own."
    }
  }
}

extension IsolationFinding.Outcome {
  /// What the outcome means, for readers of the schema.
  package var meaning: String {
    switch self {
    case .contained: "Nothing was reached but what is the actor's own."
    case .noise: "No data or interrupt was lost; another party lost shared resources."
    case .breach: "What the attack calls a breach happened."
    case .notApplicable: "The design has nothing that could be attacked so."
    case .unknown: "The models cannot tell."
    }
  }
}

extension Verdict {
  /// What the verdict means, for readers of the schema.
  package var meaning: String {
    switch self {
    case .delivered: "The guest's handler ran."
    case .refused: "Set-up was refused, so that it was never sent."
    case .dropped: "An interrupt controller discarded it."
    case .fault: "Translation failed, and the guest was told by an event record."
    case .lost: "It vanished without anything that the guest could see."
    case .misrouted: "It arrived as another interrupt than the one that was meant."
    case .corrupted: "It was written to RAM."
    }
  }
}
