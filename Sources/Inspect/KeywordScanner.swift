/// A search for many words in one pass over a line, case ignored (Aho and Corasick, 1975): whatever
/// a line holds costs one table look-up a byte.
package struct KeywordScanner: Sendable {
  /// For each state and class of byte, the next state.
  private let next: [UInt16]
  /// For each state, the categories of the words that end there.
  private let found: [UInt64]
  private let classOfByte: [UInt8]
  private let classCount: Int

  /// - Parameter words: words and the category, 0 to 63, that each stands for. The words of all
  ///   categories may have 60,000 bytes.
  package init(_ words: [(word: String, category: Int)]) {
    var classes = [UInt8](repeating: 0, count: 256)
    var count = 1
    let patterns = words.map { (bytes: Array($0.word.utf8).map(Self.lowered), $0.category) }
    for byte in patterns.flatMap(\.bytes) where classes[Int(byte)] == 0 {
      classes[Int(byte)] = UInt8(truncatingIfNeeded: count)
      count += 1
    }
    for byte in UInt8(ascii: "A")...UInt8(ascii: "Z") {
      classes[Int(byte)] = classes[Int(Self.lowered(byte))]
    }
    var trie = [[Int?]](repeating: .init(repeating: nil, count: count), count: 1)
    var outputs: [UInt64] = [0]
    for (bytes, category) in patterns {
      var state = 0
      for byte in bytes {
        let column = Int(classes[Int(byte)])
        if let known = trie[state][column] {
          state = known
        } else {
          trie.append(.init(repeating: nil, count: count))
          outputs.append(0)
          trie[state][column] = trie.count - 1
          state = trie.count - 1
        }
      }
      outputs[state] |= 1 &<< UInt64(category & 63)
    }
    precondition(trie.count <= 60_000, "the words of a scanner have at most 60,000 bytes")
    (next, found) = Self.automaton(trie, outputs, width: count)
    classOfByte = classes
    classCount = count
  }

  /// Completes the trie: a state without a way on goes where its longest proper suffix goes.
  private static func automaton(
    _ trie: [[Int?]], _ outputs: [UInt64], width: Int
  ) -> ([UInt16], [UInt64]) {
    var next = [UInt16](repeating: 0, count: trie.count * width)
    var found = outputs
    var suffix = [Int](repeating: 0, count: trie.count)
    var queue: [Int] = []
    for column in 0..<width {
      guard let child = trie[0][column] else { continue }
      next[column] = UInt16(child)
      queue.append(child)
    }
    var position = 0
    while position < queue.count {
      let state = queue[position]
      position += 1
      found[state] |= found[suffix[state]]
      for column in 0..<width {
        let fallback = next[suffix[state] * width + column]
        guard let child = trie[state][column] else {
          next[state * width + column] = fallback
          continue
        }
        next[state * width + column] = UInt16(child)
        suffix[child] = Int(fallback)
        queue.append(child)
      }
    }
    return (next, found)
  }

  private static func lowered(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }

  /// The categories of all words in `line`, one bit each.
  package func categories(in line: ArraySlice<UInt8>) -> UInt64 {
    var state = 0
    var categories: UInt64 = 0
    for byte in line {
      state = Int(next[state &* classCount &+ Int(classOfByte[Int(byte)])])
      categories |= found[state]
    }
    return categories
  }
}
