package import Files

extension SweepPlan {
  private typealias Outcome = (index: Int, result: Result<PointResult, InputError>)

  /// Runs points, several at a time, and hands over each as it is done.
  ///
  /// - Parameters:
  ///   - jobs: number of points that run at the same time, 1 at least.
  ///   - finished: takes each point's result, one at a time, in the order in which they end.
  /// - Throws: `InputError` of a point that cannot run, or of `finished`: nothing runs after it.
  package func run(
    _ points: [SweepPoint], jobs: Int,
    finished: (SweepPoint, PointResult) throws(InputError) -> Void
  ) async throws(InputError) {
    var failure: InputError?
    await withTaskGroup(of: Outcome.self) { group in
      var next = 0
      while next < min(points.count, max(1, jobs)) {
        add(next, points[next], to: &group)
        next += 1
      }
      for await outcome in group where failure == nil {
        do throws(InputError) {
          try finished(points[outcome.index], try outcome.result.get())
          guard next < points.count else { continue }
          add(next, points[next], to: &group)
          next += 1
        } catch {
          failure = error
        }
      }
    }
    if let failure { throw failure }
  }

  private func add(_ index: Int, _ point: SweepPoint, to group: inout TaskGroup<Outcome>) {
    group.addTask { [kind, seeds] in
      do throws(InputError) {
        return (index, .success(try point.run(kind, seeds: seeds)))
      } catch {
        return (index, .failure(error))
      }
    }
  }
}
