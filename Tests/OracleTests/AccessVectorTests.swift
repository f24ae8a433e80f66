import Files
import Foundation
import Testing

@testable import Inspect

/// Recorded kernels against their models (Fixtures/access).
@Suite("Access vectors")
struct AccessVectorTests {
  static let names: [String] = {
    let folder = Bundle.module.url(
      forResource: "access", withExtension: nil, subdirectory: "Fixtures")
    let files = folder.flatMap {
      try? FileManager.default.contentsOfDirectory(atPath: $0.path(percentEncoded: false))
    }
    return (files ?? []).filter { $0.hasSuffix(".jsonl.gz") }.sorted()
  }()

  static func path(of name: String) throws -> String {
    let folder = try #require(
      Bundle.module.url(forResource: "access", withExtension: nil, subdirectory: "Fixtures"))
    return folder.appendingPathComponent(name).path(percentEncoded: false)
  }

  static func report(of name: String) throws -> AccessReport {
    var report = AccessReport()
    report.add(try AccessVectorReader.read(try path(of: name)))
    return report
  }

  @Test("a recorded kernel's accesses are those of its model, phase by phase", arguments: names)
  func agreement(name: String) throws {
    let report = try Self.report(of: name)
    #expect(report.differences.map(\.description) == [])
    #expect(report.refusals.map(\.text) == [])
  }

  @Test("the phases that decide an MSI are compared, and none of them left out")
  func coverage() throws {
    let report = try Self.report(of: "k73-nvme-4v-4c.jsonl.gz")
    for phase in [
      "gic-probe", "its-probe", "its-cpu-init", "smmu-probe", "domain-attach", "domain-change",
      "msix-enable", "request-irq", "free-irq", "msix-disable", "its-device-free", "affinity",
      "cpu-offline", "pci-enable", "pci-disable", "dma-unmap", "smmu-fault", "vfio-attach",
      "vfio-detach", "vfio-set-irqs", "vfio-unmap",
    ] {
      let totals = try #require(report.totals.first { $0.phase == phase }, "\(phase)")
      #expect(totals.agreeing == totals.accesses && totals.accesses > 0, "\(phase)")
    }
  }

  // Of a host: what VFIO and the MSI domain do for what the guest does to a trapped table.
  @Test(
    "a host's vectors follow its guest, with VFIO's type 1 and with iommufd, on 6.12 and 7.3",
    arguments: ["host-k73-nvme-4v", "host-k612-nvme-2v", "host-k73-nested-nvme-3v"])
  func hostCoverage(name: String) throws {
    let report = try Self.report(of: name + ".jsonl.gz")
    for phase in [
      "vfio-set-irqs", "vfio-ioctl", "msix-enable", "msix-disable", "request-irq", "free-irq",
      "its-device-free", "config-save", "config-restore",
    ] + (name.contains("nested") ? ["iommufd-attach", "iommufd-detach"] : []) {
      let totals = try #require(report.totals.first { $0.phase == phase }, "\(phase)")
      #expect(totals.agreeing == totals.accesses && totals.accesses > 0, "\(phase)")
    }
  }

  @Test("a host that adds vectors is told from one that sets all up again, and each access counts")
  func hostMutations() throws {
    let vector = try AccessVectorReader.read(try Self.path(of: "host-k612-nvme-2v.jsonl.gz"))
    func differences(_ change: (inout AccessVector) -> Void) -> Set<String> {
      var vector = vector
      change(&vector)
      var report = AccessReport()
      report.add(vector)
      return Set(report.differences.map(\.phase))
    }
    #expect(
      differences { $0.situation.kernel = "7.3.4" }
        .isSuperset(of: ["vfio-set-irqs", "msix-enable", "msix-disable", "its-device-free"]))
    for phase in ["vfio-set-irqs", "request-irq", "free-irq", "msix-disable", "config-save"] {
      let place = try #require(
        vector.accesses.lastIndex { $0.phase == phase && $0.block != .its })
      #expect(differences { $0.accesses.remove(at: place) } == [phase])
    }
  }

  // MARK: Mutations

  private static func vector() throws -> AccessVector {
    try AccessVectorReader.read(try path(of: "k73-nvme-2v-1c.jsonl.gz"))
  }

  private static func differences(_ change: (inout AccessVector) -> Void) throws
    -> [AccessDifference]
  {
    var vector = try vector()
    change(&vector)
    var report = AccessReport()
    report.add(vector)
    return report.differences
  }

  @Test("a missing, another or one more access is found where it is, and only there")
  func mutations() throws {
    let vector = try Self.vector()
    let places = vector.accesses.indices.filter {
      ["msix-enable", "request-irq", "free-irq", "its-probe", "smmu-probe", "domain-attach"]
        .contains(vector.accesses[$0].phase) && $0 % 7 == 3
    }
    for place in places {
      let access = vector.accesses[place]
      guard access.isWrite, !["GITS_CWRITER", "SMMU_CMDQ_PROD"].contains(access.register) else {
        continue
      }
      let removed = try Self.differences { $0.accesses.remove(at: place) }
      #expect(removed.map(\.step) == [access.step], "\(access)")
      let wider = try Self.differences { $0.accesses[place].width = access.width == 8 ? 4 : 8 }
      #expect(wider.map(\.number) == [access.number], "\(access)")
      let read = try Self.differences { $0.accesses[place].isWrite = false }
      #expect(read.map(\.number) == [access.number], "\(access)")
    }
  }

  @Test("a poll may read more than once, and must read once")
  func polls() throws {
    let vector = try Self.vector()
    let place = try #require(
      vector.accesses.firstIndex { $0.phase == "request-irq" && $0.register == "GITS_CREADR" })
    let more = try Self.differences {
      $0.accesses.insert($0.accesses[place], at: place)
      $0.accesses.insert($0.accesses[place], at: place)
    }
    #expect(more == [])
    let fewer = try Self.differences { $0.accesses.remove(at: place) }
    #expect(fewer.count == 1)
  }

  @Test("a value that the kernel decides counts, and an address of its allocator does not")
  func values() throws {
    let vector = try Self.vector()
    func place(_ register: String, _ phase: String) throws -> Int {
      try #require(
        vector.accesses.firstIndex {
          $0.register == register && $0.phase == phase && $0.isWrite
        })
    }
    let data = try place("MSIX_DATA", "msix-enable")
    #expect(try Self.differences { $0.accesses[data].value ^= 1 }.count == 1)
    let doorbell = try place("MSIX_ADDR_LO", "msix-enable")
    #expect(try Self.differences { $0.accesses[doorbell].value ^= 0x10_0000 } == [])
    #expect(try Self.differences { $0.accesses[doorbell].value ^= 0x40 }.count == 1)
    let table = try place("GICR_PROPBASER", "its-cpu-init")
    #expect(try Self.differences { $0.accesses[table].value ^= 0x10_0000 } == [])
    let writer = try place("GITS_CWRITER", "its-cpu-init")
    #expect(try Self.differences { $0.accesses[writer].value ^= 0x20 }.isEmpty == false)
  }

  @Test("an older or a newer kernel differs where its release table says so")
  func releases() throws {
    let differences = try Self.differences { $0.situation.kernel = "5.10.0" }
    let phases = Set(differences.map(\.phase))
    #expect(phases.isSuperset(of: ["gic-probe", "smmu-probe", "domain-attach", "request-irq"]))
    #expect(try Self.differences { $0.situation.kernel = "7.2.1" } == [])
  }

  @Test("a kernel that no model knows is not modelled, and nothing differs")
  func unknownKernel() throws {
    var vector = try Self.vector()
    vector.situation.kernel = "9.1.0"
    var report = AccessReport()
    report.add(vector)
    #expect(report.differences == [])
    #expect(report.sum.notModelled == vector.accesses.count)
  }

  // MARK: Reader

  static let header =
    #"{"kind":"header","case":"x","kernel":"7.3.4","machine":"virt,iommu=smmuv3","device":"nvme (table 2)","msix_table":2,"vcpus":1,"page_size":4096}"#
  static let line =
    #"{"seq":1,"step":"boot","phase":"gic-probe","block":"gicr","frame":0,"cpu":0,"rw":"r","offset":"0xffe8","register":"GICR_PIDR2","width":4,"value":"0x3b"}"#

  private static func withFile<Result>(
    _ text: String, _ body: (String) throws -> Result
  ) throws -> Result {
    let place = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try Data(text.utf8).write(to: place)
    defer { try? FileManager.default.removeItem(at: place) }
    return try body(place.path)
  }

  @Test("a file is told by its first line")
  func kinds() throws {
    let kinds: [(String, AccessVectorReader.Kind)] = [
      (Self.header + "\n" + Self.line, .accesses),
      (#"{"kind":"header","case":"x","commands":3}"#, .commands),
      (#"{"vector":{}}"#, .vectors), ("", .vectors), ("[1]", .vectors),
    ]
    for (text, kind) in kinds {
      #expect(try Self.withFile(text) { try AccessVectorReader.kind(ofFile: $0) } == kind)
    }
  }

  @Test(
    "a line that is no access is one error with its place",
    arguments: [
      (#""gicr""#, #""gicd""#, "block"), (#""r""#, #""x""#, "rw"),
      (#""width":4"#, #""width":3"#, "width"), (#""0xffe8""#, #""x""#, "offset"),
      (#""phase":"gic-probe","#, "", "phase"), (#""vcpus":1"#, #""vcpus":0"#, "vcpus"),
      (#""vcpus":1"#, #""vcpus":99999"#, "vcpus"),
      (#""msix_table":2"#, #""msix_table":4000"#, "msix_table"),
      (#""page_size":4096"#, #""page_size":5"#, "page_size"),
    ])
  func badLines(from old: String, to new: String, field: String) throws {
    let text = (Self.header + "\n" + Self.line).replacingOccurrences(of: old, with: new)
    let error = try Self.withFile(text) { path in
      #expect(throws: InputError.self) { try AccessVectorReader.read(path) }
    }
    #expect("\(error as Any)".contains(field))
  }

  @Test("whatever a case says of its machine, comparing it ends")
  func hostileCases() throws {
    for register in ["MSI.FLAGS", "MSIX.FLAGS", "PM.PMCSR", "COMMAND"] {
      for value in [UInt64.min, 1, 0xff, .max] {
        for (offset, table) in [(UInt64.max, 0), (0, 2048), (2, 1)] {
          var vector = try Self.vector()
          vector.accesses = Array(vector.accesses.prefix(600))
          for place in vector.accesses.indices where vector.accesses[place].register == register {
            vector.accesses[place].value = value
            vector.accesses[place].offset = offset
          }
          vector.situation.tableSize = table
          vector.situation.vectors = Int(value & 0xfff)
          vector.situation.cpus = 1 + Int(value & 0x3f)
          for place in vector.accesses.indices where place % 5 == 0 {
            vector.accesses[place].step = "affinity irq=1 from=0 to=\(value)"
          }
          var report = AccessReport()
          report.add(vector)
          #expect(report.sum.accesses == vector.accesses.count)
        }
      }
    }
  }
}
