package import Files
import Linux

/// The kinds of lines of a recording that are read, and their fields. Other kinds and other fields
/// are for people and for other readers.
enum RecordingShapes {
  static let format = "doorbell-recording"
  static let version: UInt64 = 1

  static let word = Shape.integer(0...(.max))
  static let identifier = Shape.integer(0...UInt64(UInt32.max))
  /// At most 4 GiB: more pages than that in one mapping would exhaust time and memory.
  static let mappedSize = Shape.integer(1...(1 << 32))
  static let vector = Shape.integer(0...2047)

  static let header = open([
    required("format", .choice([Shape.Choice(format)])),
    required("version", .integer(version...version)),
    required("case", .anyText),
    optional("design", .anyText),
    optional("host", kernel),
    optional("guest", kernel),
    required("lines", .integer(0...10_000_000)),
    required("sha256", .text(Shape.TextForm("64 hexadecimal digits", pattern: "[0-9a-f]{64}"))),
  ])

  /// Shape of the kernel that ran on a side.
  private static let kernel = open([optional("kernel", .anyText)])

  /// Shape of every line after the header: a kind of fact, or an event with its time, agent and
  /// action.
  static let line = open([
    optional("fact", .anyText),
    optional("at", word),
    optional("by", .anyText),
    optional("do", .anyText),
  ])

  static let facts: [String: Shape] = [
    "device": open([
      required("name", .anyText),
      required("guest", open([required("deviceID", identifier)])),
      required("host", open([required("deviceID", identifier)])),
      required("msix", open([required("vectors", .integer(1...2048))])),
    ]),
    "rmr": open([required("base", word), required("length", word), required("flags", word)]),
    "its": open([required("side", side), required("doorbell", word)]),
    "frame": open([
      required("stage", .integer(1...2)), required("level", .integer(0...3)),
      optional("iova", word), optional("ipa", word), required("pa", word),
    ]),
    "backing": open([
      required("ipa", word), required("pa", word), required("size", .integer(1...(1 << 40))),
    ]),
    "ste": open([required("level1Table", word), required("level2Table", word)]),
    "cd": open([required("ipa", word)]),
    "ste-words": open([required("words", .list(word))]),
    "cd-words": open([required("words", .list(word))]),
    "descriptor": descriptor,
  ]

  static let descriptor = open([
    required("stage", .integer(1...2)), required("level", .integer(0...3)),
    required("address", word), required("value", word),
  ])

  private static let side = Shape.choice([Shape.Choice("guest"), Shape.Choice("host")])

  /// Shapes of the events of the guest and its device.
  static let events: [String: Shape] = [
    "guest map": open([
      required("iova", word), required("ipa", word), required("size", mappedSize),
      required("prot", .choice(Protection.allCases.map { Shape.Choice($0.rawValue) })),
    ]),
    "guest unmap": open([required("iova", word), required("size", mappedSize)]),
    "guest its-command": open([required("words", .list(word))]),
    "guest lpi-config": open([required("address", word), required("value", .integer(0...0xFF))]),
    "guest gicr-write": open([
      required("offset", .integer(0...0x1_FFF8)), required("value", word),
    ]),
    "guest msix-write": open([
      required("offset", .integer(0...0x7FFC)), required("value", identifier),
    ]),
    "guest msix-control": open([required("enable", .boolean), required("functionMask", .boolean)]),
    "device dma": open([
      required("iova", word), required("rw", .choice([Shape.Choice("r"), Shape.Choice("w")])),
      optional("count", .integer(1...1_000_000)), optional("pa", word), optional("fault", .anyText),
    ]),
    "device msi": open([
      required("vector", vector), required("address", word), required("data", identifier),
      required("pa", word), required("deviceID", identifier), required("eventID", identifier),
      required("intid", identifier), optional("walk", .list(descriptor)),
    ]),
  ]

  /// Accesses that a mapping allows, in a recording's words.
  enum Protection: String, CaseIterable {
    case read = "r"
    case write = "w"
    case readWrite = "rw"
    case readWriteDevice = "rw-mmio"
    case writeDevice = "w-mmio"

    /// The doorbell page is mapped `IOMMU_WRITE | IOMMU_NOEXEC | IOMMU_MMIO` by
    /// `iommu_dma_get_msi_page` (Linux, dma-iommu.c), an RMR of device memory
    /// `IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO` by `iort_get_rmrs` (iort.c).
    var attributes: MappingAttributes {
      switch self {
      case .read: [.read, .cache]
      case .write: [.write, .cache]
      case .readWrite: .buffer
      case .readWriteDevice: [.read, .write, .mmio]
      case .writeDevice: [.write, .mmio, .noExecute]
      }
    }
  }

  private static func open(_ fields: [Shape.Field]) -> Shape { .record(fields, open: true) }
  private static func required(_ name: String, _ shape: Shape) -> Shape.Field {
    .required(name, shape, "")
  }
  private static func optional(_ name: String, _ shape: Shape) -> Shape.Field {
    .optional(name, shape, "")
  }
}
