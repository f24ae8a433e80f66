import Inspect
import SMMU
import Testing

/// Memory of real guests under Fixtures/images.
@Suite("Images")
struct ImageTests {
  @Test(
    "every row of a real guest's tables holds",
    arguments: [
      ("dma-stage2", 1308), ("k61-dma-2cpu", 265), ("k73-16k-dma-2cpu", 575),
      ("nested-iommufd-hold", 2420),
    ], [false, true])
  func rows(image: (name: String, rows: Int), isQEMU: Bool) throws {
    let directory = try VectorTests.path("images/\(image.name)")
    var loaded = try MemoryImage(
      directory: directory, personality: isQEMU ? .qemu11 : .architecture)
    let check = try ImageCheck(directory + "/expected.jsonl.gz", of: &loaded, exact: isQEMU)
    for difference in check.differences.prefix(10) { Issue.record("\(difference)") }
    #expect(check.rowCount == image.rows)
  }
}
