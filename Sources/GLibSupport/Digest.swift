private import CGLib

/// SHA-256 by GLib's `GChecksum`.
public enum Digest {
  /// The lower-case hexadecimal SHA-256 of `bytes`.
  public static func sha256(_ bytes: some Collection<UInt8>) -> String {
    let buffer = ContiguousArray(bytes)
    let text = unsafe buffer.withUnsafeBufferPointer { data in
      unsafe g_compute_checksum_for_data(G_CHECKSUM_SHA256, data.baseAddress, gsize(data.count))
    }
    // GLib returns nil only for an unknown algorithm or a nil non-empty buffer.
    guard let text = unsafe text else { return "" }
    defer { unsafe g_free(text) }
    return unsafe String(cString: text)
  }
}
