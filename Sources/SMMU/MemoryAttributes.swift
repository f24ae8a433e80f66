internal import ArmFormats
internal import Bits

extension MemoryAttributes {
  /// The memory type of a stage 1 page: the byte of MAIR that AttrIndx selects (5.4, MAIR).
  init(stage1 descriptor: TranslationDescriptor, types: UInt64) {
    let index = UInt64(descriptor[.attributeIndex])
    self.init(
      type: UInt8(truncatingIfNeeded: types &>> (index &* 8)),
      shareability: descriptor[.shareability])
  }

  /// The memory type of a stage 2 page (Arm ARM, D8.6.5; with S2FWB, D8.6.6).
  init(stage2 descriptor: TranslationDescriptor, forced: Bool) {
    let field = descriptor[.stage2Memory]
    let type: UInt8 =
      switch (forced, field) {
      // S2FWB: 0b0xx Device, 0b101 Normal non-cacheable, 0b110 write-back, 0b111 as stage 1.
      case (true, 0...3): (field & 3) &<< 2
      case (true, 5): 0x44
      case (true, _): 0xff
      case (false, 0...3): (field & 3) &<< 2
      case (false, _): Self.nibble(field >> 2) &<< 4 | Self.nibble(field & 3)
      }
    self.init(type: type, shareability: descriptor[.shareability])
  }

  /// A stage 2 cacheability as a nibble of a MAIR byte: 1 non-cacheable, 2 write-through,
  /// 3 write-back.
  private static func nibble(_ field: UInt8) -> UInt8 {
    switch field & 3 {
    case 2: 0xb
    case 3: 0xf
    default: 0x4
    }
  }

  /// Both stages together: the stronger of two Device types, the less cacheable of two Normal
  /// ones (Arm ARM, D8.6.4).
  func combined(with other: Self) -> Self {
    if isDevice || other.isDevice {
      let type = isDevice && other.isDevice ? min(type, other.type) : (isDevice ? type : other.type)
      return .init(type: type, shareability: 2)
    }
    let outer = min(type >> 4, other.type >> 4)
    let inner = min(type & 0xf, other.type & 0xf)
    return .init(
      type: outer &<< 4 | inner, shareability: max(shareability, other.shareability))
  }
}
