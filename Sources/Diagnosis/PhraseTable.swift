internal import Inspect

/// Rows of words, each with what it means: of a line, the first row counts of which all words are in
/// it. Case does not matter. One pass over a line finds all words.
struct PhraseTable<Value: Sendable>: Sendable {
  private struct Row: Sendable {
    /// For each scanner the words that have to be found.
    var masks: [UInt64]
    var value: Value
  }

  /// Each looks for 64 words.
  private let scanners: [KeywordScanner]
  private let rows: [Row]

  init(_ phrases: [(words: [String], value: Value)]) {
    var places: [String: Int] = [:]
    var words: [String] = []
    for word in phrases.flatMap(\.words) where places[word] == nil {
      places[word] = words.count
      words.append(word)
    }
    let count = (words.count + 63) / 64
    scanners = (0..<count).map { index in
      let part = words[(index * 64)..<min(words.count, index * 64 + 64)]
      return KeywordScanner(part.enumerated().map { (word: $0.element, category: $0.offset) })
    }
    rows = phrases.map { phrase in
      var masks = [UInt64](repeating: 0, count: count)
      for word in phrase.words {
        guard let place = places[word] else { continue }
        masks[place / 64] |= 1 << UInt64(place % 64)
      }
      return Row(masks: masks, value: phrase.value)
    }
  }

  /// Returns the value of the first row that fits a line.
  func first(in line: ArraySlice<UInt8>) -> Value? {
    let found = scanners.map { $0.categories(in: line) }
    guard found.contains(where: { $0 != 0 }) else { return nil }
    return rows.first { row in
      row.masks.indices.allSatisfy { row.masks[$0] & ~found[$0] == 0 }
    }?.value
  }

  func first(in text: String) -> Value? { first(in: Array(text.utf8)[...]) }
}
