import ArmFormats
import Bits
import Machine
import PCI

/// A machine as a drawing: its two address maps as stacks of boxes, lowest address last, and its
/// devices with lines to their SMMUs and ITSs.
struct MachineDrawing {
  struct Box {
    let x: Int
    let y: Int
    let width: Int
    let style: String
    let labelX: Int
    let labelY: Int
    let label: String
    let detail: String
    let detailY: Int
  }

  struct Line {
    let fromX: Int
    let fromY: Int
    let toX: Int
    let toY: Int
  }

  struct Title {
    let x: Int
    let text: String
  }

  struct Note {
    let kind: String
    let text: String
  }

  let name: String
  let width = 1000
  let height: Int
  let titles: [Title]
  let boxes: [Box]
  let lines: [Line]
  let notes: [Note]
  let hasNotes: Bool

  private static let boxHeight = 34
  private static let spacing = 40
  private static let top = 34

  init(_ machine: MachineDescription) {
    let host = Self.stack(machine.hostParts, x: 10)
    let guest = Self.stack(machine.guestParts, x: 260)
    let units = machine.host
    let smmus = Self.column(
      units.smmus.enumerated().map { ("SMMU \($0)", $1.description) }, x: 690, style: "trapped")
    let itses = Self.column(
      units.itses.enumerated().map { ("ITS \($0)", $1.description) }, x: 860, style: "device")
    let devices = Self.column(
      machine.devices.enumerated().map { index, device in
        let stream = units.stream(of: device.requester)
        let deviceID = units.device(of: device.requester)
        return (
          "\(index) \(device.name)".clipped(to: 20),
          "\(device.requester): \(stream), \(deviceID)"
        )
      }, x: 510, style: "mapped")
    var lines: [Line] = []
    for (index, device) in machine.devices.enumerated() {
      let from = devices[index]
      guard smmus.indices.contains(device.smmu), itses.indices.contains(device.its) else {
        continue
      }
      let smmu = smmus[device.smmu]
      let its = itses[device.its]
      let middle = Self.boxHeight / 2
      lines.append(
        Line(
          fromX: from.x + from.width, fromY: from.y + middle, toX: smmu.x, toY: smmu.y + middle))
      lines.append(
        Line(fromX: smmu.x + smmu.width, fromY: smmu.y + middle, toX: its.x, toY: its.y + middle))
    }
    name = machine.name
    titles = [
      Title(x: 10, text: "physical machine (PA)"), Title(x: 260, text: "each VM (IPA)"),
      Title(x: 510, text: "StreamID, DeviceID"), Title(x: 690, text: "SMMUs"),
      Title(x: 860, text: "ITSs"),
    ]
    boxes = host + guest + devices + smmus + itses
    self.lines = lines
    let rows = [host.count, guest.count, devices.count, smmus.count, itses.count].max() ?? 0
    height = Self.top + rows * Self.spacing + 10
    notes = machine.findings.map { Note(kind: $0.kind.rawValue, text: $0.message) }
    hasNotes = !notes.isEmpty
  }

  /// The parts of a map, the highest address first.
  private static func stack(_ parts: [MachineDescription.Part], x: Int) -> [Box] {
    parts.sorted { $0.range.base > $1.range.base }.enumerated().map { row, part in
      box(
        row, x: x, width: 230, style: part.name.hasPrefix("RAM") ? "memory" : "trapped",
        part.name, part.range.description)
    }
  }

  private static func column(
    _ texts: [(label: String, detail: String)], x: Int, style: String
  ) -> [Box] {
    texts.enumerated().map { row, text in
      box(row, x: x, width: x == 510 ? 160 : 120, style: style, text.label, text.detail)
    }
  }

  private static func box(
    _ row: Int, x: Int, width: Int, style: String, _ label: String, _ detail: String
  ) -> Box {
    let y = top + row * spacing
    return Box(
      x: x, y: y, width: width, style: style, labelX: x + 10, labelY: y + 14, label: label,
      detail: detail, detailY: y + 28)
  }
}

extension String {
  fileprivate func clipped(to limit: Int) -> String {
    count > limit ? prefix(limit - 1) + "…" : self
  }
}
