import Meta
import Nets
import Tape

extension NavigationStudy {
  /// How a policy adapts to fresh tasks.
  public struct Evaluation: Codable, Equatable, Sendable {
    /// The nominal environment steps of its training.
    public let environmentSteps: Int
    /// The rate of each update, chosen on other tasks.
    public let rates: [Double]
    /// The mean return over tasks after 0, 1, 2 … updates, not discounted.
    public let returns: [Double]
    /// The share of tasks whose return is lower after the first update than before; zero if its rate is.
    public let worse: Double
  }

  /// Judges the policy of a training as it stands.
  func evaluation(_ training: Training, at environmentSteps: Int, threads: Int) -> Evaluation {
    let rates = adaptationRates(training, threads: threads)
    let returns = returns(training, rates, .test, threads: threads)
    let worse = rates[0] == 0 ? 0 : returns.count { $0[1] < $0[0] }
    return Evaluation(
      environmentSteps: environmentSteps, rates: rates, returns: Self.means(returns),
      worse: Double(worse) / Double(testTasks))
  }

  /// The rates at which a policy adapts, starting anew with each task.
  ///
  /// The first update has the one of ``rates`` after which the mean return on the validation tasks is highest; the
  /// updates behind it have the one by which the returns after them are highest on average.
  func adaptationRates(_ training: Training, threads: Int) -> [Double] {
    func best(_ updates: ClosedRange<Int>, _ all: (Double) -> [Double]) -> [Double] {
      let candidates = rates.map { rate in
        let means = Self.means(returns(training, all(rate), .validation, threads: threads))
        return (rates: all(rate), value: means[updates].reduce(0, +))
      }
      guard let best = candidates.max(by: { $0.value < $1.value }) else {
        stop("NavigationStudy: there are no rates to choose from")
      }
      return best.rates
    }
    let first = best(1...1) { [$0] }
    if updates == 1 { return first }
    return best(2...updates) { first + Array(repeating: $0, count: updates - 1) }
  }

  /// What tasks are drawn for.
  package enum Purpose: UInt64 {
    case test = 0x7E57
    case validation = 0x7C4E
  }

  /// Goals, and where their trajectories follow from; equal for all methods and budgets of a seed.
  package func tasks(_ purpose: Purpose, seed: UInt64) -> (goals: [[Double]], seed: UInt64) {
    var generator = SeededGenerator(seed: seed &+ purpose.rawValue)
    let goals = navigation.goals(
      purpose == .test ? testTasks : validationTasks, using: &generator)
    return (goals, generator.next())
  }

  /// By task and update.
  private func returns(
    _ training: Training, _ rates: [Double], _ purpose: Purpose, threads: Int
  ) -> [[Double]] {
    let (goals, seed) = tasks(purpose, seed: training.seed)
    return problem(training.state.parameters, rates, .naive, goals: goals, seed: seed)
      .adaptedReturns(threads: threads)
  }

  private static func means(_ returns: [[Double]]) -> [Double] {
    returns[0].indices.map { update in SampleMean(returns.map { $0[update] }).mean }
  }
}

extension NavigationStudy {
  /// The way to one goal.
  public struct Example: Encodable, Equatable, Sendable {
    /// Where it lies, *x* and *y*.
    public let goal: [Double]
    /// The places, *x* and *y*, of a trajectory before the first update.
    public let before: [[Double]]
    /// The same after it.
    public let after: [[Double]]
  }

  /// Trajectories to four goals before and after the first update.
  ///
  /// - Parameters:
  ///   - training: That of the policy.
  ///   - rate: The rate of the update.
  public func examples(_ training: Training, rate: Double) -> [Example] {
    let goals = [[0.4, 0.25], [-0.35, 0.4], [-0.4, -0.3], [0.3, -0.4]]
    let paths = problem(
      training.state.parameters, [rate], .naive, goals: goals, seed: training.seed &+ 0xF16
    ).adaptedPaths()
    return zip(goals, paths).map { goal, updates in
      let ways = updates.map { trajectories in
        (0..<trajectories[0].rows).map { [trajectories[0][$0, 0], trajectories[0][$0, 1]] }
      }
      return Example(goal: goal, before: ways[0], after: ways[1])
    }
  }
}
