/// The mean of independent numbers, and how far off it may be.
package struct SampleMean {
  package let mean: Double
  package let standardError: Double
  private let count: Int

  package init(_ values: [Double]) {
    count = values.count
    let count = Double(max(1, count))
    let mean = values.reduce(0, +) / count
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    self.mean = mean
    standardError = (squares / max(1, count - 1) / count).squareRoot()
  }

  /// Half the width of the interval of 95 %, by Student's distribution; zero for a single number.
  package var halfWidth: Double {
    StudentT(degreesOfFreedom: Double(max(1, count - 1))).quantile(0.975) * standardError
  }
}
