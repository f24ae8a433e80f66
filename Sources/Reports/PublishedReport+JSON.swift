package import Files
import Published

extension PublishedReport {
  /// For programs.
  package var json: JSONValue { ["tables": .array(reproductions.map(\.json))] }
}

extension Reproduction {
  fileprivate var json: JSONValue {
    [
      "table": .string(table.name.rawValue),
      "title": .string(table.title),
      "source": .string(table.source),
      "asExpected": .bool(isAsExpected),
      "unexpected": .array(surprises.map { .string($0) }),
      "cells": .array(cells.map(\.json)),
      "claims": .array(
        checks.map {
          [
            "name": .string($0.claim.name), "meaning": .string($0.claim.meaning),
            "holds": .bool($0.holds), "expected": .bool($0.claim.isExpected),
            "found": .string($0.found),
          ]
        }),
      "calibrated": .array(
        calibrated.map {
          [
            "name": .string($0.name), "value": .number($0.value), "unit": .string($0.unit),
            "meaning": .string($0.meaning),
          ]
        }),
      "parameters": .array(
        table.parameters.map {
          [
            "name": .string($0.name), "low": .number($0.low), "high": .number($0.high),
            "unit": .string($0.unit), "status": .string($0.status.rawValue),
            "meaning": .string($0.meaning), "source": .string($0.source),
          ]
        }),
      "studies": .array(studies.map(\.json)),
    ]
  }
}

extension Reproduction.Cell {
  fileprivate var json: JSONValue {
    [
      "row": .string(measured.key.row),
      "column": .string(measured.key.column),
      "unit": .string(measured.unit),
      "measured": .number(measured.value),
      "status": .string(measured.status.rawValue),
      "source": .string(measured.source),
      "low": predicted.map { .number($0.lowerBound) } ?? .null,
      "high": predicted.map { .number($0.upperBound) } ?? .null,
      "errorPercent": error.map { .number($0) } ?? .null,
      "role": .string(role.rawValue),
      "band": .string(band == nil ? nil : bandText),
      "holds": holds.map { .bool($0) } ?? .null,
      "knownMiss": .string(knownMiss),
    ]
  }
}

extension Study {
  fileprivate var json: JSONValue {
    [
      "title": .string(title),
      "columns": .array(columns.map { .string($0) }),
      "rows": .array(rows.map { .array($0.map(\.json)) }),
      "note": .string(note),
    ]
  }
}

extension Study.Value {
  fileprivate var json: JSONValue {
    switch self {
    case .text(let text): .string(text)
    case .number(let value), .error(let value): .number(value)
    case .interval(let low, let high): .array([.number(low), .number(high)])
    }
  }
}
