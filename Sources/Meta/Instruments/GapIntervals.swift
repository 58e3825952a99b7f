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

  /// Computes both intervals, which hold the figures of the sample.
  ///
  /// - Parameters:
  ///   - exact: By task, its gradient.
  ///   - other: By task, the gradient that is compared, of as many entries; anything else stops with a
  ///     message.
  /// - Complexity: As many multiply-adds as there are numbers, a few times.
  package init(exact: [[Double]], other: [[Double]]) {
    if exact.map(\.count) != other.map(\.count) {
      stop("GapIntervals: \(exact.map(\.count)) entries, but \(other.map(\.count)) of the other")
    }
    let means = (mean(exact), mean(other))
    let lengths = (norm(means.0), norm(means.1))
    func angle(_ sum: Double, _ difference: Double) -> Double {
      scalarArcTangent(difference, sum) * 360 / .pi
    }
    /// Angle and logarithm of the ratio, of two means.
    func figures(_ a: [Double], _ b: [Double]) -> (angle: Double, ratio: Double) {
      let (lengthA, lengthB) = (norm(a), norm(b))
      let directions = zip(a, b).map { ($0 / lengthA, $1 / lengthB) }
      return (
        angle(norm(directions.map { $0 + $1 }), norm(directions.map { $0 - $1 })),
        scalarLog(lengthB) - scalarLog(lengthA)
      )
    }
    let count = Double(exact.count)
    func without(_ own: [Double], _ mean: [Double]) -> [Double] {
      zip(own, mean).map { $1 + ($1 - $0) / (count - 1) }
    }
    let all = figures(means.0, means.1)
    let left = zip(exact, other).map { figures(without($0, means.0), without($1, means.1)) }
    guard count > 2, ([all] + left).allSatisfy({ $0.angle.isFinite && $0.ratio.isFinite }) else {
      (self.angle, normRatio) = (nil, nil)
      return
    }

    let directions = zip(exact, other).map { exact, other in
      (exact.map { $0 / lengths.0 }, other.map { $0 / lengths.1 })
    }
    let sums = directions.map { zip($0.0, $0.1).map { $0 + $1 } }
    let differences = directions.map { zip($0.0, $0.1).map { $0 - $1 } }
    let paired = (
      angle: angle(
        lengthWithoutNoise(sums, least: all.angle < 90 ? 0.5 : 0),
        lengthWithoutNoise(differences, least: all.angle < 90 ? 0 : 0.5)),
      ratio: all.ratio + scalarLog(lengthWithoutNoise(directions.map(\.1), least: 0.5))
        - scalarLog(lengthWithoutNoise(directions.map(\.0), least: 0.5))
    )
    func ends(_ all: Double, _ paired: Double, _ left: [Double]) -> (low: Double, high: Double) {
      let squares = left.reduce(0) { $0 + ($1 - all) * ($1 - all) }
      let margin = studentQuantile(exact.count - 1) * (squares * (count - 1) / count).squareRoot()
      return (min(all, paired) - margin, max(all, paired) + margin)
    }
    let angles = ends(all.angle, paired.angle, left.map(\.angle))
    let ratios = ends(all.ratio, paired.ratio, left.map(\.ratio))
    self.angle = max(0, angles.low)...min(180, angles.high)
    normRatio = scalarExp(ratios.low)...min(.greatestFiniteMagnitude, scalarExp(ratios.high))
  }
}

/// The length of the expectation as pairs of different tasks have it, from `least` of the sample mean's up to all.
private func lengthWithoutNoise(_ vectors: [[Double]], least: Double) -> Double {
  let count = Double(vectors.count)
  let mean = mean(vectors)
  let length = norm(mean)
  let noise =
    norm(vectors.map { norm(zip($0, mean).map { $0 - $1 }) }) / (count * (count - 1)).squareRoot()
  return max(least * length, max(0, (length - noise) * (length + noise)).squareRoot())
}

/// What Student's t exceeds in size once in fifty times.
///
/// - Reference: Abramowitz and Stegun, *Handbook of mathematical functions* (1964), 26.7.5: to 0.1 % from
///   four degrees of freedom on, 2 % low with two.
private func studentQuantile(_ degreesOfFreedom: Int) -> Double {
  let z = 2.3263478740408408
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
