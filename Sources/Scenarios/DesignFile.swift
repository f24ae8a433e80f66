package import Designs
package import Files
package import HostKernel
package import VMM

extension Shape {
  /// A design file.
  package static let design = Shape.record(
    [
      .required("title", .anyText, "What the design is, in one sentence."),
      .required("source", .anyText, "Where it is proposed or implemented, and since when."),
    ] + DesignAxis.all.map(\.field))
}

extension ScenarioFolder {
  /// The names of the designs in the folder.
  package var designNames: [String] { names(of: .design) }

  /// The design with this name, in the file at this path, or, as `name,axis=choice,...`, a variant
  /// of it.
  package func design(named name: String) throws(InputError) -> Design {
    if let variant = try variant(named: name) { return variant }
    return try readDesign(at: file(.design, named: name))
  }

  /// The design in the file at `path`.
  ///
  /// - Parameter settings: what stands in its fields instead.
  func readDesign(
    at path: String, settings: [FieldSetting] = []
  ) throws(InputError) -> Design {
    let value = try InputFile(path).value(as: .design).setting(settings, as: .design)
    // The file names a choice on each axis whose choice here is not the standard one.
    var design = Design(
      name: baseName(path), title: value.text("title"), source: value.text("source"),
      advertisement: .nothing, stageTwo: .softwareWindow, msixEntry: .replaced,
      eventIDOwner: .host, delivery: .irqfd)
    if path != self.path(.design, named: design.name) { design.reference = path }
    for axis in DesignAxis.all {
      guard let field = value[axis.name] else { continue }
      guard axis.choose(field.text, for: &design) else {
        throw field.error(expected: axis.field.shape.expectation)
      }
    }
    if let inconsistency = design.inconsistency {
      throw InputError(
        "expected choices that can stand together: \(inconsistency)",
        at: value["msix"]?.place ?? value.place, field: "msix")
    }
    return design
  }
}

extension Design.Advertisement: DesignChoice {
  package var meaning: String {
    switch self {
    case .nothing: "The firmware says nothing: the guest maps the doorbell by itself."
    case .rmrDirect: "An IORT RMR that must stay mapped one to one (IOMMU_RESV_DIRECT)."
    case .rmrRelaxable:
      "An IORT RMR with 'remapping permitted' (IOMMU_RESV_DIRECT_RELAXABLE)."
    case .msiDirect:
      "A range that every domain maps one to one and that the guest uses as its doorbell "
        + "(IOMMU_RESV_MSI_DIRECT, proposed)."
    }
  }

  package var missingInterface: MissingInterface? { self == .msiDirect ? .directMSIRegion : nil }
}

extension Design.StageTwo: DesignChoice {
  package var meaning: String {
    switch self {
    case .softwareWindow: "The host kernel's software MSI window, from IPA 0x8000000."
    case .movedWindow:
      "The same window, moved to the guest's doorbell (IOMMU_OPTION_SW_MSI_START, proposed)."
    case .guestDoorbell: "The guest's own doorbell page, to the doorbell of one physical ITS."
    case .guestDoorbellPerITS:
      "The guest's own doorbell page in a stage 2 for each physical ITS, to that ITS's doorbell."
    }
  }

  package var missingInterface: MissingInterface? {
    switch self {
    case .softwareWindow: nil
    case .movedWindow: .windowStart
    case .guestDoorbell, .guestDoorbellPerITS: .doorbellMapping
    }
  }
}

extension VirtualIOMMU: DesignChoice {
  package var meaning: String {
    switch self {
    case .nested: "An accelerated vSMMU: the guest's stage 1 over the host's stage 2."
    case .none: "None: the host's one stage alone."
    }
  }
}

extension GuestMSIController: DesignChoice {
  package var meaning: String {
    switch self {
    case .its: "A virtual ITS."
    case .gicv2m: "A GICv2m frame: a message is the number of an SPI, without a DeviceID."
    }
  }
}

extension VirtualITSPlacement: DesignChoice {
  package var meaning: String {
    switch self {
    case .besideWindow: "IPA 0x8090000, as in QEMU's virt machine."
    case .atWindow: "IPA 0x8000000: the guest's doorbell and the host's window have one number."
    }
  }
}

extension RouteAddress: DesignChoice {
  package var meaning: String {
    switch self {
    case .machineDoorbell: "The machine's fixed doorbell (QEMU's msi-gpa)."
    case .walk: "The guest's address, walked through the guest's stage 1 in software."
    case .guestAddress: "The guest's address as it is, which KVM reads as an IPA."
    }
  }
}

extension AddressOverride: DesignChoice {
  package var meaning: String {
    switch self {
    case .msiDomain: "In the MSI domain or its DMA cookie: nothing else is mapped."
    case .vfio: "In VFIO, over the message that the layers below made with a page of their own."
    }
  }
}

extension Design.MSIXEntry: DesignChoice {
  package var meaning: String {
    switch self {
    case .replaced: "The guest's write traps; the host writes its own address and EventID."
    case .forwarded:
      "The guest's write traps; the host writes the guest's address and its own EventID."
    case .untrapped: "The guest writes the table itself."
    }
  }

  package var missingInterface: MissingInterface? { self == .forwarded ? .vectorAddress : nil }
}

extension Design.EventIDOwner: DesignChoice {
  package var meaning: String {
    switch self {
    case .host: "The host's EventID: the host alone fills the physical ITT."
    case .guest: "The guest's EventID: the vITS drives the physical ITT."
    }
  }

  package var missingInterface: MissingInterface? { self == .guest ? .tableMirror : nil }
}

extension Design.Delivery: DesignChoice {
  package var meaning: String {
    switch self {
    case .irqfd: "A physical LPI, the host's handler, an eventfd and KVM's software injection."
    case .gicv4: "KVM hands the interrupt to the hardware as a virtual LPI (GICv4.0)."
    case .gicv4Point1:
      "KVM hands the interrupt to the hardware as a virtual LPI (GICv4.1, which has one doorbell for "
        + "each virtual CPU)."
    }
  }
}
