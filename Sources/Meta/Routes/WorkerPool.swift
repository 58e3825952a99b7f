import Dispatch
import Synchronization
import Tape

/// Threads that wait for work by spinning for a moment, then sleep.
///
/// A meta-gradient over ten small tasks takes some microseconds, about as long as waking a thread; so
/// workers stay awake between calls that follow each other closely.
final class WorkerPool: Sendable {
  /// The number of threads that take part, the caller's among them.
  let count: Int

  private let workers: [Worker]

  private final class Worker: Sendable {
    let job = Mutex<(@Sendable () -> Void)?>(nil)
    /// How many jobs were handed over, and how many are done.
    let posted = Atomic<Int>(0)
    let finished = Atomic<Int>(0)
    let isAsleep = Atomic<Bool>(false)
    let isStopped = Atomic<Bool>(false)
    let alarm = DispatchSemaphore(value: 0)

    func post(_ work: @escaping @Sendable () -> Void) {
      job.withLock { $0 = work }
      posted.add(1, ordering: .sequentiallyConsistent)
      wake()
    }

    func wake() {
      if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { alarm.signal() }
    }

    func loop() {
      var done = 0
      while true {
        var spins = 0
        while posted.load(ordering: .sequentiallyConsistent) == done {
          if isStopped.load(ordering: .acquiring) { return }
          spins += 1
          if spins > 20_000 { sleep(unlessPosted: done) }
        }
        let work = job.withLock { $0 }
        work?()
        done += 1
        finished.store(done, ordering: .releasing)
      }
    }

    /// Sleeps until woken, unless a job came, or the end, while it lay down.
    private func sleep(unlessPosted done: Int) {
      isAsleep.store(true, ordering: .sequentiallyConsistent)
      let isNeeded =
        posted.load(ordering: .sequentiallyConsistent) != done
        || isStopped.load(ordering: .sequentiallyConsistent)
      // If the flag is already down, whoever took it has signalled, and the signal must be used up.
      if isNeeded, isAsleep.exchange(false, ordering: .sequentiallyConsistent) { return }
      alarm.wait()
    }
  }

  /// Starts `count` − 1 threads.
  init(count: Int) {
    self.count = count
    workers = (1..<max(count, 1)).map { _ in Worker() }
    for worker in workers {
      DispatchQueue(label: "tape.worker").async { worker.loop() }
    }
  }

  deinit {
    for worker in workers {
      worker.isStopped.store(true, ordering: .sequentiallyConsistent)
      worker.wake()
    }
  }

  /// Runs `body` once for each number below `count`, on a thread each, and waits for all.
  func run(_ body: @escaping @Sendable (Int) -> Void) {
    for (index, worker) in workers.enumerated() { worker.post { body(index + 1) } }
    body(0)
    for worker in workers {
      let posted = worker.posted.load(ordering: .relaxed)
      var spins = 0
      while worker.finished.load(ordering: .acquiring) != posted {
        spins += 1
        if spins > 20_000 { yieldProcessor() }
      }
    }
  }
}
