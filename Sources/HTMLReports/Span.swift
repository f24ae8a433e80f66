import Bits
import Designs
import SMMU

/// A range of addresses in one of the views of an address map.
struct Span {
  let from: UInt64
  let length: UInt64
  /// Output address; `nil` for a region that a CPU finds in place.
  let target: UInt64?
  let meaning: String
  /// The class of its rectangle.
  let style: String
  /// Whether it leads to a doorbell.
  let isDoorbell: Bool

  func overlaps(_ range: Range<UInt64>) -> Bool {
    from < range.upperBound && length > 0 && from &+ (length - 1) >= range.lowerBound
  }

  /// From IOVAs: named after what a CPU of the guest finds at the IPA.
  static func stage1(_ mappings: StreamMappings, _ result: RunResult) -> [Span] {
    let view = result.processorView
    return mappings.stage1?.ranges.map { range in
      let names = view.filter { $0.overlaps(range.output, range.length) }.map(\.name)
      let isDoorbell =
        result.message.map { range.output(of: $0.address.rawValue) != nil } == true
        || view.first { $0.contains(range.output) }?.isDoorbell == true
      return Span(
        range,
        name: names.isEmpty
          ? "to IPAs where the CPUs find nothing"
          : "to IPAs of the guest's \(names.joined(separator: ", "))",
        isDoorbell: isDoorbell)
    } ?? []
  }

  /// From IPAs: named after what stands at the PA, and what a CPU finds at the IPA.
  static func stage2(_ mappings: StreamMappings, _ result: RunResult) -> [Span] {
    let view = result.processorView
    let physical = result.machine.map(AddressRegion.physical) ?? []
    return mappings.stage2?.ranges.map { range in
      let target = physical.first { $0.contains(range.output) }
      let own = view.first { $0.contains(range.input) }
      let there =
        own.map {
          target?.kind == .memory && $0.kind == .memory
            ? "" : "; the CPUs find the \($0.name) there"
        }
        ?? "; the CPUs find nothing there"
      return Span(
        range, name: "to the \(target?.name ?? "physical machine's unused addresses")\(there)",
        isDoorbell: target?.isDoorbell == true)
    } ?? []
  }

  /// Returns the regions that the guest's CPUs find.
  static func processor(_ result: RunResult) -> [Span] {
    result.processorView.sorted { $0.base < $1.base }.map { region in
      let kind =
        switch region.kind {
        case .memory: "memory"
        case .trapped: "emulated: accesses trap"
        case .device: "the device's own registers"
        }
      return Span(
        from: region.base, length: region.length, target: nil, meaning: "\(region.name): \(kind)",
        style: region.kind.rawValue, isDoorbell: region.isDoorbell)
    }
  }

  /// Returns the reason why a view has nothing near the window.
  static func remark(_ place: Int, _ mappings: StreamMappings) -> String {
    let isOff = place == 0 ? mappings.stage1 == nil : mappings.stage2 == nil
    switch mappings.configuration {
    case .aborts: return "the stream aborts"
    case .faults: return "the stream's configuration faults"
    case .bypasses, .translates:
      return isOff ? "off: addresses pass unchanged" : "nothing is mapped here"
    }
  }
}

extension AddressRegion {
  fileprivate func overlaps(_ start: UInt64, _ length: UInt64) -> Bool {
    contains(start) || (length > 0 && base &- start < length)
  }
}

extension Span {
  fileprivate init(_ range: MappedRange, name: String, isDoorbell: Bool) {
    let access = (range.isReadable ? "r" : "-") + (range.isWritable ? "w" : "-")
    self.init(
      from: range.input, length: range.length, target: range.output, meaning: "\(name) (\(access))",
      style: isDoorbell ? "doorbell" : "mapped", isDoorbell: isDoorbell)
  }
}
