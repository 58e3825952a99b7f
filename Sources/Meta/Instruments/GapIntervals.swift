import Nets
import Tape

/// Intervals for the angle between two expected gradients and for the ratio of their lengths, from the
/// gradients of some tasks of the kind.
///
/// The error is a jackknife's: what leaving out one task after another changes, about the figure of all tasks.
/// Lengths are taken by their logarithm, and angles as they are: an angle is a distance of directions, so near
/// 0° or 180° it changes no more than they do, and an interval that reaches an end stops there.
///
/// The noise of few tasks lengthens means and opens angles, which no jackknife sees where there is more of it
/// than of the mean. So the interval extends as far on both sides of a second figure, of squares of means
/// from pairs of different tasks, which noise does not bias. At most three quarters of the square of a sample
/// mean are taken for noise, since without any end the figure would have none either.
///
/// Gradients of tasks have heavy tails, of which a jackknife of some ten draws sees too little: Student's t
/// is taken at 98 % to cover 95.
///
/// - Reference: Efron and Tibshirani, *An introduction to the bootstrap* (1993), chapter 11; Hoeffding, *A class
///   of statistics with asymptotically normal distribution* (1948), section 5, for pairs.
package struct GapIntervals {
  /// In degrees; nil with fewer than three tasks, or if a mean, of all tasks or all but one, is zero or
  /// not finite.
  package let angle: ClosedRange<Double>?
  /// ‖other‖ / ‖exact‖; nil as the angle is.
  package let normRatio: ClosedRange<Double>?

  /// Computes both intervals, which hold the figures of the means.
  ///
  /// - Parameters:
  ///   - means: The means over all tasks.
  ///   - tasks: By task, what ``GapMeans/figures(exact:other:)`` says of it.
  init(_ means: GapMeans, _ tasks: [GapMeans.TaskFigures]) {
    let all = means.figures
    guard tasks.count > 2, all.isFinite, tasks.allSatisfy(\.without.isFinite) else {
      (angle, normRatio) = (nil, nil)
      return
    }
    let count = Double(tasks.count)
    /// The length of the expectation as pairs of different tasks have it, from `least` of the sample mean's up to
    /// all.
    func lengthWithoutNoise(
      _ length: Double, _ deviations: KeyPath<GapMeans.TaskFigures, Double>, least: Double
    ) -> Double {
      let noise = norm(tasks.map { $0[keyPath: deviations] }) / (count * (count - 1)).squareRoot()
      return max(least * length, max(0, (length - noise) * (length + noise)).squareRoot())
    }
    let paired = (
      angle: degrees(
        sum: lengthWithoutNoise(means.sum, \.ofSum, least: all.angle < 90 ? 0.5 : 0),
        difference: lengthWithoutNoise(
          means.difference, \.ofDifference, least: all.angle < 90 ? 0 : 0.5)),
      ratio: all.ratio + scalarLog(lengthWithoutNoise(1, \.ofOther, least: 0.5))
        - scalarLog(lengthWithoutNoise(1, \.ofExact, least: 0.5))
    )
    func ends(_ all: Double, _ paired: Double, _ left: KeyPath<GapMeans.TaskFigures, Double>)
      -> (low: Double, high: Double)
    {
      let squares = tasks.reduce(0) {
        $0 + ($1[keyPath: left] - all) * ($1[keyPath: left] - all)
      }
      let margin = studentQuantile(tasks.count - 1) * (squares * (count - 1) / count).squareRoot()
      return (min(all, paired) - margin, max(all, paired) + margin)
    }
    let angles = ends(all.angle, paired.angle, \.without.angle)
    let ratios = ends(all.ratio, paired.ratio, \.without.ratio)
    angle = max(0, angles.low)...min(180, angles.high)
    normRatio = scalarExp(ratios.low)...min(.greatestFiniteMagnitude, scalarExp(ratios.high))
  }

  /// Computes both intervals from gradients that are all known.
  ///
  /// - Parameters:
  ///   - exact: By task, its gradient.
  ///   - other: By task, the gradient that is compared, of as many entries; anything else stops with a
  ///     message.
  package init(exact: [[Double]], other: [[Double]]) {
    if exact.map(\.count) != other.map(\.count) {
      stop("GapIntervals: \(exact.map(\.count)) entries, but \(other.map(\.count)) of the other")
    }
    let means = GapMeans(exact: mean(exact), other: mean(other), tasks: exact.count)
    self.init(means, zip(exact, other).map { means.figures(exact: $0, other: $1) })
  }
}

/// The means of two gradients over tasks, against which the gradients of one task after another are held: a few
/// figures of each are all that intervals need, so no gradient has to be kept.
struct GapMeans: Sendable {
  /// An angle in degrees, and the logarithm of a ratio of lengths.
  struct Figures: Sendable {
    var angle, ratio: Double
    var isFinite: Bool { angle.isFinite && ratio.isFinite }
  }

  /// What is known of a task.
  struct TaskFigures: Sendable {
    /// The figures of the means over all other tasks.
    var without: Figures
    /// How far the task's gradients are from the means, both in units of the means' lengths; and so for their sum
    /// and their difference.
    var ofExact, ofOther, ofSum, ofDifference: Double
  }

  /// The figures of the means.
  let figures: Figures
  /// The lengths of the sum and of the difference of the means' directions.
  let sum, difference: Double
  private let exact, other: [Double]  // the directions
  private let lengths: (exact: Double, other: Double)
  private let tasks: Double

  init(exact: [Double], other: [Double], tasks: Int) {
    let lengths = (exact: norm(exact), other: norm(other))
    self.exact = exact.map { $0 / lengths.exact }
    self.other = other.map { $0 / lengths.other }
    (self.lengths, self.tasks) = (lengths, Double(tasks))
    sum = norm(zip(self.exact, self.other).map { $0 + $1 })
    difference = norm(zip(self.exact, self.other).map { $0 - $1 })
    figures = Figures(
      angle: degrees(sum: sum, difference: difference),
      ratio: scalarLog(lengths.other) - scalarLog(lengths.exact))
  }

  /// Holds the gradients of a task against the means.
  ///
  /// - Complexity: As many multiply-adds as there are numbers, a few times.
  func figures(exact own: [Double], other ownOther: [Double]) -> TaskFigures {
    // Squares do not overflow: everything is in units of the means' lengths.
    let share = 1 / (tasks - 1)
    var (squareA, squareB, sum, difference) = (0.0, 0.0, 0.0, 0.0)
    var (withoutA, withoutB) = (0.0, 0.0)
    for index in exact.indices {
      let a = exact[index] - own[index] / lengths.exact
      let b = other[index] - ownOther[index] / lengths.other
      squareA += a * a
      squareB += b * b
      sum += (a + b) * (a + b)
      difference += (a - b) * (a - b)
      let (leftA, leftB) = (exact[index] + share * a, other[index] + share * b)
      withoutA += leftA * leftA
      withoutB += leftB * leftB
    }
    let (lengthA, lengthB) = (withoutA.squareRoot(), withoutB.squareRoot())
    var (leftSum, leftDifference) = (0.0, 0.0)
    for index in exact.indices {
      let a = exact[index] + share * (exact[index] - own[index] / lengths.exact)
      let b = other[index] + share * (other[index] - ownOther[index] / lengths.other)
      let (directionA, directionB) = (a / lengthA, b / lengthB)
      leftSum += (directionA + directionB) * (directionA + directionB)
      leftDifference += (directionA - directionB) * (directionA - directionB)
    }
    return TaskFigures(
      without: Figures(
        angle: degrees(sum: leftSum.squareRoot(), difference: leftDifference.squareRoot()),
        ratio: figures.ratio + scalarLog(lengthB) - scalarLog(lengthA)),
      ofExact: squareA.squareRoot(), ofOther: squareB.squareRoot(), ofSum: sum.squareRoot(),
      ofDifference: difference.squareRoot())
  }
}

/// The angle between two directions, from the lengths of their sum and their difference.
private func degrees(sum: Double, difference: Double) -> Double {
  scalarArcTangent(difference, sum) * 360 / .pi
}

/// What Student's t exceeds in size as often as a normal number exceeds `normal`, by default once in fifty times.
///
/// - Reference: Abramowitz and Stegun, *Handbook of mathematical functions* (1964), 26.7.5: to 0.1 % from
///   four degrees of freedom on, 2 % low with two.
package func studentQuantile(
  _ degreesOfFreedom: Int, normal z: Double = 2.3263478740408408
) -> Double {
  let s = z * z
  let terms = [
    z, z * (s + 1) / 4, z * (3 + s * (16 + s * 5)) / 96,
    z * (-15 + s * (17 + s * (19 + s * 3))) / 384,
    z * (-945 + s * (-1920 + s * (1482 + s * (776 + s * 79)))) / 92160,
  ]
  return terms.reversed().reduce(0) { $0 / Double(degreesOfFreedom) + $1 }
}

private func mean(_ vectors: [[Double]]) -> [Double] {
  let sum = vectors.dropFirst().reduce(into: vectors.first ?? []) { sum, vector in
    for (index, entry) in vector.enumerated() { sum[index] += entry }
  }
  return sum.map { $0 / Double(vectors.count) }
}
