import Nets
import Tape

/// Intervals for the angle between two expected gradients and for the ratio of their lengths, from the
/// gradients of some tasks of the kind.
///
/// Both figures are one thing: the square root of a ratio N / M of quantities that are quadratic in means.
/// For lengths these are the squared norms; for the angle φ between the means a and b, ‖a‖‖b‖ − a·b and
/// ‖a‖‖b‖ + a·b, the ratio being tan²(φ/2), which has no end at 0° or 180°. Tasks enter in two ways:
///
/// - With N and M of the sample means, log √(N/M) has the error of a jackknife over tasks.
/// - The noise of few tasks lengthens means and opens angles, up to where the population's angle is not
///   even near. So N and M are also estimated without it, from pairs of different tasks, and every ratio
///   τ is kept that (N − τM), studentised by its jackknife, does not refute.
///
/// The interval holds what either keeps, as far as it is possible: if the expected directions differ by no more
/// than their sample does, error included, and none is shorter than half of the sample mean. Else there
/// would be no end as soon as the exact mean may be zero, even where every task has both gradients alike.
/// Gradients of tasks have heavy tails, and a jackknife of some ten
/// draws from those covers less than Student's t promises; so t is taken at 99 % to cover 95.
///
/// - Reference: Efron and Tibshirani, *An introduction to the bootstrap* (1993), chapter 11 for the
///   jackknife; Hoeffding, *A class of statistics with asymptotically normal distribution* (1948), section 5
///   for means over pairs of different tasks; Fieller, *Some problems in interval estimation* (1954) for ratios
///   by inverting a test.
package struct GapIntervals {
  /// In degrees; nil with fewer than three tasks, or if a gradient is zero or not finite.
  package let angle: ClosedRange<Double>?
  /// ‖other‖ / ‖exact‖; nil as the angle is.
  package let normRatio: ClosedRange<Double>?

  /// Computes both intervals.
  ///
  /// - Parameters:
  ///   - exact: By task, its gradient.
  ///   - other: By task, the gradient that is compared, of as many entries; anything else stops with a
  ///     message.
  /// - Complexity: As many multiply-adds as there are numbers, a few times, and O(1) for each task.
  package init(exact: [[Double]], other: [[Double]]) {
    if exact.map(\.count) != other.map(\.count) {
      stop("GapIntervals: \(exact.map(\.count)) entries, but \(other.map(\.count)) of the other")
    }
    let lengths = (norm(mean(exact)), norm(mean(other)))
    guard exact.count > 2, lengths.0 > 0, lengths.1 > 0, lengths.0.isFinite, lengths.1.isFinite
    else {
      (angle, normRatio) = (nil, nil)
      return
    }
    // Sums and differences of the directions keep the digits of small angles.
    let directions = zip(exact, other).map { exact, other in
      (exact.map { $0 / lengths.0 }, other.map { $0 / lengths.1 })
    }
    let sums = directions.map { zip($0.0, $0.1).map { $0 + $1 } }
    let differences = directions.map { zip($0.0, $0.1).map { $0 - $1 } }
    let products = [(sums, sums), (sums, differences), (differences, differences)]
      .map { MeanProduct($0.0, $0.1) }
    func interval(_ fraction: ([Double]) -> Fraction) -> (low: Double, high: Double) {
      let samples = (0...exact.count).map { left in
        (
          plain: fraction(products.map { $0.plain[left] }),
          paired: fraction(products.map { $0.paired[left] })
        )
      }
      return keptLogarithms(plain: samples.map(\.plain), paired: samples.map(\.paired))
    }
    let angles = interval(Fraction.squaredTangent)
    let ratios = interval(Fraction.squaredRatio)
    // How far apart the expected directions are at most, relative to the shorter one.
    let apart = mean(differences)
    let scatter = norm(differences.map { norm(zip($0, apart).map { $0 - $1 }) })
    let count = Double(exact.count)
    let error = studentQuantile99(exact.count - 1) * scatter / (count * (count - 1)).squareRoot()
    let farthest = (norm(apart) + error) / 0.5
    let sine = min(1, farthest / 2)
    func degrees(_ logarithm: Double) -> Double {
      360 / .pi
        * min(
          scalarArcTangent(scalarExp(logarithm), 1),
          scalarArcTangent(sine, (1 - sine * sine).squareRoot()))
    }
    angle = degrees(angles.low)...degrees(angles.high)
    let ratio = lengths.1 / lengths.0
    normRatio =
      ratio * max(scalarExp(ratios.low), 1 / (1 + farthest))...ratio
      * min(scalarExp(ratios.high), 1 + farthest)
  }
}

/// The product of two means over tasks: of all tasks first, then with each task left out.
private struct MeanProduct {
  /// The product of the sample means.
  let plain: [Double]
  /// The mean product of different tasks, free of the bias by noise.
  let paired: [Double]

  init(_ a: [[Double]], _ b: [[Double]]) {
    let count = Double(a.count)
    let (meanA, meanB) = (mean(a), mean(b))
    let own = zip(a, b).map(dot)
    let crossed = zip(a, b).map { count * (dot($0, meanB) + dot($1, meanA)) }
    let (total, ownTotal) = (count * count * dot(meanA, meanB), own.reduce(0, +))
    let totals = [total] + zip(own, crossed).map { total - $1 + $0 }
    let owns = [ownTotal] + own.map { ownTotal - $0 }
    let counts = [count] + Array(repeating: count - 1, count: a.count)
    plain = zip(totals, counts).map { $0 / ($1 * $1) }
    paired = zip(zip(totals, owns), counts).map { ($0.0 - $0.1) / ($1 * ($1 - 1)) }
  }
}

/// N and M, whose ratio is the square of a figure.
private struct Fraction {
  let numerator: Double
  let denominator: Double

  /// tan²(φ/2), from products of sum and difference, s·s, s·d and d·d.
  static func squaredTangent(_ products: [Double]) -> Fraction {
    let (ss, sd, dd) = (products[0], products[1], products[2])
    let lengths = squaredRatio(products)
    guard lengths.numerator > 0, lengths.denominator > 0 else {
      // Without noise a mean may be estimated as zero: then ‖a‖‖b‖ is.
      return Fraction(numerator: (dd - ss) / 4, denominator: (ss - dd) / 4)
    }
    // ‖a‖ − ‖b‖, which would round if it were subtracted.
    let excess = sd / (lengths.numerator.squareRoot() + lengths.denominator.squareRoot())
    return Fraction(
      numerator: (dd - excess * excess) / 2, denominator: (ss - excess * excess) / 2)
  }

  /// ‖b‖² / ‖a‖².
  static func squaredRatio(_ products: [Double]) -> Fraction {
    let (ss, sd, dd) = (products[0], products[1], products[2])
    return Fraction(numerator: (ss - 2 * sd + dd) / 4, denominator: (ss + 2 * sd + dd) / 4)
  }

  /// Half the logarithm of the ratio, within ±`reach`.
  var logarithm: Double {
    let end = scalarExp(-2 * Self.reach) * (abs(numerator) + abs(denominator))
    return 0.5 * (scalarLog(max(numerator, end)) - scalarLog(max(denominator, end)))
  }

  /// Beyond it logarithms stand for zero and infinity: e⁻³⁵ is below the rounding of an angle.
  static let reach = 35.0
}

/// The logarithms that the samples, of all tasks first and then with each left out, do not refute.
private func keptLogarithms(plain: [Fraction], paired: [Fraction]) -> (low: Double, high: Double) {
  let quantile = studentQuantile99(plain.count - 2)
  /// How much of a figure, of all tasks first, its error leaves over on one side.
  func margin(_ figures: [Double]) -> Double {
    let left = figures.dropFirst()
    let count = Double(left.count)
    let mean = left.reduce(0, +) / count
    let squares = left.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return quantile * (squares * (count - 1) / count).squareRoot()
  }
  let logarithms = plain.map(\.logarithm)
  let error = margin(logarithms)
  /// N − τM at a ratio, relative to how large both are with the noise.
  func excess(_ logarithm: Double) -> [Double] {
    let (n, m) = (
      1 / (1 + scalarExp(2 * logarithm)), 1 / (1 + scalarExp(-2 * logarithm))
    )
    return zip(paired, plain).map { paired, plain in
      let size = n * max(0, plain.numerator) + m * max(0, plain.denominator)
      return (n * paired.numerator - m * paired.denominator) / max(size, .leastNormalMagnitude)
    }
  }
  func end(_ side: Double) -> Double {
    func isKept(_ logarithm: Double) -> Bool {
      let figures = excess(logarithm)
      return -side * figures[0] <= margin(figures)
    }
    var (kept, refuted) = (paired[0].logarithm, side * Fraction.reach)
    if isKept(refuted) { return side * .infinity }
    while abs(refuted - kept) > 1e-12 * max(1, abs(kept)) {
      let middle = (kept + refuted) / 2
      if isKept(middle) { kept = middle } else { refuted = middle }
    }
    return kept
  }
  return (min(logarithms[0] - error, end(-1)), max(logarithms[0] + error, end(1)))
}

/// What Student's t exceeds in size once in a hundred times.
///
/// - Reference: Abramowitz and Stegun, *Handbook of mathematical functions* (1964), 26.7.5: to 0.3 % from
///   four degrees of freedom on, 4 % low with two.
private func studentQuantile99(_ degreesOfFreedom: Int) -> Double {
  let z = 2.5758293035489004
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
