import Foundation

/// A memory image of one SMMU with a linear stream table and 4 KiB stage 1 tables, built here.
struct TinyImage {
  /// 64-bit words by address, in one page-aligned segment from 0x40000000.
  var words: [UInt64: UInt64] = [
    // STE 1: stage 1, CD at 0x40001000; STE 2: bypass; STE 3: abort.
    0x4000_0040: 0x4000_100b, 0x4000_0048: 0xd4,
    0x4000_0080: 0x9, 0x4000_00c0: 0x1,
    // CD: T0SZ 25, EPD1, V, IPS 44 bits, AA64, R, A; TTB0 0x40002000.
    0x4000_1000: 0x0001_6204_c000_0019, 0x4000_1008: 0x4000_2000, 0x4000_1018: 0xff,
    // Level 1, 2, 3: IOVA 0x1000 to 0x50000, and 0x2000 read-only to 0x51000.
    0x4000_2000: 0x4000_3003, 0x4000_3000: 0x4000_4003,
    0x4000_4008: 0x0005_0000 | 0x443, 0x4000_4010: 0x0005_1000 | 0x4c3,
  ]
  var registers = """
    {"registers": {"smmu": {"0x9050000": {"0x0": "0x0d44101b", "0x4": "0x02730010",
      "0xc": "0x1414", "0x14": "0x74", "0x1c": "0x1", "0x20": "0xd", "0x2c": "0x2",
      "0x80": "0x40000000", "0x84": "0x0", "0x88": "0x4"}}},
     "ram": ["0x40000000", "0x100000"]}
    """
  var expected = """
    {"sid":"0x1","iova":"0x1040","rw":"w","expect":"ok","pa":"0x50040"}
    {"sid":"0x1","iova":"0x1000","expect":"map","size":"0x1000","pa":"0x50000","read":true,"write":true,"af":true}
    {"sid":"0x1","iova":"0x2000","expect":"map","size":"0x1000","pa":"0x51000","read":true,"write":false,"af":true}
    {"sid":"0x1","iova":"0x3000","expect":"fault","event":"F_TRANSLATION"}
    {"sid":"0x1","iova":"0x3000","rw":"w","expect":"fault","events":[["0x0000000100000010","0x0000020000000000","0x3000","0x0"]]}
    {"sid":"0x2","iova":"0x1234","expect":"bypass"}
    {"sid":"0x3","iova":"0x1234","rw":"r","expect":"abort"}
    {"sid":"0x10","iova":"0x1234","rw":"r","expect":"fault","event":"C_BAD_STREAMID"}
    """

  /// An ELF64 core with one PT_LOAD.
  var elf: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 0x1000)
    func put(_ value: UInt64, _ place: Int, _ length: Int) {
      for index in 0..<length {
        bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
      }
    }
    put(0x0001_0102_464c_457f, 0, 8)
    put(4, 16, 2)
    put(183, 18, 2)
    put(64, 32, 8)
    put(56, 54, 2)
    put(1, 56, 2)
    put(1, 64, 4)
    put(0x1000, 72, 8)
    put(0x4000_0000, 80, 8)
    put(0x4000_0000, 88, 8)
    put(0x5000, 96, 8)
    put(0x5000, 104, 8)
    bytes += [UInt8](repeating: 0, count: 0x5000)
    for (address, value) in words { put(value, Int(address - 0x4000_0000) + 0x1000, 8) }
    return bytes
  }

  /// Writes the image into a fresh directory for the time of `body`.
  func written<Result>(elf: [UInt8]? = nil, _ body: (String) throws -> Result) throws -> Result {
    let place = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: place) }
    try Data(elf ?? self.elf).write(to: place.appendingPathComponent("image.elf"))
    try Data(registers.utf8).write(to: place.appendingPathComponent("regs.json"))
    try Data(expected.utf8).write(to: place.appendingPathComponent("expected.jsonl"))
    return try body(place.path)
  }
}
