/// A value of the wrong kind, or a member that is missing.
public struct JSONShapeError: Error, Equatable, CustomStringConvertible {
  /// Where in the document, such as `vector.smmu.CR0`; empty for the document itself.
  public var path: String
  /// What was expected and what was found.
  public var message: String

  public init(path: String, message: String) {
    self.path = path
    self.message = message
  }

  public var description: String { path.isEmpty ? message : "\(path): \(message)" }
}

/// A value together with its place in a document, so that errors can name it.
public struct JSONCursor: Sendable {
  public var value: JSONValue
  public var path: String

  public init(_ value: JSONValue, path: String = "") {
    self.value = value
    self.path = path
  }

  private func error(_ expected: String) -> JSONShapeError {
    JSONShapeError(path: path, message: "expected \(expected), found \(value.kind)")
  }

  private func child(_ name: String, _ value: JSONValue) -> JSONCursor {
    JSONCursor(value, path: path.isEmpty ? name : "\(path).\(name)")
  }

  /// The member called `name`, or `nil` when there is none.
  public func optional(_ name: String) throws(JSONShapeError) -> JSONCursor? {
    guard case .object(let members) = value else { throw error("an object") }
    return members.first { $0.name == name }.map { child(name, $0.value) }
  }

  /// The member called `name`.
  public func member(_ name: String) throws(JSONShapeError) -> JSONCursor {
    guard let member = try optional(name) else {
      throw JSONShapeError(path: path, message: "expected a member \"\(name)\", found none")
    }
    return member
  }

  /// The members in order.
  public func members() throws(JSONShapeError) -> [(name: String, cursor: JSONCursor)] {
    guard case .object(let members) = value else { throw error("an object") }
    return members.map { ($0.name, child($0.name, $0.value)) }
  }

  /// The elements in order.
  public func elements() throws(JSONShapeError) -> [JSONCursor] {
    guard case .array(let elements) = value else { throw error("an array") }
    return elements.enumerated().map { JSONCursor($1, path: "\(path)[\($0)]") }
  }

  public func string() throws(JSONShapeError) -> String {
    guard case .string(let text) = value else { throw error("a string") }
    return text
  }

  public func bool() throws(JSONShapeError) -> Bool {
    switch value {
    case .bool(let value): return value
    case .integer(0): return false
    case .integer(1): return true
    default: throw error("true or false")
    }
  }

  /// A number of 64 bits: a JSON integer that is not negative, or a string of hexadecimal digits
  /// after `0x` or of decimal digits.
  public func word() throws(JSONShapeError) -> UInt64 {
    switch value {
    case .integer(let number) where number >= 0: return UInt64(number)
    case .string(let text):
      if let number = UInt64(number: text) { return number }
    default: break
    }
    throw error("a number such as \"0x1f\"")
  }
}

extension UInt64 {
  /// The number that `text` writes: decimal digits, or hexadecimal ones after `0x`; nothing else.
  public init?(number text: some StringProtocol) {
    let digits = text.utf8
    var value: UInt64 = 0
    let isHex = digits.starts(with: [0x30, 0x78]) || digits.starts(with: [0x30, 0x58])
    let radix: UInt64 = isHex ? 16 : 10
    var count = 0
    for byte in digits.dropFirst(isHex ? 2 : 0) {
      let digit: UInt64
      switch byte {
      case 0x30...0x39: digit = UInt64(byte) - 0x30
      case 0x61...0x66 where isHex: digit = UInt64(byte) - 0x57
      case 0x41...0x46 where isHex: digit = UInt64(byte) - 0x37
      default: return nil
      }
      let product = value.multipliedReportingOverflow(by: radix)
      let sum = product.partialValue.addingReportingOverflow(digit)
      guard !product.overflow, !sum.overflow else { return nil }
      value = sum.partialValue
      count += 1
    }
    guard count > 0 else { return nil }
    self = value
  }
}
