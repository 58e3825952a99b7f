import Nets
import Tape

/// How advantages are estimated from the rewards of trajectories.
///
/// With a baseline b, δₜ = rₜ + γbₜ₊₁ − bₜ and Aₜ = δₜ + γλAₜ₊₁: at λ = 1 what comes after a step, less the baseline.
///
/// - Reference: Schulman et al., *High-dimensional continuous control using generalized advantage estimation* (2016).
public struct AdvantageEstimate: Codable, Hashable, Sendable {
  /// What is expected of a state before it is known what follows.
  public enum Baseline: String, Codable, CaseIterable, Sendable {
    /// Nothing.
    case none
    /// Ridge regression of what followed on [s, s², t, t², t³, 1], fitted to the trajectories of a task themselves.
    ///
    /// That they are the same is a small bias, of the order of the number of features over that of steps.
    ///
    /// - Reference: Duan et al., *Benchmarking deep reinforcement learning for continuous control* (2016).
    case ridge
  }

  /// The baseline.
  public var baseline = Baseline.none
  /// λ: at 1 nothing is taken from the baseline but the variance, below it bias is traded for variance.
  public var decay = 1.0
  /// Whether advantages are shifted and scaled to mean zero and deviation one over the batch of a task, and the sum
  /// over steps is a mean over the horizon; otherwise step *t* counts γᵗ, and the objective is the value itself.
  public var isStandardized = false

  /// The advantages whose objective is the value: no baseline, λ = 1, not standardised.
  public init() {}

  /// Describes an estimate.
  ///
  /// - Precondition: `decay` is between 0 and 1; anything else stops with a message.
  public init(baseline: Baseline, decay: Double = 1, isStandardized: Bool = false) {
    if !(0...1).contains(decay) { stop("AdvantageEstimate: λ is in 0 … 1, but is \(decay)") }
    (self.baseline, self.decay) = (baseline, decay)
    self.isStandardized = isStandardized
  }
}

/// Estimates advantages of one batch after another, all of one shape.
final class AdvantageEstimator {
  private let estimate: AdvantageEstimate
  private let discount: Double
  private let trajectories, horizon: Int
  /// From observations, mask and targets, one step a row, to what the regression says of each step.
  private let regression: Workspace?

  /// What of the features a regression shrinks, so that those that are constant do no harm.
  private static let ridge = 1e-5

  init(
    _ estimate: AdvantageEstimate, discount: Double, trajectories: Int, horizon: Int,
    observationWidth: Int
  ) {
    (self.estimate, self.discount) = (estimate, discount)
    (self.trajectories, self.horizon) = (trajectories, horizon)
    guard estimate.baseline == .ridge else {
      regression = nil
      return
    }
    let (tape, count) = (GradientTape(), trajectories * horizon)
    func blank(_ columns: Int) -> Variable {
      tape.input(Matrix(Shape(count, columns), repeating: 0))
    }
    let (observations, mask, targets) = (blank(observationWidth), blank(1), blank(1))
    let powers = tape.constant(
      Matrix(Shape(count, 4)) { row, column in
        let time = Double(row % horizon) / Double(horizon)
        return [1, time, time * time, time * time * time][column]
      })
    let features =
      concatenated(columns: [observations, observations.square(), powers]) * mask
    let size = features.shape.columns
    let system =
      features.transposedMatmul(features)
      + tape.constant(Matrix.identity(size).map { Self.ridge * $0 })
    let fitted = features.matmul(system.solve(features.transposedMatmul(targets)))
    regression = Workspace(
      for: Program(inputs: [observations, mask, targets], outputs: [fitted]))
  }

  /// Advantages, and discounted rewards and baselines, a trajectory a row, from rewards that are zero after the end.
  func estimate(
    rewards: [Double], mask: [Double], observations: Matrix
  ) -> (advantages: [Double], rewards: [Double], baselines: [Double]) {
    let column = Shape(trajectories * horizon, 1)
    var baselines = Array(repeating: 0.0, count: rewards.count)
    if let regression {
      let values = [observations, Matrix(column, mask), Matrix(column, sums(rewards, discount))]
      for (position, value) in values.enumerated() { regression.setInput(position, to: value) }
      regression.run()
      baselines = regression.output(0).elements
    }
    var surprises = rewards
    for index in rewards.indices where mask[index] != 0 {
      // After the last step of a trajectory nothing is expected: there the baseline is zero.
      let isLast = (index + 1) % horizon == 0
      surprises[index] +=
        (isLast ? 0 : discount * baselines[index + 1] * mask[index + 1]) - baselines[index]
    }
    let advantages = sums(surprises, discount * estimate.decay)
    let factors = estimate.isStandardized ? [] : powers
    if !estimate.isStandardized {
      func discounted(_ values: [Double]) -> [Double] {
        values.indices.map { values[$0] * factors[$0 % horizon] * mask[$0] }
      }
      return (discounted(advantages), discounted(rewards), discounted(baselines))
    }
    let known = mask.reduce(0, +)
    let mean = zip(advantages, mask).reduce(0) { $0 + $1.0 * $1.1 } / known
    let squares = zip(advantages, mask).reduce(0) { $0 + ($1.0 - mean) * ($1.0 - mean) * $1.1 }
    let scale = 1 / ((squares / known).squareRoot() + 1e-8) / Double(horizon)
    return (
      zip(advantages, mask).map { ($0 - mean) * scale * $1 },
      rewards.indices.map { rewards[$0] * powers[$0 % horizon] },
      Array(repeating: 0, count: rewards.count)
    )
  }

  /// γᵗ by step.
  private lazy var powers: [Double] = {
    var powers = [1.0]
    for _ in 1..<horizon { powers.append(powers[powers.count - 1] * discount) }
    return powers
  }()

  /// In each row yₜ = xₜ + factor · yₜ₊₁.
  private func sums(_ values: [Double], _ factor: Double) -> [Double] {
    var sums = values
    for index in sums.indices.reversed() where (index + 1) % horizon != 0 {
      sums[index] += factor * sums[index + 1]
    }
    return sums
  }
}
