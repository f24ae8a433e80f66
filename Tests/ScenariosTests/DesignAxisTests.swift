import Designs
import ResultFixtures
import Scenarios
import Testing

@Suite("The axes of a design")
struct DesignAxisTests {
  @Test("choosing each word of each axis changes that axis alone")
  func independence() {
    for axis in DesignAxis.all {
      for choice in axis.choices {
        var design = Fixtures.design
        #expect(axis.choose(choice.word, for: &design))
        #expect(axis.choice(of: design) == choice)
        for other in DesignAxis.all where other.name != axis.name {
          #expect(other.word(of: design) == other.word(of: Fixtures.design))
        }
      }
    }
  }

  @Test("a word that the axis does not have changes nothing")
  func unknownWord() {
    for axis in DesignAxis.all {
      var design = Fixtures.design
      #expect(!axis.choose("no such word", for: &design))
      #expect(design == Fixtures.design)
    }
  }

  @Test("each axis and each of its words has a name of its own and a sentence that says what it is")
  func descriptions() {
    #expect(Set(DesignAxis.all.map(\.name)).count == DesignAxis.all.count)
    for axis in DesignAxis.all {
      #expect(Set(axis.choices.map(\.word)).count == axis.choices.count)
      #expect(axis.question.hasSuffix("."))
      #expect(axis.choices.allSatisfy { $0.meaning.hasSuffix(".") }, "\(axis.name)")
      #expect(axis.standard.map { word in axis.choices.contains { $0.word == word } } ?? true)
    }
  }
}
