import Bits
import Files
import Scenarios

// Records by the manual's names of their fields, as scripts give and expect them.
extension FieldDescription {
  /// Writes the fields that `values` names.
  static func write(
    _ values: CheckedValue?, _ layout: [FieldDescription<Record>], in record: inout Record
  ) throws(InputError) {
    for member in values?.members ?? [] {
      guard let field = layout.first(where: { $0.name == member.name }) else {
        throw InputError(
          expected: "a field of the manual (\(alternatives(layout.map(\.name))))",
          found: member.name.quoted, at: member.place, field: member.value.field)
      }
      guard member.value.integer <= lowBits(field.width) else {
        throw member.value.error(expected: "at most \(hex(lowBits(field.width)))")
      }
      field.set(member.value.integer, in: &record)
    }
  }

  /// The fields that are not zero, by name.
  static func read(_ layout: [FieldDescription<Record>], in record: Record) -> JSONValue {
    .object(
      layout.compactMap { field in
        let value = field.value(in: record)
        return value == 0 ? nil : .init(field.name, .address(value))
      })
  }
}

extension Shape {
  /// A mapping from the manual's names of fields to numbers.
  static var fields: Shape {
    .dictionary(keys: "the manual's names of fields to numbers", .integer(0...(.max)))
  }
}
