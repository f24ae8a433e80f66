internal import Foundation

/// A file that the user gave, plain or gzip'd, read from its beginning to its end.
package final class InputFile {
  /// The file as the user would name it.
  package let path: String
  /// The number of the line read last, counted from 1; 0 before the first.
  package private(set) var lineNumber = 0
  private let file: CompressedFile

  /// Files that are read whole are refused beyond this many bytes: tables of firmware, registers,
  /// YAML, recordings, and others that people or kernels write.
  package static let wholeLimit = 64 << 20
  /// The same for images of memory.
  package static let imageLimit = 4 << 30

  /// - Throws: `InputError` when there is no such file, or it is a folder.
  package init(_ path: String) throws(InputError) {
    self.path = path
    do { file = try CompressedFile(path: path) } catch {
      throw InputError(error, at: Place(file: path))
    }
  }

  /// Whether there is something at `path`.
  package static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
  }

  /// The place of the line read last.
  package var place: Place { Place(file: path, line: lineNumber) }

  /// The next line without its newline, or `nil` at the end.
  package func line() throws(InputError) -> [UInt8]? {
    do {
      guard let line = try file.line() else { return nil }
      lineNumber += 1
      return line
    } catch { throw InputError(error, at: Place(file: path, line: lineNumber + 1)) }
  }

  /// Everything that has not been read yet.
  ///
  /// - Parameter limit: the most bytes accepted.
  package func bytes(limit: Int = InputFile.wholeLimit) throws(InputError) -> [UInt8] {
    do { return try file.rest(limit: limit) } catch {
      throw InputError(error, at: Place(file: path))
    }
  }

  /// Everything that has not been read yet, if it begins with `magic`: another file is not read on,
  /// however long it is.
  package func image(magic: [UInt8]) throws(InputError) -> [UInt8] {
    guard file.starts(with: magic) else { return [] }
    return try bytes(limit: Self.imageLimit)
  }

  /// Everything that has not been read yet, as UTF-8 of at most `wholeLimit` bytes.
  package func text() throws(InputError) -> String {
    guard let text = String(validating: try bytes(), as: UTF8.self) else {
      throw InputError(expected: "UTF-8 text", found: "other bytes", at: Place(file: path))
    }
    return text
  }

  /// Returns the contents of standard input, plain or gzip'd; invalid UTF-8 in it is replaced.
  ///
  /// - Parameter limit: the most bytes accepted.
  package static func standardInput(limit: Int) throws(InputError) -> String {
    if let found = FileStatus(descriptor: 0), found.isRegular { FilesInUse.noteRead(found) }
    do {
      return String(
        decoding: try CompressedFile(standardInput: ()).rest(limit: limit), as: UTF8.self)
    } catch {
      throw InputError(error, at: Place(file: "standard input"))
    }
  }

  /// The one JSON text that the file holds.
  package func json() throws(InputError) -> JSONCursor {
    var bytes = try bytes()
    // RFC 8259, 8.1: a byte order mark may be ignored.
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes.removeFirst(3) }
    do { return JSONCursor(try JSONValue(parsing: bytes), at: Place(file: path)) } catch {
      throw InputError(
        "expected JSON: \(error.message)",
        at: Place(file: path, line: error.line, column: error.column))
    }
  }

  /// The JSON text on the next line that is not empty, or `nil` at the end.
  package func jsonLine() throws(InputError) -> JSONCursor? {
    while let line = try line() {
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }) { continue }
      do { return JSONCursor(try JSONValue(parsing: line), at: place) } catch {
        throw InputError(
          "expected JSON: \(error.message)",
          at: Place(file: path, line: lineNumber, column: error.column))
      }
    }
    return nil
  }
}

extension InputError {
  /// A file that cannot be read.
  fileprivate init(_ error: CompressedFile.ReadError, at place: Place) {
    switch error {
    case .cannotOpen(let reason): self.init("the file cannot be read: \(reason)", at: place)
    case .missing, .isFolder, .damaged, .tooLong: self.init("\(error)", at: place)
    }
  }
}
