import Testing

@testable import Memory

@Suite struct UnitListTests {
  /// Counts how many are alive.
  final class Census { var living = 0 }

  struct Unit: ~Copyable {
    let number: Int
    var value = 0
    let census: Census
    init(_ number: Int, _ census: Census) {
      self.number = number
      self.census = census
      census.living += 1
    }
    deinit { census.living -= 1 }
  }

  @Test("each unit is made once, changed in place, and ended with the list", arguments: [1, 2, 65])
  func life(count: Int) {
    let census = Census()
    do {
      var list = UnitList(count: count) { Unit($0, census) }
      #expect(list.count == count)
      #expect(census.living == count)
      list[count - 1].value = 7
      let last = list[count - 1].value
      let number = list[count - 1].number
      #expect(last == 7)
      #expect(number == count - 1)
    }
    #expect(census.living == 0)
  }

  @Test("a list of one unit takes it over")
  func one() {
    let census = Census()
    do {
      let list = UnitList(Unit(0, census))
      #expect(list.count == 1)
    }
    #expect(census.living == 0)
  }
}
