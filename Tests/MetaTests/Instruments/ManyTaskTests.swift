import Meta
import Nets
import Tape
import TestSupport
import Testing

/// Instruments on many tasks: the same numbers on any number of threads, and tasks that do not keep their gradients.
@Suite struct ManyTaskTests {
  @Test func threadsDoNotChangeABit() throws {
    var generator = SeededGenerator(seed: 93)
    let problem = try DiagnosisTests.sinusoid(rate: 0.01, tasks: 41)
    // Two sizes of task: each thread has a workspace for both.
    let other = Sinusoids().task(support: 3, query: 4, using: &generator)
    let mixed = try problem.with(tasks: problem.tasks + [other])
    let answers = [1, 2, 5].map { threads in
      var generator = SeededGenerator(seed: 94)
      return mixed.diagnosisRecord(.maml, threads: threads, using: &generator)
    }
    #expect(answers[0].angle?.interval != nil)
    #expect(answers[1] == answers[0] && answers[2] == answers[0])
    let texts = [1, 3].map { threads in
      var generator = SeededGenerator(seed: 95)
      return "\(mixed.diagnosis(.anil, threads: threads, using: &generator))"
    }
    #expect(texts[0] == texts[1])
  }

  /// Each task's curvature is its own, whatever other tasks there are.
  @Test func curvatureIsThatOfEachTaskAlone() throws {
    var generator = SeededGenerator(seed: 96)
    let problem = try DiagnosisTests.sinusoid(rate: 0.01, tasks: 7)
    let together = problem.supportCurvature(.maml, threads: 3, using: &generator)
    for (task, values) in zip(problem.tasks, together.values) {
      let alone = try problem.with(tasks: [task]).supportCurvature(.maml, using: &generator)
      for (value, own) in zip(values, alone.values[0]) { #expect(abs(value / own - 1) < 1e-8) }
    }
  }
}
