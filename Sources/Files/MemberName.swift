extension String {
  /// The name of a member of JSON for what a table calls so: `mean time of an MSI` is
  /// `meanTimeOfAnMSI`, `ITS` is `its`, `StreamID` is `streamID`.
  package var memberName: String {
    let words = replacing("'", with: "").split { !$0.isLetter && !$0.isNumber && $0 != "." }.map {
      $0.replacing(".", with: "")
    }
    return words.enumerated().map { number, word in
      guard number == 0 else { return word.prefix(1).uppercased() + word.dropFirst() }
      let capitals = max(1, word.prefix { $0.isUppercase }.count)
      return word.prefix(capitals).lowercased() + word.dropFirst(capitals)
    }.joined()
  }
}
