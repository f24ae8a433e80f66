/// `work` on each number, on all cores; the values in the order of the numbers, whatever the
/// scheduling.
///
/// - Parameter progress: told how many are done, from 1 up.
func inParallel<Value: Sendable>(
  _ numbers: Range<Int>, progress: (Int) -> Void = { _ in },
  _ work: @escaping @Sendable (Int) -> Value
) async -> [Value] {
  await withTaskGroup(of: (Int, Value).self) { group in
    for number in numbers { group.addTask { (number, work(number)) } }
    var values: [(Int, Value)] = []
    values.reserveCapacity(numbers.count)
    for await value in group {
      values.append(value)
      progress(values.count)
    }
    return values.sorted { $0.0 < $1.0 }.map(\.1)
  }
}
