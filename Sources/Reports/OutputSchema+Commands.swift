import Files
import Scenarios
import Timing

// What each command prints, as one definition named after it.
extension OutputSchema {
  // MARK: Runs

  static var runs: [Definition] {
    [
      (
        "compare",
        object([
          "scenario": text, "file": text, "purpose": text, "seed": integer,
          "conditions": object(
            Condition.all.map { ($0.name, $0.isNumber ? integer : text) }),
          "workload": text,
          "costs": object([
            "name": text, "platform": text, "assumed": list(text), "ranges": list(text),
          ]), "results": list(result),
        ])
      ),
      (
        "compareMatrix",
        object([
          "scenario": text, "file": text, "seed": integer,
          "matrices": list(
            object([
              "axes": list(object(["name": text, "meaning": text])),
              "rows": list(object(["design": text, "cells": list(cell)])),
            ])),
        ])
      ),
      (
        "attack",
        list(
          object([
            "design": text, "usage": text, "values": map(of: text), "attack": text, "actor": text,
            "action": text, "breachIf": text, "source": text, "outcome": text,
            "victim": optionalText, "detail": text, "measures": map(of: integer),
            "stations": list(station), "missingInterfaces": list(interface),
          ]))
      ),
      (
        "races",
        list(
          object([
            "design": text, "vector": integer,
            "gaps": list(
              object(["steps": integer, "after": text, "outcome": text, "reason": text])),
            "missingInterfaces": list(interface),
          ]))
      ),
      ("explain", explanation),
      (
        "explainDiff",
        object([
          "scenario": text, "seed": integer, "left": side, "right": side, "setup": aligned(step),
          "journey": aligned(station),
        ])
      ),
      (
        "explainScript",
        object([
          "purpose": text, "source": text, "rows": list(text),
          "steps": list(
            object([
              "action": text, "note": text, "outcome": map(of: [:]), "chain": list(text),
              "holds": flag,
            ])),
        ])
      ),
      (
        "load",
        object([
          "scenario": text, "seed": integer, "seeds": integer, "costs": text, "rests": optionalText,
          "results": list(
            object([
              "design": text, "verdict": text, "why": text, "low": optional(loadSummary),
              "high": optional(loadSummary), "settled": flag, "bottlenecks": list(text),
              "knee": optionalNumber,
              "ramp": list(object(["load": number, "result": loadSummary])),
            ])),
        ])
      ),
      (
        "costsFit",
        list(
          object([
            "cost": text, "count": integer, "median": number, "low": number, "high": number,
            "unit": text,
          ]))
      ),
      (
        "loadSensitivity",
        list(
          object([
            "design": text, "p50": number, "throughput": number,
            "costs": list(
              object([
                "cost": text, "status": text, "lowNanoseconds": number, "highNanoseconds": number,
                "p50": object(["low": number, "high": number]),
                "throughput": object(["low": number, "high": number]),
              ])),
          ]))
      ),
    ]
  }

  private static let result = object([
    "design": text, "setup": setup, "verdict": text, "journeys": map(of: integer),
    "message": message,
    "devices": list(
      object([
        "guestID": text, "hostID": text, "smmu": integer, "its": integer, "verdict": text,
        "message": message, "why": text,
      ])), "windowCovers": list(text),
    "exits": object([
      "setup": integer, "run": integer, "tearDown": integer, "delivery": integer, "idle": integer,
      "wakeUps": integer, "perInterrupt": number,
      "causes": list(object(["name": text, "count": integer])),
      "rows": list(
        object([
          "when": text, "phase": optionalText, "cause": text, "handler": text, "reads": integer,
          "writes": integer, "others": integer,
        ])),
    ]), "merged": integer,
    "latency": object([
      "p50": optionalNumber, "p99": optionalNumber, "max": optionalNumber, "unit": text,
      "low": percentiles, "high": percentiles,
    ]),
    "breakdown": object(
      [("count", integer)] + Station.allCases.map { ($0.name.memberName, number) }),
    "usedCosts": optional(list(text)), "why": text, "digest": optionalText,
    "missingInterfaces": list(interface),
  ])

  private static let belief = object([
    "holder": text, "address": text, "leadsTo": optionalText, "use": optionalText,
  ])

  private static let beliefs = list(object(["agent": text, "step": integer, "belief": belief]))

  private static let step = object([
    "time": number, "agent": text, "function": text, "text": text, "belief": optional(belief),
  ])

  private static let explanation = object(
    [
      "scenario": text, "seed": integer, "design": text, "setup": setup,
      "journey": optional(
        object([
          "message": integer, "vector": integer, "verdict": text, "reason": text,
          "stations": list(station),
        ])), "why": text, "missingInterfaces": list(interface),
    ], optional: ["steps": list(step), "setupSteps": integer, "beliefs": beliefs])

  private static let side = object([
    "design": text, "setup": setup, "verdict": text, "why": text, "beliefs": beliefs,
  ])

  private static func aligned(_ element: JSONValue) -> JSONValue {
    object([
      "firstDifference": optional(integer),
      "rows": list(
        object([
          "is": ["enum": ["same", "different", "left", "right"]], "left": optional(element),
          "right": optional(element),
        ])),
    ])
  }

  private static let loadSummary = object(
    [("latencies", list(object(["upToNanoseconds": integer, "count": integer])))]
      + LoadReport.sections.map { title, quantities in
        (
          title.memberName,
          object(
            quantities.map {
              (
                $0.name.memberName,
                object(["unit": text, "mean": optionalNumber, "halfWidth": optionalNumber])
              )
            })
        )
      })

  // MARK: Plans and catalogues

  static var plans: [Definition] {
    [
      (
        "designsList",
        list(
          object([
            "name": text, "title": text, "source": text,
            "choices": list(object(["axis": text, "choice": text, "meaning": text])),
          ]))
      ),
      (
        "designsExplore",
        object([
          "scenario": text, "combinations": integer, "consistent": integer,
          "inconsistent": list(object(["reason": text, "count": integer])),
          "columns": list(map(of: text)),
          "every": optional(object(["axis": text, "values": list(text)])),
          "attacks": list(text), "front": list(point),
          "families": list(
            object([
              "beatenBy": optionalText, "reason": text, "why": optionalText,
              "command": optionalText, "points": list(point),
            ])),
        ])
      ),
      ("costsList", list(costs)), ("costsShow", costs),
      ("costsCheck", list(object(["name": text, "statuses": text, "findings": list(text)]))),
      ("releasesList", list(release)), ("releasesShow", release),
      (
        "policies",
        list(
          object([
            "device": text, "policy": text, "attached": flag, "by": optionalText,
            "errno": optionalText, "message": optionalText, "firmwareSurvives": flag,
            "firmwareRecovers": flag, "chain": list(text),
          ]))
      ),
      (
        "policiesSwitches",
        list(
          object([
            "switch": text, "writes": integer, "lost": integer, "events": list(text),
            "recovers": flag, "firstLoss": optionalText, "source": text,
          ]))
      ),
      (
        "factsList",
        list(
          object([
            "name": text, "project": text, "file": text, "scope": text, "claim": text,
            "releases": text, "meaning": text, "usedBy": list(text), "scenarios": list(text),
            "switch": optionalText,
          ]))
      ),
      (
        "factsCheck",
        list(
          object([
            "tree": text, "project": optionalText, "release": optionalText,
            "summary": map(of: integer), "touchedScenarios": list(text),
            "results": list(
              object([
                "fact": text, "status": text, "file": optionalText, "line": optional(integer),
                "found": text, "switch": optionalText,
              ])),
          ]))
      ),
      ("reproduce", object(["tables": list(published)])),
      (
        "sweepReport",
        object([
          "purpose": text, "run": text, "plan": text, "seeds": list(integer), "points": integer,
          "missing": list(integer),
          "results": list(
            object([
              "point": integer, "hash": text, "fields": map(of: text), "outcome": text, "why": text,
              "quantities": list(
                object([
                  "section": text, "name": text, "unit": text, "low": number,
                  "lowHalfWidth": optionalNumber, "high": number, "highHalfWidth": optionalNumber,
                ])),
            ])),
        ])
      ),
    ]
  }

  private static let point = object(
    ["design": text, "choices": map(of: text), "cells": list(cell), "breaches": list(text)],
    optional: ["interfaces": list(text), "equals": list(text)])

  private static let costs = object([
    "name": text, "platform": text,
    "costs": list(
      object([
        "item": text, "meaning": text, "low": number, "high": number, "unit": text, "status": text,
        "platform": optionalText, "source": text,
      ])),
  ])

  private static let release = object([
    "name": text, "program": text, "state": text, "stateText": text, "releases": list(text),
    "isReleased": flag, "source": text, "changes": text, "effect": text, "choice": optionalText,
  ])

  private static let published = object([
    "table": text, "title": text, "source": text, "asExpected": flag, "unexpected": list(text),
    "cells": list(
      object([
        "row": text, "column": text, "unit": text, "measured": number, "status": text,
        "source": text, "low": optionalNumber, "high": optionalNumber,
        "errorPercent": optionalNumber, "role": text, "band": optionalText,
        "holds": optional(flag), "knownMiss": optionalText,
      ])),
    "claims": list(
      object(["name": text, "meaning": text, "holds": flag, "expected": flag, "found": text])),
    "calibrated": list(object(["name": text, "value": number, "unit": text, "meaning": text])),
    "parameters": list(
      object([
        "name": text, "low": number, "high": number, "unit": text, "status": text, "meaning": text,
        "source": text,
      ])),
    "studies": list(
      object(["title": text, "columns": list(text), "rows": list(list([:])), "note": text])),
  ])

  // MARK: Machines

  static var machines: [Definition] {
    [("machineList", list(machine)), ("machineShow", machine), ("iort", list(firmware))]
  }

  private static let areas = list(
    object(["name": text, "field": text, "base": text, "length": text]))

  private static let machine = object([
    "name": text, "base": optionalText, "machines": integer, "virtualCPUs": integer,
    "host": object([
      "cpus": integer, "gic": [:], "deviceTable": [:], "deviceBits": integer,
      "streamBits": integer, "interrupts": text,
      "messageWindow": object(["base": text, "length": text, "isReleased": flag]),
      "smmuFeatures": list(text), "map": areas,
      "bridges": list(
        object([
          "firstBus": integer, "lastBus": integer, "streamOffset": text, "deviceOffset": text,
        ])),
    ]), "guest": object(["map": areas, "doorbell": text, "reservedRange": [:]]),
    "devices": list(
      object([
        "name": text, "machine": integer, "requester": text, "guestRequester": text,
        "smmu": optional(integer), "streamID": optionalText, "its": integer, "deviceID": text,
        "vectors": integer, "dmaBits": integer, "bar": object(["base": text, "length": text]),
        "virtualCPUs": list(integer),
      ])),
    "findings": list(object(["kind": text, "isError": flag, "field": text, "message": text])),
  ])

  private static let mappings = list(
    object([
      "place": text, "input": list(text), "output": list(text), "single": flag,
      "mask": optionalText, "target": text,
    ]))

  private static let firmware = object([
    "name": text,
    "summary": object([
      "view": text, "errors": integer, "warnings": integer, "notes": integer,
    ]),
    "tables": list(
      object([
        "signature": text, "bytes": integer,
        "structures": list(
          object(
            [
              "name": text, "offset": integer,
              "fields": list(
                object([
                  "name": text, "offset": integer, "width": integer, "value": text,
                  "meaning": text,
                ])),
            ], optional: ["object": text, "raw": list(integer)])),
      ])),
    "facts": object([
      "source": text, "bootConfiguration": text,
      "itses": list(
        object([
          "place": text, "identifier": integer, "base": text, "doorbell": optionalText,
          "window": optional(list(text)), "isolates": flag,
        ])),
      "controllers": list(
        object([
          "place": text, "name": text, "base": text, "doorbell": optionalText,
          "ownReceiver": flag,
        ])),
      "smmus": list(
        object([
          "place": text, "base": text, "version": integer, "model": optionalText,
          "kernelName": optionalText, "mappings": mappings,
        ])),
    ]), "routes": list(object(["requesterID": text, "segment": integer])),
    "findings": list(
      object(["severity": text, "rule": text, "place": text, "text": text])),
  ])

  // MARK: Evidence

  static var evidence: [Definition] {
    [
      (
        "decode",
        object([
          "records": list(
            object([
              "title": text, "summary": text, "words": list(text),
              "fields": list(
                object(["name": text, "bits": text, "value": text, "meaning": text])),
              "notes": list(text), "next": list(text),
            ])), "notes": list(text),
        ])
      ),
      ("diagnose", diagnosis), ("replay", list(story)),
      (
        "replayCheck",
        list(
          object([
            "trace": text, "lines": integer, "damage": optionalText, "personality": text,
            "compared": list(object(["subject": text, "agree": integer, "differ": integer])),
            "differences": list(object(["line": integer, "subject": text, "text": text])),
            "notChecked": list(object(["reason": text, "count": integer])),
            "notInATrace": list(text),
          ]))
      ),
      (
        "recordShow",
        object([
          "header": map(of: [:]), "facts": map(of: integer), "events": map(of: integer),
          "derivedLines": integer, "lines": integer,
        ])
      ),
      (
        "verify",
        object([
          "personality": text, "agrees": flag,
          "totals": list(tally(["file": text, "class": text])),
          "sum": tally([:]), "overruled": list([:]), "disagreements": list([:]),
          "unjudgedDifferences": list([:]),
        ])
      ),
    ]
  }

  private static func tally(_ names: KeyValuePairs<String, JSONValue>) -> JSONValue {
    object(
      names.map { ($0.key, $0.value) }
        + [
          "agree", "overruled", "disagree", "unjudgedSame", "unjudgedDifferent", "total",
        ].map { ($0, integer) })
  }

  private static let line = object(["file": text, "line": optional(integer), "text": text])

  private static let diagnosis = object([
    "causes": list(
      object([
        "id": text, "confidence": number, "evidence": list(line), "means": text, "fix": text,
        "show": text,
      ])), "notUnderstood": list(line), "missing": list(text),
    "functions": list(
      object([
        "function": text, "driver": text, "group": text, "streamID": text, "deviceID": text,
        "vectors": text, "interrupts": text, "faults": text,
      ])), "files": list(object(["file": text, "kinds": list(text), "side": optionalText])),
  ])

  private static let stages = object([
    "stage1": integer, "stage2": integer, "bothStages": integer,
  ])

  private static let story = object(
    [
      "trace": text, "lines": integer, "understood": integer, "other": integer, "damaged": integer,
      "notTraceEvents": integer, "events": map(of: integer), "translations": stages,
      "smmuCommands": map(of: integer), "smmuEvents": map(of: integer),
      "itsCommands": map(of: integer), "lpisMapped": integer,
      "devices": list(
        object(
          [
            "function": text, "stream": text, "translations": stages, "bypasses": integer,
            "aborts": integer, "whileSMMUOff": integer, "pages": integer, "messages": integer,
            "lostMessages": integer,
            "messageAddresses": list(
              object(["address": text, "output": text, "stage": integer, "accesses": integer])),
            "faults": list(
              object(["event": text, "count": integer, "pages": list(text), "cause": text])),
            "vectors": list(
              object([
                "event": integer, "mapped": flag, "messages": integer, "acknowledged": integer,
                "perSecond": optionalNumber, "guestInterrupts": optional(integer),
                "mappings": list(
                  object([
                    "lpi": integer, "collection": integer, "cpu": optional(integer),
                    "messages": integer, "acknowledged": integer,
                  ])),
              ])),
          ], optional: ["driver": text, "domain": optionalText])), "warnings": list(text),
      "notKnown": list(text),
    ],
    optional: [
      "microseconds": integer, "kernelTraces": list([:]), "kernelLogs": list([:]),
      "levels": list([:]), "disagreements": list(text),
    ])
}
