package import Files

/// Reads a case of access vectors: a header line, then one line for each access, plain or gzip'd.
package enum AccessVectorReader {
  /// The kinds of file that `doorbell verify` tells apart by their first line.
  package enum Kind: Equatable, Sendable {
    /// Vectors of the hardware models.
    case vectors
    /// Accesses of a kernel.
    case accesses
    /// The commands that belong to a case of accesses.
    case commands
  }

  /// The most accesses of one case.
  static let limit = 1 << 22

  /// What a file is; decided by its first line.
  package static func kind(ofFile path: String) throws(InputError) -> Kind {
    guard let first = try InputFile(path).jsonLine(), case .object = first.value else {
      return .vectors
    }
    if case .string("header")? = first.value["kind"] {
      return first.value["kernel"] == nil ? .commands : .accesses
    }
    return .vectors
  }

  /// - Throws: `InputError` when the file cannot be read, or a line is not an access.
  package static func read(_ path: String) throws(InputError) -> AccessVector {
    let file = try InputFile(path)
    guard let header = try file.jsonLine() else {
      throw InputError(expected: "a header line", found: "an empty file", at: Place(file: path))
    }
    var vector = AccessVector(situation: try situation(header), accesses: [])
    while let line = try file.jsonLine() {
      guard vector.accesses.count < limit else {
        throw line.error("expected at most \(limit) accesses")
      }
      vector.accesses.append(try access(line, number: vector.accesses.count + 1))
    }
    return vector
  }

  private static func situation(_ header: JSONCursor) throws(InputError) -> AccessVector.Situation {
    let cpus = try header.member("vcpus")
    let count = try cpus.word()
    guard (1...512).contains(count) else { throw cpus.error(expected: "1 to 512 CPUs") }
    let table = try header.optional("msix_table")
    let size = try table?.word() ?? 0
    guard size <= 2048 else { throw (table ?? header).error(expected: "at most 2048 entries") }
    let page = try header.optional("page_size")
    let pageSize = try page?.word() ?? 4096
    guard [4096, 16384, 65536].contains(pageSize) else {
      throw (page ?? header).error(expected: "4096, 16384 or 65536")
    }
    let inner = Dictionary(
      (try header.optional("append")?.string() ?? "").split(separator: " ").compactMap { word in
        let parts = word.split(separator: "=", maxSplits: 1)
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
      }, uniquingKeysWith: { $1 })
    let vectors = try header.optional("vectors")?.optional("after_first_probe")?.word() ?? 0
    return AccessVector.Situation(
      name: try header.member("case").string(), kernel: try header.member("kernel").string(),
      machine: try header.optional("machine")?.string() ?? "",
      device: try header.optional("device")?.string() ?? "",
      tableSize: Int(size), cpus: Int(count), pageSize: pageSize,
      vectors: Int(min(vectors, 2048)),
      guestKernel: inner["av.l2k"] ?? "7.3",
      guestCPUs: min(512, max(1, inner["av.l2smp"].flatMap { Int($0) } ?? 1)),
      functions: (try header.optional("bdf")?.string() ?? "").split(separator: ",").count)
  }

  private static func access(
    _ line: JSONCursor, number: Int
  ) throws(InputError) -> AccessVector.Access {
    let name = try line.member("block")
    guard let block = AccessVector.Block(rawValue: try name.string()) else {
      throw name.error(expected: "its, gicr, smmu, config or msix")
    }
    let direction = try line.member("rw")
    let letter = try direction.string()
    guard letter == "r" || letter == "w" else { throw direction.error(expected: "\"r\" or \"w\"") }
    let width = try line.member("width")
    let bytes = try width.word()
    guard [1, 2, 4, 8].contains(bytes) else { throw width.error(expected: "1, 2, 4 or 8 bytes") }
    let frame = try line.optional("frame")?.word() ?? 0
    return AccessVector.Access(
      number: number, step: try line.member("step").string(),
      phase: try line.member("phase").string(), block: block,
      frame: Int(truncatingIfNeeded: min(frame, 511)),
      function: try line.optional("function")?.string() ?? "",
      offset: try line.member("offset").word(),
      register: try line.optional("register")?.string() ?? "", isWrite: letter == "w",
      width: Int(bytes), value: try line.optional("value")?.word() ?? 0,
      path: try line.optional("path")?.string() ?? "")
  }
}
