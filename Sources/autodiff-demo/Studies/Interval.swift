import Studies

/// The mean of independent numbers with its interval of 95 %.
struct Interval {
  let mean, low, high: Double

  /// By Student's distribution, whose quantile is that of the normal one with a series in one over the degrees of
  /// freedom: right to 2 % from four numbers on, to 0.2 % from ten on.
  ///
  /// - Reference: Fisher and Cornish, *The percentile points of distributions having known cumulants* (1960).
  init(_ values: [Double]) {
    let (sample, freedom, z) = (SampleMean(values), Double(values.count - 1), 1.959964)
    let square = z * z
    let first = z * (square + 1) / 4
    let second = z * (5 * square * square + 16 * square + 3) / 96
    let third = z * (3 * square * square * square + 19 * square * square + 17 * square - 15) / 384
    let half =
      (z + first / freedom + second / (freedom * freedom)
        + third / (freedom * freedom * freedom)) * sample.standardError
    self.init(mean: sample.mean, low: sample.mean - half, high: sample.mean + half)
  }

  private init(mean: Double, low: Double, high: Double) {
    (self.mean, self.low, self.high) = (mean, low, high)
  }

  /// The interval of the square root of a positive quantity, of which estimates may be negative.
  var root: Interval {
    func root(_ value: Double) -> Double { max(0, value).squareRoot() }
    return Interval(mean: root(mean), low: root(low), high: root(high))
  }

  /// `0.123 ± 0.045`.
  var text: String { "\(mean.fixed(3)) ± \(((high - low) / 2).fixed(3))" }
  /// `0.12 … 0.34`.
  var ends: String { "\(low.fixed(2)) … \(high.fixed(2))" }
}
