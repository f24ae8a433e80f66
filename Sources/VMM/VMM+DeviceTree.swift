internal import Bits
internal import Firmware
internal import Machine

// The device tree that a guest without ACPI boots with, as QEMU writes it (hw/arm/virt.c
// `create_fdt`, `fdt_add_gic_node`, `create_pcie`).
extension VMM {
  private static let gic: UInt32 = 1
  private static let its: UInt32 = 2
  private static let bridge: UInt32 = 3
  private static let region: UInt32 = 4
  private static let firstSMMU: UInt32 = 5

  /// The blob. QEMU puts nothing into it that says what an RMR says; the variant with
  /// `iommu-addresses` names the host bridge, since functions behind it have no nodes.
  var deviceTree: [UInt8] {
    DeviceTreeBuilder { root in
      root.property("#address-cells", [2])
      root.property("#size-cells", [2])
      root.property("compatible", strings: ["linux,dummy-virt"])
      root.node("memory@\(digits(map.ramBase))") { node in
        node.property("device_type", strings: ["memory"])
        node.property("reg", map.ram.flatMap { cells(IPA($0.base), $0.length) })
      }
      addController(to: &root)
      if iommu == .nested {
        for index in smmuIndices { addSMMU(index, to: &root) }
      }
      addBridge(to: &root)
      if let window = reservedInTree { addReserved(window, to: &root) }
    }.build()
  }

  /// The window, where the tree's variant reserves it.
  private var reservedInTree: ReservedMemoryRange? {
    firmware == .deviceTreeReserved ? advertisedWindow : nil
  }

  private func addController(to root: inout DeviceTreeBuilder) {
    root.node("intc@\(digits(map.distributor))") { node in
      node.property("compatible", strings: ["arm,gic-v3"])
      node.property("phandle", [Self.gic])
      node.property("interrupt-controller")
      node.property("#interrupt-cells", [3])
      node.property("#address-cells", [2])
      node.property("#size-cells", [2])
      node.property("ranges")
      node.property("#redistributor-regions", [1])
      node.property(
        "reg",
        cells(map.distributor, 0x1_0000) + cells(map.redistributors, map.redistributorsSize))
      if let frame = map.messageFrame {
        node.node("v2m@\(digits(frame))") { v2m in
          v2m.property("compatible", strings: ["arm,gic-v2m-frame"])
          v2m.property("phandle", [Self.its])
          v2m.property("msi-controller")
          v2m.property("reg", cells(frame, 0x1000))
          v2m.property("arm,msi-base-spi", [AddressMap.messageSPIs.lowerBound])
          v2m.property("arm,msi-num-spis", [UInt32(AddressMap.messageSPIs.count)])
        }
        return
      }
      node.node("its@\(digits(map.itsBase))") { its in
        its.property("compatible", strings: ["arm,gic-v3-its"])
        its.property("phandle", [Self.its])
        its.property("msi-controller")
        its.property("#msi-cells", [1])
        its.property("reg", cells(map.itsBase, 0x2_0000))
      }
    }
  }

  private func addSMMU(_ index: Int, to root: inout DeviceTreeBuilder) {
    root.node("smmuv3@\(digits(map.smmu(index)))") { node in
      node.property("compatible", strings: ["arm,smmu-v3"])
      node.property("phandle", [Self.firstSMMU + UInt32(index)])
      node.property("#iommu-cells", [1])
      node.property("reg", cells(map.smmu(index), 0x2_0000))
    }
  }

  private func addBridge(to root: inout DeviceTreeBuilder) {
    root.node("pcie@\(digits(map.msixTable.alignedDown(toBit: 24)))") { node in
      node.property("compatible", strings: ["pci-host-ecam-generic"])
      node.property("device_type", strings: ["pci"])
      node.property("phandle", [Self.bridge])
      node.property("bus-range", [0, 0xff])
      node.property("#address-cells", [3])
      node.property("#size-cells", [2])
      if map.messageFrame == nil {
        node.property("msi-map", [0, Self.its, 0, 0x1_0000])
      } else {
        node.property("msi-parent", [Self.its])
      }
      if iommu == .nested {
        node.property(
          "iommu-map",
          smmuIndices.flatMap { index in
            let ids = streams(behind: index)
            return [
              ids.lowerBound, Self.firstSMMU + UInt32(index), ids.lowerBound,
              ids.upperBound - ids.lowerBound + 1,
            ]
          })
      }
      if reservedInTree != nil { node.property("memory-region", [Self.region]) }
    }
  }

  private func addReserved(_ window: ReservedMemoryRange, to root: inout DeviceTreeBuilder) {
    root.node("reserved-memory") { parent in
      parent.property("#address-cells", [2])
      parent.property("#size-cells", [2])
      parent.property("ranges")
      parent.node("msi-window@\(digits(window.base))") { node in
        node.property("phandle", [Self.region])
        node.property("reg", cells(window.base, window.length))
        node.property("iommu-addresses", [Self.bridge] + cells(window.base, window.length))
      }
    }
  }

  /// An address and a size, two cells each.
  private func cells(_ base: IPA, _ size: UInt64) -> [UInt32] {
    [base.rawValue, size].flatMap {
      [UInt32(truncatingIfNeeded: $0 >> 32), UInt32(truncatingIfNeeded: $0)]
    }
  }

  private func digits(_ address: IPA) -> String { String(address.rawValue, radix: 16) }
}
