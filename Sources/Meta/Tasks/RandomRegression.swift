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
      coefficients: coefficients, factor: rotation.times(roots),
      noiseVariance: .random(in: 0..<scale, using: &generator))
  }

  /// Draws a task: a truth, and points of support and query set with noise.
  public func task(
    support: Int, query: Int, using generator: inout some RandomNumberGenerator
  ) -> LearningTask {
    let truth = truth(using: &generator)
    func draw(_ points: Int) -> LabelledPoints<Matrix> {
      let inputs = Matrix.gaussian(Shape(points, dimension), using: &generator)
        .times(truth.factor.transposed)
      let clean = inputs.times(truth.coefficients)
      let deviation = truth.noiseVariance.squareRoot()
      return LabelledPoints(
        inputs: inputs, targets: clean.map { $0 + deviation * generator.nextGaussian() })
    }
    return LearningTask(support: draw(support), query: draw(query))
  }

  /// What the two solutions need of a task: XᵀX and XᵀY of each half.
  package struct Statistics {
    package let supportGram: Matrix
    package let supportMoment: Matrix
    package let queryGram: Matrix
    package let queryMoment: Matrix
  }

  /// Draws the statistics of a task without its points: XᵀX is a Wishart matrix (Bartlett's
  /// decomposition), and Xᵀε given X is N(0, σ²XᵀX).
  ///
  /// - Complexity: O(p³), whatever the number of points.
  package func statistics(
    points: Int, using generator: inout some RandomNumberGenerator
  ) -> Statistics {
    let truth = truth(using: &generator)
    let deviation = truth.noiseVariance.squareRoot()
    func half() -> (Matrix, Matrix) {
      // A root of XᵀX: with few points, the points themselves.
      let root: Matrix
      if points < dimension {
        root = truth.factor.times(.gaussian(Shape(dimension, points), using: &generator))
      } else {
        root = truth.factor.times(
          Matrix(Shape(dimension, dimension)) { row, column in
            if row < column { return 0 }
            return row > column
              ? generator.nextGaussian()
              : generator.nextChiSquared(points - row).squareRoot()
          })
      }
      let gram = root.times(root.transposed)
      let noise = root.times(
        .gaussian(Shape(root.columns, 1), deviation: deviation, using: &generator))
      return (gram, gram.times(truth.coefficients).adding(noise))
    }
    let (support, query) = (half(), half())
    return Statistics(
      supportGram: support.0, supportMoment: support.1, queryGram: query.0, queryMoment: query.1)
  }
}

extension RandomNumberGenerator {
  /// A number from the χ² distribution.
  ///
  /// - Reference: Marsaglia and Tsang, *A simple method for generating gamma variables* (2000).
  mutating func nextChiSquared(_ degrees: Int) -> Double {
    if degrees <= 4 {
      return (0..<degrees).reduce(0) { sum, _ in
        let normal = nextGaussian()
        return sum + normal * normal
      }
    }
    let d = Double(degrees) / 2 - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = nextGaussian()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      let u = 1 - Double.random(in: 0..<1, using: &self)
      if v > 0, scalarLog(u) < x * x / 2 + d - d * v + d * scalarLog(v) { return 2 * d * v }
    }
  }
}
