import Meta
import Nets
import Tape
import TestSupport
import Testing

/// Sampled adaptation: what is drawn follows from seeds alone, and the routes that draw on the way agree with those
/// on fixed trajectories.
@Suite struct SampledPolicyTests {
  /// A small problem on the plane, whose trajectories may end early.
  static func problem(
    _ surrogate: SampledSurrogate = .lvc, steps: Int = 1, seed: UInt64 = 3,
    advantages: AdvantageEstimate = AdvantageEstimate(baseline: .ridge)
  ) -> SampledPolicyProblem<Navigation> {
    var navigation = Navigation()
    navigation.horizon = 12
    navigation.tolerance = 0.1
    var generator = SeededGenerator(seed: 1)
    let policy = GaussianPolicy(ReLUNetwork(sizes: [2, 5, 4, 2]))
    return SampledPolicyProblem(
      navigation, policy, policy.initialParameters(using: &generator),
      tasks: [[0.1, 0.1], [-0.2, 0.3], [0, -0.1]], trajectories: 4, steps: steps,
      learningRate: 0.2, surrogate: surrogate, advantages: advantages, seed: seed)
  }

  static let surrogates: [SampledSurrogate] = [
    .naive, .lvc, .dice, .loadedDice(0), .loadedDice(0.5), .loadedDice(1),
  ]

  @Test(arguments: surrogates) func fixedTrajectoriesGiveTheSameByEveryRoute(
    surrogate: SampledSurrogate
  ) {
    let problem = Self.problem(surrogate)
    for order in [Order.exact, .firstOrder] {
      let drawn = problem.metaGradient(order: order, by: .adjoint)
      for route in [Route.unrolled, .adjoint, .forward(), .checkpointed(.points(1))] {
        let fixed = problem.drawn().metaGradient(order: order, by: route)
        let gap = GradientGap(exact: drawn.gradient.values, other: fixed.gradient.values)
        #expect((gap.relativeError ?? 1) < 1e-12, "\(route), \(order)")
        #expect(abs(drawn.loss - fixed.loss) < 1e-12)
      }
    }
  }

  @Test func theNumberOfThreadsAndTheRouteChangeNoBit() {
    let problem = Self.problem(.loadedDice(1), steps: 3)
    let reference = problem.metaGradient(by: .adjoint)
    for threads in [2, 3] {
      let evaluator = MetaGradientEvaluator(problem, by: .adjoint, threads: threads)
      for _ in 0..<2 {
        let result = evaluator.evaluate()
        #expect(result.gradient == reference.gradient)
        #expect(result.loss == reference.loss)
      }
    }
    let checkpointed = problem.metaGradient(by: .checkpointed(.points(1)))
    #expect(checkpointed.gradient == reference.gradient)
    #expect(problem.adaptedReturns(threads: 3) == problem.adaptedReturns())
  }

  @Test func anotherSeedDrawsOtherTrajectories() {
    let (one, other) = (Self.problem(seed: 3), Self.problem(seed: 4))
    #expect(one.adaptedReturns() != other.adaptedReturns())
    #expect(one.adaptedReturns() == Self.problem(seed: 3).adaptedReturns())
  }

  @Test func eachStepDrawsItsOwn() {
    var problem = Self.problem(steps: 2)
    problem.learningRate = Matrix(0)
    let returns = problem.adaptedReturns()[0]
    #expect(returns.count == 3)
    #expect(Set(returns).count == 3)
  }
}
