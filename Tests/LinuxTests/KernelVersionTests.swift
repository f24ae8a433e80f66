import Linux
import Testing

@Suite("KernelVersion")
struct KernelVersionTests {
  @Test("versions compare by number, not by text")
  func order() {
    #expect(KernelVersion(6, 5) < KernelVersion(6, 6))
    #expect(KernelVersion(6, 9) < KernelVersion(6, 18))
    #expect(KernelVersion(6, 99) < KernelVersion(7, 0))
  }

  @Test(
    "a version is MAJOR.MINOR, and anything behind a second dot is ignored",
    arguments: [("6.5", 6, 5), ("7.3.4", 7, 3), ("6.12.15-arm64", 6, 12), ("10.0", 10, 0)])
  func text(text: String, major: Int, minor: Int) {
    #expect(KernelVersion(text) == KernelVersion(major, minor))
  }

  @Test(
    "anything else is no version",
    arguments: ["", "6", "six.five", "6.", ".5", "-1.2", "6.-1", "6.5.1.2", "6 .5"])
  func notAVersion(text: String) {
    #expect(KernelVersion(text) == nil)
  }
}
