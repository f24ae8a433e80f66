import Bits
import Designs
import Reports
import SMMU
import Scenarios
import Simulation
import Software
import VMM

/// A station of a journey, as a row of a table.
struct StationModel {
  let time: String
  let station: String
  let address: String
  let words: String
  let meaning: String

  init(_ station: Journey.Stop, since start: SimulatedTime?) {
    let elapsed = station.time - (start ?? station.time)
    time = elapsed.picoseconds % 1000 == 0 ? String(elapsed.nanoseconds) : elapsed.description
    self.station = station.name
    address = station.address.map { hex($0) } ?? ""
    words = station.words.map { hex($0) }.joined(separator: " ")
    meaning = station.meaning
  }
}

/// All about one design: what each party believed, set-up, journey and address maps.
struct DesignModel {
  struct Belief {
    let agent: String
    let holder: String
    let text: String
    let step: String
  }

  struct Step {
    let numbers: String
    let agent: String
    let function: String
    let text: String
    let belief: String?
  }

  /// Mappings of one stage.
  struct Stage {
    let title: String
    let input: String
    let output: String
    let ranges: [Range]
    let isEmpty: Bool
  }

  struct Range {
    let from: String
    let length: String
    let target: String
    let access: String
  }

  let identifier: String
  let name: String
  /// `*` for a design that rests on unreleased interfaces, and the sentence that names them.
  let star: String
  let reservation: String?
  let description: String
  let source: String
  let verdict: String
  let why: String
  let beliefs: [Belief]
  let hasBeliefs: Bool
  let setup: SequenceDrawing
  let steps: [Step]
  let journey: SequenceDrawing?
  let stations: [StationModel]
  let hasStations: Bool
  let map: AddressMapDrawing?
  let stages: [Stage]

  init(_ result: RunResult, conditions: Scenario, identifier: String) {
    self.identifier = identifier
    name = result.design.name
    reservation = conditions.missingInterfaces(of: name).reservation
    star = reservation == nil ? "" : "*"
    description = result.design.title
    source = result.design.source
    verdict = result.verdict.rawValue
    why = result.explanation
    beliefs = Self.beliefs(of: result)
    hasBeliefs = !beliefs.isEmpty
    setup = SequenceDrawing(setupOf: result, identifier: "\(identifier)-setup")
    steps = StepGroup.groups(of: result.setupSteps).map { group in
      Step(
        numbers: group.numbers, agent: group.agent?.title ?? "", function: group.function,
        text: group.text, belief: group.belief?.description)
    }
    journey = result.journey.map {
      SequenceDrawing($0, design: result.design.name, identifier: "\(identifier)-journey")
    }
    let start = result.journey?.stations.first?.time
    stations = result.journey?.stations.map { StationModel($0, since: start) } ?? []
    hasStations = !stations.isEmpty
    map = AddressMapDrawing(result, identifier: "\(identifier)-map")
    stages = Self.stages(of: result)
  }

  private static func beliefs(of result: RunResult) -> [Belief] {
    let held = Beliefs(result.setupSteps).rows.map { row in
      let target = row.belief.target.map { " → \($0)" } ?? ""
      let use = row.belief.use.map { ", \($0.rawValue)" } ?? ""
      return Belief(
        agent: row.agent.title, holder: row.belief.holder,
        text: "\(row.belief.address)\(target)\(use)", step: String(row.step))
    }
    let device = result.message.map {
      Belief(
        agent: Agent.device.title, holder: "MSI-X entry 0",
        text: DoorbellBelief.Place.iova($0.address).description, step: "-")
    }
    return held + (device.map { [$0] } ?? [])
  }

  private static func stages(of result: RunResult) -> [Stage] {
    guard let mappings = result.mappings else { return [] }
    return [
      ("Stage 1 of the device", "IOVA", "IPA", mappings.stage1),
      ("Stage 2 of the device", "IPA", "PA", mappings.stage2),
    ].compactMap { title, input, output, stage in
      stage.map { stage in
        Stage(
          title: title, input: input, output: output,
          ranges: stage.ranges.map {
            Range(
              from: hex($0.input), length: hex($0.length), target: hex($0.output),
              access: ($0.isReadable ? "r" : "-") + ($0.isWritable ? "w" : "-"))
          }, isEmpty: stage.ranges.isEmpty)
      }
    }
  }
}
