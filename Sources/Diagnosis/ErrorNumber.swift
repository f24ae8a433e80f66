internal import Inspect

/// Error numbers of Linux and the texts that programs print for them.
package enum ErrorNumber {
  private static let all: [(Int, String, String)] = [
    (1, "EPERM", "Operation not permitted"), (2, "ENOENT", "No such file or directory"),
    (5, "EIO", "Input/output error"), (12, "ENOMEM", "Cannot allocate memory"),
    (13, "EACCES", "Permission denied"), (14, "EFAULT", "Bad address"),
    (16, "EBUSY", "Device or resource busy"), (17, "EEXIST", "File exists"),
    (19, "ENODEV", "No such device"), (22, "EINVAL", "Invalid argument"),
    (25, "ENOTTY", "Inappropriate ioctl for device"), (28, "ENOSPC", "No space left on device"),
    (34, "ERANGE", "Numerical result out of range"), (95, "EOPNOTSUPP", "Operation not supported"),
    (99, "EADDRNOTAVAIL", "Cannot assign requested address"),
    (98, "EADDRINUSE", "Address already in use"), (110, "ETIMEDOUT", "Connection timed out"),
  ]

  /// Marks in front of an error number.
  private static let marks = [
    "os error ", "= -", "errno ", "errno=", "error -", "(-", "Error(", "code: ",
  ]
  private static let words = KeywordScanner(
    (marks + all.flatMap { [$0.1, $0.2] }).map { (word: $0, category: 0) })

  package static func number(of name: String) -> Int? {
    all.first { $0.1 == name || name == "ENOTSUP" && $0.1 == "EOPNOTSUPP" }?.0
  }

  /// `EINVAL (22, Invalid argument)`.
  package static func name(_ number: Int) -> String {
    all.first { $0.0 == number }.map { "\($0.1) (-\(number), \($0.2))" } ?? "error \(number)"
  }

  /// The error that a message ends with.
  package static func find(in text: String) -> Int? {
    guard words.categories(in: Array(text.utf8)[...]) != 0 else { return nil }
    if let row = all.first(where: { text.contains($0.2) || text.contains($0.1) }) { return row.0 }
    for mark in marks {
      if let range = text.firstRange(of: mark),
        let number = Int(text[range.upperBound...].prefix { $0.isNumber }),
        (1...133).contains(number)
      {
        return number
      }
    }
    return nil
  }
}
