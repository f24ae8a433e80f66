import Firmware
import Testing

@Suite("DeviceTreeSource")
struct DeviceTreeSourceTests {
  private func tree(_ text: String) throws -> DeviceTreeBlob {
    try DeviceTreeSource.tree(Array(text.utf8))
  }

  private func node(_ path: String, _ text: String) throws -> DeviceTreeBlob.Node {
    try #require(try tree(text).nodes.first { $0.path == path })
  }

  @Test("cells, strings, bytes, references and expressions become bytes")
  func values() throws {
    let node = try node(
      "/a@1",
      """
      /dts-v1/;
      /memreserve/ 0x0 0x1000;
      // a comment
      / { a@1 { n = <1 0x10 010 'A' (1 << 4 | 2) (-1) (3 > 2 ? 1 : 0)>; }; };
      """.replacing(" (3 > 2 ? 1 : 0)", with: " (3 > 2)"))
    #expect(node.cells("n") == [1, 16, 8, 65, 18, 0xffff_ffff, 1])
    let other = try self.node(
      "/a",
      """
      / { l: a { s = "x", "y\\n\\x41"; b = [0a 0B ff00]; w = /bits/ 8 <1 2>, /bits/ 64 <3>; e;
        p = &l; r = <&l 7>, <&{/c/d}>; }; c { d { }; }; };
      """)
    #expect(other.bytes("s") == [0x78, 0, 0x79, 0x0a, 0x41, 0])
    #expect(other.bytes("b") == [0x0a, 0x0b, 0xff, 0])
    #expect(other.bytes("w") == [1, 2, 0, 0, 0, 0, 0, 0, 0, 3])
    #expect(other.bytes("e") == [])
    #expect(other.strings("p") == ["/a"])
    #expect(other.cells("r").count == 3)
    #expect(other.cells("r").first == other.phandle)
    #expect(other.cells("r")[1] == 7)
  }

  @Test("later text changes nodes, and deletes them")
  func changes() throws {
    let text = """
      /dts-v1/;
      / { a: a { x = <1>; y; b: b { }; c { }; }; };
      / { a { x = <2>; }; };
      &a { z; /delete-property/ y; /delete-node/ c; };
      /delete-node/ &b;
      n: &a { w; };
      """
    let found = try tree(text)
    #expect(found.nodes.map(\.path) == ["/", "/a"])
    #expect(found.nodes[1].properties.map(\.name) == ["x", "z", "w"])
    #expect(found.nodes[1].cells("x") == [2])
  }

  @Test("phandles that a source gives are kept, and others are new")
  func phandles() throws {
    let found = try tree("/ { a: a { phandle = <1>; }; b: b { }; c { r = <&a &b>; }; };")
    #expect(found.nodes.last?.cells("r") == [1, 2])
    #expect(found.nodes[2].phandle == 2)
  }

  @Test("a source is recognised by its beginning")
  func recognised() {
    for text in ["/dts-v1/;", "  // x\n/ { };", "/* y */ / {", "#include <a.dtsi>"] {
      #expect(DeviceTreeSource.isSource(Array(text.utf8)), "\(text)")
    }
    for text in ["", "{ }", "/usr/bin", "IORT @ 0x0", "/", "\0/dts-v1/;"] {
      #expect(!DeviceTreeSource.isSource(Array(text.utf8)), "\(text)")
    }
  }

  @Test(
    "a mistake names its line and what was expected",
    arguments: [
      ("/ {\n x = ;\n};", 2, "expected a value"), ("/ {\n x\n", 3, "expected '='"),
      ("/dts-v1/;\n#include \"a.h\"\n/ { };", 2, "preprocessor"),
      ("/ { x = <GIC_SPI>; };", 1, "'GIC_SPI'"), ("/ { x = <&nobody>; };", 1, "&nobody"),
      ("&gone { };", 1, "&gone"), ("/ { /include/ \"a\" };", 1, "/include/"),
      ("/ { x = \"abc\n", 1, "string without an end"), ("/* x", 1, "comment without an end"),
      ("/ { x = <0x10000000000000000>; };", 1, "64 bits"), ("/ { x = [0g]; };", 1, "hexadecimal"),
      ("/ { x = <(1 / 0)>; };", 1, "division"), ("/ { x = /bits/ 7 <1>; };", 1, "/bits/"),
    ] as [(String, Int, String)])
  func mistakes(text: String, line: Int, words: String) {
    #expect {
      try tree(text)
    } throws: {
      let mistake = $0 as? DeviceTreeSource.Mistake
      return mistake?.line == line && mistake?.message.contains(words) == true
    }
  }

  @Test("nesting, parentheses and signs are bounded")
  func bounds() {
    let deep = "/ {" + String(repeating: " a {", count: 70) + String(repeating: " };", count: 71)
    #expect(throws: DeviceTreeSource.Mistake.self) { try tree(deep) }
    for sign in ["(", "-", "~"] {
      let text = "/ { x = <(" + String(repeating: sign, count: 10_000) + "1)>; };"
      #expect(throws: DeviceTreeSource.Mistake.self) { try tree(text) }
    }
  }

  @Test("cut or changed text ends in an error or a tree")
  func noise() throws {
    let text = BoardTreeTests.boards[6].source
    for length in stride(from: 0, to: text.utf8.count, by: 7) {
      _ = try? DeviceTreeSource.tree(Array(text.utf8.prefix(length)))
    }
    let signs = Array("{}<>[]&/;:\"'()=,\n\0".utf8)
    for (index, sign) in stride(from: 3, to: text.utf8.count, by: 11).enumerated() {
      var bytes = Array(text.utf8)
      bytes[sign] = signs[index % signs.count]
      guard let tree = try? DeviceTreeSource.tree(bytes) else { continue }
      _ = FirmwareTables(tree: tree).findings(window: window)
    }
  }

  @Test("names that a terminal would obey are shown as numbers")
  func escapes() throws {
    var builder = BlobBuilder()
    builder.node("") { root in
      root.node("a\u{1b}[31m") { $0.string("compatible", "x\u{7}\u{202e}") }
    }
    let found = try DeviceTreeBlob(builder.build())
    #expect(found.nodes[1].path == "/a\\u{1b}[31m")
    #expect(found.nodes[1].strings("compatible") == ["x\\u{7}\\u{202e}"])
  }
}
