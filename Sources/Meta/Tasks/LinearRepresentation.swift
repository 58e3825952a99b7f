import Nets
public import Tape

/// Linear regressions that share a low-dimensional representation: y = ⟨B* w*, x⟩ + noise.
///
/// B* is d×k with orthonormal columns and common to all tasks; each task has a head w* of its own, with
/// independent normal entries, and inputs from N(0, I).
///
/// - Reference: Collins et al., *MAML and ANIL provably learn representations* (2022), section 2.
public struct LinearRepresentation: TaskDistribution, Codable {
  /// The shared representation B*, d×k.
  public let representation: Matrix
  /// The standard deviation of the noise in the targets.
  public let noise: Double
  /// The standard deviation of each entry of a head; by default ones.
  public let headDeviations: [Double]
  /// The mean of every entry of a head; by default zero.
  public let headMean: Double

  /// Draws a representation.
  ///
  /// - Precondition: 1 ≤ rank ≤ dimension, and there are as many deviations as the rank; anything else
  ///   stops with a message.
  public init(
    dimension: Int, rank: Int, noise: Double = 0, headDeviations: [Double]? = nil,
    headMean: Double = 0, using generator: inout some RandomNumberGenerator
  ) {
    if rank < 1 || rank > dimension {
      stop("LinearRepresentation: rank \(rank) is not between 1 and dimension \(dimension)")
    }
    self.headDeviations = headDeviations ?? Array(repeating: 1, count: rank)
    if self.headDeviations.count != rank {
      stop("LinearRepresentation: \(self.headDeviations.count) deviations for rank \(rank)")
    }
    self.headMean = headMean
    representation = .orthonormal(Shape(dimension, rank), using: &generator)
    self.noise = noise
  }

  /// Draws the regression vector of a task, B* w*, d×1.
  public func weights(using generator: inout some RandomNumberGenerator) -> Matrix {
    let head = headDeviations.map { headMean + $0 * generator.nextGaussian() }
    return representation.matmul(Matrix(Shape(head.count, 1)) { row, _ in head[row] })
  }

  /// Draws a task: a head, and points of support and query set.
  public func task(
    support: Int, query: Int, using generator: inout some RandomNumberGenerator
  ) -> LearningTask {
    let weights = weights(using: &generator)
    return LearningTask(
      support: points(support, weights, using: &generator),
      query: points(query, weights, using: &generator))
  }

  /// Draws points of the task with the given regression vector.
  public func points(
    _ count: Int, _ weights: Matrix, using generator: inout some RandomNumberGenerator
  ) -> LabelledPoints<Matrix> {
    let inputs = Matrix.gaussian(Shape(count, representation.rows), using: &generator)
    let targets = Matrix(Shape(count, 1)) { row, _ in
      (0..<inputs.columns).reduce(noise * generator.nextGaussian()) {
        $0 + inputs[row, $1] * weights[$1, 0]
      }
    }
    return LabelledPoints(inputs: inputs, targets: targets)
  }

  /// A task as infinitely many points: under half the mean squared error, its loss at Bw is
  /// ½‖Bw − B*w*‖², the expectation over inputs from N(0, I), but for the noise, which is constant.
  ///
  /// The d points √d·eᵢ stand for the expectation, since their covariance is the identity.
  public func populationTask(_ weights: Matrix) -> LearningTask {
    let dimension = representation.rows
    let root = Double(dimension).squareRoot()
    let points = LabelledPoints(
      inputs: Matrix.diagonal(Array(repeating: root, count: dimension)),
      targets: weights.map { root * $0 })
    return LearningTask(support: points, query: points)
  }
}
