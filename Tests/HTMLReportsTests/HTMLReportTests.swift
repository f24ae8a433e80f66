import Bits
import Designs
import Files
import HTMLReports
import HostKernel
import Machine
import ResultFixtures
import SMMU
import Scenarios
import Simulation
import Software
import Testing
import VMM

@Suite("HTMLReport")
struct HTMLReportTests {
  /// A delivered MSI whose texts are full of what HTML could take for its own.
  static var hostile: RunResult {
    let design = Design(
      name: "<b>\"&'", title: "</section><script>alert(1)</script>", source: "a & b < c",
      advertisement: .nothing, stageTwo: .guestDoorbell, msixEntry: .untrapped,
      eventIDOwner: .guest, delivery: .irqfd)
    var step = Fixtures.step
    step.duration = .nanoseconds(1)
    var result = Fixtures.result(
      design,
      steps: [
        step,
        .init(
          time: .zero, agent: .guest, function: "f<g>", text: "a && b",
          belief: DoorbellBelief("<DMA>", .iova(0xffff_f040), leadsTo: .ipa(0x809_0040))),
      ], journey: Fixtures.journey)
    result.machine = try? MachineDescription.builtIn(.qemuVirt)
    result.mappings = StreamMappings(
      configuration: .translates,
      stage1: StageMappings([.init(input: 0x800_0000, output: 0x800_0000, length: 0x10_0000)]),
      stage2: StageMappings([
        .init(input: 0x800_0000, output: 0x809_0000, length: 0x1000),
        .init(input: 0x4000_0000, output: 0x1_0000_0000, length: 0x3000_0000),
      ]))
    return result
  }

  static let facts = PageFacts(
    version: "1.2.3", command: "doorbell compare '<x>'", inputs: "2 input files")

  static func html(_ results: [RunResult]) -> String {
    let comparison = Comparison(
      scenario: Fixtures.scenario(designs: results.map(\.design)), results: results)
    return HTMLReport(comparison, explained: comparison, facts: facts).text
  }

  static var results: [RunResult] {
    [Fixtures.result(), hostile, Fixtures.refused(Fixtures.other)]
  }

  @Test("the page is well-formed, whatever stands in the texts, and shows them as they are")
  func wellFormed() {
    let html = Self.html(Self.results)
    let page = Page(html)
    #expect(page.complaint == nil)
    #expect(html.hasPrefix("<!DOCTYPE html>"))
    #expect(page.elements("script").count == 1)
    #expect(page.elements("script").allSatisfy { $0.attributes.isEmpty })
    #expect(page.text.contains("Doorbell 1.2.3; 2 input files"))
    #expect(page.text.contains("doorbell compare '<x>'"))
    for text in ["</section><script>alert(1)</script>", "a & b < c", "<b>\"&'", "f<g>", "<DMA>"] {
      #expect(page.text.contains(text), "\(text)")
    }
  }

  @Test("every link leads to a place of the page, and no place has two of one name")
  func links() {
    let page = Page(Self.html(Self.results))
    let identifiers = page.identifiers
    #expect(Set(identifiers).count == identifiers.count)
    #expect(!page.links.isEmpty)
    for link in page.links { #expect(identifiers.contains(link), "#\(link)") }
    for element in page.elements {
      for name in (element.attributes["aria-labelledby"] ?? "").split(separator: " ") {
        #expect(identifiers.contains(String(name)))
      }
    }
  }

  @Test("nothing is fetched from anywhere")
  func selfContained() {
    let html = Self.html(Self.results)
    for element in Page(html).elements {
      #expect(element.attributes["src"] == nil)
      let target = element.attributes["href"] ?? "#"
      #expect(target.hasPrefix("#") || target == "data:,")
    }
    for word in ["url(", "@import", "https:"] { #expect(!html.contains(word)) }
  }

  @Test("tables have captions and scopes, drawings a title, details a summary")
  func accessible() {
    let page = Page(Self.html(Self.results))
    let tables = page.elements("table").count
    #expect(tables > 6)
    #expect(page.elements("caption").count == tables)
    #expect(page.elements("th").allSatisfy { $0.attributes["scope"] != nil })
    #expect(page.elements("svg").allSatisfy { $0.attributes["aria-labelledby"] != nil })
    #expect(page.elements("summary").count == page.elements("details").count)
    #expect(page.elements("html").first?.attributes["lang"] == "en")
    #expect(page.elements("main").count == 1)
    #expect(page.elements("a").first?.attributes["class"] == "skip")
    #expect(page.text.contains("Skip to the results"))
  }

  @Test(
    "a design that rests on what no release has is marked where it is explained",
    arguments: [(MSIXEntryPolicy.replaced, false), (.forwarded, true)])
  func unreleased(entry: MSIXEntryPolicy, isMarked: Bool) {
    let design = Design(
      name: "explained", title: "", source: "", advertisement: .rmrDirect,
      stageTwo: .softwareWindow, msixEntry: entry, eventIDOwner: .host, delivery: .irqfd)
    let text = Self.html([Fixtures.result(design)])
    #expect(text.contains("<h2>explained*</h2>") == isMarked)
    #expect(text.contains("<h2>explained</h2>") != isMarked)
    let section = text.split(separator: "<h2>explained").last ?? ""
    #expect(section.contains("It rests on what no released kernel or VMM has") == isMarked)
  }

  @Test("a refused set-up has no journey and says who refused")
  func refused() {
    let page = Page(Self.html([Fixtures.refused()]))
    #expect(page.complaint == nil)
    #expect(page.text.contains("No MSI was sent."))
    #expect(page.text.contains("Firmware has requested this device have a 1:1 IOMMU mapping"))
    #expect(!page.identifiers.contains("latency"))
  }

  @Test("the map shows the window, what the stages map into it, and what the CPUs find there")
  func map() {
    let page = Page(Self.html([Self.hostile]))
    let ranges = page.elements("rect").filter {
      $0.attributes["class"]?.hasPrefix("range") == true
    }
    let classes = ranges.compactMap { $0.attributes["class"] }
    #expect(page.elements("rect").contains { $0.attributes["class"] == "window" })
    // Stage 1's window, stage 2's page, and distributor, two ITS frames and redistributors.
    #expect(classes.filter { $0 == "range doorbell" }.count == 2)
    #expect(classes.filter { $0 == "range trapped" }.count == 4)
    #expect(page.text.contains("to the host ITS doorbell page"))
    #expect(page.text.contains("the CPUs find the virtual distributor there"))
  }

  @Test("a cell of a matrix links to its journey, a cell that was refused to its reason")
  func matrix() async throws {
    let folder = ScenarioFolder(path: "\(repository)/scenarios")
    var scenario = try folder.scenario(named: "synthetic-4-vectors")
    scenario.designs = try ["rmr-identity"].map { try folder.design(named: $0) }
    let axis = try ComparisonAxis.guestUsage.narrowed(
      to: ["dma-api", "vfio"], in: ScenarioFolder(path: ""))
    let matrices = await MatrixRuns([MatrixPlan(scenario, axes: [axis])]).matrices()
    let outcomes = await matrices.explained(matrices.outcomes)
    let comparison = Comparison(scenario: scenario, results: [Fixtures.result()])
    let report = HTMLReport(
      comparison, explained: comparison, matrices: matrices, outcomes: outcomes, facts: Self.facts)
    let page = Page(report.text)
    #expect(page.complaint == nil)
    let cells = page.elements("a").filter { $0.attributes["class"]?.hasPrefix("verdict") == true }
    #expect(
      cells.compactMap { $0.attributes["id"] } == [
        "guest-usage.rmr-identity.dma-api", "guest-usage.rmr-identity.vfio",
      ])
    #expect(
      cells.compactMap { $0.attributes["href"] } == [
        "#why.guest-usage.rmr-identity.dma-api", "#why.guest-usage.rmr-identity.vfio",
      ])
    for link in page.links { #expect(page.identifiers.contains(link), "#\(link)") }
    #expect(page.text.contains("Journey of MSI 0 under dma-api: delivered"))
    #expect(page.text.contains("doorbell explain"))
  }

  @Test("cells of one design with one outcome share a reason, and each keeps its command")
  func sharedReasons() async throws {
    let folder = ScenarioFolder(path: "\(repository)/scenarios")
    var scenario = try folder.scenario(named: "synthetic-4-vectors")
    scenario.designs = [try folder.design(named: "rmr-identity")]
    let axis = try ComparisonAxis.guestUsage.narrowed(
      to: ["vfio"], in: ScenarioFolder(path: ""))
    let kernels = try #require(ComparisonAxis.all.first { $0.name == "guest-kernel" })
      .narrowed(to: ["6.6", "6.12"], in: ScenarioFolder(path: ""))
    let matrices = await MatrixRuns([MatrixPlan(scenario, axes: [axis, kernels])]).matrices()
    #expect(matrices.outcomes.map(\.places.count) == [2])
    let comparison = Comparison(scenario: scenario, results: [Fixtures.result()])
    let page = Page(
      HTMLReport(comparison, explained: comparison, matrices: matrices, facts: Self.facts).text)
    #expect(page.text.contains("in 2 cells, each with its command"))
    for kernel in ["6.6", "6.12"] { #expect(page.text.contains("--guest-kernel \(kernel)")) }
  }

  @Test("a page of any report has its rows as a table, its text, and is well-formed")
  func document() {
    var document = DocumentPage("</title>", purpose: "a & b", facts: Self.facts)
    document.tables = [
      .init(
        "Rows",
        csv: "seed,design,n,why\r\n7,\"a,b\",1.33333333333,\"say \"\"no\"\"\"\r\n7,c,2,<i>\r\n")
    ]
    document.sections = [
      ReportSection(
        "Heading & <b>",
        [
          .paragraph("words"), .note("aside"), .verdict("lost", .bad, "<script>alert(1)</script>"),
          .command("doorbell compare"), .list(["item"]), .lines(["one <", "two"]),
          .table(.init("numbers", columns: ["n", "m"], rows: [["1", "22"], ["<", "&"]])),
          .folded("more", [.paragraph("inside"), .folded("deeper", [.list(["innermost"])])]),
        ])
    ]
    document.texts = [.init("As text", "x < y\n")]
    document.links = [.init("Other", to: "other.html", "another page")]
    let page = Page(document.html)
    #expect(page.complaint == nil)
    for text in ["a,b", "say \"no\"", "<i>", "seed 7", "1.33", "x < y", "another page", "</title>"]
    {
      #expect(page.text.contains(text), "\(text)")
    }
    #expect(page.elements("tr").count == 6)
    for text in ["words", "aside", "<script>alert(1)</script>", "item", "one <", "innermost"] {
      #expect(page.text.contains(text), "\(text)")
    }
    #expect(page.elements("details").count == 2)
    #expect(page.elements("script").count == 1)
    #expect(page.elements("th").allSatisfy { $0.attributes["scope"] != nil })
    #expect(Set(page.identifiers).count == page.identifiers.count)
  }

  @Test("the same results are the same bytes")
  func deterministic() {
    #expect(Self.html(Self.results) == Self.html(Self.results))
  }
}
