import Designs
import Files
import Reports
import ResultFixtures
import Scenarios
import Testing

@Suite("Test reports")
struct TestReportTests {
  /// One that holds, one with a difference, one malformed.
  static var tests: [ScenarioTest] {
    var expectation = DesignExpectation(design: "rmr-identity")
    expectation.verdict = .delivered
    expectation.total = 5
    let failing = Comparison(
      scenario: Fixtures.scenario(expectations: [expectation]), results: [Fixtures.result()])
    expectation.total = 4
    let holding = Comparison(
      scenario: Fixtures.scenario(expectations: [expectation]), results: [Fixtures.result()])
    return [
      ScenarioTest(file: "a.yaml", purpose: "A", outcome: .ran(holding.checkedExpectations)),
      ScenarioTest(file: "b.yaml", purpose: "B", outcome: .ran(failing.checkedExpectations)),
      ScenarioTest(
        file: "c.yaml", purpose: "",
        outcome: .malformed(
          InputError("expected \"<&>\"", at: Place(file: "c.yaml", line: 3, column: 1)))),
    ]
  }

  @Test("each scenario has a line, each difference what was expected and found")
  func text() {
    #expect(
      Self.tests.map { $0.text() }.joined() + ScenarioTest.summary(Self.tests) == """
        ok     a.yaml: 2 expectations
        FAIL   b.yaml: 1 of 2 expectations failed
          rmr-identity: journeys.total
            expected  5
            found     4
          why: \(Fixtures.result().why)
          see: doorbell explain b.yaml --design rmr-identity
        ERROR  c.yaml
        3 scenarios: 1 ok, 1 failed, 1 malformed

        """)
  }

  @Test("a scenario without expectations says so")
  func nothing() {
    let test = ScenarioTest(file: "a.yaml", purpose: "A", outcome: .ran([]))
    #expect(test.text() == "none   a.yaml: expects nothing\n")
    #expect(ScenarioTest.summary([test]) == "1 scenario: 0 ok, 1 without expectations\n")
    #expect(ScenarioTest.junit([test]).contains("<skipped message=\"expects nothing\"/>"))
    #expect(
      ScenarioTest.tap([test]).contains("ok 1 - a.yaml: scenario file # SKIP expects nothing"))
  }

  @Test("a known failure does not fail, and one that holds does")
  func known() {
    var failing = Self.tests[1]
    failing.knownFailure = "the model lacks it"
    #expect(!failing.result.isFailure)
    #expect(failing.text().contains("failed, as the file says\n  the model lacks it\n"))
    var holding = Self.tests[0]
    holding.knownFailure = "the model lacks it"
    #expect(holding.result.isFailure)
    #expect(ScenarioTest.junit([holding]).contains("failures=\"1\""))
    #expect(
      ScenarioTest.summary([failing, holding])
        == "2 scenarios: 0 ok, 1 unexpectedly ok, 1 known to fail\n")
  }

  @Test("times are printed where they were measured, and nowhere else")
  func durations() {
    var test = Self.tests[0]
    #expect(!ScenarioTest.junit([test]).contains("time="))
    test.duration = .milliseconds(1234)
    #expect(test.text() == "ok     a.yaml: 2 expectations (1.234 s)\n")
    #expect(ScenarioTest.junit([test]).contains("time=\"1.234\""))
    #expect(ScenarioTest.durations([test]).contains("  1.234 s  a.yaml\n"))
  }

  @Test("JUnit XML has a suite for each scenario and a case for each design")
  func junit() {
    #expect(
      ScenarioTest.junit(Self.tests) == """
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="doorbell" tests="3" failures="1" errors="1" skipped="0">
          <testsuite name="a.yaml" tests="1" failures="0" errors="0" skipped="0" file="a.yaml">
            <testcase classname="a.yaml" name="rmr-identity" file="a.yaml"/>
          </testsuite>
          <testsuite name="b.yaml" tests="1" failures="1" errors="0" skipped="0" file="b.yaml">
            <testcase classname="b.yaml" name="rmr-identity" file="b.yaml">
              <failure message="journeys.total">journeys.total: expected 5, found 4
        why: \(Fixtures.result().why)
        see: doorbell explain b.yaml --design rmr-identity
        </failure>
            </testcase>
          </testsuite>
          <testsuite name="c.yaml" tests="1" failures="0" errors="1" skipped="0" file="c.yaml">
            <testcase classname="c.yaml" name="scenario file" file="c.yaml" line="3">
              <error message="c.yaml:3:1: expected &quot;&lt;&amp;&gt;&quot;"/>
            </testcase>
          </testsuite>
        </testsuites>

        """)
  }

  /// A scenario whose expectations hold and whose golden record does not.
  static var changed: ScenarioTest {
    var test = tests[0]
    test.golden = .init(
      path: "golden/a.json",
      differences: [
        .init(
          design: "rmr-identity", field: "stage2",
          lines: [.omitted(2), .kept("k"), .removed("<old>"), .added("new")])
      ])
    return test
  }

  @Test("a golden record that differs shows the lines, and the command that accepts them")
  func golden() {
    #expect(
      Self.changed.text() == """
        FAIL   a.yaml: 1 of 3 expectations failed
          golden/a.json: not what it was
          rmr-identity: stage2
              (2 alike)
              k
            - <old>
            + new
          accept it: doorbell test a.yaml --record --yes

        """)
    let junit = ScenarioTest.junit([Self.changed])
    #expect(junit.contains("<testsuite name=\"a.yaml\" tests=\"2\" failures=\"1\" errors=\"0\""))
    #expect(junit.contains("  - &lt;old&gt;\n"))
    var holding = Self.tests[0]
    holding.golden = .init(path: "golden/a.json", differences: [])
    #expect(holding.text() == "ok     a.yaml: 3 expectations\n")
    #expect(ScenarioTest.junit([holding]).contains("name=\"golden\" file=\"a.yaml\"/>"))
  }

  @Test("TAP has a plan, a point for each design, and what differs as YAML")
  func tap() {
    #expect(
      ScenarioTest.tap(Self.tests + [Self.changed]) == """
        TAP version 14
        1..5
        ok 1 - a.yaml: rmr-identity
        not ok 2 - b.yaml: rmr-identity
          ---
          message: "journeys.total"
          severity: fail
          details:
            - "journeys.total: expected 5, found 4"
            - "why: \(Fixtures.result().why)"
            - "see: doorbell explain b.yaml --design rmr-identity"
          ...
        not ok 3 - c.yaml: scenario file
          ---
          message: "c.yaml:3:1: expected \\"<&>\\""
          severity: error
          ...
        ok 4 - a.yaml: rmr-identity
        not ok 5 - a.yaml: golden
          ---
          message: "golden/a.json: not what it was"
          severity: fail
          details:
            - "rmr-identity: stage2"
            - "    (2 alike)"
            - "    k"
            - "  - <old>"
            - "  + new"
            - "accept it: doorbell test a.yaml --record --yes"
          ...

        """)
    let hash = ScenarioTest(
      file: "a#1.yaml", purpose: "",
      outcome: .ran([.init(design: "x", checks: [FieldCheck("verdict", expected: "a", found: "a")])]
      ))
    #expect(ScenarioTest.tap([hash]).contains("ok 1 - a\\#1.yaml: x\n"))
  }

  @Test("what recording would change is shown first")
  func update() {
    func update(_ differences: [Golden.Difference], isNew: Bool) -> String {
      GoldenUpdate(
        file: "a.yaml", path: "golden/a.json", isNew: isNew, differences: differences,
        found: Golden(
          scenario: "a",
          records: [.init(design: "d", fields: [.init(name: "steps", lines: ["1", "2"])])])
      ).text()
    }
    let change = Golden.Difference(design: "d", field: "steps", lines: [.added("2")])
    #expect(update([], isNew: false) == "same   golden/a.json\n")
    #expect(update([change], isNew: true) == "new    golden/a.json\n  d: 2 lines\n")
    #expect(update([change], isNew: false) == "change golden/a.json\n  d: steps\n    + 2\n")
  }

  @Test("designs and cost models are shown with meanings and sources")
  func catalogue() {
    #expect(
      Fixtures.design.text().contains("msix        trapped-replaced  The guest's write traps;"))
    #expect(
      Design.list([Fixtures.design, Fixtures.other]) == """
        design        what it is
        rmr-identity  A title.
        untrapped     Another title.

        """)
    let costs = Fixtures.costs.text()
    #expect(costs.contains("exit-to-kernel  451  measured  A guest exit that KVM handles"))
    #expect(costs.contains("Nobody knows."))
  }
}
