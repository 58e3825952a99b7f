import Tape

/// Welch's test of two samples whose variances need not be equal.
///
/// - Reference: Welch, *The generalization of "Student's" problem when several different population variances are
///   involved* (1947).
package struct WelchTest {
  /// The difference of the means over its standard error.
  package let t: Double
  /// Those of Welch and Satterthwaite: from the smaller of both counts less one to their sum less two.
  package let degreesOfFreedom: Double
  /// One less the one-sided *p*: the confidence that the first mean is greater.
  package let confidence: Double

  /// Compares two samples; nil where one of them has fewer than two numbers, or neither varies.
  package init?(_ first: [Double], _ second: [Double]) {
    if min(first.count, second.count) < 2 { return nil }
    let samples = [SampleMean(first), SampleMean(second)]
    let squares = samples.map { $0.standardError * $0.standardError }
    let square = squares[0] + squares[1]
    if !(square > 0) { return nil }
    t = (samples[0].mean - samples[1].mean) / square.squareRoot()
    let shares = zip(squares, [first, second]).map { part, sample in
      (part / square) * (part / square) / Double(sample.count - 1)
    }
    degreesOfFreedom = 1 / (shares[0] + shares[1])
    confidence = StudentT(degreesOfFreedom: degreesOfFreedom).probability(below: t)
  }
}

/// Student's *t* distribution.
package struct StudentT {
  /// Positive, and not necessarily whole.
  package let degreesOfFreedom: Double

  package init(degreesOfFreedom: Double) { self.degreesOfFreedom = degreesOfFreedom }

  /// The probability of a number below `t`, by the regularised incomplete beta function.
  package func probability(below t: Double) -> Double {
    if t.isInfinite { return t > 0 ? 1 : 0 }
    let (square, half) = (t * t, degreesOfFreedom / 2)
    let (x, rest) = (
      degreesOfFreedom / (degreesOfFreedom + square), square / (degreesOfFreedom + square)
    )
    // xᵃ(1 − x)^½ / B(a, ½), by logarithms since xᵃ may be very small.
    let front =
      scalarExp(half * scalarLog(x)) * rest.squareRoot() * gammaRatio(half) / Self.rootOfPi
    // The continued fraction converges fast on that side of the mean only.
    let isNear = x > (half + 1) / (half + 2.5)
    let both =
      isNear
      ? 1 - 2 * front * Self.continuedFraction(0.5, half, rest)
      : front / half * Self.continuedFraction(half, 0.5, x)
    return t > 0 ? 1 - both / 2 : both / 2
  }

  /// The number below which a value lies with a probability over one half and under one.
  package func quantile(_ probability: Double) -> Double {
    var (low, high) = (0.0, 1.0)
    while self.probability(below: high) < probability { high *= 2 }
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if self.probability(below: middle) < probability { low = middle } else { high = middle }
    }
    return high
  }

  private static let rootOfPi = 3.141592653589793.squareRoot()

  /// Γ(a + ½) / Γ(a), by its recurrence from where its asymptotic series has all digits.
  private func gammaRatio(_ a: Double) -> Double {
    var (a, factor) = (a, 1.0)
    while a < 40 {
      factor *= a / (a + 0.5)
      a += 1
    }
    let terms = [
      1, -1.0 / 8, 1.0 / 128, 5.0 / 1024, -21.0 / 32768, -399.0 / 262144, 869.0 / 4_194_304,
    ]
    return factor * a.squareRoot() * terms.reversed().reduce(0) { $0 / a + $1 }
  }

  /// That of the incomplete beta function without the factor xᵃ(1 − x)ᵇ / (a B(a, b)), by Lentz's method.
  ///
  /// - Reference: Press et al., *Numerical recipes* (1992), section 6.4.
  private static func continuedFraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
    func away(_ value: Double) -> Double { abs(value) < 1e-300 ? 1e-300 : value }
    var (numerator, denominator) = (1.0, 1 / away(1 - (a + b) * x / (a + 1)))
    var fraction = denominator
    for step in 1...10_000 {
      let m = Double(step)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      var change = 1.0
      for coefficient in [even, odd] {
        denominator = 1 / away(1 + coefficient * denominator)
        numerator = away(1 + coefficient / numerator)
        change = numerator * denominator
        fraction *= change
      }
      if abs(change - 1) < 1e-15 { break }
    }
    return fraction
  }
}
