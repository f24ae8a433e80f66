internal import ArmFormats
internal import Bits

extension SMMU {
  /// The memory type of a stage 1 page: the byte of MAIR that AttrIndx selects (5.4, MAIR).
  func stage1Attributes(_ descriptor: TranslationDescriptor, _ types: UInt64) -> MemoryAttributes {
    let index = UInt64(descriptor[.attributeIndex])
    return MemoryAttributes(
      type: UInt8(truncatingIfNeeded: types &>> (index &* 8)),
      shareability: descriptor[.shareability])
  }

  /// The memory type of a stage 2 page (Arm ARM, D8.6.5; with S2FWB, D8.6.6).
  func stage2Attributes(_ descriptor: TranslationDescriptor, forced: Bool) -> MemoryAttributes {
    let field = descriptor[.stage2Memory]
    let shareability = descriptor[.shareability]
    if forced {
      // 0b01xx Device, 0b101 Normal non-cacheable, 0b110 write-back, 0b111 as stage 1.
      switch field & 7 {
      case 0...3: return .init(type: (field & 3) &<< 2, shareability: shareability)
      case 5: return .init(type: 0x44, shareability: shareability)
      default: return .init(type: 0xff, shareability: shareability)
      }
    }
    guard field & 0xc != 0 else {
      return .init(type: (field & 3) &<< 2, shareability: shareability)
    }
    return .init(
      type: cacheability(field >> 2) &<< 4 | cacheability(field & 3), shareability: shareability)
  }

  /// A stage 2 cacheability as a nibble of a MAIR byte: 1 non-cacheable, 2 write-through,
  /// 3 write-back.
  private func cacheability(_ field: UInt8) -> UInt8 {
    switch field & 3 {
    case 2: 0xb
    case 3: 0xf
    default: 0x4
    }
  }

  /// Both stages together: the stronger of two Device types, the less cacheable of two Normal
  /// ones (Arm ARM, D8.6.4).
  func combined(_ first: MemoryAttributes, _ second: MemoryAttributes) -> MemoryAttributes {
    let shareability = max(first.shareability, second.shareability)
    if first.isDevice || second.isDevice {
      let type =
        first.isDevice && second.isDevice
        ? min(first.type, second.type) : (first.isDevice ? first.type : second.type)
      return .init(type: type, shareability: 2)
    }
    let outer = min(first.type >> 4, second.type >> 4)
    let inner = min(first.type & 0xf, second.type & 0xf)
    return .init(type: outer &<< 4 | inner, shareability: shareability)
  }
}
