public import Designs
public import HostKernel
public import InputFiles
import JSON
public import VMM

extension Shape {
  /// A design file.
  public static let design = Shape.record([
    .required("title", .anyText, "What the design is, in one sentence."),
    .required("source", .anyText, "Where it is proposed or implemented, and since when."),
    .required(
      "advertise", .choice(of: Design.Advertisement.self, \.meaning),
      "Where the guest learns of the doorbell that its device uses."),
    .required(
      "stage2", .choice(of: Design.StageTwo.self, \.meaning),
      "What the host's stage 2 maps to the physical doorbell."),
    .required(
      "msix", .choice(of: Design.MSIXEntry.self, \.meaning),
      "Who writes the MSI-X entry that the device uses."),
    .required(
      "eventID", .choice(of: Design.EventIDOwner.self, \.meaning),
      "Whose EventID stands in the message."),
    .required(
      "delivery", .choice(of: Design.Delivery.self, \.meaning),
      "How the interrupt reaches the virtual CPU."),
    .optional(
      "iommu", .choice(of: VirtualIOMMU.self, \.meaning),
      "Whether the guest has an SMMU in front of the device.", standard: "nested"),
    .optional(
      "vits", .choice(of: VirtualITSPlacement.self, \.meaning),
      "Where the VMM puts the doorbell page of its virtual ITS.", standard: "beside-window"),
    .optional(
      "route", .choice(of: RouteAddress.self, \.meaning),
      "Which address the VMM puts in KVM's route.", standard: "machine-doorbell"),
    .optional(
      "override", .choice(of: AddressOverride.self, \.meaning),
      "Where the host takes in an address that msix 'trapped-forwarded' passes.",
      standard: "msi-domain"),
  ])
}

extension ScenarioFolder {
  /// The names of the designs in the folder.
  public var designNames: [String] { names(of: .design) }

  /// The design with this name, or in the file at this path.
  public func design(named name: String) throws(InputError) -> Design {
    try readDesign(at: file(.design, named: name))
  }

  /// The design in the file at `path`.
  func readDesign(at path: String) throws(InputError) -> Design {
    let value = try InputFile(path).value(as: .design)
    guard let advertisement: Design.Advertisement = value.choice("advertise"),
      let stageTwo: Design.StageTwo = value.choice("stage2"),
      let msixEntry: Design.MSIXEntry = value.choice("msix"),
      let owner: Design.EventIDOwner = value.choice("eventID"),
      let delivery: Design.Delivery = value.choice("delivery")
    else { throw value.error(expected: Shape.design.expectation) }
    let design = Design(
      name: baseName(path), title: value.text("title"), source: value.text("source"),
      advertisement: advertisement, stageTwo: stageTwo, msixEntry: msixEntry,
      eventIDOwner: owner, delivery: delivery, iommu: value.choice("iommu") ?? .nested,
      virtualITS: value.choice("vits") ?? .besideWindow,
      route: value.choice("route") ?? .machineDoorbell,
      addressOverride: value.choice("override") ?? .msiDomain)
    if let inconsistency = design.inconsistency {
      throw InputError(
        "expected choices that can stand together: \(inconsistency)",
        at: value["msix"]?.place ?? value.place, field: "msix")
    }
    return design
  }
}

extension Design.Advertisement {
  /// What the choice means, for readers of the schema and of `doorbell designs show`.
  public var meaning: String {
    switch self {
    case .nothing: "The firmware says nothing: the guest maps the doorbell by itself."
    case .rmrDirect: "An IORT RMR that must stay mapped one to one (IOMMU_RESV_DIRECT)."
    case .rmrRelaxable:
      "An IORT RMR with 'remapping permitted' (IOMMU_RESV_DIRECT_RELAXABLE)."
    case .msiDirect:
      "A range that every domain maps one to one and that the guest takes for its doorbell "
        + "(IOMMU_RESV_MSI_DIRECT, proposed)."
    }
  }
}

extension Design.StageTwo {
  /// What the choice means, for readers of the schema and of `doorbell designs show`.
  public var meaning: String {
    switch self {
    case .softwareWindow: "The host kernel's software MSI window, from IPA 0x8000000."
    case .movedWindow:
      "The same window, moved to the guest's doorbell (IOMMU_OPTION_SW_MSI_START, proposed)."
    case .guestDoorbell: "The guest's own doorbell page."
    }
  }
}

extension VirtualIOMMU {
  /// What the choice means, for readers of the schema and of `doorbell designs show`.
  public var meaning: String {
    switch self {
    case .nested: "An accelerated vSMMU: the guest's stage 1 over the host's stage 2."
    case .none: "None: the host's one stage alone."
    }
  }
}

extension VirtualITSPlacement {
  /// What the choice means, for readers of the schema and of `doorbell designs show`.
  public var meaning: String {
    switch self {
    case .besideWindow: "IPA 0x8090000, as in QEMU's virt machine."
    case .atWindow: "IPA 0x8000000: the guest's doorbell and the host's window have one number."
    }
  }
}

extension RouteAddress {
  /// What the choice means, for readers of the schema and of `doorbell designs show`.
  public var meaning: String {
    switch self {
    case .machineDoorbell: "The machine's fixed doorbell (QEMU's msi-gpa)."
    case .walk: "The guest's address, walked through the guest's stage 1 in software."
    case .guestAddress: "The guest's address as it is, which KVM takes for an IPA."
    }
  }
}

extension AddressOverride {
  /// What the choice means, for readers of the schema and of `doorbell designs show`.
  public var meaning: String {
    switch self {
    case .msiDomain: "In the MSI domain or its DMA cookie: nothing else is mapped."
    case .vfio: "In VFIO, over the message that the layers below made with a page of their own."
    }
  }
}

extension Design.MSIXEntry {
  /// What the choice means, for readers of the schema and of `doorbell designs show`.
  public var meaning: String {
    switch self {
    case .replaced: "The guest's write traps; the host writes its own address and EventID."
    case .forwarded:
      "The guest's write traps; the host writes the guest's address and its own EventID."
    case .untrapped: "The guest writes the table itself."
    }
  }
}

extension Design.EventIDOwner {
  /// What the choice means, for readers of the schema and of `doorbell designs show`.
  public var meaning: String {
    switch self {
    case .host: "The host's EventID: the host alone fills the physical ITT."
    case .guest: "The guest's EventID: the vITS drives the physical ITT."
    }
  }
}

extension Design.Delivery {
  /// What the choice means, for readers of the schema and of `doorbell designs show`.
  public var meaning: String {
    switch self {
    case .irqfd: "A physical LPI, the host's handler, an eventfd and KVM's software injection."
    }
  }
}
