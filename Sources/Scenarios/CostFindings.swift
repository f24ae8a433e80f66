import Simulation
package import Timing

extension CostModel {
  /// Findings on implausible values in the model, in one sentence each: numbers that contradict
  /// each other, and sources that do not say what their status promises.
  package var findings: [String] {
    Self.orders.compactMap(contradiction) + Item.allCases.compactMap(sourceFinding)
  }

  /// Pairs of items of which the first includes all that the second does.
  private static let orders: [(Item, Item)] = [
    (.exitToKernel, .hypercall), (.exitToVMM, .exitToKernel), (.hostInterruptEntry, .hypercall),
    (.uncachedInjection, .irqfdInjection), (.irqfdInjection, .injectionLock),
    (.kick, .listRegister), (.migration, .hypercall), (.systemCall, .softwareStep),
    (.smmuSync, .smmuCommand), (.itsMoveVPE, .itsCommand),
  ]

  private func contradiction(_ whole: Item, _ part: Item) -> String? {
    guard let whole = costs[whole].map({ ($0, whole) }), let part = costs[part].map({ ($0, part) }),
      whole.0.high < part.0.time
    else { return nil }
    return "'\(whole.1.name)' includes '\(part.1.name)', but takes less: "
      + "\(whole.0.high) < \(part.0.time)"
  }

  /// A derived number shows its arithmetic, an assumed one says so first.
  private func sourceFinding(_ item: Item) -> String? {
    guard let cost = costs[item] else { return nil }
    let word = cost.status.rawValue
    switch cost.status {
    case .derived, .assumed:
      return cost.source.hasPrefix(word)
        ? nil : "'\(item.name)': the source of what is \(word) begins with '\(word)'"
    case .measured, .secondHand:
      return cost.source.contains(where: \.isNumber)
        ? nil : "'\(item.name)': the source of a published number has its date"
    case .range:
      return cost.time < cost.high
        ? nil : "'\(item.name)': a range whose ends are equal is a number"
    }
  }
}
