import Glibc

/// Times a body that does `operations` operations, and reports nanoseconds per operation.
///
/// The processor time of this thread counts, so that others on the machine do not, and the
/// least of several rounds: everything that disturbs a round makes it longer.
struct Measurement {
  let name: String
  let nanoseconds: Double
  /// What the number is compared with, and how many times that it is.
  let ratio: (name: String, value: Double)?

  static func best(
    _ name: String, rounds: Int = 5, operations: Int, relativeTo base: Measurement? = nil,
    times count: Double = 1, _ body: () -> Void
  ) -> Measurement {
    var best = Double.infinity
    for _ in 0..<rounds {
      let start = processorTime()
      body()
      best = min(best, (processorTime() - start) / Double(operations))
    }
    let ratio = base.map { (name: $0.name, value: best / ($0.nanoseconds * count)) }
    return Measurement(name: name, nanoseconds: best, ratio: ratio)
  }

  /// What this thread has used, in nanoseconds.
  private static func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }

  var line: String {
    let number = String(Int((nanoseconds * 10).rounded()))
    let padded = String(repeating: "0", count: max(0, 2 - number.count)) + number
    let text = "\(padded.dropLast()).\(padded.suffix(1)) ns"
    let left = name + String(repeating: " ", count: max(1, 58 - name.count))
    let right = String(repeating: " ", count: max(0, 12 - text.count)) + text
    guard let ratio else { return left + right }
    let hundredths = Int((ratio.value * 100).rounded())
    let fraction = hundredths % 100 < 10 ? "0\(hundredths % 100)" : "\(hundredths % 100)"
    return left + right + "   \(hundredths / 100).\(fraction) x \(ratio.name)"
  }
}

/// Keeps the optimizer from dropping a result.
@inline(never)
func keep<Value>(_ value: Value) {}

/// A small generator, the same everywhere.
struct SplitMix {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }
}

/// `count` numbers from 0 in a random order that depends on nothing.
func shuffled(_ count: Int) -> [UInt32] {
  var random = SplitMix(state: 1)
  var numbers = (0..<UInt32(count)).map { $0 }
  for index in stride(from: count - 1, to: 0, by: -1) {
    numbers.swapAt(index, Int(random.next() % UInt64(index + 1)))
  }
  return numbers
}
