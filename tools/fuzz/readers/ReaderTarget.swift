import Fuzz

/// What libFuzzer calls with each input; a trap, an endless loop or a line that is not counted is a
/// finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
  precondition(unsafe FuzzReaders.run(Array(bytes)), "lines do not add up")
  return 0
}
