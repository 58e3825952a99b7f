import Meta
import Tape

/// Joint training against MAML on random linear regression, in closed form.
///
/// In expectation over tasks every matrix is a multiple of the identity, because covariances are
/// rotated evenly; so both solutions have p equal entries. With uniform moments μₙ = βⁿ/(n + 1) and
/// A = (I − αQ)Q(I − αQ) + (α²/N)(Q³ + Q tr Q²), they are θ = E[Q]⁻¹E[Qθᵧ] and θ = E[A]⁻¹E[Aθᵧ].
///
/// - Reference: objectives and finite solutions as in the experiments of Gao and Sener, *Modeling and
///   optimization trade-off in meta-learning* (2020); the limits follow from the moments.
public struct TradeoffTheory: Sendable {
  /// The distribution of tasks.
  public let tasks: RandomRegression
  /// The inner rate α.
  public let innerRate: Double
  /// The points N of the inner step; nil for infinitely many.
  public let points: Int?

  /// Describes a distribution and an inner step.
  public init(_ tasks: RandomRegression, innerRate: Double, points: Int?) {
    (self.tasks, self.innerRate, self.points) = (tasks, innerRate, points)
  }

  private func moment(_ n: Int) -> Double {
    var power = 1.0
    for _ in 0..<n { power *= tasks.scale }
    return power / Double(n + 1)
  }

  /// Each entry of the solution of joint training with infinitely many tasks.
  public var joint: Double {
    let p = Double(tasks.dimension)
    return (moment(2) + (p - 1) * moment(1) * moment(1)) / (p * moment(1))
  }

  /// Each entry of MAML's solution with infinitely many tasks.
  public var maml: Double {
    let p = Double(tasks.dimension)
    let (m1, m2, m3, m4) = (moment(1), moment(2), moment(3), moment(4))
    let few = points.map { innerRate * innerRate / Double($0) } ?? 0
    let cubic = innerRate * innerRate + few
    let shifted = m2 - 2 * innerRate * m3 + cubic * m4
    let plain = m1 - 2 * innerRate * m2 + cubic * m3
    let scatter =
      m4 + (p - 1) * (m2 * m2 + 2 * m1 * m3 + (p - 2) * m1 * m1 * m2)
    return ((shifted + (p - 1) * plain * m1) / p + few * scatter / p) / curvature
  }

  /// The eigenvalue of E[A], the Hessian of MAML's expected loss: its smoothness.
  public var curvature: Double {
    let p = Double(tasks.dimension)
    let few = points.map { innerRate * innerRate / Double($0) } ?? 0
    let cubic = innerRate * innerRate + few
    return moment(1) - 2 * innerRate * moment(2) + cubic * moment(3)
      + few * (moment(3) + (p - 1) * moment(1) * moment(2))
  }

  /// The eigenvalue of E[Q], the Hessian of the expected loss without adaptation.
  public var jointCurvature: Double { moment(1) }

  /// How much the expected loss before adaptation is over its minimum, at joint training's solution.
  public func excessBefore(_ parameters: Matrix) -> Double {
    excess(parameters, joint, jointCurvature)
  }

  /// How much the expected loss after adaptation is over its minimum, at MAML's solution.
  public func excessAfter(_ parameters: Matrix) -> Double { excess(parameters, maml, curvature) }

  /// The modelling error of joint training: by how much it misses MAML's minimum after adaptation.
  public var gap: Double { excessAfter(Matrix(Shape(tasks.dimension, 1), repeating: joint)) }

  private func excess(_ parameters: Matrix, _ best: Double, _ curvature: Double) -> Double {
    0.5 * curvature * parameters.elements.reduce(0) { $0 + ($1 - best) * ($1 - best) }
  }
}

/// What the solutions on sampled tasks need of them all: sums of products, free of the rate.
package struct TradeoffSums {
  private var jointLeft: Matrix
  private var jointRight: Matrix
  /// By power of −α/N: of S X₂ᵀX₂ S with S = I − (α/N)X₁ᵀX₁, and of its right side.
  private var left: [Matrix]
  private var right: [Matrix]

  package init(dimension: Int) {
    let square = Matrix(Shape(dimension, dimension), repeating: 0)
    let column = Matrix(Shape(dimension, 1), repeating: 0)
    (jointLeft, jointRight) = (square, column)
    (left, right) = (Array(repeating: square, count: 3), Array(repeating: column, count: 3))
  }

  /// Takes in a task.
  package mutating func add(_ task: RandomRegression.Statistics) {
    let (support, query) = (task.supportGram, task.queryGram)
    jointLeft = jointLeft + support + query
    jointRight = jointRight + task.supportMoment + task.queryMoment
    let mixed = query.matmul(support)
    left[0] += query
    left[1] = left[1] + mixed + mixed.transposed
    left[2] += support.matmul(mixed)
    right[0] += task.queryMoment
    let seen = query.matmul(task.supportMoment)
    right[1] = right[1] + support.matmul(task.queryMoment) + seen
    right[2] += support.matmul(seen)
  }

  /// The minimiser of the mean loss on both halves of all tasks; nil if they do not determine it.
  package var joint: Matrix? { jointLeft.solving(jointRight) }

  /// The minimiser of the mean loss on the second halves after one step on the first; nil if they do
  /// not determine it.
  package func maml(innerRate: Double, points: Int) -> Matrix? {
    let x = -innerRate / Double(points)
    func sum(_ parts: [Matrix]) -> Matrix {
      parts[0] + x * parts[1] + (x * x) * parts[2]
    }
    return sum(left).solving(sum(right))
  }
}
