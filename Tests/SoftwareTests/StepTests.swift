import Bits
import Software
import Testing

@Suite("Step")
struct StepTests {
  private enum Call: Equatable, Sendable { case request }

  static let actions: [Action<Never>] = [
    .decide, .write([MemoryWrite(0x1000, 1), MemoryWrite(0x1008, 2)]), .writeByte(0x1234, 0xc3),
    .mmio(0x809_0000, 0x55, width: 8), .config(offset: 0x72, value: 0x8000, width: 2),
  ]

  @Test("a step of software without calls is the same step for software that calls")
  func lifted() {
    for action in Self.actions {
      let step = Step<Never>(.guest, "its_send_single_command", "text", action)
      let lifted = step.lifted(to: Call.self)
      #expect(lifted.agent == .guest)
      #expect(lifted.function == step.function)
      #expect(lifted.text == step.text)
      #expect("\(lifted.action)" == "\(action)")
      #expect(lifted.belief == nil)
      let belief = DoorbellBelief("DMA layer", .iova(0xffff_f040), leadsTo: .ipa(0x809_0040))
      #expect(step.believing(belief).lifted(to: Call.self).belief == belief)
    }
  }

  @Test("a belief says whose it is, which address, and where that leads")
  func belief() {
    let believed = DoorbellBelief("DMA layer", .iova(0xffff_f040), leadsTo: .ipa(0x809_0040))
    #expect("\(believed)" == "DMA layer: IOVA 0xfffff040 -> IPA 0x8090040")
    let dropped = DoorbellBelief("MSI-X emulation", .iova(0xffff_f040), use: .dropped)
    #expect("\(dropped)" == "MSI-X emulation: IOVA 0xfffff040, dropped")
  }

  @Test("every agent has a title of its own")
  func titles() {
    #expect(Set(Agent.allCases.map(\.title)).count == Agent.allCases.count)
  }
}
