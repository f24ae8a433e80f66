internal import Bits
package import Files
internal import Firmware
package import Inspect

extension FirmwareReport {
  /// The report as JSON; numbers of registers and IDs are hexadecimal strings.
  package var json: JSONValue {
    [
      "name": .string(name),
      "summary": summaryJSON,
      "tables": .array(tables.listings.map(Self.json)),
      "facts": factsJSON,
      "routes": .array(routes.map(json)),
      "findings": .array(findings.map(Self.json)),
    ]
  }

  private var summaryJSON: JSONValue {
    let counts = FirmwareFinding.Severity.allCases.map { severity in
      JSONValue.Member(
        "\(severity.rawValue)s", .integer(findings.count { $0.severity == severity }))
    }
    return .object([JSONValue.Member("view", .string(facts.view.rawValue))] + counts)
  }

  private static func json(_ number: UInt64) -> JSONValue { .string(hex(number)) }
  private static func json(_ number: UInt32) -> JSONValue { .string(hex(UInt64(number))) }

  private static func json(_ ids: ClosedRange<UInt32>) -> JSONValue {
    [json(ids.lowerBound), json(ids.upperBound)]
  }

  private static func json(_ listing: TableListing) -> JSONValue {
    [
      "signature": .string(listing.signature), "bytes": .integer(listing.bytes.count),
      "structures": .array(listing.records.map(json)),
    ]
  }

  private static func json(_ listed: ListedRecord) -> JSONValue {
    var members = [
      JSONValue.Member("name", .string(listed.title)),
      JSONValue.Member("offset", .integer(listed.record.offset)),
      JSONValue.Member("fields", .array(listed.record.fields.map(json))),
    ]
    if let name = listed.name { members.append(JSONValue.Member("object", .string(name))) }
    if !listed.raw.isEmpty {
      members.append(JSONValue.Member("raw", .array(listed.raw.map { .integer(Int($0)) })))
    }
    return .object(members)
  }

  private static func json(_ value: FieldValue) -> JSONValue {
    [
      "name": .string(value.field.name), "offset": .integer(value.offset),
      "width": .integer(value.field.width),
      "value": .string(value.text ?? value.formatted), "meaning": .string(value.meaning),
    ]
  }

  private func json(_ mapping: PlatformFacts.Mapping) -> JSONValue {
    [
      "place": .string(mapping.place), "input": Self.json(mapping.input),
      "output": Self.json(mapping.output), "single": .bool(mapping.isSingle),
      "mask": mapping.mask == .max ? .null : Self.json(mapping.mask),
      "target": .string(facts.name(of: mapping.target)),
    ]
  }

  private var factsJSON: JSONValue {
    [
      "source": .string(facts.source.rawValue),
      "bootConfiguration": .string(facts.bootConfiguration.rawValue),
      "itses": .array(
        facts.itses.map {
          [
            "place": .string($0.place), "identifier": .integer(Int($0.identifier)),
            "base": Self.json($0.base),
            "doorbell": $0.window == nil ? Self.json($0.doorbell) : .null,
            "window": $0.window.map { [Self.json($0.lowerBound), Self.json($0.upperBound)] }
              ?? .null,
            "isolates": .bool($0.isolates),
          ]
        }),
      "controllers": .array(
        facts.controllers.map {
          [
            "place": .string($0.place), "name": .string($0.name), "base": Self.json($0.base),
            "doorbell": $0.doorbell.map { Self.json($0) } ?? .null,
            "ownReceiver": .bool($0.isOwnReceiver),
          ]
        }),
      "smmus": .array(
        facts.smmus.map {
          [
            "place": .string($0.place), "base": Self.json($0.base),
            "version": .integer($0.isVersion3 ? 3 : 2),
            "model": $0.model.isEmpty ? .null : .string($0.model),
            "kernelName": $0.kernelName.isEmpty ? .null : .string($0.kernelName),
            "mappings": .array($0.mappings.map(json)),
          ]
        }),
      "rootComplexes": .array(
        facts.rootComplexes.map {
          [
            "place": .string($0.place), "segment": .integer(Int($0.segment)),
            "numbered": .bool($0.isNumbered),
            "requesterIDs": Self.json($0.requesterIDs),
            "bootConfiguration": .string($0.bootConfiguration.rawValue),
            "requests": .array($0.streams.map(json)),
            "messages": $0.messages.map { .array($0.map(json)) } ?? .null,
            "ats": $0.supportsATS.map { .bool($0) } ?? .null,
            "pasidBits": $0.pasidBits.map { .integer($0) } ?? .null,
          ]
        }),
      "otherIOMMUs": .array(
        facts.otherIOMMUs.map { ["place": .string($0.place), "model": .string($0.model)] }),
      "components": .array(
        facts.components.map {
          [
            "place": .string($0.place), "requests": .array($0.streams.map(json)),
            "messages": $0.messages.map { .array($0.map(json)) } ?? .null,
          ]
        }),
      "reserved": .array(reservedNodes.map(json)),
    ]
  }

  /// Reserved ranges that share a node, and so their streams and flags.
  private var reservedNodes: [[PlatformFacts.ReservedRange]] {
    var nodes: [[PlatformFacts.ReservedRange]] = []
    for range in facts.reserved {
      if let last = nodes.last?.first, last.place == range.place, last.streams == range.streams,
        last.isDirect == range.isDirect, last.isHeeded == range.isHeeded
      {
        nodes[nodes.count - 1].append(range)
      } else {
        nodes.append([range])
      }
    }
    return nodes
  }

  private func json(_ ranges: [PlatformFacts.ReservedRange]) -> JSONValue {
    guard let first = ranges.first else { return .null }
    return [
      "place": .string(first.place),
      "ranges": .array(
        ranges.map { ["base": Self.json($0.base), "length": Self.json($0.length)] }),
      "remapPermitted": .bool(first.remapPermitted), "privileged": .bool(first.isPrivileged),
      "attributes": .integer(Int(first.attributes)), "direct": .bool(first.isDirect),
      "heeded": .bool(first.isHeeded),
      "streams": .array(
        first.streams.map {
          ["smmu": .string(facts.smmus[$0.smmu].place), "ids": Self.json($0.ids)]
        }),
    ]
  }

  private func json(_ route: IDRoute) -> JSONValue {
    [
      "requesterID": Self.json(route.requesterID), "segment": .integer(Int(route.segment)),
      "hops": .array(
        route.hops.map {
          [
            "from": .string($0.from), "mapping": .string($0.mapping.place),
            "input": Self.json($0.input), "output": Self.json($0.output), "to": .string($0.to),
          ]
        }),
      "bridge": route.complex.map { .string(facts.rootComplexes[$0].place) } ?? .null,
      "streamID": route.stream.map { Self.json($0.id) } ?? .null,
      "smmu": route.stream.map { .string(facts.smmus[$0.smmu].place) } ?? .null,
      "deviceID": route.device.map { Self.json($0.id) } ?? .null,
      "its": route.device.map { .string(facts.itsGroups[$0.group].place) } ?? .null,
      "controller": route.controller.map { .string(facts.controllers[$0].place) } ?? .null,
      "doorbell": facts.doorbell(of: route).map { Self.json($0) } ?? .null,
      "remarks": .array(route.remarks.map { .string($0) }),
      "end": route.end.map { .string($0) } ?? .null,
    ]
  }

  private static func json(_ finding: FirmwareFinding) -> JSONValue {
    [
      "severity": .string(finding.severity.rawValue), "rule": .string(finding.rule),
      "place": .string(finding.place), "text": .string(finding.text),
      "consequence": .string(finding.consequence),
    ]
  }
}
