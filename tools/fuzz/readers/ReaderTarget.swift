import Fuzz

/// What libFuzzer calls with each input; a trap, an endless loop, a line that is not counted or a
/// diagnosis without an answer is a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
  precondition(unsafe FuzzReaders.run(Array(bytes)), "lines do not add up")
  precondition(unsafe FuzzReaders.diagnose(Array(bytes)), "a diagnosis without an answer")
  return 0
}
