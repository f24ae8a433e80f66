internal import ArmFormats
internal import Bits
import Files
internal import Firmware
internal import Inspect
internal import SMMU

/// Facts about the same machine from the files beside a trace.
package struct MachineCompanions: Sendable {
  package internal(set) var kernelTraces: [KernelTraceReport] = []
  package internal(set) var kernelLogs: [KernelLogStory] = []
  /// Lines on the translation of a device's message addresses by the tables of a memory image, by
  /// device.
  var imageLines: [UInt32: [String]] = [:]
  /// Warnings that no trace is needed for.
  var warnings: [String] = []

  package init() {}
}

extension RecordedCase {
  /// Reads the files beside the trace.
  ///
  /// - Throws: `InputError` when one cannot be read.
  func companions(
    _ story: MachineStory, progress: (Int) -> Void
  ) throws(InputError) -> MachineCompanions {
    var companions = MachineCompanions()
    for path in kernelTraces {
      companions.kernelTraces.append(try KernelTraceReport(path, progress: progress))
    }
    for path in kernelLogs {
      let isInner = folder.map { path.hasPrefix("\($0)/guest-l2/") } ?? false
      companions.kernelLogs.append(try KernelLogStory(path: path, isInner: isInner))
    }
    for path in images { try look(into: path, story, &companions) }
    companions.warnings += ignoredRegions(in: "guest", guest)
    companions.warnings += ignoredRegions(in: "guest-l2", innerGuest)
    return companions
  }

  // MARK: Images

  /// Translates each device's message addresses through the tables of a memory image.
  private func look(
    into path: String, _ story: MachineStory, _ companions: inout MachineCompanions
  ) throws(InputError) {
    var image = try MemoryImage(directory: path, personality: .qemu11)
    var ids = Set(story.devices.keys)
    ids.formUnion(guest?.devices.keys.map { $0 } ?? [])
    for id in ids.sorted() {
      let programmed = guest?.devices[id]?.vectors.filter { !$0.isMasked }.map(\.address) ?? []
      let used = story.devices[id]?.addresses.keys.map(\.address) ?? []
      for address in Set(programmed + used).sorted() where address != 0 {
        let report = image.translate(
          Transaction(streamID: id, address: IOVA(address), isWrite: true))
        companions.imageLines[id, default: []].append(
          "  image \(path): message address \(hex(address)): \(report.outcome)")
      }
    }
  }

  // MARK: Firmware

  /// Regions that the firmware of a side reserves for a device and its kernel does not list.
  private func ignoredRegions(in side: String, _ facts: GuestFacts?) -> [String] {
    guard let folder, let facts else { return [] }
    let platform = Self.platform("\(folder)/\(side)/acpi")
    guard !platform.reserved.isEmpty else { return [] }
    var warnings: [String] = []
    for (id, device) in facts.devices.sorted(by: { $0.key < $1.key }) where device.domain != nil {
      guard let stream = platform.route(of: id).stream?.id else { continue }
      for range in platform.reserved
      where range.streams.contains(where: { $0.ids.contains(stream) }) {
        let isListed = device.reserved.contains {
          $0.start <= range.base && range.last ?? 0 <= $0.end && $0.kind.hasPrefix("direct")
        }
        if !isListed {
          warnings.append(
            "\(DeviceStory(id: id).name): the firmware (\(side)/acpi/IORT) reserves "
              + "\(hex(range.base))-\(hex(range.last ?? 0)) for it, and the kernel lists no "
              + "'direct' region there: the RMR is ignored")
        }
      }
    }
    return warnings
  }

  static func platform(_ path: String) -> PlatformFacts {
    var tables = FirmwareTables()
    func bytes(_ name: String) -> [UInt8]? { try? InputFile("\(path)/\(name)").bytes() }
    tables.iort = bytes("IORT").flatMap { try? IORTTable($0) }
    tables.madt = bytes("APIC").flatMap { try? MADTTable($0) }
    tables.bridges = bytes("DSDT").flatMap { try? HostBridgeScan($0) }
    return tables.facts
  }
}
