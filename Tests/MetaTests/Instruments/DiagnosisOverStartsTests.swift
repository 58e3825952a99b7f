import Foundation
import Meta
import Nets
import Studies
import Tape
import TestSupport
import Testing

/// First order wherever a training may start.
@Suite struct DiagnosisOverStartsTests {
  private static func records(_ problem: MetaProblem, _ count: UInt64) -> DiagnosisOverStarts {
    var generator = SeededGenerator(seed: 101)
    return problem.diagnosis(initialisations: (1...count).map { $0 }, gain: 0.6, using: &generator)
  }

  @Test func eachStartIsThatOfItsSeed() throws {
    let problem = try DiagnosisTests.sinusoid(rate: 0.01)
    let all = Self.records(problem, 4)
    #expect(all.records.count == 4 && all.method == "maml")
    for (seed, record) in zip(1..., all.records) {
      var generator = SeededGenerator(seed: UInt64(seed))
      let there = try problem.with(
        parameters: problem.network.initialParameters(gain: 0.6, using: &generator).values)
      let gap = there.comparison(.maml).gap
      #expect(record.angle?.value == gap.angle && record.normRatio?.value == gap.normRatio)
    }
    let anil = problem.adapting(.head)
    #expect(Self.records(anil, 3).method == "anil")
    #expect(Self.records(anil, 3).records[0] != all.records[0])
  }

  @Test func tasksAndStartsAreSaidApart() throws {
    let all = Self.records(try DiagnosisTests.sinusoid(rate: 0.01), 5)
    let spread = try #require(all.angle)
    let angles = all.records.compactMap(\.angle?.value)
    #expect(spread.range == (angles.min() ?? 0)...(angles.max() ?? 0))
    let sample = SampleMean(angles)
    #expect(abs(spread.mean - sample.mean) < 1e-12)
    // The series for Student's quantile is 0.1 % off with four degrees of freedom.
    let width = spread.overStarts.upperBound - spread.overStarts.lowerBound
    #expect(abs(width / (2 * sample.halfWidth) - 1) < 0.002)
    let ends = all.records.compactMap(\.angle?.interval)
    let tasks = try #require(spread.overTasks)
    #expect(abs(tasks.lowerBound - ends.map(\.lowerBound).reduce(0, +) / 5) < 1e-12)
    let both = try #require(spread.overBoth)
    #expect(both.lowerBound <= min(tasks.lowerBound, spread.overStarts.lowerBound))
    #expect(both.upperBound >= max(tasks.upperBound, spread.overStarts.upperBound))
    let ratio = try #require(all.normRatio)
    let logarithms = all.records.compactMap { $0.normRatio.map { log($0.value) } }
    #expect(abs(log(ratio.mean) - logarithms.reduce(0, +) / 5) < 1e-12)
  }

  /// A rate at which nothing moves is trusted everywhere; two tasks are too few anywhere.
  @Test func theVerdictIsThatOfNineInTen() throws {
    let small = Self.records(try DiagnosisTests.sinusoid(rate: 1e-6), 3)
    #expect(small.verdict == .trust && small.count(of: .trust) == 3)
    let few = Self.records(try DiagnosisTests.sinusoid(rate: 1e-6, tasks: 2), 3)
    #expect(few.verdict == .doubt && few.angle?.overTasks == nil && few.angle?.overBoth == nil)
    #expect(few.angle?.overStarts != nil)

    func verdict(_ verdicts: [Diagnosis.Verdict]) throws -> Diagnosis.Verdict {
      let records = try verdicts.map { verdict in
        let (angle, share) =
          switch verdict {
          case .trust: (5, 1.0)
          case .doubt: (30, 1.0)
          case .distrust: (60, 0.3)
          }
        return try JSONDecoder().decode(
          DiagnosisRecord.self,
          from: Data(
            """
            {"tasks": 10, "angle": {"value": \(angle), "low": \(angle), "high": \(angle)},
             "normRatio": {"value": 1, "low": 1, "high": 1}, "decreaseShare": \(share),
             "ledgerShares": [1], "notSeen": []}
            """.utf8))
      }
      #expect(records.map(\.verdict) == verdicts)
      return DiagnosisOverStarts(summary: "", method: "maml", records: records).verdict
    }
    func times(_ count: Int, _ verdict: Diagnosis.Verdict) -> [Diagnosis.Verdict] {
      Array(repeating: verdict, count: count)
    }
    #expect(try verdict(times(9, .trust) + [.doubt]) == .trust)
    #expect(try verdict(times(8, .trust) + times(2, .doubt)) == .doubt)
    #expect(try verdict(times(9, .trust) + [.distrust]) == .doubt)
    #expect(try verdict(times(9, .distrust) + [.doubt]) == .distrust)
    #expect(try verdict(times(3, .distrust)) == .distrust)
    #expect(try verdict(times(2, .trust) + [.doubt]) == .doubt)
  }

  @Test func tooFewStartsAreRefused() async throws {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var generator = SeededGenerator(seed: 1)
      let problem = try DiagnosisTests.sinusoid(rate: 0.01)
      _ = problem.diagnosis(initialisations: [1, 2], using: &generator)
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("diagnosis(startingAt:): 3 starts at least, but there are 2"))
  }
}
