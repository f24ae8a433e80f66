package import Files
package import Scenarios

// What a script can do with the interrupt controllers.
extension ITSBench {
  private static var number: Shape { .integer(0...(.max)) }
  private static var word: Shape { .integer(0...0xffff_ffff) }
  private static var cpu: Shape { .integer(0...4095) }

  package static var configuration: [Shape.Field] {
    [
      .optional(
        "version", .choice(["3", "4", "4.1"].map { .init($0) }), "Of the GIC; 3 if absent."),
      .optional("cpus", .integer(1...64), "PEs, and virtual CPUs; 4 if absent."),
      .optional("reports-unmapped", .boolean, "GITS_TYPER.UMSI of the physical ITS."),
    ]
  }

  private static var side: Shape.Field {
    .optional("its", .choice(["physical", "virtual"].map { .init($0) }), "physical if absent.")
  }

  private static var event: [Shape.Field] {
    [.required("device", word, "DeviceID."), .required("event", word, "EventID.")]
  }

  /// The commands by the manual's names.
  static var commands: [Shape.Field] {
    let collection = Shape.Field.required("collection", .integer(0...0xffff), "ICID.")
    let virtualPE = Shape.Field.required("vpe", .integer(0...0xffff), "vPEID.")
    return [
      .required(
        "mapd",
        .record([
          .required("device", word, "DeviceID."),
          .optional("bits", .integer(1...32), "EventID bits."),
          .optional("table", number, "ITT."), .optional("valid", .boolean, "true if absent."),
        ]), "MAPD."),
      .required(
        "mapc",
        .record([
          collection, .optional("cpu", cpu, "Its target."),
          .optional("valid", .boolean, "true if absent."),
        ]), "MAPC."),
      .required(
        "mapti", .record(event + [.required("lpi", word, "pINTID."), collection]), "MAPTI."),
      .required("mapi", .record(event + [collection]), "MAPI."),
      .required("movi", .record(event + [collection]), "MOVI."),
      .required("int", .record(event), "INT."), .required("clear", .record(event), "CLEAR."),
      .required("discard", .record(event), "DISCARD."), .required("inv", .record(event), "INV."),
      .required("invall", .record([collection]), "INVALL."),
      .required(
        "vmapp",
        .record([
          virtualPE, .required("cpu", cpu, "Its redistributor."),
          .optional("doorbell", word, "Default doorbell LPI; 1023 if absent."),
        ]), "VMAPP."),
      .required("vmovp", .record([virtualPE, .required("cpu", cpu, "Where to.")]), "VMOVP."),
    ]
  }

  package static var actions: [Shape.Field] {
    [
      .optional(
        "commands", .record([side, .required("list", .list(.oneOf(commands)), "In order.")]),
        "Run commands; each one's error, or none. What a guest's commands ask is mirrored."),
      .optional(
        "configure",
        .record([
          side, .required("lpi", word, "INTID."), .required("enabled", .boolean, "Bit 0."),
        ]), "Write an LPI's property byte; nothing looks at it before INV or INVALL."),
      .optional(
        "enable-lpis",
        .record([side, .required("cpu", cpu, "PE."), .required("on", .boolean, "EnableLPIs.")]),
        "Write GICR_CTLR."),
      .optional("msi", .record(event), "A device writes its message to the physical ITS."),
      .optional(
        "doorbell-write",
        .record([
          .required("address", number, "Within the pre-ITS window at 0x58000000."),
          .required("event", word, "EventID."),
        ]), "A write to a pre-ITS, which takes the DeviceID from the address."),
      .optional(
        "signal-msi",
        .record([
          .required("doorbell", number, "IPA."),
          .optional("device", word, "Without it KVM_MSI_VALID_DEVID is not set."),
          .required("event", word, "EventID."),
        ]), "KVM_SIGNAL_MSI."),
      .optional(
        "route",
        .record(
          event + [
            .required("doorbell", number, "IPA."), .required("guest-device", word, "DeviceID."),
            .required("guest-event", word, "EventID."),
          ]), "KVM_SET_GSI_ROUTING and KVM_IRQFD for a physical event."),
      .optional(
        "forward", .record(event), "Hand a routed event to the hardware (set_forwarding)."),
      .optional(
        "pending", .record([side, .required("cpu", cpu, "PE.")]), "The LPIs pending there."),
      .optional(
        "acknowledge", .record([side, .required("cpu", cpu, "PE.")]),
        "What the PE takes until nothing is left."),
      .optional(
        "enter",
        .record([.required("cpu", cpu, "PE."), .required("vpe", .integer(0...0xffff), "vPEID.")]),
        "Make a vPE resident; what its virtual CPU takes."),
      .optional(
        "leave",
        .record([
          .required("cpu", cpu, "PE."),
          .optional("doorbell", .boolean, "Ask for the default doorbell."),
        ]), "Make it non-resident."),
      .optional(
        "set-routes",
        .record([
          .required("devices", word, "Assigned devices."),
          .required("vectors", word, "Of each one's MSI-X table."),
          .optional("unmasked", word, "Of each; a lazy VMM has routes for these only."),
        ]), "KVM_SET_GSI_ROUTING for all devices of a VM."),
      .optional("unmapped", .record([]), "Read GITS_STATUSR and GITS_UMSIR."),
    ]
  }
}
