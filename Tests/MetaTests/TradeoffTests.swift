import Meta
import Nets
import Studies
import Tape
import TestSupport
import Testing

/// The claims of Gao and Sener (2020) on random linear regression, and their closed forms.
@Suite struct TradeoffTests {
  /// The limits for p = 1, β = 2 and infinitely many points, to the digits that are known.
  @Test func theLimitsAreThoseKnownForOneDimension() {
    let tasks = RandomRegression(dimension: 1, scale: 2)
    let known = [
      (0.1, 1.281, 0.0010), (0.25, 1.164, 0.0066), (0.5, 0.800, 0.0237), (0.75, 1.067, 0.0044),
      (1, 1.600, 0.0119),
    ]
    for (rate, maml, gap) in known {
      let theory = TradeoffTheory(tasks, innerRate: rate, points: nil)
      #expect(abs(theory.joint - 4.0 / 3) < 1e-15)
      #expect(abs(theory.maml - maml) < 5e-4)
      #expect(abs(theory.gap - gap) < 5e-5)
    }
    let gaps = known.map { TradeoffTheory(tasks, innerRate: $0.0, points: nil).gap }
    #expect(gaps[1] < gaps[2] && gaps[2] > gaps[3] && gaps[3] < gaps[4])
  }

  /// The minimisers over very many tasks are the closed forms, in any dimension.
  @Test(arguments: [1, 3]) func manyTasksComeNearTheLimits(_ dimension: Int) throws {
    let tasks = RandomRegression(dimension: dimension, scale: 2)
    var generator = SeededGenerator(seed: 9)
    for points in [2, 8] {
      var sums = TradeoffSums(dimension: dimension)
      for _ in 0..<20_000 { sums.add(tasks.statistics(points: points, using: &generator)) }
      for rate in [0.1, 0.5] {
        let theory = TradeoffTheory(tasks, innerRate: rate, points: points)
        let (joint, maml) = (
          try #require(sums.joint), try #require(sums.maml(innerRate: rate, points: points))
        )
        for entry in joint.elements { #expect(abs(entry - theory.joint) < 0.03) }
        for entry in maml.elements { #expect(abs(entry - theory.maml) < 0.06) }
      }
    }
  }

  @Test func theMapHasTheKnownProbabilities() {
    var study = TradeoffStudy()
    study.trials = 400
    let known = [
      (2, 1, 0.28, 0.33), (10, 25, 0.80, 0.48), (50, 25, 0.99, 0.61), (400, 1, 0.67, 0.44),
    ]
    for (tasks, samples, half, tenth) in known {
      let cells = study.cells(rates: [0.5, 0.1], tasks: tasks, samples: samples, seed: 1)
      // Three standard errors of 400 trials, and the sampling error of the known figure.
      #expect(abs(cells[0].after - half) < 0.09, "\(cells[0])")
      #expect(abs(cells[1].after - tenth) < 0.09, "\(cells[1])")
      if samples > 1 { #expect(cells[0].before < 0.5) }
    }
  }

  @Test(arguments: [1, 3]) func trainingThroughTheEngineEndsAtTheClosedForms(_ dimension: Int)
    throws
  {
    var study = TradeoffStudy()
    study.tasks = RandomRegression(dimension: dimension, scale: 2)
    for rate in [0.1, 0.5] {
      let distance = try study.distanceOfTraining(rate: rate, tasks: 12, samples: 10, seed: 2)
      #expect(distance.joint < 1e-10)
      #expect(distance.maml < 1e-10)
    }
  }

  /// Joint training is ahead at first and stops at its modelling error; MAML passes it.
  @Test func theCurvesCross() throws {
    var study = TradeoffStudy()
    study.repeats = 10
    let runs = try study.training(rate: 1, seed: 1)
    let (joint, maml) = (runs[0], runs[1])
    #expect(joint.evaluations.last == maml.evaluations.last)
    // After sixty gradient evaluations, and in the end.
    #expect(joint.evaluations[6] == maml.evaluations[3])
    #expect(joint.excess[6] < 0.5 * maml.excess[3])
    #expect(try #require(maml.excess.last) < 0.5 * #require(joint.excess.last))
    for run in runs { #expect(abs(run.smoothness / run.theory - 1) < 0.3) }
    #expect(maml.gradientVariance > 0)
  }
}
