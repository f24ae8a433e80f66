/// What the event queue is measured against: a binary heap of the same events.
struct BinaryHeap {
  private var entries: ContiguousArray<(time: UInt64, sequence: UInt64, payload: UInt64)> = []
  private var scheduled: UInt64 = 0

  mutating func schedule(_ payload: UInt64, at time: UInt64) {
    let entry = (time: time, sequence: scheduled, payload: payload)
    scheduled &+= 1
    var place = entries.count
    entries.append(entry)
    while place > 0 {
      let parent = (place &- 1) &>> 1
      guard (entry.time, entry.sequence) < (entries[parent].time, entries[parent].sequence) else {
        break
      }
      entries[place] = entries[parent]
      place = parent
    }
    entries[place] = entry
  }

  mutating func next() -> (time: UInt64, payload: UInt64)? {
    guard let first = entries.first, let last = entries.popLast() else { return nil }
    guard !entries.isEmpty else { return (first.time, first.payload) }
    var place = 0
    while true {
      var child = 2 &* place &+ 1
      guard child < entries.count else { break }
      if child &+ 1 < entries.count,
        (entries[child &+ 1].time, entries[child &+ 1].sequence)
          < (entries[child].time, entries[child].sequence)
      {
        child &+= 1
      }
      guard (entries[child].time, entries[child].sequence) < (last.time, last.sequence) else {
        break
      }
      entries[place] = entries[child]
      place = child
    }
    entries[place] = last
    return (first.time, first.payload)
  }
}
