internal import Bits
package import Files
package import SMMU

/// The number that `text` writes.
///
/// - Parameters:
///   - name: name of the number, in the error.
///   - largest: the largest number accepted.
package func parseNumber(_ text: String, of name: String, atMost largest: UInt64 = .max)
  throws(InputError) -> UInt64
{
  guard let number = UInt64(number: text), number <= largest else {
    let range = largest == .max ? "such as 0x1f" : "of at most \(hex(largest))"
    throw InputError("\(name): expected a number \(range), found \"\(text)\"")
  }
  return number
}

extension Transaction {
  /// An unprivileged data access as a user writes it: numbers are decimal, or hexadecimal after
  /// `0x`.
  ///
  /// - Throws: `InputError` for a StreamID over 32 bits, a SubstreamID over 20, or no number.
  package init(stream: String, substream: String?, iova: String, isWrite: Bool)
    throws(InputError)
  {
    let stream = try parseNumber(stream, of: "StreamID", atMost: 0xffff_ffff)
    var substreamID: UInt32?
    if let substream {
      substreamID = UInt32(try parseNumber(substream, of: "SubstreamID", atMost: 0xf_ffff))
    }
    self.init(
      streamID: UInt32(stream), substreamID: substreamID,
      address: IOVA(try parseNumber(iova, of: "IOVA")), isWrite: isWrite)
  }
}
