import Foundation
import Meta
import Synchronization

/// A bar on standard error that says how far a run has come and, after a second, how long it still
/// takes.
///
/// On a terminal only; any thread may advance it.
final class Progress: Sendable {
  private let total: Double
  private let start = ContinuousClock.now
  private let isTerminal = isatty(2) != 0
  private let state = Mutex<(done: Double, shown: ContinuousClock.Instant?)>((0, nil))

  init(total: Double) { self.total = total }

  /// Counts one more part as done, or so much, with a word on what it was.
  func advance(_ what: String = "", by amount: Double = 1) {
    guard isTerminal else { return }
    state.withLock { state in
      state.done += amount
      let now = ContinuousClock.now
      if state.done >= total { return Self.show("") }
      // Ten times a second is often enough.
      if let shown = state.shown, now - shown < .milliseconds(100) { return }
      state.shown = now
      let share = state.done / total
      let bar = String(repeating: "█", count: Int(24 * share)).padded(to: 24)
      let elapsed = (now - start) / .seconds(1)
      let left = elapsed * (1 - share) / share
      let time =
        elapsed > 1 ? "  \(left < 90 ? "\(Int(left)) s" : "\(Int(left / 60)) min") left" : ""
      Self.show("\(bar) \(Int(100 * share)) %\(time)  \(what)")
    }
  }

  /// Takes the bar away.
  func finish() {
    if isTerminal { Self.show("") }
  }

  private static func show(_ line: String) {
    try? write("\r\u{1B}[K\(line)", to: STDERR_FILENO)
  }
}
