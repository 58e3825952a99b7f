import Nets
public import Tape

/// Linear regressions that share a low-dimensional representation: y = ⟨B* w*, x⟩ + noise.
///
/// B* is d×k with orthonormal columns and common to all tasks; each task has a head w* of its own,
/// drawn from N(0, I), and inputs from N(0, I).
///
/// - Reference: Collins et al., *MAML and ANIL provably learn representations* (2022), section 2.
public struct LinearRepresentation: Sendable {
  /// The shared representation B*, d×k.
  public let representation: Matrix
  /// The standard deviation of the noise in the targets.
  public let noise: Double

  /// Draws a representation.
  ///
  /// - Precondition: 1 ≤ rank ≤ dimension; anything else stops with a message.
  public init(
    dimension: Int, rank: Int, noise: Double = 0, using generator: inout some RandomNumberGenerator
  ) {
    if rank < 1 || rank > dimension {
      stop("LinearRepresentation: rank \(rank) is not between 1 and dimension \(dimension)")
    }
    representation = .orthonormal(Shape(dimension, rank), using: &generator)
    self.noise = noise
  }

  /// Draws a task: a head, and points of support and query set.
  public func task(
    support: Int, query: Int, using generator: inout some RandomNumberGenerator
  ) -> LearningTask {
    let (dimension, rank) = (representation.rows, representation.columns)
    let head = (0..<rank).map { _ in generator.nextGaussian() }
    let weights = (0..<dimension).map { row in
      (0..<rank).reduce(0) { $0 + representation[row, $1] * head[$1] }
    }
    func points(_ count: Int) -> LabelledPoints<Matrix> {
      let inputs = Matrix.gaussian(Shape(count, dimension), using: &generator)
      let targets = Matrix(Shape(count, 1)) { row, _ in
        (0..<dimension).reduce(noise * generator.nextGaussian()) {
          $0 + inputs[row, $1] * weights[$1]
        }
      }
      return LabelledPoints(inputs: inputs, targets: targets)
    }
    return LearningTask(support: points(support), query: points(query))
  }
}
