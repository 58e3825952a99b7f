import Foundation
import Meta
import Nets
import Tape
import TestSupport
import Testing

/// Linear-quadratic regulators against sums of costs, against formulas, and by hand.
@Suite struct LQRTests {
  /// A regulator at random, with a gain that stabilises it.
  struct Case {
    let regulator: LinearQuadraticRegulator
    let gain: Matrix

    init(_ n: Int, _ m: Int, discount: Double, using generator: inout SeededGenerator) throws {
      func square(_ size: Int, plus identity: Double) -> Matrix {
        let root = Matrix.gaussian(Shape(size, size), using: &generator)
        return root.matmul(root.transposed) + identity * Matrix.identity(size)
      }
      var (drawn, gain): (LinearQuadraticRegulator, Matrix)
      repeat {
        drawn = try LinearQuadraticRegulator(
          stateMatrix: .gaussian(Shape(n, n), deviation: 0.5, using: &generator),
          inputMatrix: .gaussian(Shape(n, m), using: &generator),
          stateCost: square(n, plus: 0), inputCost: square(m, plus: 0.3),
          startCovariance: square(n, plus: 0.1), discount: discount)
        gain = Matrix.gaussian(Shape(m, n), deviation: 0.1, using: &generator)
      } while !(0.3..<0.9).contains(drawn.spectralRadius(under: gain))
      (regulator, self.gain) = (drawn, gain)
    }

    var closedLoop: Matrix { regulator.stateMatrix - regulator.inputMatrix.matmul(gain) }

    var stepCost: Matrix {
      regulator.stateCost + gain.transposed.matmul(regulator.inputCost).matmul(gain)
    }

    /// Σ γᵗ LᵗX(Lᵗ)ᵀ, term by term.
    func sum(_ left: Matrix, _ x: Matrix) -> Matrix {
      var (term, total) = (x, x)
      for _ in 0..<2000 where term.norm > 1e-18 * total.norm {
        term = regulator.discount * left.matmul(term).matmul(left.transposed)
        total += term
      }
      return total
    }

    /// P, Σ and E of the formulas.
    var parts: (p: Matrix, sigma: Matrix, e: Matrix) {
      let (b, gamma) = (regulator.inputMatrix, regulator.discount)
      let p = sum(closedLoop.transposed, stepCost)
      let sigma = sum(closedLoop, regulator.startCovariance)
      let bp = b.transposed.matmul(p)
      let e =
        (regulator.inputCost + gamma * bp.matmul(b)).matmul(gain)
        - gamma * bp.matmul(regulator.stateMatrix)
      return (p, sigma, e)
    }
  }

  static func cases(seed: UInt64) throws -> [Case] {
    var generator = SeededGenerator(seed: seed)
    return try [(1, 1, 1), (1, 2, 0.9), (2, 1, 0.99), (3, 2, 1), (4, 3, 0.8), (5, 1, 0.95)].map {
      try Case($0.0, $0.1, discount: $0.2, using: &generator)
    }
  }

  /// The first states, moved on and paid for step by step.
  @Test func theCostIsTheSumOfCosts() throws {
    for one in try Self.cases(seed: 1231) {
      var (states, weight, total) = (one.regulator.startCovariance, 1.0, 0.0)
      for _ in 0..<3000 {
        total += weight * one.stepCost.dot(states)
        states = one.closedLoop.matmul(states).matmul(one.closedLoop.transposed)
        weight *= one.regulator.discount
      }
      #expect(abs(one.regulator.cost(of: one.gain) / total - 1) < 1e-12)
    }
  }

  /// ∇C = 2EΣ.
  @Test func theGradient() throws {
    for one in try Self.cases(seed: 1232) {
      let (_, sigma, e) = one.parts
      let closed = 2 * e.matmul(sigma)
      let ours = gradient(at: one.gain) { Self.cost(one, $0) }
      #expect(relativeDistance([ours], [closed]) < 1e-12)
    }
  }

  /// ∇²C[X, X] = 2 tr(Xᵀ(R + γBᵀPB)XΣ) − 4γ tr(XᵀBᵀP′FΣ) with P′ = γFᵀP′F + XᵀE + EᵀX.
  @Test func theHessian() throws {
    var generator = SeededGenerator(seed: 1233)
    for one in try Self.cases(seed: 1234) {
      let (p, sigma, e) = one.parts
      let (b, gamma) = (one.regulator.inputMatrix, one.regulator.discount)
      let x = Matrix.gaussian(one.gain.shape, using: &generator)
      let change = x.transposed.matmul(e)
      let slope = one.sum(one.closedLoop.transposed, change + change.transposed)
      let curved = one.regulator.inputCost + gamma * b.transposed.matmul(p).matmul(b)
      let closed =
        2 * x.dot(curved.matmul(x).matmul(sigma))
        - 4 * gamma * x.dot(b.transposed.matmul(slope).matmul(one.closedLoop).matmul(sigma))
      let product = hessianVectorProduct(at: [one.gain], along: [x]) { Self.cost(one, $0[0]) }[0]
      #expect(abs(x.dot(product) - closed) < 1e-12 * x.norm * product.norm)
    }
  }

  private static func cost(_ one: Case, _ gain: Variable) -> Variable {
    LinearQuadraticRegulator.cost(of: gain, in: one.regulator.data.map(gain.tape.constant))
  }

  // MARK: - One state, one input

  private static func scalar(
    a: Double = 1.2, b: Double = 0.5, q: Double = 2, r: Double = 0.3, start: Double = 1.5,
    discount: Double = 0.9
  ) throws -> LinearQuadraticRegulator {
    try LinearQuadraticRegulator(
      stateMatrix: Matrix(a), inputMatrix: Matrix(b), stateCost: Matrix(q), inputCost: Matrix(r),
      startCovariance: Matrix(start), discount: discount)
  }

  /// C(k) = (q + rk²) σ / (1 − γ(a − bk)²), with its first two derivatives; one step of MAML from there.
  @Test(arguments: [0.5, 1.1, 2.4, 3.9])
  func byHand(_ k: Double) throws {
    let (a, b, q, r, start, gamma) = (1.2, 0.5, 2.0, 0.3, 1.5, 0.9)
    func jet(_ k: Double) -> (value: Double, slope: Double, curvature: Double) {
      let (u, f) = (q + r * k * k, a - b * k)
      let (du, w, dw) = (2 * r * k, 1 - gamma * f * f, 2 * gamma * f * b)
      let ddw = -2 * gamma * b * b
      let slope = (du * w - u * dw) / (w * w)
      let curvature = (2 * r * w - u * ddw) / (w * w) - 2 * dw * slope / w
      return (start * u / w, start * slope, start * curvature)
    }
    let here = jet(k)
    let regulator = try Self.scalar()
    #expect(abs(regulator.cost(of: Matrix(k)) / here.value - 1) < 1e-14)
    #expect(
      abs(regulator.spectralRadius(under: Matrix(k)) - gamma.squareRoot() * abs(a - b * k)) < 1e-15)
    let rate = 0.01
    let there = jet(k - rate * here.slope)
    let problem = try LQRProblem([regulator], gain: Matrix(k), learningRate: rate)
    let result = problem.metaGradient()
    #expect(abs(result.loss / there.value - 1) < 1e-13)
    let closed = (1 - rate * here.curvature) * there.slope
    #expect(abs(result.gradient["gain"].elements[0] - closed) < 1e-12 * max(1, abs(closed)))
  }

  /// Riccati's gain, by iteration, is where the gradient is zero.
  @Test func theBestGainIsRiccatis() throws {
    for one in try Self.cases(seed: 1235) {
      let (a, b) = (one.regulator.stateMatrix, one.regulator.inputMatrix)
      let gamma = one.regulator.discount
      var (p, gain) = (one.regulator.stateCost, one.gain)
      for _ in 0..<2000 {
        let bp = gamma * b.transposed.matmul(p)
        gain = try #require((one.regulator.inputCost + bp.matmul(b)).solving(bp.matmul(a)))
        p = one.regulator.stateCost + gamma * a.transposed.matmul(p).matmul(a - b.matmul(gain))
      }
      let best = one.regulator.cost(of: gain)
      #expect(best < one.regulator.cost(of: one.gain))
      let slope = gradient(at: gain) { Self.cost(one, $0) }
      #expect(slope.norm < 1e-11 * best)
    }
  }

  // MARK: - Stability

  @Test func spectralRadiiAreThoseOfKnownSpectra() throws {
    var generator = SeededGenerator(seed: 1236)
    func radius(_ a: Matrix) throws -> Double {
      let n = a.rows
      return try LinearQuadraticRegulator(
        stateMatrix: a, inputMatrix: Matrix(Shape(n, 1), repeating: 0), stateCost: .identity(n),
        inputCost: Matrix(1), startCovariance: .identity(n)
      ).spectralRadius(under: Matrix(Shape(1, n), repeating: 0))
    }
    let turn = try Matrix([[0, -1.3], [1.3, 0]])
    #expect(abs(try radius(turn) / 1.3 - 1) < 1e-14)
    let shear = try Matrix([[0.5, 1e6, 0], [0, 0.7, 1e6], [0, 0, -0.9]])
    #expect(abs(try radius(shear) / 0.9 - 1) < 1e-12)
    #expect(try radius(Matrix([[0, 1], [0, 0]])) == 0)
    for _ in 0..<10 {
      let values = (0..<4).map { _ in Double.random(in: -1...1, using: &generator) }
      let basis = Matrix.gaussian(Shape(4, 4), using: &generator)
      let inverse = try #require(basis.solving(.identity(4)))
      let largest = values.map(abs).max() ?? 0
      let found = try radius(basis.matmul(.diagonal(values)).matmul(inverse))
      #expect(abs(found / largest - 1) < 1e-10)
    }
  }

  /// Beyond the border the equation has a solution that is no cost: value and derivatives are NaN, not that.
  @Test func aGainThatDoesNotStabiliseCostsNothingThatIsANumber() throws {
    let regulator = try Self.scalar()
    // √0.9 (1.2 − 0.5 k) is 1 at k = 0.2918.
    let (inside, outside) = (Matrix(0.2919), Matrix(0.2917))
    #expect(regulator.spectralRadius(under: inside) < 1)
    #expect(regulator.cost(of: inside) > 1e4)
    #expect(regulator.spectralRadius(under: outside) > 1)
    #expect(regulator.cost(of: outside).isNaN)
    let far = Matrix(-4)
    let slope = gradient(at: far) {
      LinearQuadraticRegulator.cost(of: $0, in: regulator.data.map($0.tape.constant))
    }
    #expect(slope.elements[0].isNaN)

    // In one direction only, and in one that no cost sees: the covariance grows there all the same.
    var generator = SeededGenerator(seed: 1237)
    for unstable in 0..<3 {
      let basis = Matrix.gaussian(Shape(3, 3), using: &generator)
      let inverse = try #require(basis.solving(.identity(3)))
      let values = (0..<3).map { $0 == unstable ? -1.1 : 0.3 + 0.2 * Double($0) }
      let a = basis.matmul(.diagonal(values)).matmul(inverse)
      let zero = Matrix(Shape(1, 3), repeating: 0)
      func cost(_ a: Matrix, _ cost: Matrix) throws -> Double {
        try LinearQuadraticRegulator(
          stateMatrix: a, inputMatrix: Matrix(Shape(3, 1), repeating: 1), stateCost: cost,
          inputCost: Matrix(1), startCovariance: .identity(3)
        ).cost(of: zero)
      }
      #expect(try cost(a, .identity(3)).isNaN)
      #expect(try cost(a, Matrix(Shape(3, 3), repeating: 0)).isNaN)
      #expect(try cost(0.9 * a, .identity(3)) > 3)
    }
  }

  @Test func stepsThatLeaveTheStableGainsAreNamed() throws {
    let regulators = [try Self.scalar(), try Self.scalar(q: 200)]
    var problem = try LQRProblem(regulators, gain: Matrix(1), steps: 3, learningRate: 0.001)
    try problem.checkStability()
    let radii = problem.spectralRadii()
    #expect(radii.map(\.count) == [4, 4] && radii.joined().allSatisfy { $0 < 1 })
    let after = problem.adapted(to: problem.taskData[1])["gain"]
    #expect(abs(radii[1][3] - regulators[1].spectralRadius(under: after)) < 1e-15)

    problem.learningRate = 0.02
    for route in [Route.unrolled, .adjoint, .forward()] {
      let result = problem.metaGradient(by: route)
      #expect(result.loss.isNaN && result.gradient["gain"].elements[0].isNaN)
    }
    let error = #expect(throws: MetaProblemError.self) { try problem.checkStability() }
    #expect(error?.path == "tasks[1]")
    #expect(
      error?.message.hasPrefix("the gain does not stabilise it after step 1: √γ ρ(A − BK)") == true)
    // The first task is well.
    #expect(problem.spectralRadii()[0].allSatisfy { $0 < 1 })
  }

  // MARK: - As any other bilevel problem

  private static func problem(steps: Int) throws -> LQRProblem {
    var generator = SeededGenerator(seed: 1238)
    var tasks: [LinearQuadraticRegulator] = []
    for discount in [1, 0.9, 0.95] {
      tasks.append(try Case(3, 2, discount: discount, using: &generator).regulator)
    }
    let gain = Matrix.gaussian(Shape(2, 3), deviation: 0.05, using: &generator)
    return try LQRProblem(tasks, gain: gain, steps: steps, learningRate: 0.002)
  }

  @Test(arguments: 1...3)
  func theMetaGradientIsThatOfDifferences(_ steps: Int) throws {
    var problem = try Self.problem(steps: steps)
    problem.learned = ["gain", "learningRate"]
    try problem.checkStability()
    var generator = SeededGenerator(seed: 1239)
    let exact = problem.metaGradient(by: .unrolled)
    for route in [Route.unrolled, .adjoint] {
      let check = problem.check(by: route, using: &generator)
      #expect(check.passes(), "\(check)")
      let other = problem.metaGradient(by: route).gradient
      #expect(relativeDistance(other.values, exact.gradient.values) < 1e-12)
    }
    #expect(!problem.check(order: .firstOrder, using: &generator).passes())
  }

  @Test func instrumentsApply() throws {
    var generator = SeededGenerator(seed: 1240)
    let problem = try Self.problem(steps: 2)
    let ledger = problem.ledger()
    #expect(ledger.remainder < 1e-12 && ledger.entries.count == 2)
    #expect(ledger.difference.norm > 1e-3 * ledger.firstOrder.norm)
    let dial = problem.dial(weights: [0, 1])
    #expect(abs(dial.byWeight[0].gradientNorm / ledger.firstOrder.norm - 1) < 1e-12)
    #expect(dial.byLastSteps.count == 3)
    #expect(problem.curlTest(using: &generator).curl < 1e-11)
    #expect(problem.curlTest(order: .firstOrder, using: &generator).curl > 1e-4)
    #expect(problem.laws(using: &generator).failures.isEmpty)
  }

  /// The example of `docs/reinforcement-learning.md`.
  @Test func theExampleAdapts() throws {
    let regulator = try LinearQuadraticRegulator(
      stateMatrix: Matrix([[1, 0.1], [0, 1]]), inputMatrix: Matrix([[0], [0.1]]),
      stateCost: .identity(2), inputCost: Matrix(0.1), startCovariance: .identity(2),
      discount: 0.95)
    let problem = try LQRProblem(
      [regulator], gain: Matrix([[1, 1]]), steps: 2, learningRate: 0.02)
    try problem.checkStability()
    // By NumPy, from the formulas.
    let costs = [18.747, 17.838, 17.310]
    for (ours, theirs) in zip(problem.meanLosses(), costs) { #expect(abs(ours - theirs) < 6e-4) }
    var generator = SeededGenerator(seed: 1242)
    #expect(problem.check(by: .adjoint, using: &generator).passes())
  }

  // MARK: - What is refused

  @Test func badRegulatorsAreRefused() throws {
    func expectError(
      _ path: String, a: Matrix = .identity(2), b: Matrix = Matrix(Shape(2, 1), repeating: 1),
      q: Matrix = .identity(2), r: Matrix = Matrix(1), start: Matrix = .identity(2),
      discount: Double = 0.9, _ message: String
    ) {
      let error = #expect(throws: MetaProblemError.self) {
        try LinearQuadraticRegulator(
          stateMatrix: a, inputMatrix: b, stateCost: q, inputCost: r, startCovariance: start,
          discount: discount)
      }
      #expect(error?.path == path && error?.message.contains(message) == true, "\(error as Any)")
    }
    let lopsided = Matrix(Shape(2, 2)) { $0 == 0 && $1 == 1 ? 0.1 : $0 == $1 ? 1 : 0 }
    let indefinite = Matrix.diagonal([1, -1e-9])
    expectError("stateMatrix", a: Matrix(Shape(2, 3), repeating: 0), "2×3, not 2×2")
    expectError("inputMatrix", b: Matrix(1), "1×1, not 2×1")
    expectError("stateCost", q: Matrix(1), "1×1, not 2×2")
    expectError("stateCost", q: lopsided, "not symmetric")
    expectError("stateCost", q: indefinite, "not positive semidefinite")
    expectError("inputCost", r: Matrix(0), "not positive definite")
    expectError("inputCost", r: Matrix(-1), "smallest eigenvalue is -1.00")
    expectError("startCovariance", start: indefinite, "not positive semidefinite")
    expectError("stateMatrix", a: Matrix(Shape(2, 2), repeating: .nan), "not finite")
    expectError("discount", discount: 0, "not above 0")
    expectError("discount", discount: 1.01, "at most 1")
    // A semidefinite cost is one.
    _ = try Self.scalar(q: 0)
  }

  @Test func badProblemsAreRefused() throws {
    var generator = SeededGenerator(seed: 1241)
    let one = try Case(2, 1, discount: 0.9, using: &generator)
    let other = try Case(3, 1, discount: 0.9, using: &generator)
    func expectError(
      _ path: String, _ tasks: [LinearQuadraticRegulator], _ gain: Matrix, steps: Int = 1,
      rate: Double = 0.1
    ) {
      let error = #expect(throws: MetaProblemError.self) {
        try LQRProblem(tasks, gain: gain, steps: steps, learningRate: rate)
      }
      #expect(error?.path == path, "\(error as Any)")
    }
    expectError("tasks", [], one.gain)
    expectError("tasks[1]", [one.regulator, other.regulator], one.gain)
    expectError("gain", [one.regulator], other.gain)
    expectError("gain[0][1]", [one.regulator], try Matrix([[0, .nan]]))
    expectError("adaptation.steps", [one.regulator], one.gain, steps: -1)
    expectError("adaptation.learningRate", [one.regulator], one.gain, rate: .nan)
    let error = #expect(throws: MetaProblemError.self) {
      try LQRProblem([try Self.scalar()], gain: Matrix(0), learningRate: 0.1)
    }
    #expect(
      error?.description
        == "tasks[0]: the gain does not stabilise it before the first step: √γ ρ(A − BK) is 1.13842, not below 1"
    )
  }
}
