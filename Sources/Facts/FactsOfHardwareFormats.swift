// The layouts and numbers that Linux's drivers give registers, commands and tables.

private let smmuHeader = "drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h"
private let gicHeader = "include/linux/irqchip/arm-gic-v3.h"

extension Fact {
  private static func smmu(
    _ name: String, _ value: String, _ meaning: String, from first: Release? = nil,
    until last: Release? = nil, _ user: String
  ) -> Fact {
    .init(
      name.lowercased().replacing("_", with: "-"), smmuHeader, .macro(name), .value(value), meaning,
      from: first, until: last, usedBy: [user])
  }

  private static func command(_ name: String, _ value: String, from first: Release? = nil) -> [Fact]
  {
    // The opcodes became an enumeration in 7.2.
    [
      smmu(
        "CMDQ_OP_\(name)", value, "the opcode of CMD_\(name)", from: first, until: "7.1",
        "ArmFormats.SMMUCommand"),
      .init(
        "cmdq-op-\(name.lowercased().replacing("_", with: "-"))-enumerator", smmuHeader,
        .enumerator("CMDQ_OP_\(name)"), .value(value), "the opcode of CMD_\(name)", from: "7.2",
        usedBy: ["ArmFormats.SMMUCommand"]),
    ]
  }

  package static let smmuLayouts: [Fact] =
    [
      smmu(
        "STRTAB_SPLIT", "8", "a leaf of the stream table is for 256 StreamIDs", "Linux.SMMUDriver"),
      smmu("STRTAB_L1_DESC_SPAN", "GENMASK_ULL(4, 0)", "L1STD.Span", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_0_V", "(1UL << 0)", "STE.V", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_0_CFG", "GENMASK_ULL(3, 1)", "STE.Config", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_0_CFG_ABORT", "0", "abort", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_0_CFG_BYPASS", "4", "bypass", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_0_CFG_S1_TRANS", "5", "stage 1", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_0_CFG_S2_TRANS", "6", "stage 2", "ArmFormats.StreamTableEntry"),
      smmu(
        "STRTAB_STE_0_CFG_NESTED", "7", "both stages", from: "6.13", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_0_S1FMT", "GENMASK_ULL(5, 4)", "STE.S1Fmt", "ArmFormats.StreamTableEntry"),
      smmu(
        "STRTAB_STE_0_S1CTXPTR_MASK", "GENMASK_ULL(51, 6)", "STE.S1ContextPtr",
        "ArmFormats.StreamTableEntry"),
      smmu(
        "STRTAB_STE_0_S1CDMAX", "GENMASK_ULL(63, 59)", "STE.S1CDMax", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_1_S1DSS", "GENMASK_ULL(1, 0)", "STE.S1DSS", "ArmFormats.StreamTableEntry"),
      smmu(
        "STRTAB_STE_1_MEV", "(1UL << 19)", "STE.MEV", from: "6.13", "ArmFormats.StreamTableEntry"),
      smmu(
        "STRTAB_STE_1_S2FWB", "(1UL << 25)", "STE.S2FWB", from: "6.13",
        "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_1_S1STALLD", "(1UL << 27)", "STE.S1STALLD", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_1_EATS", "GENMASK_ULL(29, 28)", "STE.EATS", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_1_STRW", "GENMASK_ULL(31, 30)", "STE.STRW", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_1_SHCFG", "GENMASK_ULL(45, 44)", "STE.SHCFG", "ArmFormats.StreamTableEntry"),
      smmu(
        "STRTAB_STE_2_S2VMID", "GENMASK_ULL(15, 0)", "STE.S2VMID", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_2_S2AA64", "(1UL << 51)", "STE.S2AA64", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_2_S2PTW", "(1UL << 54)", "STE.S2PTW", "ArmFormats.StreamTableEntry"),
      smmu("STRTAB_STE_2_S2R", "(1UL << 58)", "STE.S2R", "ArmFormats.StreamTableEntry"),
      smmu(
        "STRTAB_STE_3_S2TTB_MASK", "GENMASK_ULL(51, 4)", "STE.S2TTB", "ArmFormats.StreamTableEntry"),
      smmu("CTXDESC_CD_0_V", "(1UL << 31)", "CD.V", "ArmFormats.ContextDescriptor"),
      smmu("CTXDESC_CD_0_AA64", "(1UL << 41)", "CD.AA64", "ArmFormats.ContextDescriptor"),
      smmu("CTXDESC_CD_0_S", "(1UL << 44)", "CD.S", "ArmFormats.ContextDescriptor"),
      smmu("CTXDESC_CD_0_R", "(1UL << 45)", "CD.R", "ArmFormats.ContextDescriptor"),
      smmu("CTXDESC_CD_0_A", "(1UL << 46)", "CD.A", "ArmFormats.ContextDescriptor"),
      smmu("CTXDESC_CD_0_ASET", "(1UL << 47)", "CD.ASET", "ArmFormats.ContextDescriptor"),
      smmu("CTXDESC_CD_0_ASID", "GENMASK_ULL(63, 48)", "CD.ASID", "ArmFormats.ContextDescriptor"),
      smmu(
        "CTXDESC_CD_1_TTB0_MASK", "GENMASK_ULL(51, 4)", "CD.TTB0", "ArmFormats.ContextDescriptor"),
      smmu(
        "CMDQ_BATCH_ENTRIES", "BITS_PER_LONG", "a batch holds 64 commands",
        "HostKernel.Invalidation"),
      smmu("CMDQ_ERR_CERROR_ILL_IDX", "1", "CERROR_ILL", "SMMU.SMMU"),
      smmu("CMDQ_ERR_CERROR_ABT_IDX", "2", "CERROR_ABT", "SMMU.SMMU"),
      smmu("CMDQ_ERR_CERROR_ATC_INV_IDX", "3", "CERROR_ATC_INV_SYNC", "SMMU.SMMU"),
      smmu("GERROR_CMDQ_ERR", "(1 << 0)", "GERROR.CMDQ_ERR", "SMMU.SMMU"),
      smmu("GERROR_EVTQ_ABT_ERR", "(1 << 2)", "GERROR.EVENTQ_ABT_ERR", "SMMU.SMMU"),
    ] + command("PREFETCH_CFG", "0x1") + command("CFGI_STE", "0x3") + command("CFGI_ALL", "0x4")
    + command("CFGI_CD", "0x5") + command("CFGI_CD_ALL", "0x6")
    + command("TLBI_NH_ALL", "0x10", from: "6.13")
    + command("TLBI_NH_ASID", "0x11") + command("TLBI_NH_VA", "0x12")
    + command("TLBI_S12_VMALL", "0x28") + command("TLBI_S2_IPA", "0x2a")
    + command("TLBI_NSNH_ALL", "0x30") + command("ATC_INV", "0x40") + command("PRI_RESP", "0x41")
    + command("RESUME", "0x44") + command("CMD_SYNC", "0x46")
    + [
      ("TRANSLATION_FAULT", "0x10"), ("ADDR_SIZE_FAULT", "0x11"), ("ACCESS_FAULT", "0x12"),
      ("PERMISSION_FAULT", "0x13"),
    ].map { name, value in
      smmu("EVT_ID_\(name)", value, "the number of this event", "ArmFormats.EventRecord")
    }
    + [
      ("BAD_STREAMID_CONFIG", "0x02"), ("STE_FETCH_FAULT", "0x03"), ("BAD_STE_CONFIG", "0x04"),
      ("STREAM_DISABLED_FAULT", "0x06"), ("BAD_SUBSTREAMID_CONFIG", "0x08"),
      ("CD_FETCH_FAULT", "0x09"), ("BAD_CD_CONFIG", "0x0a"), ("VMS_FETCH_FAULT", "0x25"),
    ].map { name, value in
      smmu(
        "EVT_ID_\(name)", value, "the number of this event", from: "6.14", "ArmFormats.EventRecord")
    }

  private static func gic(_ name: String, _ value: String, _ meaning: String, _ user: String)
    -> Fact
  {
    .init(
      name.lowercased().replacing("_", with: "-"), gicHeader, .macro(name), .value(value), meaning,
      usedBy: [user])
  }

  package static let itsRegisters: [Fact] =
    [
      gic("GITS_CTLR", "0x0000", "GITS_CTLR", "GIC.ITS"),
      gic("GITS_IIDR", "0x0004", "GITS_IIDR", "GIC.ITS"),
      gic("GITS_TYPER", "0x0008", "GITS_TYPER", "GIC.ITS"),
      gic("GITS_CBASER", "0x0080", "GITS_CBASER", "GIC.ITS"),
      gic("GITS_CWRITER", "0x0088", "GITS_CWRITER", "GIC.ITS"),
      gic("GITS_CREADR", "0x0090", "GITS_CREADR", "GIC.ITS"),
      gic("GITS_BASER", "0x0100", "the first GITS_BASER", "GIC.ITS"),
      gic("GITS_TRANSLATER", "0x10040", "where a device writes its messages", "GIC.ITS"),
      gic("GITS_TYPER_IDBITS_SHIFT", "8", "where the EventID bits stand", "GIC.ITSProfile"),
      gic("GITS_TYPER_DEVBITS", "GENMASK_ULL(17, 13)", "DeviceID bits, less one", "GIC.ITSProfile"),
      gic("GITS_TYPER_PTA", "(1UL << 19)", "whether RDbase is an address", "GIC.ITSProfile"),
      gic("GITS_TYPER_VMOVP", "(1ULL << 37)", "one VMOVP does for all ITSs", "GIC.ITSProfile"),
      gic(
        "GITS_BASER_INDIRECT", "(1ULL << 62)", "a table of two levels", "GIC.FlatOrTwoLevelTable"),
      gic("GITS_BASER_TYPE_DEVICE", "1", "the device table", "GIC.ITS"),
      gic("GITS_BASER_TYPE_COLLECTION", "4", "the collection table", "GIC.ITS"),
      gic("GICR_PROPBASER", "0x0070", "GICR_PROPBASER", "GIC.Redistributors"),
      gic("GICR_PENDBASER", "0x0078", "GICR_PENDBASER", "GIC.Redistributors"),
      gic("GICR_INVLPIR", "0x00A0", "GICR_INVLPIR", "GIC.Redistributors"),
      gic("GICR_INVALLR", "0x00B0", "GICR_INVALLR", "GIC.Redistributors"),
      gic("GICR_SYNCR", "0x00C0", "GICR_SYNCR", "GIC.Redistributors"),
      gic("GICR_CTLR_ENABLE_LPIS", "(1UL << 0)", "EnableLPIs", "GIC.Redistributors"),
      gic("GICR_CTLR_CES", "(1UL << 1)", "EnableLPIs may be cleared", "GIC.Redistributors"),
      gic("GICR_CTLR_IR", "(1UL << 2)", "invalidation registers exist", "GIC.Redistributors"),
      gic("GICD_SETSPI_NSR", "0x0040", "where messages for SPIs go", "GIC.MessageBasedSPI"),
      .init(
        "v2m-setspi", "drivers/irqchip/irq-gic-v2m.c", .macro("V2M_MSI_SETSPI_NS"),
        .value("0x040"), "where messages for a GICv2m frame go", usedBy: ["GIC.GICv2mFrame"],
        scenarios: ["delivery/gicv2m.yaml"]),
    ]
    + [
      ("MAPD", "0x08"), ("MAPC", "0x09"), ("MAPTI", "0x0a"), ("MAPI", "0x0b"), ("MOVI", "0x01"),
      ("DISCARD", "0x0f"), ("INV", "0x0c"), ("MOVALL", "0x0e"), ("INVALL", "0x0d"), ("INT", "0x03"),
      ("CLEAR", "0x04"), ("SYNC", "0x05"),
    ].map { name, value in
      gic("GITS_CMD_\(name)", value, "the opcode of \(name)", "ArmFormats.ITSCommand")
    }
    + [
      ("VINVALL", "INVALL"), ("VMAPP", "MAPC"), ("VMAPTI", "MAPTI"), ("VMOVI", "MOVI"),
      ("VSYNC", "SYNC"),
    ].map { name, plain in
      gic(
        "GITS_CMD_\(name)", "GITS_CMD_GICv4(GITS_CMD_\(plain))",
        "\(name) is \(plain) with bit 5", "ArmFormats.ITSCommand")
    }
    + [
      gic("GITS_CMD_VMOVP", "GITS_CMD_GICv4(2)", "the opcode of VMOVP", "ArmFormats.ITSCommand"),
      gic("GITS_CMD_VSGI", "GITS_CMD_GICv4(3)", "the opcode of VSGI", "ArmFormats.ITSCommand"),
      gic("GITS_CMD_INVDB", "GITS_CMD_GICv4(0xe)", "the opcode of INVDB", "ArmFormats.ITSCommand"),
    ]
}
