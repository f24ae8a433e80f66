internal import Gzip
public import JSON

/// The lines of a file of JSON texts, one a line, plain or gzip'd, read one at a time.
public final class JSONLines {
  public let path: String
  /// The number of the line read last, counted from 1.
  public private(set) var lineNumber = 0
  private let file: CompressedFile

  /// - Throws: `BadInput` when the file cannot be opened.
  public init(path: String) throws(BadInput) {
    self.path = path
    do { file = try CompressedFile(path: path) } catch { throw BadInput(file: path, "\(error)") }
  }

  /// The value on the next line that is not empty, or `nil` at the end.
  ///
  /// - Throws: `BadInput` when the file is damaged or the line is not JSON.
  public func next() throws(BadInput) -> JSONCursor? {
    while true {
      let line: [UInt8]?
      do { line = try file.line() } catch {
        throw BadInput(file: path, line: lineNumber + 1, "\(error)")
      }
      guard let line else { return nil }
      lineNumber += 1
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }) { continue }
      do { return JSONCursor(try JSONValue(parsing: line)) } catch {
        throw BadInput(
          file: path, line: lineNumber, "not JSON: \(error.message) at column \(error.column)")
      }
    }
  }

  /// The error of a value on the line read last that is not as expected.
  public func error(_ error: JSONShapeError) -> BadInput {
    BadInput(file: path, line: lineNumber, "\(error)")
  }
}

/// Reads a whole file, plain or gzip'd.
///
/// - Throws: `BadInput` when it cannot be read.
public func readFile(_ path: String) throws(BadInput) -> [UInt8] {
  do { return try CompressedFile(path: path).rest() } catch {
    throw BadInput(file: path, "\(error)")
  }
}

/// Reads a file that holds one JSON text, plain or gzip'd.
///
/// - Throws: `BadInput` when it cannot be read or is not JSON.
public func readJSON(_ path: String) throws(BadInput) -> JSONCursor {
  let bytes = try readFile(path)
  do { return JSONCursor(try JSONValue(parsing: bytes)) } catch {
    throw BadInput(
      file: path, line: error.line, "not JSON: \(error.message) at column \(error.column)")
  }
}
