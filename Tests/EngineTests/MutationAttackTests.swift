import Attacks
import Designs
import Engine
import Testing

/// An attack that could not succeed would show nothing: a defect that opens what it tries must turn
/// it into a breach.
@Suite("attacks on broken models")
struct MutationAttackTests {
  @Test(
    "an attack succeeds against the defect that it looks for",
    arguments: [
      ("foreign-vmid", Mutation.machineNotOverwritten, IsolationFinding.Victim.neighbour),
      ("stale-translation", .staleTranslations, .guest),
      ("reused-vmid", .staleTranslations, .guest),
    ])
  func succeeds(attack: String, mutation: Mutation, victim: IsolationFinding.Victim) throws {
    var specification = Fixtures.specification(Fixtures.rmr, Fixtures.messages([0]))
    let hostile = try #require(Attack.named(attack))
    #expect(specification.attacked(by: hostile).outcome == .contained)
    specification.mutation = mutation
    let finding = specification.attacked(by: hostile)
    #expect(finding.outcome == .breach)
    #expect(finding.victim == victim)
  }

  @Test("a doorbell page that is RAM takes the message for data")
  func doorbell() throws {
    var specification = Fixtures.specification(Fixtures.rmr, Fixtures.messages([0]))
    specification.mutation = .doorbellInRAM
    #expect(try specification.run().verdict == .corrupted)
  }
}
