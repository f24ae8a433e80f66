internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// A file that an option names for a result.
///
/// A regular file is replaced as a whole, with its mode and owner kept: at any moment the old
/// content stands there or the new one, never a part. Devices, FIFOs and sockets are written to,
/// symbolic links are followed. A file that this process has read, or written for another option,
/// is refused.
package struct OutputFile: Sendable {
  /// The file as the user names it; `-` is standard output.
  package let path: String
  /// The option that names it, such as `--output`; empty for none.
  private let option: String

  package init(_ path: String, of option: String = "") {
    self.path = path
    self.option = option
  }

  /// Refuses a file that cannot be written, before the work whose result it shall hold.
  ///
  /// - Throws: `InputError` for a folder, a file in a folder that does not exist, a file without
  ///   write permission, and one that has been read or written already.
  package func check() throws(InputError) {
    guard path != "-" else { return }
    switch FileStatus(path) {
    case nil:
      let folder = Self.folder(of: Self.target(of: path))
      switch FileStatus(folder) {
      case nil: throw error("the folder '\(folder)' does not exist")
      case let found? where !found.isFolder: throw error("'\(folder)' is not a folder")
      case _?: break
      }
      guard unsafe access(folder, W_OK) == 0 else {
        throw error("the folder '\(folder)' cannot be written: \(Self.reason(errno))")
      }
    case let found? where found.isFolder: throw error("expected a file, found a folder")
    case let found?:
      guard unsafe access(path, W_OK) == 0 else {
        throw error("the file cannot be written: \(Self.reason(errno))")
      }
      guard found.isRegular else { return }
      try FilesInUse.check(found.identity, self)
    }
  }

  /// Writes `text` and nothing else to the file.
  ///
  /// - Parameter isUpdate: whether the file may be one that was read before, as when a record is
  ///   brought up to date.
  /// - Throws: `InputError` as `check`, and when writing fails: a regular file is then as it was.
  package func write(_ text: String, isUpdate: Bool = false) throws(InputError) {
    guard path != "-" else { return try Self.writeStandardOutput(text) }
    if !isUpdate { try check() }
    var text = text
    let found = FileStatus(path)
    if let found, found.identity == FileStatus(descriptor: STDOUT_FILENO)?.identity {
      return try Self.writeStandardOutput(text)
    }
    let isPlain = found.map { $0.isRegular && $0.links == 1 } ?? true
    let isNamed = !path.hasPrefix("/dev/") && !path.hasPrefix("/proc/")
    let problem = text.withUTF8 { bytes in
      if isPlain, isNamed, let outcome = unsafe replace(with: bytes, found) {
        return outcome.problem
      }
      return unsafe writeInPlace(bytes)
    }
    if let problem { throw error("the file cannot be written: \(problem)") }
    if let written = FileStatus(path), written.isRegular {
      FilesInUse.noteWritten(written.identity)
    }
  }

  /// Writes `text` to standard output; a reader that has gone away is no error.
  package static func writeStandardOutput(_ text: String) throws(InputError) {
    var text = text
    let problem = text.withUTF8 { unsafe write($0, to: STDOUT_FILENO) }
    guard let problem, problem != EPIPE else { return }
    throw InputError("standard output cannot be written: \(reason(problem))")
  }

  // MARK: Ways to write

  /// Outcome of an attempt: the problem, or `nil` for a success.
  private struct Outcome { let problem: String? }

  /// Puts a new file in the place of the old one; `nil` when the folder takes no new file, so that
  /// the old one can only be written in place.
  private func replace(
    with bytes: UnsafeBufferPointer<UInt8>, _ old: FileStatus?
  ) -> Outcome? {
    let target = Self.target(of: path)
    let folder = Self.folder(of: target)
    let name = "\(folder)/.doorbell-\(getpid())-\(FilesInUse.nextNumber()).part"
    // A file without a name, so that a process that is killed leaves nothing behind.
    var descriptor = unsafe open(folder, O_WRONLY | doorbellTemporaryFile | O_CLOEXEC, 0o666)
    let isNameless = descriptor >= 0
    if !isNameless {
      descriptor = unsafe open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    }
    guard descriptor >= 0 else {
      return old == nil ? Outcome(problem: Self.reason(errno)) : nil
    }
    defer { close(descriptor) }
    if let old {
      fchmod(descriptor, old.mode)
      if fchown(descriptor, old.owner, old.group) != 0, old.owner != geteuid() {
        // Another's file that this process may write keeps its owner only in place.
        if !isNameless { _ = unsafe unlink(name) }
        return nil
      }
    }
    if let problem = unsafe Self.write(bytes, to: descriptor) {
      if !isNameless { _ = unsafe unlink(name) }
      return Outcome(problem: Self.reason(problem))
    }
    if isNameless {
      let source = "/proc/self/fd/\(descriptor)"
      guard unsafe linkat(AT_FDCWD, source, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 else {
        return old == nil ? Outcome(problem: Self.reason(errno)) : nil
      }
    }
    guard unsafe rename(name, target) == 0 else {
      let problem = Self.reason(errno)
      _ = unsafe unlink(name)
      return Outcome(problem: problem)
    }
    return Outcome(problem: nil)
  }

  /// Writes to what stands at the path; the problem, or `nil`.
  private func writeInPlace(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { return Self.reason(errno) }
    defer { close(descriptor) }
    guard let problem = unsafe Self.write(bytes, to: descriptor), problem != EPIPE else {
      return nil
    }
    return Self.reason(problem)
  }

  /// Writes all of `bytes`; the number of the error, or `nil`.
  private static func write(_ bytes: UnsafeBufferPointer<UInt8>, to descriptor: Int32) -> Int32? {
    guard var next = unsafe UnsafeRawPointer(bytes.baseAddress) else { return nil }
    var count = bytes.count
    while count > 0 {
      let written = unsafe Glibc.write(descriptor, next, count)
      if written < 0 {
        if errno == EINTR { continue }
        return errno
      }
      unsafe next += written
      count -= written
    }
    return nil
  }

  // MARK: Names

  /// The path with symbolic links followed, also where the last one leads to nothing.
  private static func target(of path: String) -> String {
    var path = path
    for _ in 0..<40 {
      guard let link = readLink(path) else { return path }
      path = link.hasPrefix("/") ? link : folder(of: path) + "/" + link
    }
    return path
  }

  private static func readLink(_ path: String) -> String? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = unsafe readlink(path, &bytes, bytes.count - 1)
    guard count >= 0 else { return nil }
    return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func reason(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }

  fileprivate func error(_ message: String) -> InputError {
    InputError((option.isEmpty ? "" : "\(option): ") + message, at: Place(file: path))
  }
}

/// `O_TMPFILE`, which the C importer leaves out since its definition is an expression.
private let doorbellTemporaryFile: Int32 = 0o20000000 | O_DIRECTORY

/// Status of a file as the operating system reports it, links followed.
package struct FileStatus: Sendable {
  /// Tells a file from every other, whatever its names are.
  package struct Identity: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
  }

  package let identity: Identity
  let links: Int
  let owner: uid_t
  let group: gid_t
  /// Time of the last change of the content, in seconds since 1970.
  let changed: Int
  /// The permission bits.
  let mode: mode_t
  private let kind: mode_t

  /// `nil` when there is nothing at `path`, or nothing that may be looked at.
  package init?(_ path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  init?(descriptor: Int32) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    identity = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    links = Int(status.st_nlink)
    changed = Int(status.st_mtim.tv_sec)
    owner = status.st_uid
    group = status.st_gid
    mode = status.st_mode & 0o7777
    kind = status.st_mode & S_IFMT
  }

  package var isFolder: Bool { kind == S_IFDIR }
  package var isRegular: Bool { kind == S_IFREG }
}

/// The files that this process has read and written.
package enum FilesInUse {
  private struct State {
    var read: Set<FileStatus.Identity> = []
    var written: Set<FileStatus.Identity> = []
    var number = 0
    /// Time of the newest input's last change, in seconds since 1970.
    var newest = 0
  }

  private static let state = Mutex(State())

  /// Takes down that the file at `path` is an input.
  package static func noteRead(_ path: String) {
    guard let found = FileStatus(path), found.isRegular else { return }
    noteRead(found)
  }

  static func noteRead(_ file: FileStatus) {
    state.withLock {
      $0.read.insert(file.identity)
      $0.newest = max($0.newest, file.changed)
    }
  }

  /// Number of files read, and the date of the newest: `3 input files, the newest of 2026-11-30`;
  /// empty for none.
  package static var summary: String {
    let (count, newest) = state.withLock { ($0.read.count, $0.newest) }
    guard count > 0 else { return "" }
    var time = time_t(newest)
    var date = tm()
    guard unsafe gmtime_r(&time, &date) != nil else { return "" }
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(count) input file\(count == 1 ? "" : "s"), the newest of "
      + "\(date.tm_year + 1900)-\(two(date.tm_mon + 1))-\(two(date.tm_mday))"
  }

  static func noteWritten(_ file: FileStatus.Identity) {
    state.withLock { _ = $0.written.insert(file) }
  }

  static func nextNumber() -> Int {
    state.withLock {
      $0.number += 1
      return $0.number
    }
  }

  static func check(_ file: FileStatus.Identity, _ output: OutputFile) throws(InputError) {
    let (isInput, isOutput) = state.withLock { ($0.read.contains(file), $0.written.contains(file)) }
    if isInput {
      throw output.error("expected a file to write, found one that this command reads")
    }
    if isOutput {
      throw output.error("expected a file of its own, found one that this command has written")
    }
  }
}
