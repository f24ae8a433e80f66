import Fuzz

/// What libFuzzer calls with each input; any trap or endless loop is a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
  _ = unsafe FuzzMachine.run(Array(bytes))
  return 0
}
