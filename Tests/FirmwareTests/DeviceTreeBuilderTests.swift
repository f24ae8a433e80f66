import Firmware
import Testing

@Suite struct DeviceTreeBuilderTests {
  @Test("libfdt reads what the builder wrote")
  func roundTrip() throws {
    let blob = DeviceTreeBuilder { root in
      root.property("#address-cells", [2])
      root.property("model", strings: ["one", "three"])
      root.property("empty")
      root.node("first@1000") { node in
        node.property("reg", [0, 0x1000, 0, 0x10])
        node.node("inner") { $0.property("#address-cells", [1]) }
      }
      root.node("second") { _ in }
    }.build()
    let tree = try DeviceTreeBlob(blob)
    #expect(tree.nodes.map(\.path) == ["/", "/first@1000", "/first@1000/inner", "/second"])
    #expect(tree.nodes.map(\.parent) == [nil, 0, 1, 0])
    #expect(tree.nodes[0].strings("model") == ["one", "three"])
    #expect(tree.nodes[0].bytes("empty") == [])
    #expect(tree.nodes[1].cells("reg") == [0, 0x1000, 0, 0x10])
    #expect(tree.nodes[2].cell("#address-cells") == 1)
  }
}
