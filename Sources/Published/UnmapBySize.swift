internal import Files

/// T9: what an unmap takes by its size, where the SMMU reads page tables from memory and not from the
/// CPUs' caches.
///
/// An unmap clears one entry of the page table for each page, or for each block of 2 MiB, and cleans it
/// to memory (`__arm_lpae_unmap`, `__arm_lpae_sync_pte`); the change cleans neighbours together. The
/// device is not coherent either, so that the buffer's own lines are invalidated as well.
struct UnmapBySize: PublishedModel {
  let table: PublishedTable
  private static let before = "each entry cleaned"
  private static let after = "neighbours cleaned together"
  private static let page = 4096.0
  private static let block = 2_097_152.0

  init(_ table: PublishedTable, _ effort: Effort) throws(InputError) { self.table = table }

  /// What an unmap consists of, in microseconds.
  private struct Costs {
    var fixed = 0.0
    /// For the lines of 4 KiB of the buffer.
    var lines = 0.0
    /// For one entry of the page table.
    var entry = 0.0

    func time(_ bytes: Double) -> Double {
      let size = bytes >= block ? block : page
      return fixed + bytes / page * lines + (bytes / size).rounded(.up) * entry
    }
  }

  func predict() throws(InputError) -> Prediction {
    var prediction = Prediction()
    let one = try table.measured(Self.before, "4K")
    let most = try table.measured(Self.before, "1M")
    let whole = try table.measured(Self.before, "2M")
    // One page, 256 pages, and 512 pages with one entry.
    let slope = (most - one) / 255
    var costs = Costs(fixed: one - slope)
    costs.lines = (whole - one) / 511
    costs.entry = slope - costs.lines
    var changed = costs
    changed.entry = try (table.measured(Self.after, "1M") - costs.fixed) / 256 - costs.lines
    prediction.calibrate("fixed", costs.fixed, "us", "an unmap's work beside pages and entries")
    prediction.calibrate("lines", costs.lines, "us", "the cache lines of 4 KiB of the buffer")
    prediction.calibrate("entry", costs.entry, "us", "an entry, cleared and cleaned by itself")
    prediction.calibrate(
      "entry together", changed.entry, "us", "an entry whose neighbours are cleaned with it")
    for (row, model) in [(Self.before, costs), (Self.after, changed)] {
      for column in table.columns(of: row) {
        if let bytes = Self.bytes(column) { prediction.predict(row, column, model.time(bytes)) }
      }
    }
    let (fine, coarse) = (costs.time(1_048_576), costs.time(Self.block))
    prediction.claims["a-block-is-cheaper"] = (
      coarse < fine,
      "\(brief(coarse)) us for 2 MiB in one block, \(brief(fine)) us for 1 MiB in pages"
    )
    return prediction
  }

  /// `64K` as a number of bytes.
  private static func bytes(_ text: String) -> Double? {
    guard let unit = text.last, let number = Double(text.dropLast()), number > 0, number < 1e6
    else {
      return nil
    }
    return unit == "K" ? number * 1024 : unit == "M" ? number * 1_048_576 : nil
  }
}
