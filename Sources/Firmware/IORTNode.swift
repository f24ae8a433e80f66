internal import Bits

/// The type of an IORT node (DEN 0049, 3.1.1). Types that later revisions add are kept as numbers.
public struct IORTNodeType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let itsGroup = Self(rawValue: 0)
  public static let namedComponent = Self(rawValue: 1)
  public static let rootComplex = Self(rawValue: 2)
  public static let smmuV2 = Self(rawValue: 3)
  public static let smmuV3 = Self(rawValue: 4)
  public static let pmcg = Self(rawValue: 5)
  public static let reservedMemoryRange = Self(rawValue: 6)
  public static let iwb = Self(rawValue: 7)

  public var isSMMU: Bool { self == .smmuV2 || self == .smmuV3 }
  public var description: String {
    let layout = layout(revision: 0)
    return layout == IORTLayout.unknownNode ? "unknown type \(rawValue)" : layout.name
  }

  /// The fixed part of a node of this type. Revision 0 nodes of DEN 0049C and before end earlier,
  /// which shows in where the mappings start, or in the length of a node without.
  func layout(revision: UInt8, end: Int = .max) -> RecordLayout {
    switch self {
    case .itsGroup: return IORTLayout.itsGroup
    case .namedComponent: return IORTLayout.namedComponent
    case .rootComplex:
      if revision >= 4 { return IORTLayout.rootComplex4 }
      return revision == 0 && end < IORTLayout.rootComplex.size
        ? IORTLayout.rootComplex0 : IORTLayout.rootComplex
    case .smmuV2: return IORTLayout.smmuV2
    case .smmuV3:
      return revision == 0 && end < IORTLayout.smmuV3.size
        ? IORTLayout.smmuV3Early : IORTLayout.smmuV3
    case .pmcg:
      return revision == 0 && end < IORTLayout.pmcg.size ? IORTLayout.pmcg0 : IORTLayout.pmcg
    case .reservedMemoryRange: return IORTLayout.rmr
    case .iwb: return IORTLayout.iwb
    default: return IORTLayout.unknownNode
    }
  }

  /// Offset of the zero-terminated name in a node of this type, in bytes from its start.
  var nameOffset: Int? {
    switch self {
    case .namedComponent: IORTLayout.componentNameOffset
    case .iwb: IORTLayout.iwbNameOffset
    default: nil
    }
  }
}

/// A node of the IORT.
public struct IORTNode: Equatable, Sendable {
  /// The fixed part.
  public let record: TableRecord
  /// The whole node, as many bytes as its length says and the table has.
  public let bytes: [UInt8]
  /// The ID mappings that lie inside the table.
  public let mappings: [TableRecord]
  /// An RMR's memory ranges that lie inside the table.
  public let ranges: [TableRecord]
  /// An ITS group's identifiers, or an SMMUv2's context and PMU interrupts.
  public let elements: [TableRecord]
  /// A named component's or IWB's object in the namespace.
  public let name: String?

  public var offset: Int { record.offset }
  public var type: IORTNodeType { IORTNodeType(rawValue: UInt8(record[IORTLayout.type])) }
  public var revision: UInt8 { UInt8(record[IORTLayout.revision]) }
  public var identifier: UInt32 { record.word(IORTLayout.identifier) }
  public var length: Int { Int(record[IORTLayout.length]) }

  /// The ITS identifiers of an ITS group.
  public var itsIdentifiers: [UInt32] {
    type == .itsGroup ? elements.map { $0.word(IORTLayout.itsIdentifier) } : []
  }

  /// Name of the node in findings and listings: its type, and the value that tells it from others
  /// of its type.
  public var title: String {
    switch type {
    case .smmuV2, .smmuV3: "\(type) \(hex(record[IORTLayout.smmuBase]))"
    case .rootComplex: "root complex, segment \(record[IORTLayout.segment])"
    case .namedComponent, .iwb: "\(type) \(name ?? "")"
    default: "\(type)"
    }
  }

  public var place: String { "IORT+\(hex(UInt64(offset))) (\(title))" }

  /// Which mapping is the SMMU's or PMCG's own DeviceID and not part of its translation of IDs
  /// (`iort_get_id_mapping_index`): until node revision 5 the index of an SMMUv3 counts unless all
  /// its interrupts are wired.
  public var ownMappingIndex: Int? {
    if type == .pmcg { return record[IORTLayout.pmcgInterrupt] == 0 && !mappings.isEmpty ? 0 : nil }
    guard type == .smmuV3, revision >= 1 else { return nil }
    if revision < 5 {
      let wired = [
        IORTLayout.eventInterrupt, IORTLayout.priInterrupt, IORTLayout.errorInterrupt,
        IORTLayout.syncInterrupt,
      ].allSatisfy { record[$0] != 0 }
      if wired { return nil }
    } else if !isSet(record[IORTLayout.smmu3Flags], bit: 4) {
      return nil
    }
    return Int(record[IORTLayout.deviceIDIndex])
  }
}
