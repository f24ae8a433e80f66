import Firmware
import Testing

/// What `iasl -d` says about a table, line by line: offset, length, value, and for flags the
/// values of their bits.
struct Disassembly {
  struct Line {
    let offset: Int
    let width: Int
    let name: String
    let value: String
    var flags: [String] = []
  }

  private(set) var lines: [Line] = []

  init(_ text: String) {
    for line in text.split(separator: "\n") {
      let halves = line.split(separator: ":", maxSplits: 1)
      guard halves.count == 2 else { continue }
      let value = halves[1].drop { $0 == " " }
      if line.hasPrefix("["), let end = line.firstIndex(of: "]") {
        let numbers = line[line.index(after: line.startIndex)..<end].split(separator: " ")
        guard numbers.count == 3, let offset = Int(numbers[1]),
          let width = Int(numbers[2].prefix { $0 != "h" }, radix: 16)
        else { continue }
        let name = halves[0][halves[0].index(after: end)...].split(separator: " ")
        lines.append(
          Line(
            offset: offset, width: width, name: name.joined(separator: " "),
            value: String(value)))
      } else if line.hasPrefix("   "), !lines.isEmpty {
        lines[lines.count - 1].flags.append(String(value))
      }
    }
  }
}

@Suite("Disassembly")
struct DisassemblyTests {
  @Test("there are tables")
  func exist() { #expect(Fixture.all.count >= 18) }

  @Test("every field that iasl prints has its place, width and value", arguments: Fixture.all)
  func fields(fixture: Fixture) throws {
    let tables = try fixture.tables()
    #expect(tables.listings.count == fixture.files(".dsl").count)
    for listing in tables.listings {
      let disassembly = Disassembly(try fixture.text("\(listing.signature).dsl"))
      #expect(disassembly.lines.count > 9)
      let values = listing.records.flatMap(\.record.fields)
      let ours = Dictionary(grouping: values, by: \.offset)
      for line in disassembly.lines {
        guard let problem = Self.difference(line, ours, listing) else { continue }
        Issue.record("\(listing.signature)+\(line.offset) \(line.name): \(problem)")
      }
    }
  }

  /// `nil` when a field agrees with the line, or iasl reads past the end of a structure.
  private static func difference(
    _ line: Disassembly.Line, _ fields: [Int: [FieldValue]], _ listing: TableListing
  ) -> String? {
    let isText = line.value.hasPrefix("\"")
    guard isText || line.value.first.map(\.isHexDigit) == true else { return nil }
    // iasl lists fields of a newer GICC after the end of an 80-byte one.
    if line.name == "TRBE Interrupt" { return nil }
    // iasl prints two bytes at offset 3 of GICR and ITS, where its own structure has one.
    if line.name == "Reserved", fields[line.offset]?.first?.field.width == 1 { return nil }
    guard let field = fields[line.offset]?.first(where: { $0.field.width == line.width }) else {
      return "no field of \(line.width) bytes"
    }
    if isText {
      let text = line.value.split(separator: "\"").first.map { $0.trimming() } ?? ""
      return field.text == text ? nil : "found \(field.text ?? "a number"), iasl has \(text)"
    }
    let value = line.value.prefix { $0.isHexDigit }
    guard UInt64(value, radix: 16) == field.value else {
      return "found \(field.formatted), iasl has \(value)"
    }
    guard case .flags(let flags) = field.field.style, flags.count == line.flags.count else {
      return nil
    }
    for (flag, text) in zip(flags, line.flags)
    where UInt64(text, radix: 16) != flag.value(in: field.value) {
      return "flag \(flag.name) is \(flag.value(in: field.value)), iasl has \(text)"
    }
    return nil
  }

  @Test("every byte of a table belongs to a field", arguments: Fixture.all)
  func coverage(fixture: Fixture) throws {
    for listing in try fixture.tables().listings {
      var covered = Set<Int>()
      for value in listing.records.flatMap(\.record.fields) {
        covered.formUnion(value.offset..<value.offset + value.field.width)
      }
      let missing = listing.bytes.indices.filter { !covered.contains($0) }
      #expect(missing.isEmpty, "\(listing.signature)")
    }
  }
}

extension Substring {
  fileprivate func trimming() -> String {
    String(reversed().drop { $0 == " " }.reversed())
  }
}
