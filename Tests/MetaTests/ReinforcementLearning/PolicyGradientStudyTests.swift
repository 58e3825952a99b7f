import Meta
import Nets
import Studies
import Tape
import TestSupport
import Testing

/// Random processes, and the estimators that the study compares on them.
@Suite struct PolicyGradientStudyTests {
  typealias Estimator = PolicyGradientStudy.Estimator

  @Test func gammaNumbers() {
    var generator = SeededGenerator(seed: 1401)
    for shape in [1, 1.001, 2.5, 40] {
      let numbers = (0..<20_000).map { _ in generator.nextGamma(shape) }
      let mean = numbers.reduce(0, +) / 20_000
      let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
      // Mean and variance are both the shape; those of the square follow from the fourth moment.
      let error = (shape / 20_000).squareRoot()
      #expect(abs(mean - shape) < 4 * error)
      let fourth = shape * (3 * shape + 6) - shape * shape
      let varianceError = (fourth / 20_000).squareRoot()
      #expect(abs(variance - shape) < 4 * varianceError)
    }
  }

  /// A share of a Dirichlet distribution over S states has mean 1/S and variance (1/S)(1 − 1/S)/(Sc + 1).
  @Test(arguments: [0.001, 0.3, 1, 5]) func concentrations(_ concentration: Double) throws {
    var generator = SeededGenerator(seed: 1402)
    let mdp = try TabularMDP.random(
      states: 20, actions: 100, concentration: concentration, rewards: .uniform, discount: 0.9,
      using: &generator)
    let shares = mdp.transitions.flattened
    #expect(shares.allSatisfy { (0...1).contains($0) })
    let squares = shares.reduce(0) { $0 + ($1 - 0.05) * ($1 - 0.05) } / Double(shares.count)
    let expected = 0.05 * 0.95 / (20 * concentration + 1)
    #expect(abs(squares / expected - 1) < 0.05, "\(squares / expected)")
    // Each next state is as likely as another: two thousand rows.
    for column in 0..<20 {
      let mean =
        mdp.transitions.reduce(0.0) { sum, matrix in
          sum + (0..<20).reduce(0) { $0 + matrix[$1, column] }
        } / 2000
      let error = (expected / 2000).squareRoot()
      #expect(abs(mean - 0.05) < 4 * error)
    }
    let rewards = mdp.rewards.elements
    #expect(rewards.allSatisfy { (0...1).contains($0) })
    let rewardMean = rewards.reduce(0, +) / 2000
    #expect(abs(rewardMean - 0.5) < 0.026)
    if concentration == 0.001 {
      let certain = shares.count { $0 > 0.99 }
      #expect(certain > 1800 && certain <= 2000)
    }
  }

  @Test func badConcentrations() {
    var generator = SeededGenerator(seed: 1)
    for concentration in [0, -1, .infinity, .nan] {
      let error = #expect(throws: MetaProblemError.self) {
        try TabularMDP.random(
          states: 2, actions: 2, concentration: concentration, discount: 0.9, using: &generator)
      }
      #expect(error?.path == "concentration")
    }
  }

  /// A study of small processes.
  private static func small(horizon: Int = 4, processes: Int = 1) -> PolicyGradientStudy {
    var study = PolicyGradientStudy()
    (study.states, study.actions, study.horizon) = (3, 3, horizon)
    (study.concentration, study.innerRate, study.processes) = (1, 2, processes)
    return study
  }

  /// In the study's own setting, the limits that another implementation has found on other draws: 0.96 to first order,
  /// 0.99 by LVC, −0.77 by the naive surrogate.
  @Test func limitsOfTheSetting() throws {
    let study = PolicyGradientStudy()
    #expect(study.counts == [2, 4, 8, 16, 32, 64, 128, 256])
    let processes = try study.draw(seed: 1403)
    func mean(_ estimator: Estimator) -> Double {
      processes.reduce(0) { sum, process in
        let limit = process.limit(estimator) ?? process.comparison.exact
        return sum + study.correlation(limit, process.comparison.exact) / 10
      }
    }
    #expect(abs(mean(Estimator(.firstOrder)) - 0.961) < 0.02)
    #expect(abs(mean(Estimator(.lvc)) - 0.988) < 0.01)
    #expect(abs(mean(Estimator(.naive)) + 0.77) < 0.12)
    #expect(abs(mean(Estimator(.naive, .value)) - mean(Estimator(.firstOrder))) < 1e-12)
    #expect(mean(Estimator(.dice)) > 1 - 1e-12)
    #expect(processes[0].limit(Estimator(.naive, .ridge)) == nil)
    // Entries sum to zero in each state, so that correlation and cosine are one.
    for row in processes[0].comparison.rows {
      let sums = row.gradient.matmul(Matrix(Shape(5, 1), repeating: 1))
      #expect(sums.norm < 1e-13)
    }
  }

  /// Where a trajectory has one step, no later value responds, and DiCE and LVC agree in each estimate.
  ///
  /// That also shows that they see the same trajectories.
  @Test func estimatorsSeeTheSameTrajectories() throws {
    let study = Self.small(horizon: 1)
    let process = try study.draw(seed: 1404)[0]
    let estimates = study.estimates(process, trajectories: 8, repeats: 3)
    #expect(estimates.map(\.estimator) == Estimator.all)
    func of(_ estimator: Estimator) throws -> [Matrix] {
      try #require(estimates.first { $0.estimator == estimator }).estimates
    }
    for (baseline, part) in [
      (Estimator.Baseline.none, Estimator.Part.hessian), (.value, .hessian), (.none, .everything),
    ] {
      let lvc = try of(Estimator(.lvc, baseline, part))
      let dice = try of(Estimator(.dice, baseline, part))
      let naive = try of(Estimator(.naive, baseline, part))
      #expect(relativeDistance(lvc, dice) < 1e-12)
      #expect(relativeDistance(lvc, naive) > 0.01)
      #expect(lvc[0] != lvc[1] && lvc[1] != lvc[2])
    }
  }

  /// The mean of estimates of the Hessian is its limit, within errors, with each baseline for which it has one.
  @Test func estimatesMeetTheirLimits() throws {
    let study = Self.small()
    let process = try study.draw(seed: 1405)[0]
    let all = study.estimates(process, trajectories: 30, repeats: 300)
    for (estimator, estimates) in all where estimator.part == .hessian {
      guard estimator.baseline != .ridge, let limit = process.limit(estimator) else { continue }
      #expect(errors(estimates, of: limit) < 4, "\(estimator)")
      guard estimator.baseline == .value else { continue }
      let plain = try #require(
        all.first { $0.estimator == Estimator(estimator.curvature) }?.estimates)
      #expect(spread(estimates) < spread(plain), "\(estimator)")
    }
  }

  /// Of two estimates a and b, what is left of the squared bias without chance is ⟨a − exact, b − exact⟩.
  @Test func chanceIsNoBias() throws {
    var study = Self.small()
    study.repeats = 2
    let process = try study.draw(seed: 1407)[0]
    let exact = process.comparison.exact
    let all = study.estimates(process, trajectories: 4, repeats: 2)
    for (one, (estimator, pair)) in zip(study.measure(process, trajectories: 4), all) {
      #expect(one.estimator == estimator)
      let expected = (pair[0] - exact).dot(pair[1] - exact) / exact.dot(exact)
      let squares = one.deviation * one.deviation
      #expect(abs(one.squaredBias - expected) < 1e-12 * (1 + squares))
      let apart = (pair[0] - pair[1]).norm / exact.norm
      #expect(abs(squares - apart * apart / 2) < 1e-12 * (1 + squares))
    }
  }

  /// Bias is told from chance: that of LVC is its limit's, that of DiCE none.
  @Test func biasIsToldFromChance() throws {
    var study = Self.small(horizon: 6)
    study.repeats = 200
    let process = try study.draw(seed: 1406)[0]
    let exact = process.comparison.exact
    for one in study.measure(process, trajectories: 16) where one.estimator.part == .hessian {
      let chance = one.deviation * one.deviation / 200
      if one.estimator == Estimator(.lvc) {
        let limit = try #require(process.limit(one.estimator))
        let bias = (limit - exact).norm / exact.norm
        let error = chance + bias * chance.squareRoot()
        #expect(abs(one.squaredBias - bias * bias) < 4 * error)
        #expect(one.squaredBias > 0)
      }
      if one.estimator == Estimator(.dice) { #expect(abs(one.squaredBias) < 4 * chance) }
      if let rest = one.squaredBiasFromLimit, one.estimator.baseline != .ridge {
        #expect(abs(rest) < 4 * chance + 1e-12, "\(one.estimator)")
      }
      #expect(abs(one.correlation) <= 1 && abs(one.correlationOfMean) <= 1)
    }
  }
}
