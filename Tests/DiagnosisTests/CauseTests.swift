import Diagnosis
import Testing

/// What a report has to come to.
struct Expected: Sendable, CustomTestStringConvertible {
  var title: String
  var cause: Cause
  var texts: [String: String]
  /// Words that the answer has to have.
  var says: [String] = []

  var testDescription: String { title }
}

@Suite("Causes")
struct CauseTests {
  @Test("what a VMM refuses, and what the host's kernel can do", arguments: machines)
  func machine(row: Expected) throws { try check(row) }

  @Test("what the host's policy refuses", arguments: policies)
  func policy(row: Expected) throws { try check(row) }

  @Test("the ITS, redistributors, GICv2m and KVM", arguments: controllers)
  func controller(row: Expected) throws { try check(row) }

  @Test("the function itself", arguments: functions)
  func function(row: Expected) throws { try check(row) }

  @Test("faults of DMA", arguments: accesses)
  func access(row: Expected) throws { try check(row) }

  @Test("registers alone", arguments: registers)
  func register(row: Expected) throws { try check(row) }

  @Test("the SMMU itself", arguments: smmus)
  func smmu(row: Expected) throws { try check(row) }

  private func check(_ row: Expected) throws {
    let diagnosis = Report(row.texts).diagnosis
    let finding = try #require(diagnosis.causes.first)
    #expect(
      finding.cause == row.cause, "\(diagnosis.causes.map { "\($0.cause) \($0.confidence)" })")
    #expect(!finding.evidence.isEmpty)
    for words in row.says {
      #expect((finding.means + finding.fix).contains(words), "\(words): \(finding.means)")
    }
    for evidence in finding.evidence {
      guard let line = evidence.line, let text = row.texts[evidence.file] else { continue }
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(
        line <= lines.count && lines[line - 1].contains(evidence.text.prefix(40)), "\(evidence)")
    }
    let confidences = diagnosis.causes.map(\.confidence)
    #expect(confidences == confidences.sorted(by: >))
  }

  private static let accelerated =
    "qemu-system-aarch64 -machine virt,gic-version=3,its=on -accel kvm -cpu host -m 8G -bios QEMU_EFI.fd "
    + "-object iommufd,id=iommufd0 -device pxb-pcie,id=pcie.1,bus_nr=8,bus=pcie.0 "
    + "-device arm-smmuv3,primary-bus=pcie.1,id=s1,accel=on "
    + "-device vfio-pci,host=0006:01:00.0,bus=rp1,iommufd=iommufd0\n"

  private static let machines: [Expected] = [
    .init(
      title: "accel=on without firmware", cause: .vmmAccelNeedsAcpi,
      texts: [
        "a":
          "qemu-system-aarch64 -machine virt -accel kvm -kernel Image -device arm-smmuv3,primary-bus=pcie.1,accel=on\nqemu-system-aarch64: -device arm-smmuv3,primary-bus=pcie.1,accel=on: SMMUv3 with accel=on not supported for DT\n"
      ], says: ["ACPI"]),
    .init(
      title: "accel=on under TCG", cause: .vmmAccelNeedsKvm,
      texts: [
        "a":
          "qemu-system-aarch64 -machine virt -accel tcg -bios QEMU_EFI.fd -device arm-smmuv3,primary-bus=pcie.1,accel=on -device vfio-pci,host=0006:01:00.0,iommufd=iommufd0\n"
      ], says: ["KVM"]),
    .init(
      title: "a feature that the host's SMMU has not", cause: .vmmAccelFeatureMismatch,
      texts: [
        "a": accelerated
          + "qemu-system-aarch64: -device vfio-pci,host=0006:01:00.0,bus=rp1,iommufd=iommufd0: vfio 0006:01:00.0: Host SMMUv3 doesn't support Range Invalidation\n"
      ], says: ["ril=off"]),
    .init(
      title: "an output size beyond the host's", cause: .vmmAccelFeatureMismatch,
      texts: [
        "a": accelerated
          + "qemu-system-aarch64: vfio 0006:01:00.0: Host SMMUv3 supports only 44-bit IPA, but the vSMMU OAS implies 48-bit IPA\n"
      ], says: ["oas"]),
    .init(
      title: "an assigned device behind an emulated SMMU", cause: .vfioBehindEmulatedSmmu,
      texts: [
        "a":
          "qemu-system-aarch64: -device vfio-pci,host=0006:01:00.0: vfio 0006:01:00.0: device 00.02.0 requires iommu MAP notifier which is not currently supported\n"
      ]),
    .init(
      title: "a host kernel before nesting", cause: .hostKernelNoNesting,
      texts: [
        "log": Kernel.host("6.8.0-84-generic"),
        "vmm": accelerated
          + "qemu-system-aarch64: -device vfio-pci,host=0006:01:00.0: vfio 0006:01:00.0: Failed to allocate hwpt: Operation not supported\n",
      ], says: ["6.13", "6.8.0"]),
    .init(
      title: "an attach before the vDEVICE", cause: .hostKernelNoNesting,
      texts: [
        "log": Kernel.host("6.16.2"),
        "vmm": accelerated
          + "qemu-system-aarch64: vfio 0006:01:00.0: error attach 0006:01:00.0 (20) to id=6: No such file or directory\n",
      ], says: ["6.19"]),
    .init(
      title: "an SMMU with one stage", cause: .smmuHardwareNoNesting,
      texts: [
        "log": Kernel.host("6.18.4", features: "0x000d1aef"),
        "vmm": accelerated
          + "qemu-system-aarch64: vfio 0006:01:00.0: Failed to allocate hwpt: Operation not supported\n",
      ], says: ["stage 2"]),
    .init(
      title: "RAM over the window, told by QEMU", cause: .windowOverlapsRam,
      texts: [
        "r": "0x0000000008000000 0x00000000080fffff msi\n",
        "vmm":
          "qemu-system-aarch64: warning: IOMMU_IOAS_MAP failed: Invalid argument\nqemu-system-aarch64: vfio_container_dma_map(0xaaaad1c2b3f0, 0x0, 0x40000000, 0xffff9c488000) = -22 (Invalid argument)\n",
      ], says: ["0x8000000", "EINVAL"]),
    .init(
      title: "a mapping over a bridge's window", cause: .vfioDmaMapReserved,
      texts: [
        "r":
          "0x0000000008000000 0x00000000080fffff msi\n0x0000000060000000 0x000000006fffffff reserved\n",
        "vmm":
          "ERROR vmm::iommufd: IOMMU_IOAS_MAP iova=0x50000000 length=0x20000000 failed: Invalid argument (os error 22)\n",
      ], says: ["0x60000000"]),
    .init(
      title: "a host's kernel as libvirt notes it, and devices in JSON",
      cause: .hostKernelNoNesting,
      texts: [
        "n1.log":
          #"""
        2025-10-10 10:10:10.123+0000: starting up libvirt version: 11.8.0, package: 1, qemu version: 11.0.1, kernel: 6.12.9-arm64, hostname: n7
        LC_ALL=C \
        /usr/bin/qemu-system-aarch64 \
        -machine virt-11.0,gic-version=3,pflash0=format0,acpi=on \
        -accel kvm \
        -device '{"driver":"arm-smmuv3","primary-bus":"pci.1","id":"s0","accel":true}' \
        -device '{"driver":"vfio-pci","host":"0009:01:00.0","id":"hostdev0","iommufd":"iommufd0"}' \
        -msg timestamp=on
        2025-10-10T10:10:10.400000Z qemu-system-aarch64: -device {"driver":"vfio-pci","host":"0009:01:00.0","id":"hostdev0"}: vfio 0009:01:00.0: Failed to allocate hwpt: Operation not supported

        """#
      ], says: ["6.12.9", "6.13"]),
    .init(
      title: "devices in JSON, started with a device tree", cause: .vmmAccelNeedsAcpi,
      texts: [
        "n1.log":
          #"""
        /usr/bin/qemu-system-aarch64 -machine virt,acpi=off -accel kvm -kernel Image -device '{"driver":"arm-smmuv3","primary-bus":"pci.1","accel":"on"}'

        """#
      ]),
    .init(
      title: "a route that QEMU asserts", cause: .msiRouteNoDeviceid,
      texts: [
        "vmm":
          "qemu-system-aarch64: ../accel/kvm/kvm-all.c:1876: kvm_irqchip_commit_routes: Assertion `ret == 0' failed.\n"
      ]),
    .init(
      title: "a route without DeviceID", cause: .msiRouteNoDeviceid,
      texts: [
        "vmm":
          "ERROR vmm::interrupt: KVM_SET_GSI_ROUTING failed for gsi 34, msi 0x8090040 data 0x1 flags 0x0: Invalid argument (os error 22)\n"
      ], says: ["KVM_MSI_VALID_DEVID"]),
  ]

  private static let policies: [Expected] = [
    .init(
      title: "a direct region", cause: .vfioDirectRegionRefused,
      texts: [
        "log":
          "Feb 03 04:12:40 arm1 kernel: vfio-pci 0001:01:00.0: Firmware has requested this device have a 1:1 IOMMU mapping, rejecting configuring the device without a 1:1 mapping. Contact your platform vendor.\n",
        "g":
          "/sys/kernel/iommu_groups/5/devices/0001:01:00.0\n/sys/kernel/iommu_groups/5/reserved_regions:0x00000000a0000000 0x00000000a0ffffff direct\n",
      ], says: ["0001:01:00.0", "0xa0000000", "EINVAL", "6.6"]),
    .init(
      title: "another function of the group", cause: .groupNotViable,
      texts: [
        "vmm":
          "qemu-system-aarch64: -device vfio-pci,host=0000:03:00.0: vfio 0000:03:00.0: group 12 is not viable\nPlease ensure all devices within the iommu_group are bound to their vfio bus driver.\n",
        "g":
          "IOMMU Group 12 0000:03:00.0 Ethernet controller\nIOMMU Group 12 0000:03:00.1 Audio device\n",
      ], says: ["0000:03:00.1", "12"]),
    .init(
      title: "no group at all", cause: .noIommuGroup,
      texts: [
        "vmm":
          "qemu-system-aarch64: -device vfio-pci,host=0000:03:00.0: vfio 0000:03:00.0: no iommu_group found: No such file or directory\n"
      ], says: ["0000:03:00.0"]),
    .init(
      title: "another function of the group, as iommufd tells it", cause: .groupNotViable,
      texts: [
        "vmm":
          "qemu-system-aarch64: -device vfio-pci,host=0007:21:00.1,iommufd=i0: vfio 0007:21:00.1: error bind device fd=24 to iommufd=22: Device or resource busy\n",
        "g":
          "/sys/kernel/iommu_groups/44/devices/0007:21:00.0\n/sys/kernel/iommu_groups/44/devices/0007:21:00.1\n",
        "l":
          "0007:21:00.0 Ethernet controller: Example\n\tKernel driver in use: bnxt_en\n0007:21:00.1 Ethernet controller: Example\n\tKernel driver in use: vfio-pci\n",
      ], says: ["0007:21:00.0 (bnxt_en)", "EBUSY"]),
    .init(
      title: "another function of the group, by strace", cause: .groupNotViable,
      texts: [
        "s":
          "ioctl(21, VFIO_DEVICE_BIND_IOMMUFD, 0xffffd1f0a510) = -1 EBUSY (Device or resource busy)\n",
        "g":
          "IOMMU Group 44:\n\t0007:21:00.0 Ethernet controller [0200]: Example [14e4:1750]\n\t0007:21:00.1 Ethernet controller [0200]: Example [14e4:1750]\n",
        "k": "[  300.2] vfio-pci 0007:21:00.1: enabling device (0000 -> 0002)\n",
      ], says: ["0007:21:00.0"]),
    .init(
      title: "an MSI controller that isolates nothing, in the host's journal alone",
      cause: .msiNotIsolated,
      texts: [
        "log":
          "Jul 04 10:00:05 board kernel: vfio_iommu_type1_attach_group: No interrupt remapping support.  Use the module param \"allow_unsafe_interrupts\" to enable VFIO IOMMU support on this platform\n"
      ], says: ["allow_unsafe_interrupts"]),
    .init(
      title: "a kernel without the SMMU's driver", cause: .smmuDisabled,
      texts: [
        "config": "CONFIG_VFIO=m\n# CONFIG_ARM_SMMU_V3 is not set\nCONFIG_IOMMU_SUPPORT=y\n",
        "sh":
          "ls: cannot access '/sys/bus/pci/devices/0000:03:00.0/iommu_group': No such file or directory\n",
      ], says: ["CONFIG_ARM_SMMU_V3"]),
    .init(
      title: "an MSI controller that isolates nothing", cause: .msiNotIsolated,
      texts: [
        "log":
          "[    0.000000] GICv2m: range[mem 0x08020000-0x08020fff], SPI[80:143]\n[   90.100000] vfio_iommu_type1_attach_group: No interrupt remapping support.  Use the module param \"allow_unsafe_interrupts\" to enable VFIO IOMMU support on this platform\n",
        "vmm":
          "qemu-system-aarch64: vfio 0000:03:00.0: failed to setup container for group 3: Failed to set iommu for container: Operation not permitted\n",
      ], says: ["allow_unsafe_interrupts", "EPERM"]),
  ]

  private static let boot =
    "[    0.000000] Linux version 5.10.12 (build@builder) (gcc 10.2.0) #1 SMP\n[    0.000000] GICv3: no VLPI support, no direct LPI support\n"

  private static let controllers: [Expected] = [
    .init(
      title: "the first command is never carried out, tables above 4 GiB",
      cause: .itsMemoryUnreachable,
      texts: [
        "log": boot
          + """
          [    0.000000] ITS [mem 0xfd440000-0xfd45ffff]
          [    0.000000] ITS@0x00000000fd440000: allocated 8192 Devices @1f0210000 (indirect, esz 8, psz 64K, shr 0)
          [    0.000000] GICv3: using LPI property table @0x00000001f0230000
          [    0.010000] ITS queue timeout (64 0)
          [    0.010001] ITS cmd its_build_mapc_cmd failed

          """
      ], says: ["4 GiB"]),
    .init(
      title: "a command with an error", cause: .itsCommandStalled,
      texts: [
        "log": boot
          + "[  103.158872] ITS queue timeout (12640 12609)\n[  103.163183] ITS cmd its_build_mapd_cmd failed\n"
      ], says: ["Stalled", "MAPD"]),
    .init(
      title: "CPUs that are not online", cause: .lpiTargetCpuOffline,
      texts: [
        "log": boot
          + """
          [    0.000000] Kernel command line: root=/dev/sda2 nr_cpus=16 maxcpus=2
          [    0.000000] rcu: \tRCU restricting CPUs from NR_CPUS=256 to nr_cpu_ids=16.
          [    0.200016] smp: Brought up 1 node, 2 CPUs
          [    9.630000] ITS queue timeout (12416 12384)
          [    9.630041] ITS cmd its_build_mapti_cmd failed

          """,
        "irq":
          """
                   CPU0       CPU1
         64:        125          0   ITS-MSI 2621441 Edge      nvme0q1
         66:          0          0   ITS-MSI 2621443 Edge      nvme0q3
        /proc/irq/66/effective_affinity_list:5

        """,
      ], says: ["2-15", "nvme0q3"]),
    .init(
      title: "vectors of CPUs that are not online, and no word of the ITS",
      cause: .lpiTargetCpuOffline,
      texts: [
        "irq":
          """
                   CPU0       CPU1
         64:        125          0   ITS-PCI-MSIX-0000:31:00.0   0 Edge      nvme2q1
         66:          0          0   ITS-PCI-MSIX-0000:31:00.0   1 Edge      nvme2q2
        /proc/irq/64/effective_affinity_list:0
        /proc/irq/66/effective_affinity_list:5
        /sys/devices/system/cpu/online:0-1
        /sys/devices/system/cpu/possible:0-7

        """
      ], says: ["nvme2q2", "not online"]),
    .init(
      title: "an ITS that drops what it has no device for", cause: .deviceidUnmapped,
      texts: [
        "vmm": "WARN vmm::gic::its: no device table entry for DeviceID 0x310, MSI dropped\n"
      ], says: ["0x310"]),
    .init(
      title: "an EventID beyond its table", cause: .eventidOutOfRange,
      texts: [
        "vmm": "WARN vmm::gic::its: DeviceID 0x100: EventID 0x42 exceeds ITT size 32, MSI dropped\n"
      ], says: ["0x42"]),
    .init(
      title: "a v2m frame without SPIs left", cause: .gicv2mSpisExhausted,
      texts: [
        "log":
          "[    0.000000] Linux version 6.6.1 (b@b) (gcc) #1 SMP\n[    0.000000] GICv2m: range[mem 0x08020000-0x08020fff], SPI[80:81]\n[    1.900009] nvme nvme1: pci function 0000:00:05.0\n[    2.300083] nvme 0000:00:05.0: Failed to allocate MSI-X vectors: -28\n",
        "irq":
          """
                   CPU0
         35:          4  GICv2m-PCI-MSIX-0000:00:02.0   0 Edge      nvme0q0
         36:         20  GICv2m-PCI-MSIX-0000:00:02.0   1 Edge      nvme0q1

        """,
      ], says: ["0000:00:05.0", "2 (80 to 81)"]),
    .init(
      title: "no ITS and no frame", cause: .itsAbsent,
      texts: [
        "log":
          "[    0.000000] Linux version 6.6.1 (b@b) (gcc) #1 SMP\n[    0.000000] GICv3: GICv3 features: 16 PPIs\n[    2.300000] e1000e 0000:00:07.0 eth1: Failed to initialize MSI-X interrupts.  Falling back to MSI interrupts.\n[    2.310000] e1000e 0000:00:07.0 eth1: Failed to initialize MSI interrupts.  Falling back to legacy interrupts.\n"
      ], says: ["0000:00:07.0"]),
    .init(
      title: "LPIs left on by the kernel before", cause: .lpiNotEnabled,
      texts: [
        "log": boot
          + "[    0.000000] GICv3: CPU3: Booted with LPIs enabled, memory probably corrupted\n"
      ], says: ["EnableLPIs"]),
    .init(
      title: "an interrupt without end", cause: .msiStorm,
      texts: [
        "log":
          "[  500.000000] irq 71: nobody cared (try booting with the \"irqpoll\" option)\n[  500.000100] Disabling IRQ #71\n",
        "irq":
          "           CPU0       CPU1\n 70:        125          0   ITS-MSI 2621441 Edge      nvme0q1\n 71:     100001          0   ITS-MSI 2623488 Edge      acc0\n",
      ], says: ["acc0"]),
    .init(
      title: "direct injection is off", cause: .gicv4NotEnabled,
      texts: [
        "log": Kernel.host("6.12.1") + "[    1.100000] kvm [1]: GICv4 support disabled\n",
        "irq":
          "           CPU0\n 91:   48211007   ITS-PCI-MSIX-0006:01:00.0   1 Edge      vfio-msix[1](0006:01:00.0)\n",
      ], says: ["vgic_v4_enable"]),
    .init(
      title: "a machine without virtual LPIs", cause: .gicv4Absent,
      texts: [
        "log":
          "[    0.000000] Linux version 6.12.1 (b@b) (gcc) #1 SMP\n[    0.000000] GICv3: GICv3 features: 16 PPIs, DirectLPI\n[    1.000000] kvm [1]: VHE mode initialized successfully\n",
        "irq":
          "           CPU0\n 91:   48211007   ITS-PCI-MSIX-0006:01:00.0   1 Edge      vfio-msix[1](0006:01:00.0)\n",
      ]),
    .init(
      title: "a vector that is not forwarded", cause: .gicv4RouteFallback,
      texts: [
        "log": Kernel.host("6.12.1")
          + "[    1.100000] kvm [1]: GICv4 support enabled\n[  300.100000] irq bypass producer (token 0000000012345678) registration fails: -28\n"
      ]),
  ]

  private static func listing(_ control: String, _ msix: String, driver: String = "igb") -> String {
    """
    0000:03:00.0 Ethernet controller: Example Networks Adapter (rev 01)
    \tControl: I/O- Mem+ BusMaster\(control) SpecCycle- MemWINV- VGASnoop- ParErr- DisINTx+
    \tCapabilities: [70] MSI-X: Enable\(msix)
    \tKernel driver in use: \(driver)

    """
  }
  private static let silent =
    "           CPU0\n 60:          0   ITS-MSI 1572864 Edge      eth0\n 61:          0   ITS-MSI 1572865 Edge      eth0-rx-0\n"

  private static let functions: [Expected] = [
    .init(
      title: "bus mastering is off", cause: .busMasterOff,
      texts: ["l": listing("-", "+ Count=10 Masked-"), "i": silent],
      says: ["0000:03:00.0", "MSI-X"]),
    .init(
      title: "bus mastering is off, by configuration space alone", cause: .busMasterOff,
      texts: [
        "l":
          "03:00.0 Ethernet controller: Example\n00: 86 80 21 15 02 04 10 00 01 00 00 02 10 00 80 00\n10: 00 00 40 10 00 00 00 00 00 00 00 00 00 00 50 10\n20: 00 00 00 00 00 00 00 00 00 00 00 00 86 80 02 00\n30: 00 00 00 00 70 00 00 00 00 00 00 00 24 01 00 00\n40: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n50: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n60: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n70: 11 00 09 80 03 00 00 00 03 20 00 00 00 00 00 00\n",
        "i": silent,
        "k": "[    1.260010] igb 0000:03:00.0: added PHC on eth0\n",
      ]),
    .init(
      title: "bus mastering of the bridge above is off", cause: .busMasterOff,
      texts: [
        "l":
          "0000:02:00.0 PCI bridge: Example Root Port\n\tControl: I/O- Mem+ BusMaster- SpecCycle- DisINTx-\n\tBus: primary=02, secondary=03, subordinate=05, sec-latency=0\n\tKernel driver in use: pcieport\n\n"
          + listing("+", "+ Count=10 Masked-"), "i": silent,
      ], says: ["0000:02:00.0", "0000:03:00.0"]),
    .init(
      title: "a slot whose link went down for good", cause: .deviceLostLink,
      texts: [
        "k":
          "[ 7001.0] pcieport 0004:00:00.0: pciehp: Slot(4): Link Down\n[ 7001.1] pcieport 0004:00:00.0: pciehp: Slot(4): Card not present\n"
      ], says: ["0004:00:00.0"]),
    .init(
      title: "a controller whose registers read as all ones", cause: .deviceLostLink,
      texts: [
        "k":
          "[ 9000.1] nvme nvme2: controller is down; will reset: CSTS=0xffffffff, PCI_STATUS=0xffff\n"
      ], says: ["nvme2"]),
    .init(
      title: "all vectors are masked", cause: .msixMasked,
      texts: ["l": listing("+", "+ Count=10 Masked+"), "i": silent]),
    .init(
      title: "MSI-X is off", cause: .msiNotEnabled,
      texts: [
        "l": listing("+", "- Count=10 Masked-"),
        "k":
          "[ 1810.600069] igb 0000:03:00.0 eth0: NETDEV WATCHDOG: CPU: 0: transmit queue 0 timed out 5412 ms\n",
      ]),
    .init(
      title: "MSIs that the command line switches off", cause: .msiNotEnabled,
      texts: [
        "l": listing("+", "- Count=10 Masked-"),
        "cmdline": "BOOT_IMAGE=/vmlinuz root=/dev/vda1 pci=noats,nomsi\n",
      ], says: ["pci=nomsi"]),
    .init(
      title: "a device off its link", cause: .deviceLostLink,
      texts: [
        "l":
          "0004:01:00.0 Non-Volatile memory controller: Example (rev ff) (prog-if ff)\n\t!!! Unknown header type 7f\n",
        "k":
          "[  100.000000] pcieport 0004:00:00.0: pciehp: Slot(4): Link Down\n[  101.000000] nvme 0004:01:00.0: Unable to change power state from D3cold to D0, device inaccessible\n",
      ], says: ["0004:01:00.0"]),
  ]

  private static let accesses: [Expected] = [
    .init(
      title: "address 0", cause: .dmaAddressZero,
      texts: ["k": Kernel.event(0x0300_0000_0010, 0x0208_0000_0000, 0x0, 0)], says: ["0x0"]),
    .init(
      title: "no permission", cause: .dmaPermission,
      texts: ["k": Kernel.event(0x0300_0000_0013, 0x0200_0000_0000, 0xe4c1_0000, 0)]),
    .init(
      title: "use after unmap", cause: .dmaUseAfterUnmap,
      texts: [
        "k": Kernel.event(0x0300_0000_0010, 0x0208_0000_0000, 0xfd00_1080, 0, at: 71_000_000),
        "t":
          "   ip-2817  [005] .....    60.118203: map: IOMMU: iova=0x00000000fd001000 - 0x00000000fd002000 paddr=0x000000208e441000 size=4096\n   ip-2817  [005] .....    70.999203: unmap: IOMMU: iova=0x00000000fd001000 - 0x00000000fd002000 size=4096 unmapped_size=4096\n",
      ], says: ["0xfd001080", "read of"]),
    .init(
      title: "the upper half is lost", cause: .dmaAddressTruncated,
      texts: [
        "k": Kernel.event(0x0300_0000_0010, 0x0200_0000_0000, 0x3f00_2000, 0, at: 71_000_000),
        "t":
          "   ip-2817  [005] .....    60.118203: map: IOMMU: iova=0x000000ff3f000000 - 0x000000ff3f010000 paddr=0x000000208e440000 size=65536\n",
      ], says: ["0xff3f000000"]),
    .init(
      title: "mapped, and refused all the same", cause: .staleConfiguration,
      texts: [
        "k": Kernel.event(0x0300_0000_0010, 0x0208_0000_0000, 0xfd00_1080, 0, at: 71_000_000),
        "t":
          "   ip-2817  [005] .....    60.118203: map: IOMMU: iova=0x00000000fd001000 - 0x00000000fd002000 paddr=0x000000208e441000 size=4096\n",
      ]),
    .init(
      title: "never mapped", cause: .dmaUnmappedAddress,
      texts: ["k": Kernel.event(0x0300_0000_0010, 0x0208_0000_0000, 0xfd00_1080, 0)]),
    .init(
      title: "the doorbell stayed in another domain", cause: .msiInOtherDomain,
      texts: [
        "k": Kernel.event(0x0300_0000_0010, 0x0200_0000_0000, 0xffff_d040, 0, at: 71_000_000),
        "l":
          "0000:03:00.0 Ethernet controller: Example\n\tCapabilities: [50] MSI: Enable+ Count=1/1 Maskable+ 64bit+\n\t\tAddress: 00000000ffffd040  Data: 0000\n\tKernel driver in use: igb\n",
      ]),
    .init(
      title: "the doorbell's upper half is lost", cause: .msiAddressTruncated,
      texts: [
        "k": "[    0.000000] ITS [mem 0x100100040000-0x10010005ffff]\n"
          + Kernel.event(0x0300_0000_0010, 0x0200_0000_0000, 0x5_0040, 0)
      ], says: ["0x100100050040"]),
    .init(
      title: "an address that the function cannot send", cause: .msiAddressTruncated,
      texts: [
        "k":
          "[  310.0] snd_hda_intel 0003:01:00.1: arch assigned 64-bit MSI address 0x100100050040 above device MSI address mask 0xffffffff\n"
      ], says: ["0003:01:00.1", "0x100100050040"]),
    .init(
      title: "the physical doorbell in a nested device", cause: .hostKernelNoSwMsi,
      texts: [
        "k": Kernel.host("6.14.2")
          + Kernel.event(
            0x0100_0000_0010, 0x0200_0000_0000, 0x1001_0005_0040, 0, smmu: "arm-smmu-v3.7.auto"),
        "c": accelerated,
      ], says: ["6.15", "0x100100050040"]),
    .init(
      title: "stage 2 has no doorbell", cause: .doorbellNotInStage2,
      texts: ["k": Kernel.event(0x0300_0000_0010, 0x0280_0000_0000, 0xffff_d040, 0x809_0000)],
      says: ["0x8090000"]),
    .init(
      title: "the host's window is not in the nesting parent", cause: .hostKernelNoSwMsi,
      texts: [
        "k": Kernel.host("6.14.5")
          + Kernel.event(0x0300_0000_0010, 0x0280_0000_0000, 0x800_0040, 0x800_0000)
      ], says: ["6.15"]),
    .init(
      title: "the guest's own address in the device", cause: .vmmForwardsGuestAddress,
      texts: [
        "l":
          "0006:01:00.0 Ethernet controller: Example\n\tCapabilities: [50] MSI: Enable+ Count=1/1 Maskable+ 64bit+\n\t\tAddress: 00000000fffef040  Data: 0000\n\tKernel driver in use: vfio-pci\n",
        "r": "0x0000000008000000 0x00000000080fffff msi\n",
        "k": Kernel.event(0x0300_0000_0010, 0x0200_0000_0000, 0xfffe_f040, 0),
      ]),
  ]

  private static let registers: [Expected] = [
    .init(
      title: "an ITS that stalled", cause: .itsCommandStalled,
      texts: ["r": "GITS_CWRITER  = 0x0000000000003100\nGITS_CREADR   = 0x0000000000003041\n"],
      says: ["0x3040"]),
    .init(
      title: "a redistributor without LPIs", cause: .lpiNotEnabled,
      texts: ["r": "GICR_CTLR = 0x0\nGITS_CTLR = 0x80000001\n", "i": silent],
      says: ["EnableLPIs"]),
    .init(
      title: "a command queue that is off", cause: .cmdqNotConsumed,
      texts: ["r": "SMMU_CR0=0xd\nSMMU_CR0ACK=0x0\nSMMU_CMDQ_PROD=0x14\nSMMU_CMDQ_CONS=0x0\n"],
      says: ["CMDQEN"]),
    .init(
      title: "an illegal command", cause: .cmdqIllegal,
      texts: ["r": "GERROR 0x1\nGERRORN 0x0\nCMDQ_CONS 0x01000017\nCR0 0xd\nCR0ACK 0xd\n"],
      says: ["0x17", "CERROR_ILL"]),
    .init(
      title: "an invalidation without answer", cause: .cmdqAtcTimeout,
      texts: ["r": "GERROR 0x1\nGERRORN 0x0\nCMDQ_CONS 0x03000017\n"], says: ["ATC"]),
    .init(
      title: "an event queue that overflowed", cause: .evtqOverflow,
      texts: ["r": "SMMU_EVENTQ_PROD: 0x80000004\nSMMU_EVENTQ_CONS: 0x4\n"], says: ["OVFLG"]),
    .init(
      title: "an event queue that cannot be written", cause: .evtqAbort,
      texts: ["r": "SMMU_GERROR: 0x4\nSMMU_GERRORN: 0x0\n"], says: ["EVENTQ_ABT_ERR"]),
    .init(
      title: "an SMMU that is off", cause: .smmuDisabled,
      texts: ["r": "SMMU_CR0: 0x0\nSMMU_CR0ACK: 0x0\nSMMU_GBPA: 0x100000\n"], says: ["SMMUEN"]),
  ]

  @Test(
    "registers of a machine that works are no cause",
    arguments: [
      "GERROR 0x5\nGERRORN 0x5\nCMDQ_CONS 0x01000017\nCMDQ_PROD 0x17\nCR0 0xd\nCR0ACK 0xd\n",
      "GITS_CREADR 0x3040\nGITS_CWRITER 0x3040\nGICR_CTLR 0x1\n",
      "EVENTQ_PROD 0x80000004\nEVENTQ_CONS 0x80000004\n",
    ])
  func quiet(registers: String) {
    #expect(Report(["r": registers]).diagnosis.causes.map(\.cause) == [.cannotTell])
  }

  private static let smmus: [Expected] = [
    .init(
      title: "an invalidation without answer", cause: .cmdqAtcTimeout,
      texts: [
        "k":
          "[  212.310007] arm-smmu-v3 arm-smmu-v3.2.auto: unexpected global error reported (0x00000001), this could be serious\n[  212.310019] arm-smmu-v3 arm-smmu-v3.2.auto: CMDQ error (cons 0x0301f4c8): ATC invalidate timeout\n[  213.310102] arm-smmu-v3 arm-smmu-v3.2.auto: CMD_SYNC timeout at 0x0001f4c9 [hwprod 0x0001f4d0, hwcons 0x0301f4c8]\n"
      ], says: ["0x1f4c8", "ATC"]),
    .init(
      title: "an illegal command", cause: .cmdqIllegal,
      texts: [
        "k":
          "[  220.000411] arm-smmu-v3 arm-smmu-v3.3.auto: unexpected global error reported (0x00000001), this could be serious\n[  220.000423] arm-smmu-v3 arm-smmu-v3.3.auto: CMDQ error (cons 0x01000017): Illegal command\n[  220.000430] arm-smmu-v3 arm-smmu-v3.3.auto: skipping command in error state:\n[  220.000435] arm-smmu-v3 arm-smmu-v3.3.auto: \t0x0000004400000040\n[  220.000440] arm-smmu-v3 arm-smmu-v3.3.auto: \t0x00000000fe000000\n"
      ], says: ["CMD_ATC_INV", "0x44"]),
    .init(
      title: "a queue that stands still", cause: .cmdqNotConsumed,
      texts: [
        "k":
          "[   30.1] arm-smmu-v3 15000000.iommu: CMD_SYNC timeout at 0x00000123 [hwprod 0x00000124, hwcons 0x00000100]\n[   31.2] arm-smmu-v3 15000000.iommu: CMD_SYNC timeout at 0x00000125 [hwprod 0x00000126, hwcons 0x00000100]\n"
      ], says: ["0x100"]),
    .init(
      title: "an event queue that overflowed", cause: .evtqOverflow,
      texts: ["k": "[   30.1] arm-smmu-v3 15000000.iommu: EVTQ overflow detected -- events lost\n"]),
    .init(
      title: "an event queue that cannot be written", cause: .evtqAbort,
      texts: [
        "k":
          "[  230.100100] arm-smmu-v3 arm-smmu-v3.3.auto: unexpected global error reported (0x00000004), this could be serious\n[  230.100110] arm-smmu-v3 arm-smmu-v3.3.auto: EVTQ write aborted -- events may have been lost\n"
      ]),
    .init(
      title: "a context fault of version 2, with a StreamID", cause: .smmuv2ContextFault,
      texts: [
        "k":
          "[  402.551000] arm-smmu 5000000.iommu: Unhandled context fault: fsr=0x402, iova=0xffd4a000, fsynr=0x30001, cbfrsynra=0x440, cb=3\n"
      ], says: ["SMMUv2", "0x440", "read", "0xffd4a000"]),
    .init(
      title: "a context fault of an old kernel", cause: .smmuv2ContextFault,
      texts: [
        "k":
          "[   12.551000] arm-smmu fd800000.smmu: Unhandled context fault: fsr=0x2, iova=0xf0001000, fsynr=0x11, cb=0\n"
      ], says: ["a write"]),
    .init(
      title: "a SubstreamID out of range", cause: .substreamWrong,
      texts: ["k": Kernel.event(0x0300_0000_2808, 0, 0, 0)]),
    .init(
      title: "a StreamID out of range", cause: .streamidOutOfRange,
      texts: ["k": Kernel.event(0x0003_0000_0000_0002, 0, 0, 0)], says: ["0x30000"]),
    .init(
      title: "a stream that no driver set up", cause: .streamidUnmapped,
      texts: [
        "k":
          "[    9.1] arm-smmu 5000000.iommu: Blocked unknown Stream ID 0x429; boot with \"arm-smmu.disable_bypass=0\" to allow, but this may have security implications\n[    9.1] arm-smmu 5000000.iommu: \tGFSR 0x80000002, GFSYNR0 0x00000002, GFSYNR1 0x00000429, GFSYNR2 0x00000000\n"
      ], says: ["0x429"]),
    .init(
      title: "an entry that was invalid around a reset", cause: .steInvalidAfterReset,
      texts: [
        "k":
          "[   69.900000] pci 0000:03:00.0: Adding to iommu group 3\n[   69.990000] vfio-pci 0000:03:00.0: resetting\n"
          + Kernel.event(0x0300_0000_0004, 0, 0, 0)
      ]),
    .init(
      title: "a live entry that a kernel before 7.0 takes down", cause: .hitlessSteUpdate,
      texts: [
        "k": Kernel.host("6.19.2")
          + Kernel.event(0x0100_0000_0004, 0, 0, 0, smmu: "arm-smmu-v3.7.auto"), "c": accelerated,
      ], says: ["6.19.2"]),
    .init(
      title: "the same with a kernel that knows better", cause: .steInvalidAfterReset,
      texts: [
        "k": Kernel.host("6.18.16")
          + Kernel.event(
            0x0100_0000_0004, 0, 0, 0, smmu: "arm-smmu-v3.7.auto", at: 301_000_000),
        "c": accelerated,
      ]),
    .init(
      title: "an invalidation of version 2 that does not end", cause: .cmdqNotConsumed,
      texts: [
        "k": "[  45.1] arm-smmu 15000000.iommu: TLB sync timed out -- SMMU may be deadlocked\n"
      ], says: ["SMMUv2"]),
    .init(
      title: "a table that is not aligned to its size", cause: .tableMisaligned,
      texts: ["r": "SMMU_STRTAB_BASE = 0x40001000\nSMMU_STRTAB_BASE_CFG = 0x8\n"],
      says: ["0x40001000", "0x40000000"]),
  ]
}
