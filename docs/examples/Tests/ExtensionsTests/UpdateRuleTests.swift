import Extensions
import Meta
import Nets
import Tape
import Testing

@Suite struct UpdateRuleTests {
  /// Where a rule leads on ½θ² from `start`, and the derivative of that by the start.
  static func descent(
    _ rule: some UpdateRule, from start: Double, steps: Int, order: Order = .exact
  ) -> (end: Double, slope: Double) {
    let tape = GradientTape()
    let parameter = tape.input(Matrix(start))
    let description = ParameterDescription(name: "θ", shape: .scalar, role: .head)
    let end = InnerLoop(adapting: .all, steps: steps, order: order, rule: rule).adapt(
      Parameters([description], [parameter]), rate: tape.constant(0.5)
    ) { 0.5 * $0[0] * $0[0] }[0]
    return (end.scalar, gradient(of: end, wrt: parameter).scalar)
  }

  /// By hand, from 1 with rate ½ and decay ¼: v = 1, θ = ½; v = ¼ + ½ = ¾, θ = ½ − ⅜ = ⅛.
  ///
  /// All of it is linear in the start; to first order the gradients are constants, and the slope is 1.
  @Test func twoStepsWithMomentumAreThoseByHand() {
    let rule = Momentum(decay: 0.25)
    #expect(Self.descent(rule, from: 1, steps: 2) == (0.125, 0.125))
    #expect(Self.descent(rule, from: 2, steps: 2) == (0.25, 0.125))
    #expect(Self.descent(rule, from: 1, steps: 2, order: .firstOrder) == (0.125, 1))
  }

  @Test(arguments: Setting.all, Route.allCases)
  func withoutMomentumItIsGradientDescent(_ setting: Setting, _ route: Route) throws {
    let still = try setting.problem(seed: 10, rule: Momentum(decay: 0))
    let descent = try setting.problem(seed: 10, rule: GradientDescent())
    for method in Method.allCases {
      let (a, b) = (still.metaGradient(method, by: route), descent.metaGradient(method, by: route))
      #expect(a.loss == b.loss)
      #expect(relativeDistance(entries(a.gradient), entries(b.gradient)) < 1e-15, "\(method)")
    }
  }

  /// Algorithm 1 of the paper in plain numbers, with powers of the decays in place of means of ones.
  @Test(arguments: 1...4)
  func adaptiveMomentsAreThoseOfThePaper(_ steps: Int) {
    func paper(_ start: Double) -> Double {
      var (θ, m, v) = (start, 0.0, 0.0)
      var (power, squarePower) = (1.0, 1.0)
      for _ in 0..<steps {
        m = 0.8 * m + 0.2 * θ
        v = 0.9 * v + 0.1 * θ * θ
        (power, squarePower) = (0.8 * power, 0.9 * squarePower)
        θ -= 0.5 * (m / (1 - power)) / ((v / (1 - squarePower)).squareRoot() + 0.3)
      }
      return θ
    }
    let rule = AdaptiveMoments(decay: 0.8, squareDecay: 0.9, epsilon: 0.3)
    let (end, slope) = Self.descent(rule, from: 1.5, steps: steps)
    #expect(abs(end - paper(1.5)) < 1e-14)
    #expect(abs(slope - (paper(1.5 + 1e-5) - paper(1.5 - 1e-5)) / 2e-5) < 1e-8)
  }

  /// With the usual epsilon, the first step is the rate times the sign of the gradient.
  @Test func theFirstStepOfAdaptiveMomentsIsTheRate() {
    for start in [3, -0.02] {
      let (end, slope) = Self.descent(AdaptiveMoments(), from: start, steps: 1)
      #expect(abs(end - (start - (start > 0 ? 0.5 : -0.5))) < 1e-6)
      #expect(abs(slope - 1) < 1e-4)
    }
  }

  /// A gradient of zero is where √ has no derivative: the step there is g/ε, and so is its slope.
  @Test func aGradientOfZeroDoesNoHarm() {
    let rule = AdaptiveMoments(epsilon: 0.5)
    #expect(Self.descent(rule, from: 0, steps: 1) == (0, 0))
    #expect(Self.descent(rule, from: 0, steps: 3).end == 0)
    #expect(Self.descent(rule, from: 0, steps: 3).slope.isFinite)
  }

  /// Points on the first axis alone give the second row of V no gradient to adapt to, ever.
  @Test(arguments: Route.allCases)
  func anInputThatIsAlwaysZeroDoesNoHarm(_ route: Route) throws {
    let setting = Setting.all[1]
    let problem = try setting.problem(seed: 11)
    let flat = try MetaProblem(
      network: problem.network, loss: problem.loss, parameters: problem.parameters.values,
      steps: 3, learningRate: 0.1, rule: AdaptiveMoments(),
      tasks: problem.tasks.map { task in
        var task = task
        let inputs = task.support.inputs
        task.support.inputs = Matrix(inputs.shape) { $1 == 0 ? inputs[$0, 0] : 0 }
        return task
      })
    let gradient = flat.metaGradient(.maml, by: route).gradient
    #expect(entries(gradient).allSatisfy { $0.isFinite })
    #expect((0..<5).contains { abs(gradient[0][1, $0]) > 1e-3 })
  }
}
