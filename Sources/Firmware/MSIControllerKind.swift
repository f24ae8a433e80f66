/// MSI controllers that are no ITS, by the `compatible` of their nodes, and host bridges that receive
/// messages themselves. What is known of them is where a message goes.
public struct MSIControllerKind: Sendable {
  public let name: String
  let compatible: [String]
  /// Rule by which the address of a message follows from the node.
  let doorbell: Doorbell

  enum Doorbell: Sendable {
    /// The first region of `reg`, and an offset.
    case register(UInt64)
    /// The second region of `reg`, which is an address as devices see it.
    case secondRegion
    /// It depends on the vector, or stands in memory that the driver allocates.
    case unknown
  }

  /// drivers/irqchip/irq-gic-v2m.c: `V2M_MSI_SETSPI_NS`.
  public static let frame = Self(
    name: "GICv2m frame", compatible: ["arm,gic-v2m-frame"], doorbell: .register(0x40))
  /// drivers/irqchip/irq-gic-v3-mbi.c: `GICD_SETSPI_NSR` of the distributor or its alias.
  public static let messageBased = Self(
    name: "GICv3 message-based SPIs", compatible: [], doorbell: .register(0x40))

  /// In the order of the drivers under drivers/irqchip and drivers/pci/controller.
  static let known: [Self] = [
    frame,
    // `ls_scfg_msi_probe`: msiir_addr is the start of the region.
    .init(
      name: "Layerscape MSI",
      compatible: [
        "fsl,ls1012a-msi", "fsl,ls1021a-msi", "fsl,ls1043a-msi", "fsl,ls1043a-v1.1-msi",
        "fsl,ls1046a-msi", "fsl,1s1021a-msi", "fsl,1s1043a-msi",
      ], doorbell: .register(0)),
    .init(name: "Alpine MSI-X", compatible: ["al,alpine-msix"], doorbell: .unknown),
    .init(name: "X-Gene MSI", compatible: ["apm,xgene1-msi"], doorbell: .unknown),
    // `mip_parse_dt`: msg_addr is the second region.
    .init(name: "Broadcom MIP", compatible: ["brcm,bcm2712-mip"], doorbell: .secondRegion),
    .init(name: "Broadcom iProc MSI", compatible: ["brcm,iproc-msi"], doorbell: .unknown),
    .init(name: "Altera MSI", compatible: ["altr,msi-1.0"], doorbell: .unknown),
    .init(
      name: "Marvell GICP", compatible: ["marvell,ap806-gicp"], doorbell: .register(0)),
    .init(name: "Marvell ODMI", compatible: ["marvell,odmi-controller"], doorbell: .unknown),
    .init(name: "Marvell SEI", compatible: ["marvell,ap806-sei"], doorbell: .unknown),
    .init(name: "i.MX MU MSI", compatible: ["fsl,imx6sx-mu-msi"], doorbell: .unknown),
    .init(name: "Loongson PCH MSI", compatible: ["loongson,pch-msi-1.0"], doorbell: .unknown),
    .init(name: "Sophgo MSI", compatible: ["sophgo,sg2042-msi"], doorbell: .unknown),
    .init(name: "IMSIC", compatible: ["riscv,imsics"], doorbell: .unknown),
  ]

  static func of(_ node: DeviceTreeBlob.Node) -> Self? {
    known.first { node.isCompatible(with: $0.compatible) }
  }

  /// Bridges whose drivers receive messages themselves where nothing else is named, beside those that
  /// say so by `msi-controller` or by an interrupt called `msi`: DesignWare's iMSI-RX and its like.
  static let receivingBridges = [
    "snps,dw-pcie", "samsung,exynos5433-pcie", "mediatek,mt7622-pcie", "mediatek,mt8192-pcie",
    "mediatek,mt2712-pcie", "renesas,pcie-rcar-gen2", "renesas,pcie-rcar-gen3",
    "nvidia,tegra20-pcie", "nvidia,tegra30-pcie", "nvidia,tegra124-pcie", "nvidia,tegra210-pcie",
    "nvidia,tegra186-pcie", "nvidia,tegra194-pcie", "nvidia,tegra234-pcie",
    "hisilicon,kirin960-pcie", "hisilicon,kirin970-pcie", "rockchip,rk3568-pcie",
    "brcm,bcm2711-pcie", "brcm,bcm2712-pcie", "brcm,bcm7445-pcie", "brcm,bcm7278-pcie",
    "apple,pcie", "marvell,armada-3700-pcie", "xlnx,nwl-pcie-2.11", "xlnx,axi-pcie-host-1.00.a",
    "xlnx,versal-cpm-host-1.00",
  ]

  /// Bridges without a receiver of their own: configuration space as PCI defines it, and nothing
  /// else (drivers/pci/controller/pci-host-generic.c, and those built on it).
  static let genericBridges = [
    "pci-host-ecam-generic", "pci-host-cam-generic", "pci-host-thunder-ecam",
    "pci-host-thunder-pem", "cavium,pci-host-thunder-ecam", "cavium,pci-host-thunder-pem",
    "cavium,pci-host-octeon-ecam",
  ]
}
