import Designs
import InputFiles
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
        ERROR  c.yaml
        3 scenarios: 1 ok, 1 failed, 1 malformed

        """)
  }

  @Test("a scenario without expectations says so")
  func nothing() {
    let test = ScenarioTest(file: "a.yaml", purpose: "A", outcome: .ran([]))
    #expect(test.text() == "ok     a.yaml: nothing expected\n")
    #expect(ScenarioTest.summary([test]) == "1 scenario: 1 ok\n")
  }

  @Test("JUnit XML has a suite for each scenario and a case for each design")
  func junit() {
    #expect(
      ScenarioTest.junit(Self.tests) == """
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="doorbell" tests="3" failures="1" errors="1">
          <testsuite name="a.yaml" tests="1" failures="0" errors="0">
            <testcase classname="a.yaml" name="rmr-identity"/>
          </testsuite>
          <testsuite name="b.yaml" tests="1" failures="1" errors="0">
            <testcase classname="b.yaml" name="rmr-identity">
              <failure message="journeys.total">journeys.total: expected 5, found 4
        </failure>
            </testcase>
          </testsuite>
          <testsuite name="c.yaml" tests="1" failures="0" errors="1">
            <testcase classname="c.yaml" name="scenario file">
              <error message="c.yaml:3:1: expected &quot;&lt;&amp;&gt;&quot;"/>
            </testcase>
          </testsuite>
        </testsuites>

        """)
  }

  @Test("designs and cost models are shown with meanings and sources")
  func catalogue() {
    #expect(
      Fixtures.design.text().contains("msix       trapped-replaced  The guest's write traps;"))
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
