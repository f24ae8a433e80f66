/// Two sequences side by side: what both have stands in one row.
struct Alignment<Element> {
  /// One row; indices count from 0 in their own sequence.
  struct Row {
    let left: (index: Int, element: Element)?
    let right: (index: Int, element: Element)?
    /// Whether both sides say the same.
    let isSame: Bool
  }

  let rows: [Row]

  /// - Parameters:
  ///   - key: elements with different keys never share a row.
  ///   - isSame: whether two elements with one key say the same.
  init(
    _ left: [Element], _ right: [Element], key: (Element) -> String,
    isSame: (Element, Element) -> Bool
  ) {
    var gone: Set<Int> = []
    var new: Set<Int> = []
    for change in right.map(key).difference(from: left.map(key)) {
      switch change {
      case .remove(let offset, _, _): gone.insert(offset)
      case .insert(let offset, _, _): new.insert(offset)
      }
    }
    var rows: [Row] = []
    var (i, j) = (0, 0)
    while i < left.count || j < right.count {
      if i < left.count, gone.contains(i) {
        rows.append(Row(left: (i, left[i]), right: nil, isSame: false))
        i += 1
      } else if j < right.count, new.contains(j) {
        rows.append(Row(left: nil, right: (j, right[j]), isSame: false))
        j += 1
      } else if i < left.count, j < right.count {
        rows.append(
          Row(
            left: (i, left[i]), right: (j, right[j]), isSame: isSame(left[i], right[j])))
        i += 1
        j += 1
      } else {
        break
      }
    }
    self.rows = rows
  }

  /// The first row whose sides differ.
  var firstDifference: Int? { rows.firstIndex { !$0.isSame } }
}
