/// The mean of independent numbers, and how far off it may be.
package struct SampleMean {
  package let mean: Double
  package let standardError: Double

  package init(_ values: [Double]) {
    let count = Double(max(1, values.count))
    let mean = values.reduce(0, +) / count
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    self.mean = mean
    standardError = (squares / max(1, count - 1) / count).squareRoot()
  }
}
