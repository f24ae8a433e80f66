import Firmware
import Testing

/// Small trees of the shapes that boards ship, after the public bindings: none of them has an error,
/// and IDs and doorbells are those that Linux finds.
@Suite("Board trees")
struct BoardTreeTests {
  /// A board and what its firmware says about one function.
  struct Board: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var gic = Board.its
    let body: String
    /// The function: segment and requester ID.
    var segment: UInt32 = 0
    var requesterID: UInt32 = 0x100
    var stream: UInt32?
    var device: UInt32?
    var doorbell: UInt64?
    /// Rules that the tree breaks, without those that any board may.
    var rules: Set<String> = []

    /// A GICv3 with an ITS, a GICv3 with message-based SPIs, and a GIC-400 with two GICv2m frames.
    static let its = """
      gic: interrupt-controller@30000000 {
        compatible = "arm,gic-v3"; interrupt-controller; #interrupt-cells = <3>;
        #address-cells = <2>; #size-cells = <2>; ranges;
        reg = <0 0x30000000 0 0x10000>, <0 0x30100000 0 0x100000>;
        its: msi-controller@30040000 {
          compatible = "arm,gic-v3-its"; msi-controller; #msi-cells = <1>;
          reg = <0 0x30040000 0 0x20000>;
        };
        its1: msi-controller@30060000 {
          compatible = "arm,gic-v3-its"; msi-controller; #msi-cells = <1>;
          reg = <0 0x30060000 0 0x20000>;
        };
      };
      """
    static let messageBased = """
      gic: interrupt-controller@fd400000 {
        compatible = "arm,gic-v3"; interrupt-controller; #interrupt-cells = <3>; msi-controller;
        reg = <0 0xfd400000 0 0x10000>, <0 0xfd460000 0 0x80000>;
        mbi-alias = <0x0 0xfd410000>; mbi-ranges = <296 24>;
      };
      """
    static let frames = """
      gic: interrupt-controller@f0210000 {
        compatible = "arm,gic-400"; interrupt-controller; #interrupt-cells = <3>;
        #address-cells = <2>; #size-cells = <2>; ranges;
        reg = <0 0xf0210000 0 0x10000>, <0 0xf0220000 0 0x20000>;
        v2m0: v2m@f0280000 {
          compatible = "arm,gic-v2m-frame"; msi-controller; reg = <0 0xf0280000 0 0x1000>;
          arm,msi-base-spi = <160>; arm,msi-num-spis = <32>;
        };
        v2m1: v2m@f0290000 {
          compatible = "arm,gic-v2m-frame"; msi-controller; reg = <0 0xf0290000 0 0x1000>;
        };
      };
      """

    var source: String {
      """
      /dts-v1/;
      / {
        #address-cells = <2>; #size-cells = <2>;
        compatible = "example,board"; interrupt-parent = <&gic>;
        memory@80000000 { device_type = "memory"; reg = <0 0x80000000 0 0>; };
        \(gic)
        \(body)
      };
      """
    }
  }

  private static func bridge(
    _ properties: String, _ compatible: String, at unit: String = "40000000"
  )
    -> String
  {
    """
    pcie@\(unit) {
      device_type = "pci"; compatible = \(compatible);
      #address-cells = <3>; #size-cells = <2>; reg = <0 0x\(unit) 0 0x1000000>;
      ranges = <0x02000000 0 0x60000000 0 0x60000000 0 0x1000000>;
      \(properties)
    };
    """
  }

  static let boards: [Board] = [
    .init(
      testDescription: "RK3588: a bridge for each sixteen buses, ITSs by bridge, a root port node",
      body: bridge(
        """
        bus-range = <0x20 0x2f>; linux,pci-domain = <2>; msi-map = <0x2000 &its1 0x2000 0x1000>;
        interrupt-names = "sys", "pmc", "msg", "legacy", "err";
        pcie@2,0 { device_type = "pci"; reg = <0x200000 0 0 0 0>; bus-range = <0x21 0x2f>;
          #address-cells = <3>; #size-cells = <2>; ranges; };
        """, "\"rockchip,rk3588-pcie\", \"rockchip,rk3568-pcie\""),
      segment: 2, requesterID: 0x2100, device: 0x2100, doorbell: 0x3007_0040),
    .init(
      testDescription: "RK3568: message-based SPIs by an alias of the distributor",
      gic: Board.messageBased,
      body: bridge(
        "bus-range = <0x0 0xf>; linux,pci-domain = <0>; msi-map = <0x0 &gic 0x0 0x1000>;",
        "\"rockchip,rk3568-pcie\""), doorbell: 0xfd41_0040, rules: ["msi-not-isolated"]),
    .init(
      testDescription: "LX2160: a placeholder that the boot loader fills in, no domain numbers",
      body: """
        smmu: iommu@5000000 { compatible = "arm,mmu-500"; reg = <0 0x5000000 0 0x800000>;
          #iommu-cells = <1>; };
        \(bridge(
          "bus-range = <0x0 0xff>; msi-parent = <&its 0>; iommu-map = <0 &smmu 0 1>;",
          "\"fsl,lx2160a-pcie\"", at: "3600000"))
        \(bridge(
          "bus-range = <0x0 0xff>; msi-parent = <&its 0>; iommu-map = <0 &smmu 0 1>;",
          "\"fsl,lx2160a-pcie\"", at: "3800000"))
        fsl-mc@80c000000 { compatible = "fsl,qoriq-mc"; reg = <0x8 0x0c000000 0 0x40>;
          msi-parent = <&its 0>; iommu-map = <0 &smmu 0 0>; };
        """, requesterID: 0x108, device: 0x108, doorbell: 0x3005_0040,
      rules: ["unnumbered-bridges", "shared-stream-id", "shared-device-id"]),
    .init(
      testDescription: "LS1046: an MSI controller of its own kind",
      gic: Board.frames,
      body: """
        msi1: msi-controller@1580000 { compatible = "fsl,ls1046a-msi"; msi-controller;
          reg = <0 0x1580000 0 0x10000>; };
        msi2: msi-controller@1590000 { compatible = "fsl,ls1046a-msi"; msi-controller;
          reg = <0 0x1590000 0 0x10000>; };
        \(bridge("bus-range = <0x0 0xff>; msi-parent = <&msi1>, <&msi2>;", "\"fsl,ls1046a-pcie\""))
        """, doorbell: 0x158_0000, rules: ["msi-not-isolated"]),
    .init(
      testDescription: "i.MX95: both masks, and an SMMU that is disabled",
      body: """
        smmu: iommu@490d0000 { compatible = "arm,smmu-v3"; reg = <0 0x490d0000 0 0x100000>;
          #iommu-cells = <1>; status = "disabled"; };
        \(bridge(
          """
          bus-range = <0x00 0xff>; linux,pci-domain = <0>;
          msi-map = <0x0 &its 0x10 0x1>, <0x100 &its 0x11 0x7>; msi-map-mask = <0x1ff>;
          iommu-map = <0x0 &smmu 0x10 0x1>, <0x100 &smmu 0x11 0x7>; iommu-map-mask = <0x1ff>;
          """, "\"fsl,imx95-pcie\""))
        """, requesterID: 0x102, device: 0x13, doorbell: 0x3005_0040,
      rules: ["disabled-smmu", "shared-ids-by-mask", "unmapped-ids"]),
    .init(
      testDescription: "Tegra234: nvidia's SMMU, one StreamID for a whole bridge, messages to v2m",
      gic: Board.frames,
      body: """
        smmu: iommu@12000000 { compatible = "nvidia,tegra234-smmu", "nvidia,smmu-500";
          reg = <0 0x12000000 0 0x1000000>, <0 0x11000000 0 0x1000000>; #iommu-cells = <1>; };
        \(bridge(
          """
          bus-range = <0x0 0xff>; linux,pci-domain = <4>; interrupt-names = "intr", "msi";
          iommu-map = <0x0 &smmu 0x7 0x1000>; iommu-map-mask = <0x0>; msi-parent = <&v2m0>;
          """, "\"nvidia,tegra234-pcie\""))
        ethernet@6800000 { reg = <0 0x6800000 0 0x10000>; iommus = <&smmu 0x35>, <&smmu 0x36>; };
        """, segment: 4, requesterID: 0x8, stream: 7, doorbell: 0xf028_0040,
      rules: ["shared-ids-by-mask", "msi-not-isolated"]),
    .init(
      testDescription:
        "a Qualcomm laptop: a StreamID for each bus, and many devices that share one",
      body: """
        smmu: iommu@15000000 { compatible = "qcom,sc8280xp-smmu-500", "arm,mmu-500";
          reg = <0 0x15000000 0 0x100000>; #iommu-cells = <2>; };
        old: iommu@d00000 { compatible = "qcom,msm8998-smmu-v2"; reg = <0 0xd00000 0 0x10000>;
          #iommu-cells = <1>; };
        uart@1 { reg = <0 1 0 1>; iommus = <&smmu 0xe3 0x0>; };
        spi@2 { reg = <0 2 0 1>; iommus = <&smmu 0xe3 0x0>; };
        i2c@3 { reg = <0 3 0 1>; iommus = <&smmu 0xe3 0x0>; };
        gpu@4 { reg = <0 4 0 1>; iommus = <&old 0 >; };
        \(bridge(
          """
          bus-range = <0x00 0xff>; linux,pci-domain = <6>; interrupt-names = "msi0", "msi1";
          msi-map = <0x0 &its 0x1401 0x1>, <0x100 &its 0x1400 0x1>; msi-map-mask = <0xff00>;
          iommu-map = <0x0 &smmu 0x1c00 0x1>, <0x100 &smmu 0x1c01 0x1>;
          """, "\"qcom,pcie-sm8450-pcie0\""))
        """, segment: 6, requesterID: 0x100, stream: 0x1c01, device: 0x1400, doorbell: 0x3005_0040,
      rules: ["shared-ids-by-mask", "shared-stream-id", "unmapped-ids"]),
    .init(
      testDescription: "a newer Qualcomm board: entries of as many cells as the SMMU has",
      body: """
        smmu: iommu@15000000 { compatible = "qcom,sm8550-smmu-500", "arm,mmu-500";
          reg = <0 0x15000000 0 0x100000>; #iommu-cells = <2>; };
        \(bridge(
          """
          bus-range = <0x00 0xff>; linux,pci-domain = <0>; msi-map = <0x0 &its 0x1400 0x10000>;
          iommu-map = <0x0 &smmu 0x1400 0x0 0x1>, <0x100 &smmu 0x1401 0x0 0x1>;
          """, "\"qcom,pcie-sm8550\""))
        """, requesterID: 0x100, stream: 0x1401, device: 0x1500, doorbell: 0x3005_0040),
    .init(
      testDescription: "SynQuacer: a window in front of the ITS",
      gic: """
        gic: interrupt-controller@30000000 {
          compatible = "arm,gic-v3"; interrupt-controller; #interrupt-cells = <3>;
          #address-cells = <2>; #size-cells = <2>; ranges;
          reg = <0 0x30000000 0 0x10000>, <0 0x30080000 0 0x400000>;
          its: msi-controller@30020000 {
            compatible = "arm,gic-v3-its"; msi-controller; #msi-cells = <1>;
            reg = <0 0x30020000 0 0x20000>; socionext,synquacer-pre-its = <0x58000000 0x200000>;
          };
        };
        """,
      body: bridge(
        "bus-range = <0x0 0x7e>; linux,pci-domain = <1>; msi-map = <0x0 &its 0x10000 0x7f00>;",
        "\"socionext,synquacer-pcie-ecam\", \"snps,dw-pcie-ecam\""),
      segment: 1, requesterID: 0x108, device: 0x1_0108, doorbell: 0x5804_0420,
      rules: ["msi-not-isolated"]),
    .init(
      testDescription: "Armada 8040: GICv2m frames, a disabled SMMU and a mask",
      gic: Board.frames,
      body: """
        smmu: iommu@5000000 { compatible = "marvell,ap806-smmu-500", "arm,mmu-500";
          reg = <0 0x5000000 0 0x100000>; #iommu-cells = <1>; status = "disabled"; };
        \(bridge(
          """
          bus-range = <0 0xff>; msi-parent = <&v2m0>;
          iommu-map = <0x0 &smmu 0x480 0x20>, <0x100 &smmu 0x4a0 0x20>; iommu-map-mask = <0x031f>;
          """, "\"marvell,armada8k-pcie\", \"snps,dw-pcie\""))
        """, doorbell: 0xf028_0040, rules: ["disabled-smmu", "msi-not-isolated"]),
    .init(
      testDescription: "Broadcom: a bridge that receives messages itself",
      body: bridge(
        "msi-controller; msi-parent = <&pcie0>; interrupt-names = \"pcie\", \"msi\";",
        "\"brcm,bcm2711-pcie\""
      ).replacing("pcie@40000000", with: "pcie0: pcie@40000000"), rules: ["msi-not-isolated"]),
    .init(
      testDescription: "BCM2712: a MIP that devices see at another address",
      body: """
        mip: msi-controller@130000 { compatible = "brcm,bcm2712-mip"; msi-controller;
          reg = <0x10 0x00130000 0x00 0xc0>, <0xff 0xfffff000 0x00 0x1000>; };
        \(bridge("bus-range = <0 0xff>; msi-parent = <&mip>;", "\"brcm,bcm2712-pcie\""))
        """, doorbell: 0xff_ffff_f000, rules: ["msi-not-isolated"]),
    .init(
      testDescription: "X-Gene: its MSI controller",
      gic: Board.frames,
      body: """
        msi: msi@79000000 { compatible = "apm,xgene1-msi"; msi-controller;
          reg = <0 0x79000000 0 0x900000>; };
        \(bridge("msi-parent = <&msi>;", "\"apm,xgene-storm-pcie\", \"apm,xgene-pcie\""))
        """, rules: ["msi-not-isolated"]),
    .init(
      testDescription: "Apple: an IOMMU of another kind",
      gic: "gic: aic { interrupt-controller; };",
      body: """
        dart: iommu@81008000 { compatible = "apple,t8103-dart"; reg = <0 0x81008000 0 0x4000>;
          #iommu-cells = <1>; };
        \(bridge(
          "msi-controller; msi-parent = <&pcie0>; iommu-map = <0x100 &dart 1 1>;",
          "\"apple,t8103-pcie\", \"apple,pcie\""
        ).replacing("pcie@40000000", with: "pcie0: pcie@40000000"))
        """, rules: ["msi-not-isolated"]),
    .init(
      testDescription: "LS1028: msi-parent for what msi-map leaves out",
      body: """
        smmu: iommu@5000000 { compatible = "arm,mmu-500"; reg = <0 0x5000000 0 0x800000>;
          #iommu-cells = <1>; };
        \(bridge(
          """
          bus-range = <0x0 0x0>; msi-parent = <&its 0>; msi-map = <0 &its 0x17 0xe>;
          iommu-map = <0 &smmu 0x17 0xe>;
          """, "\"pci-host-ecam-generic\""))
        """, requesterID: 2, stream: 0x19, device: 0x19, doorbell: 0x3005_0040),
    .init(
      testDescription: "ThunderX2: all functions to one ITS, IDs as they are",
      body: bridge(
        "bus-range = <0 0xff>; linux,pci-domain = <0>; msi-parent = <&its 0>;",
        "\"pci-host-ecam-generic\""), requesterID: 0x1234, device: 0x1234, doorbell: 0x3005_0040),
    .init(
      testDescription: "DesignWare without anything named: the bridge's own receiver",
      gic: Board.frames,
      body: bridge("interrupt-names = \"msi\";", "\"fsl,imx8mq-pcie\""),
      rules: ["msi-not-isolated"]),
    .init(
      testDescription: "a bridge whose driver is not known",
      gic: Board.frames, body: bridge("", "\"vendor,pcie\""), rules: ["unknown-msi-receiver"]),
    .init(
      testDescription: "a bridge whose functions send no MSIs",
      body: bridge("linux,pci-domain = <0>;", "\"pci-host-ecam-generic\""), rules: ["unmapped-ids"]),
    .init(
      testDescription: "a GICv5: messages go to a frame of the ITS",
      gic: """
        gic: interrupt-controller { compatible = "arm,gic-v5"; #interrupt-cells = <3>;
          #address-cells = <2>; #size-cells = <2>; ranges;
          its5: its@2f120000 { compatible = "arm,gic-v5-its"; reg = <0 0x2f120000 0 0x10000>;
            #address-cells = <2>; #size-cells = <2>; ranges;
            frame: msi-controller@2f130000 { msi-controller; #msi-cells = <1>;
              reg = <0 0x2f130000 0 0x10000>; };
          };
        };
        """,
      body: bridge(
        "linux,pci-domain = <0>; msi-map = <0x0 &frame 0x0 0x10000>;", "\"pci-host-ecam-generic\""),
      requesterID: 0x108, device: 0x108, doorbell: 0x2f13_0000),
  ]

  @Test("no board that ships has an error, and its functions have their IDs", arguments: boards)
  func board(_ board: Board) throws {
    let tree = try DeviceTreeSource.tree(Array(board.source.utf8))
    let tables = FirmwareTables(tree: tree)
    let facts = tables.facts
    let findings = tables.findings(window: window)
    #expect(findings.filter { $0.severity == .error } == [])
    #expect(Set(findings.map(\.rule)) == board.rules)
    #expect(facts.view == .host)
    #expect(!facts.rootComplexes.isEmpty)
    let route = facts.route(of: board.requesterID, segment: board.segment)
    #expect(route.stream?.id == board.stream)
    #expect(route.device?.id == board.device)
    #expect(facts.doorbell(of: route) == board.doorbell)
    // What the tables give a function is found again from the ID, whatever else shares it.
    let function = PlatformFacts.Requester.function(
      complex: try #require(route.complex), requesterID: board.requesterID)
    if let stream = route.stream {
      #expect(facts.requesters(withStream: stream.id, at: stream.smmu).contains(function))
    }
    if let device = route.device {
      #expect(facts.requesters(withDevice: device.id, atGroup: device.group).contains(function))
    }
  }

  private func findings(_ body: String, guest: Bool = false) throws -> [FirmwareFinding] {
    let source = Board(testDescription: "", body: body).source.replacing(
      "example,board", with: guest ? "linux,dummy-virt" : "example,board")
    return FirmwareTables(tree: try DeviceTreeSource.tree(Array(source.utf8)))
      .findings(window: window)
  }

  private static let smmu3 = """
    smmu: iommu@5000000 { compatible = "arm,smmu-v3"; reg = <0 0x5000000 0 0x20000>;
      #iommu-cells = <1>; };
    """

  /// Trees that break an MSI or a translation, and how bad that is.
  static let breaks: [(name: String, body: String, rule: String, FirmwareFinding.Severity)] = [
    (
      "a base outside the mask", "msi-map = <0x101 &its 0 1>; msi-map-mask = <0xff00>;",
      "map-base-outside-mask", .error
    ),
    ("half an entry", "msi-map = <0x0 &its 0>;", "map-length", .error),
    ("a map to nothing", "msi-map = <0x0 0x77 0 0x10000>;", "dangling-reference", .error),
    ("messages to an SMMU", "msi-map = <0x0 &smmu 0 0x10000>;", "reference-kind", .error),
    (
      "requests to an ITS", "iommu-map = <0x0 &its 0 0x10000>; msi-map = <0x0 &its 0 0x10000>;",
      "reference-kind", .error
    ),
    (
      "a mask that loses the bus",
      "iommu-map = <0 &smmu 0 0x10000>; msi-map = <0 &its 0 0x10000>; msi-map-mask = <0xff>;",
      "msi-map-mask", .warning
    ),
    (
      "two entries for one ID", "msi-map = <0 &its 0 0x10000>, <0x100 &its1 0 0x100>;",
      "overlapping-ids", .warning
    ),
    ("a map that leaves out a bus", "msi-map = <0 &its 0 0x100>;", "unmapped-ids", .warning),
    ("an ITS without its cell", "msi-parent = <&its>;", "msi-parent-cells", .warning),
  ]

  @Test("what breaks an MSI is said", arguments: breaks.indices)
  func broken(index: Int) throws {
    let (name, body, rule, severity) = Self.breaks[index]
    let bridge = Self.bridge("linux,pci-domain = <0>; \(body)", "\"pci-host-ecam-generic\"")
    let found = try findings(Self.smmu3 + bridge).first { $0.rule == rule }
    #expect(found?.severity == severity, "\(name)")
  }

  @Test("devices behind an SMMUv3 that share a StreamID are an error, behind an SMMUv2 a note")
  func sharedStream() throws {
    let devices = """
      a@1 { reg = <0 1 0 1>; iommus = <&smmu 5>; };
      b@2 { reg = <0 2 0 1>; iommus = <&smmu 5>; };
      """
    #expect(
      try findings(Self.smmu3 + devices).map(\.rule).contains("duplicate-stream-id"))
    let second = Self.smmu3.replacing("arm,smmu-v3", with: "arm,mmu-500")
    let found = try findings(second + devices)
    #expect(found.map(\.rule) == ["shared-stream-id"])
    #expect(found.first?.severity == .note)
  }

  @Test("rules about the host's window are for guests")
  func view() throws {
    let body =
      Self.smmu3 + Self.bridge("linux,pci-domain = <0>; msi-map = <0 &its 0 0x10000>;", "\"x\"")
    #expect(try !findings(body).map(\.rule).contains("window-not-reserved"))
    #expect(try findings(body, guest: true).map(\.rule).contains("window-not-reserved"))
  }

  @Test("a guest's bridge without msi-map is an error where there is an ITS")
  func guestWithoutMap() throws {
    let body = Self.bridge("linux,pci-domain = <0>;", "\"pci-host-ecam-generic\"")
    #expect(
      try findings(body, guest: true).first { $0.rule == "unmapped-ids" }?.severity == .error)
  }

  @Test("bridges without numbers are told apart by their place, and each has a route")
  func unnumbered() throws {
    let source = Board(
      testDescription: "",
      body: Self.bridge("msi-map = <0 &its 0 0x10000>;", "\"pci-host-ecam-generic\"", at: "1000000")
        + Self.bridge("msi-map = <0 &its1 0 0x10000>;", "\"pci-host-ecam-generic\"", at: "2000000")
        + Self.bridge(
          "msi-map = <0 &its 0x50000 0x10000>; linux,pci-domain = <0>;",
          "\"pci-host-ecam-generic\"", at: "3000000"))
    let tree = try DeviceTreeSource.tree(Array(source.source.utf8))
    let facts = PlatformFacts(tree)
    #expect(facts.rootComplexes.map(\.segment) == [1, 2, 0])
    #expect(facts.routes(of: 8).map(\.device?.id) == [0x5_0008])
    let routes = facts.routes(of: 8, segment: 1)
    #expect(routes.map(\.device?.group) == [0, 1])
    #expect(routes.allSatisfy { !$0.remarks.isEmpty })
    #expect(facts.routes(of: 8, segment: 9).map(\.device) == [nil])
  }

  @Test("the kernel's names of SMMUs lead to them")
  func kernelNames() throws {
    let tree = try DeviceTreeSource.tree(
      Array(Board(testDescription: "", body: Self.smmu3).source.utf8))
    let facts = PlatformFacts(tree)
    #expect(facts.smmu(named: "5000000.iommu") == 0)
    #expect(facts.smmu(named: "5000001.iommu") == nil)
    let tables = try Fixture(name: "smmudev-2pxb").tables().facts
    #expect(
      tables.smmus.map(\.kernelName).prefix(2) == ["arm-smmu-v3.0.auto", "arm-smmu-v3.1.auto"])
  }
}
