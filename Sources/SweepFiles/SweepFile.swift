package import Files
import Foundation
import GRDB
import Scenarios
package import Sweeps

/// The results of a sweep in one SQLite file: each point is there with all its numbers or not at
/// all.
///
/// The journal is SQLite's rollback journal, which works on network file systems, too.
package final class SweepFile {
  /// The file as the user would name it.
  package let path: String
  let database: DatabaseQueue

  /// SQLite application ID of this program's files ("DBSW").
  fileprivate static let applicationID = 0x4442_5357
  /// The version of the tables.
  fileprivate static let version = 1

  /// Opens a file that a sweep wrote.
  ///
  /// - Throws: `InputError` when it is missing, damaged, or something else.
  package init(opening path: String) throws(InputError) {
    guard InputFile.exists(path) else { throw InputError("no such file", at: Place(file: path)) }
    self.path = path
    database = try Self.open(path)
    guard try isOurs() else {
      throw InputError(
        expected: "results of 'doorbell sweep'", found: "an empty file", at: Place(file: path))
    }
  }

  /// Opens the file of these results, and makes it when there is none.
  ///
  /// - Parameter results: results that the file must belong to; their rows are not looked at.
  /// - Throws: `InputError` when it is damaged, something else, or holds another sweep's results.
  package init(path: String, of results: SweepResults) throws(InputError) {
    self.path = path
    database = try Self.open(path)
    if try isOurs() {
      try check(results)
    } else {
      try access { try $0.create(results) }
    }
  }

  private static func open(_ path: String) throws(InputError) -> DatabaseQueue {
    var configuration = Configuration()
    configuration.busyMode = .timeout(30)
    do {
      return try DatabaseQueue(path: path, configuration: configuration)
    } catch {
      throw InputError(error, at: path)
    }
  }

  /// Whether the file holds results; `false` when it holds nothing at all.
  private func isOurs() throws(InputError) -> Bool {
    try access { database in
      let tables = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM sqlite_master") ?? 0
      let application = try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
      if tables == 0, application == 0 { return false }
      guard application == Self.applicationID else {
        throw InputError(
          expected: "results of 'doorbell sweep'", found: "another program's SQLite database",
          at: Place(file: self.path))
      }
      let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
      guard version == Self.version else {
        throw InputError(
          expected: "results of version \(Self.version)", found: "version \(version)",
          at: Place(file: self.path))
      }
      let finding = try String.fetchOne(database, sql: "PRAGMA quick_check(1)") ?? "ok"
      guard finding == "ok" else { throw InputError.damaged(finding, at: self.path) }
      return true
    }
  }

  private func check(_ results: SweepResults) throws(InputError) {
    let digest = try self.results(withRows: false).digest
    guard digest == results.digest else {
      throw InputError(
        "expected results of this plan (\(results.digest.prefix(12))), found those of another or of "
          + "the same before it, or a file that it names, changed (\(digest.prefix(12))); keep the "
          + "file, and name another one with --output", at: Place(file: path))
    }
  }

  /// Does `body` in one transaction: all of it happens or nothing.
  func access<Value>(_ body: (Database) throws -> Value) throws(InputError) -> Value {
    do {
      return try database.write(body)
    } catch let error as InputError {
      throw error
    } catch {
      throw InputError(error, at: path)
    }
  }
}

extension Database {
  /// Makes the tables of a new file.
  fileprivate func create(_ results: SweepResults) throws {
    try execute(
      sql: """
        CREATE TABLE sweep (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
        CREATE TABLE quantity (
          number INTEGER PRIMARY KEY, section TEXT NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL
        ) STRICT;
        CREATE TABLE point (
          number INTEGER PRIMARY KEY, hash TEXT NOT NULL, outcome TEXT NOT NULL, why TEXT NOT NULL
        ) STRICT;
        CREATE TABLE field (
          point INTEGER NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
          PRIMARY KEY (point, place)
        ) STRICT;
        CREATE TABLE number (
          point INTEGER NOT NULL, seed INTEGER NOT NULL, quantity INTEGER NOT NULL,
          low REAL, high REAL, PRIMARY KEY (point, seed, quantity)
        ) STRICT;
        PRAGMA application_id = \(SweepFile.applicationID);
        PRAGMA user_version = \(SweepFile.version);
        """)
    let seeds = JSONValue.array(results.seeds.map { .integer(Int($0)) }).compactText
    for (name, value) in [
      ("purpose", results.purpose), ("run", results.kind.rawValue), ("plan", results.digest),
      ("points", String(results.pointCount)), ("seeds", seeds),
    ] {
      try execute(sql: "INSERT INTO sweep VALUES (?, ?)", arguments: [name, value])
    }
    for (number, quantity) in results.quantities.enumerated() {
      try execute(
        sql: "INSERT INTO quantity VALUES (?, ?, ?, ?)",
        arguments: [number, quantity.section, quantity.name, quantity.unit])
    }
  }
}

extension InputError {
  static func damaged(_ finding: String, at path: String) -> InputError {
    InputError(
      expected: "results of 'doorbell sweep'", found: "a damaged file: \(finding)",
      at: Place(file: path))
  }

  /// Creates the error for SQLite's error about a file.
  init(_ error: any Error, at path: String) {
    let place = Place(file: path)
    guard let error = error as? DatabaseError else {
      self.init("the file cannot be used: \(error)", at: place)
      return
    }
    switch error.resultCode {
    case .SQLITE_NOTADB:
      self.init(
        expected: "results of 'doorbell sweep'", found: "a file that is no SQLite database",
        at: place)
    case .SQLITE_CORRUPT: self = .damaged(error.message ?? "", at: path)
    default: self.init("the file cannot be used: \(error.message ?? "\(error)")", at: place)
    }
  }
}
