import Studies

/// The mean of independent numbers with its interval of 95 %.
struct Interval {
  let mean, low, high: Double

  /// By Student's distribution.
  init(_ values: [Double]) {
    let sample = SampleMean(values)
    self.init(
      mean: sample.mean, low: sample.mean - sample.halfWidth,
      high: sample.mean + sample.halfWidth)
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
