internal import Bits

/// One field of a record, with what its value means.
package struct DecodedField: Equatable, Sendable {
  /// The manual's name.
  package var name: String
  /// The bits as the manual numbers them, over the whole record.
  package var position: String
  package var value: UInt64
  /// Meaning of the value; empty if the number says it all.
  package var meaning: String
}

/// A record taken apart: every named field, and bits that no field names.
package struct DecodedRecord: Equatable, Sendable {
  /// Title of the record, such as `event F_TRANSLATION`.
  package var title: String
  /// One sentence of what it says; empty where the fields say it.
  package var summary: String
  package var words: [UInt64]
  package var fields: [DecodedField]
  /// Remarks: reserved bits that are set, and advice on the next steps.
  package var notes: [String]
  /// Advice on the next steps; empty except for events.
  package var next: [String] = []
}

extension DecodedRecord {
  /// Takes `record` apart.
  ///
  /// - Parameters:
  ///   - fields: the fields that this record defines, in the order to print.
  ///   - meaning: meaning of a field's value, by name.
  init<Record: WordRecord>(
    _ record: Record, title: String, summary: String = "", fields: [FieldDescription<Record>],
    meaning: (_ name: String, _ value: UInt64) -> String
  ) {
    self.title = title
    self.summary = summary
    words = record.words
    self.fields = fields.map { field in
      let value = field.value(in: record)
      return DecodedField(
        name: field.name, position: field.position, value: value,
        meaning: meaning(field.name, value))
    }
    notes = Self.unnamedBits(of: record, fields: fields)
  }

  /// A remark for each word with bits that no field names.
  private static func unnamedBits<Record: WordRecord>(
    of record: Record, fields: [FieldDescription<Record>]
  ) -> [String] {
    (0..<Record.wordCount).compactMap { word in
      let named = fields.reduce(0 as UInt64) { $1.word == word ? $0 | $1.mask : $0 }
      let extra = record[word: word] & ~named
      guard extra != 0 else { return nil }
      let places = (0..<64).filter { isSet(extra, bit: $0) }.map { String(Int($0) + word * 64) }
      let list = places.count > 6 ? places.prefix(6) + ["..."] : places[...]
      return "bits that no field of this record names are set in word \(word): "
        + "\(hex(extra)) (bit \(list.joined(separator: ", ")))"
    }
  }
}

/// "set" and "clear" texts for a flag.
func flag(_ value: UInt64, _ set: String, _ clear: String) -> String { value != 0 ? set : clear }

/// The text of `value` in a table of the encodings from 0, or `reserved`.
func choice(_ value: UInt64, _ texts: [String]) -> String {
  value < UInt64(texts.count) ? texts[Int(value)] : "reserved"
}

/// Returns the meaning of a cacheability field of two bits.
func cacheability(_ value: UInt64) -> String {
  choice(value, ["non-cacheable", "write-back", "write-through", "write-back, no write-allocate"])
}

/// Returns the meaning of a shareability field of two bits.
func shareability(_ value: UInt64) -> String {
  choice(value, ["non-shareable", "reserved", "outer shareable", "inner shareable"])
}

/// Returns the meaning of an address size field of three bits.
func addressSize(_ value: UInt64) -> String {
  value < 7 ? "\([32, 36, 40, 42, 44, 48, 52][Int(value)]) bits" : "reserved"
}
