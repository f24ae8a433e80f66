import Fuzz

/// What libFuzzer calls with each input; a trap or an endless loop is a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
  _ = unsafe FuzzFirmware.run(Array(bytes))
  return 0
}
