import Nets
import Tape

/// Regressions on sine waves: y = A sin(x − φ), with A, φ and x evenly distributed.
///
/// - Reference: Finn, Abbeel and Levine, *Model-agnostic meta-learning* (2017), section 5.1.
public struct Sinusoids: TaskDistribution {
  /// From where amplitudes A are drawn.
  public var amplitudes = 0.1...5.0
  /// From where phases φ are drawn, in radians.
  public var phases = 0...Double.pi
  /// From where inputs x are drawn.
  public var inputs = -5.0...5.0

  /// The waves of the paper.
  public init() {}

  /// Draws a task: a wave, and points of support and query set on it.
  public func task(
    support: Int, query: Int, using generator: inout some RandomNumberGenerator
  ) -> LearningTask {
    let amplitude = Double.random(in: amplitudes, using: &generator)
    let phase = Double.random(in: phases, using: &generator)
    func points(_ count: Int) -> LabelledPoints<Matrix> {
      let x = Matrix(Shape(count, 1)) { _, _ in Double.random(in: inputs, using: &generator) }
      return LabelledPoints(inputs: x, targets: x.map { amplitude * scalarSin($0 - phase) })
    }
    return LearningTask(support: points(support), query: points(query))
  }
}
