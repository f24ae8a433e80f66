import Bits
import IOMMU
import Software
import Testing

@Suite("SoftwareMSIWindow")
struct SoftwareMSIWindowTests {
  @Test("pages come in the order of first use, and stay where they are")
  func firstUse() throws {
    let doorbells: [PA] = [0x809_0040, 0x2_0001_0040]
    for order in [[0, 1], [1, 0]] {
      var window = SoftwareMSIWindow(pageShift: 12)
      var pages: [IOVA] = []
      for index in order {
        let page = try window.page(of: doorbells[index])
        #expect(page.isNew)
        pages.append(page.iova)
      }
      #expect(pages == [0x800_0000, 0x800_1000])
      for (index, expected) in zip(order, pages) {
        let again = try window.page(of: doorbells[index])
        #expect(again.iova == expected)
        #expect(!again.isNew)
      }
    }
  }

  @Test("two doorbells on one page share its entry")
  func sharedPage() throws {
    var window = SoftwareMSIWindow(pageShift: 16)
    let first = try window.page(of: 0x2000_0040).iova
    let second = try window.page(of: 0x2000_8040)
    #expect(second.iova == first)
    #expect(!second.isNew)
  }

  @Test("the 65th page of one context is EOVERFLOW, and the others stay usable")
  func overflow() throws {
    var window = SoftwareMSIWindow(pageShift: 12)
    for index in 0..<UInt64(64) {
      let page = try window.page(of: PA(0x1000_0040 + index << 12))
      #expect(page.iova == IOVA(0x800_0000 + index << 12))
    }
    #expect { try window.page(of: 0x2000_0040) } throws: { error in
      (error as? Refusal)?.errno == "EOVERFLOW"
    }
    #expect(try window.page(of: 0x1000_0040).iova == 0x800_0000)
  }

  @Test("with 64 KiB pages the 10th page has the number of QEMU's vITS, the 17th leaves the window")
  func largePages() throws {
    var window = SoftwareMSIWindow(pageShift: 16)
    var pages: [IOVA] = []
    for index in 0..<UInt64(17) {
      pages.append(try window.page(of: PA(0x1_0000_0040 + index << 16)).iova)
    }
    #expect(pages[9] == 0x809_0000)
    #expect(pages[16] == SoftwareMSIWindow.base + SoftwareMSIWindow.length)
  }

  @Test("each context counts on its own")
  func contexts() throws {
    var first = SoftwareMSIWindow(pageShift: 12)
    var second = SoftwareMSIWindow(pageShift: 12)
    #expect(try first.page(of: 0x809_0040).iova == second.page(of: 0x809_0040).iova)
  }
}
