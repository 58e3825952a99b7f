import Meta
import Nets
import Tape

extension RandomRegression {
  /// What the two solutions need of a task: XᵀX and XᵀY of each half.
  package struct Statistics {
    package let supportGram: Matrix
    package let supportMoment: Matrix
    package let queryGram: Matrix
    package let queryMoment: Matrix
  }

  /// The statistics of a task's points.
  package func statistics(of task: LearningTask) -> Statistics {
    let (support, query) = (task.support.inputs.transposed, task.query.inputs.transposed)
    return Statistics(
      supportGram: support.matmul(task.support.inputs),
      supportMoment: support.matmul(task.support.targets),
      queryGram: query.matmul(task.query.inputs),
      queryMoment: query.matmul(task.query.targets))
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
        root = truth.factor.matmul(.gaussian(Shape(dimension, points), using: &generator))
      } else {
        root = truth.factor.matmul(
          Matrix(Shape(dimension, dimension)) { row, column in
            if row < column { return 0 }
            return row > column
              ? generator.nextGaussian()
              : generator.nextChiSquared(points - row).squareRoot()
          })
      }
      let gram = root.matmul(root.transposed)
      let noise = root.matmul(
        .gaussian(Shape(root.columns, 1), deviation: deviation, using: &generator))
      return (gram, gram.matmul(truth.coefficients) + noise)
    }
    let (support, query) = (half(), half())
    return Statistics(
      supportGram: support.0, supportMoment: support.1, queryGram: query.0, queryMoment: query.1)
  }
}

extension RandomNumberGenerator {
  /// A number from the χ² distribution.
  mutating func nextChiSquared(_ degrees: Int) -> Double {
    if degrees <= 4 {
      return (0..<degrees).reduce(0) { sum, _ in
        let normal = nextGaussian()
        return sum + normal * normal
      }
    }
    return 2 * nextGamma(Double(degrees) / 2)
  }
}
