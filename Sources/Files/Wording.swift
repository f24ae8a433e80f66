/// The name among `candidates` that `name` was probably meant to be; `nil` when none is close.
package func nearestName(to name: String, among candidates: [String]) -> String? {
  let ranked = candidates.map { ($0, editDistance(Array(name), Array($0))) }
  guard let best = ranked.min(by: { $0.1 < $1.1 }) else { return nil }
  return best.1 <= max(2, name.count / 3) ? best.0 : nil
}

/// `; did you mean 'X'?`, or nothing.
package func suggestion(for name: String, among candidates: [String]) -> String {
  nearestName(to: name, among: candidates).map { "; did you mean '\($0)'?" } ?? ""
}

/// The Levenshtein distance: how many characters to insert, delete or replace.
private func editDistance(_ left: [Character], _ right: [Character]) -> Int {
  var previous = Array(0...right.count)
  for (i, character) in left.enumerated() {
    var current = [i + 1]
    for (j, other) in right.enumerated() {
      let replaced = previous[j] + (character == other ? 0 : 1)
      current.append(min(replaced, previous[j + 1] + 1, current[j] + 1))
    }
    previous = current
  }
  return previous[right.count]
}

extension String {
  /// The text in quotes, shortened, for an error message.
  package var quoted: String {
    count <= 48 ? "'\(self)'" : "'\(prefix(45))...'"
  }
}

/// `a, b or c`, for an error message.
package func alternatives(_ names: [String]) -> String {
  guard let last = names.last, names.count > 1 else { return names.first ?? "nothing" }
  return names.dropLast().joined(separator: ", ") + " or " + last
}

/// A number with three digits that count.
package func brief(_ value: Double) -> String {
  guard value.isFinite, abs(value) < 1e15 else { return "-" }
  if value == 0 { return "0" }
  let places = abs(value) < 9.995 ? 2 : abs(value) < 99.95 ? 1 : 0
  let scale = [1.0, 10.0, 100.0][places]
  let whole = Int((abs(value) * scale).rounded())
  let sign = value < 0 && whole > 0 ? "-" : ""
  guard places > 0 else { return sign + String(whole) }
  let fraction = String(whole % Int(scale))
  let zeros = String(repeating: "0", count: places - fraction.count)
  return "\(sign)\(whole / Int(scale)).\(zeros)\(fraction)"
}
