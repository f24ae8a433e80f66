import Dispatch
import Foundation
import Synchronization

/// Ctrl-C (SIGINT): the first one asks the work to end with what it has, the second one ends the
/// program.
package final class Interruption: Sendable {
  private let isAsked = Atomic(false)
  private let source = Mutex<(any DispatchSourceSignal)?>(nil)

  /// Watches from now on.
  package init() {
    signal(SIGINT, SIG_IGN)
    source.withLock { source in
      let watched = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
      watched.setEventHandler { [weak self] in
        self?.isAsked.store(true, ordering: .relaxed)
        signal(SIGINT, SIG_DFL)
      }
      watched.resume()
      source = watched
    }
  }

  deinit { signal(SIGINT, SIG_DFL) }

  /// Whether the user has asked.
  package var isStopped: Bool { isAsked.load(ordering: .relaxed) }
}
