import Extensions
import Foundation
import Meta
import Nets
import Tape
import Testing

@Suite struct RotatedClustersTests {
  static func tasks(_ distribution: RotatedClusters, seed: UInt64) -> [LearningTask] {
    var generator = SeededGenerator(seed: seed)
    return distribution.tasks(3, support: 4, query: 6, using: &generator)
  }

  @Test func equalSeedsGiveEqualTasks() {
    let distribution = RotatedClusters(classes: 3)
    let tasks = Self.tasks(distribution, seed: 1)
    #expect(tasks == Self.tasks(distribution, seed: 1))
    #expect(tasks != Self.tasks(distribution, seed: 2))
    #expect(tasks[0] != tasks[1])
    #expect(tasks.map(\.support.inputs.shape) == Array(repeating: Shape(4, 2), count: 3))
    #expect(tasks.map(\.query.targets.shape) == Array(repeating: Shape(6, 3), count: 3))
  }

  /// Without spread, points sit at the centres: of four classes a right angle apart, from the drawn
  /// angle on, in support and query set alike.
  @Test func pointsLieAtTheCentresOfTheirClasses() {
    var distribution = RotatedClusters(classes: 4)
    distribution.deviation = 0
    distribution.angles = 0.5...0.5
    let centres = [
      [cos(0.5), sin(0.5)], [-sin(0.5), cos(0.5)], [-cos(0.5), -sin(0.5)], [sin(0.5), -cos(0.5)],
    ]
    for points in Self.tasks(distribution, seed: 3).flatMap({ [$0.support, $0.query] }) {
      for point in 0..<points.inputs.rows {
        for label in 0..<4 {
          #expect(points.targets[point, label] == (label == point % 4 ? 1 : 0))
        }
        for axis in 0..<2 {
          #expect(abs(points.inputs[point, axis] - centres[point % 4][axis]) < 1e-15)
        }
      }
    }
  }

  /// The angle belongs to the task: its query set is turned as its support set, other tasks are not.
  @Test func aTaskHasOneAngle() {
    var distribution = RotatedClusters(classes: 3)
    distribution.deviation = 0
    let tasks = Self.tasks(distribution, seed: 5)
    for task in tasks {
      for axis in 0..<2 { #expect(task.support.inputs[0, axis] == task.query.inputs[0, axis]) }
    }
    #expect(tasks[0].support.inputs != tasks[1].support.inputs)
  }

  /// Of one class the points are (1, 0) and noise, whose mean and variance are those that were asked for.
  @Test func theSpreadIsTheDeviation() {
    var distribution = RotatedClusters(classes: 1)
    distribution.angles = 0...0
    var generator = SeededGenerator(seed: 4)
    let points = distribution.task(support: 20_000, query: 1, using: &generator).support.inputs
    for axis in 0..<2 {
      let values = (0..<points.rows).map { points[$0, axis] }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      #expect(abs(mean - (axis == 0 ? 1 : 0)) < 0.01)
      #expect(abs(variance.squareRoot() - 0.3) < 0.01)
    }
  }
}
