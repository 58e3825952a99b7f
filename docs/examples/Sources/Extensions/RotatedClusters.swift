import Foundation
public import Meta
import Nets
import Tape

/// Classifications of points in the plane: normal clusters, evenly spaced on the unit circle, which each
/// task turns by an angle of its own.
///
/// Points take turns among the classes. Targets are rows with a one at the class.
public struct RotatedClusters: TaskDistribution {
  /// The number of classes, each with one cluster.
  public let classes: Int
  /// The standard deviation of a cluster along each axis.
  public var deviation = 0.3
  /// From where a task's angle is drawn, in radians.
  public var angles = 0...(2 * Double.pi)

  /// Creates a distribution of so many classes.
  public init(classes: Int) { self.classes = classes }

  /// Draws a task: an angle, and points of support and query set from the clusters turned by it.
  public func task(
    support: Int, query: Int, using generator: inout some RandomNumberGenerator
  ) -> LearningTask {
    let turn = Double.random(in: angles, using: &generator)
    func points(_ count: Int) -> LabelledPoints<Matrix> {
      let noise = Matrix.gaussian(Shape(count, 2), deviation: deviation, using: &generator)
      return LabelledPoints(
        inputs: Matrix(noise.shape) { point, axis in
          let angle = turn + 2 * .pi * Double(point % classes) / Double(classes)
          return (axis == 0 ? cos(angle) : sin(angle)) + noise[point, axis]
        },
        targets: Matrix(Shape(count, classes)) { point, label in
          point % classes == label ? 1 : 0
        })
    }
    return LearningTask(support: points(support), query: points(query))
  }
}
