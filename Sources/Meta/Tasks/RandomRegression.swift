import Nets
import Tape

/// Linear regressions with coefficients, covariances and noise of their own: y = ⟨θᵧ, x⟩ + noise.
///
/// θᵧ has entries from U(0, β); inputs are N(0, Q) with Q = U diag(θᵧ) Uᵀ and U evenly distributed over
/// rotations, so the coefficients are the eigenvalues; the noise has variance σ² from U(0, β).
///
/// - Reference: the experiments of Gao and Sener, *Modeling and optimization trade-off in
///   meta-learning* (2020).
public struct RandomRegression: TaskDistribution {
  /// The dimension p of the inputs.
  public let dimension: Int
  /// The largest coefficient and variance, β.
  public let scale: Double

  /// Describes the distribution.
  ///
  /// - Precondition: The dimension is at least one and the scale positive; anything else stops with a
  ///   message.
  public init(dimension: Int, scale: Double) {
    if dimension < 1 || !(scale > 0) {
      stop("RandomRegression: dimension \(dimension) and scale \(scale) are not positive")
    }
    (self.dimension, self.scale) = (dimension, scale)
  }

  /// A task's coefficients θᵧ, the factor U diag(√θᵧ) of its covariance, and its noise variance.
  package struct Truth {
    package let coefficients: Matrix
    package let factor: Matrix
    package let noiseVariance: Double
  }

  package func truth(using generator: inout some RandomNumberGenerator) -> Truth {
    let coefficients = Matrix(Shape(dimension, 1)) { _, _ in
      Double.random(in: 0..<scale, using: &generator)
    }
    let roots = Matrix.diagonal(coefficients.elements.map { $0.squareRoot() })
    let rotation =
      dimension == 1
      ? Matrix(1) : Matrix.orthonormal(Shape(dimension, dimension), using: &generator)
    return Truth(
      coefficients: coefficients, factor: rotation.matmul(roots),
      noiseVariance: .random(in: 0..<scale, using: &generator))
  }

  /// Draws a task: a truth, and points of support and query set with noise.
  public func task(
    support: Int, query: Int, using generator: inout some RandomNumberGenerator
  ) -> LearningTask {
    let truth = truth(using: &generator)
    func draw(_ points: Int) -> LabelledPoints<Matrix> {
      let inputs = Matrix.gaussian(Shape(points, dimension), using: &generator)
        .matmul(truth.factor.transposed)
      let clean = inputs.matmul(truth.coefficients)
      let deviation = truth.noiseVariance.squareRoot()
      return LabelledPoints(
        inputs: inputs, targets: clean.map { $0 + deviation * generator.nextGaussian() })
    }
    return LearningTask(support: draw(support), query: draw(query))
  }
}
