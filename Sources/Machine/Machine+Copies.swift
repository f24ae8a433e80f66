internal import ArmFormats
public import Bits
internal import Memory
internal import PCI
internal import SMMU

/// What became of a copy by a function's DMA engine.
public enum CopyOutcome: Equatable, Sendable {
  case copied
  /// The function may not master the bus: it made no request.
  case notMaster
  /// A request was not answered as it should be, and the engine stopped there.
  case failed(at: IOVA, isWrite: Bool)
}

extension Machine {
  /// A function's DMA engine copies bytes, chunk by chunk: it reads a chunk, which lies on one
  /// 4 KiB page on either side, and then writes it.
  ///
  /// - Parameter length: in bytes.
  public mutating func copy(
    _ length: UInt64, from source: IOVA, to target: IOVA, by index: Int = 0
  ) -> CopyOutcome {
    guard functions[index].isBusMaster else { return .notMaster }
    var done: UInt64 = 0
    while done < length {
      // Addresses beyond the end of the space wrap, and are mapped nowhere.
      let from = IOVA(source.rawValue &+ done)
      let to = IOVA(target.rawValue &+ done)
      let left = min(Self.left(on: from), Self.left(on: to))
      let chunk = min(left, length - done)
      guard let origin = reach(from, isWrite: false, by: index) else {
        return .failed(at: from, isWrite: false)
      }
      let bytes = (0..<chunk).compactMap { memory.load8(origin + $0) }
      guard bytes.count == Int(chunk) else { return .failed(at: from, isWrite: false) }
      guard let place = reach(to, isWrite: true, by: index),
        store(bytes, at: place)
      else { return .failed(at: to, isWrite: true) }
      done += chunk
    }
    return .copied
  }

  /// The bytes from an address to the end of its page.
  private static func left(on address: IOVA) -> UInt64 { 0x1000 - address.offset(belowBit: 12) }

  /// Where a function's access lands in RAM; `nil` where it ends before, or where no RAM is.
  private mutating func reach(_ address: IOVA, isWrite: Bool, by index: Int) -> PA? {
    let transaction = Transaction(
      streamID: streamID(of: index).rawValue, address: address, isWrite: isWrite)
    let place = smmus[smmu(of: index)].translate(transaction, in: memory).outputAddress
    return place.flatMap { memory.contains($0) ? $0 : nil }
  }

  private func store(_ bytes: [UInt8], at place: PA) -> Bool {
    guard memory.contains(place), memory.contains(place + UInt64(bytes.count - 1)) else {
      return false
    }
    for (offset, byte) in bytes.enumerated() { memory.store8(place + UInt64(offset), byte) }
    return true
  }
}
