import Simulation
import Testing

@testable import Timing

@Suite("Costs")
struct CostTableTests {
  static let model = CostModel(
    name: "test", platform: "",
    costs: [
      .kick: .init(time: .nanoseconds(7), status: .measured, source: ""),
      .migration: .init(
        time: .nanoseconds(1), high: .nanoseconds(9), status: .range, source: ""),
    ])

  @Test("a name is that of one item, and a misspelt one of none")
  func names() {
    for item in CostModel.Item.allCases { #expect(CostModel.Item(named: item.name) == item) }
    #expect(CostModel.Item(named: "exit-to-kernal") == nil)
    #expect(CostModel.Item(named: "") == nil)
    #expect(CostModel.Item.allCases.map(\.ordinal) == Array(0..<CostModel.Item.allCases.count))
  }

  @Test("a table has the model's numbers at its end of the ranges")
  func numbers() {
    for end in CostModel.End.allCases {
      let model = Self.model.at(end)
      var table = CostTable(model)
      for item in CostModel.Item.allCases { #expect(table[item] == model[item]) }
    }
    #expect(Self.model.at(.high)[.migration] == .nanoseconds(9))
  }

  @Test("an item counts as used once it is charged, until that is forgotten")
  func use() {
    var table = CostTable(Self.model)
    #expect(table.usedItems == [])
    _ = table[.migration]
    _ = table[.kick]
    #expect(table.usedItems == [.kick, .migration])
    table.forgetUse()
    #expect(table.usedItems == [])
    _ = table[.kick]
    #expect(table.usedItems == [.kick])
  }
}
