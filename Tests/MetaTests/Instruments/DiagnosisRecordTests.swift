import Foundation
import Meta
import Nets
import Tape
import TestSupport
import Testing

/// What a training writes down of first order, against the instruments.
@Suite struct DiagnosisRecordTests {
  @Test(arguments: Method.families)
  func recordsAreWhatTheInstrumentsSay(_ family: Method) throws {
    var generator = SeededGenerator(seed: 91)
    let problem = try DiagnosisTests.sinusoid(rate: 0.01, tasks: 6).with(steps: 3)
    let record = problem.diagnosisRecord(family, using: &generator)
    let diagnosis = problem.diagnosis(family, using: &generator)
    #expect(record.tasks == 6)
    #expect(record.angle == diagnosis.angle && record.angle != nil)
    #expect(record.normRatio == diagnosis.normRatio)
    #expect(record.relativeError == problem.comparison(family).gap.relativeError)
    #expect(record.decreaseShare == diagnosis.decreaseShare && record.decreaseShare != nil)
    #expect(record.verdict == diagnosis.verdict)
    // Fewer iterations find a little less.
    let strength = 0.01 * diagnosis.curvature.largest
    let ratio = try #require(record.curvatureTimesRate) / strength
    #expect((0.99...1.0001).contains(ratio), "\(ratio)")

    let dial = problem.dial(family, weights: [0, 1], lastSteps: [])
    let share = dial.byWeight[0].decrease / dial.byWeight[1].decrease
    #expect(record.decreaseShare == share)

    let ledger = problem.ledger(family)
    let difference = ledger.difference.values.flattened
    let size = Tape.norm(difference)
    #expect(record.ledgerShares.count == 3)
    #expect(abs(record.ledgerShares.reduce(0, +) - 1) < 1e-12)
    for (share, step) in zip(record.ledgerShares, ledger.bySteps) {
      let along = inner(step.term.values, ledger.difference.values) / (size * size)
      #expect(abs(share - along) < 1e-12 && share != 0)
    }
  }

  @Test func theExtremesCanBeWritten() throws {
    var generator = SeededGenerator(seed: 92)
    let problem = try DiagnosisTests.sinusoid(rate: 0.01, tasks: 6)
    let still = try problem.with(steps: 0).diagnosisRecord(.maml, using: &generator)
    #expect(still.ledgerShares.isEmpty && still.verdict == .trust)
    let one = try problem.with(tasks: [problem.tasks[0]]).diagnosisRecord(.maml, using: &generator)
    #expect(one.angle?.interval == nil && one.verdict == .doubt)
    // Between two numbers there is no angle.
    let rate = problem.learning([.learningRate]).diagnosisRecord(.maml, using: &generator)
    #expect(rate.angle?.interval == nil && rate.normRatio?.interval != nil)
    // Rates at which an outer step along first order ends nowhere.
    let wild = try problem.with(learningRate: 1e3).diagnosisRecord(.maml, using: &generator)
    for record in [still, one, rate, wild] {
      let data = try JSONEncoder().encode(record)
      #expect(try JSONDecoder().decode(DiagnosisRecord.self, from: data) == record)
    }
    let backwards = #"{"value": 1, "low": 2, "high": 1}"#
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Diagnosis.Estimate.self, from: Data(backwards.utf8))
    }
  }
}
