import Tape

/// The optimiser Adam, over all parameters as one list of numbers.
///
/// - Reference: Kingma and Ba, *Adam: a method for stochastic optimization* (2015), algorithm 1.
public struct AdamOptimizer: Optimizer {
  /// The step size.
  public var rate: Double
  /// By how much the mean gradient is kept in each step.
  public var meanDecay = 0.9
  /// By how much the mean square is kept.
  public var squareDecay = 0.999
  /// What keeps the quotient finite.
  public var epsilon = 1e-8

  private var mean: [Double]
  private var square: [Double]
  private var meanPower = 1.0
  private var squarePower = 1.0

  /// Starts with no gradient seen.
  ///
  /// - Parameters:
  ///   - rate: The step size.
  ///   - count: How many numbers it is for; by default as many as the first gradient has.
  public init(rate: Double, count: Int = 0) {
    self.rate = rate
    mean = Array(repeating: 0, count: count)
    square = mean
  }

  /// Whether it has seen no gradient, or gradients of so many entries.
  public func fits(_ count: Int) -> Bool {
    (mean.isEmpty || mean.count == count) && square.count == mean.count
  }

  /// Moves `parameters` against `gradient`.
  ///
  /// - Precondition: Both are as long as was said, or as in the first step; anything else stops with a
  ///   message.
  public mutating func step(_ parameters: inout [Double], gradient: [Double]) {
    if mean.isEmpty {
      mean = Array(repeating: 0, count: gradient.count)
      square = mean
    }
    if parameters.count != mean.count || gradient.count != mean.count {
      stop(
        "AdamOptimizer: \(parameters.count) parameters and \(gradient.count) slopes for \(mean.count)"
      )
    }
    meanPower *= meanDecay
    squarePower *= squareDecay
    for index in mean.indices {
      let slope = gradient[index]
      mean[index] = meanDecay * mean[index] + (1 - meanDecay) * slope
      square[index] = squareDecay * square[index] + (1 - squareDecay) * slope * slope
      let scale = (square[index] / (1 - squarePower)).squareRoot() + epsilon
      parameters[index] -= rate * mean[index] / (1 - meanPower) / scale
    }
  }
}
