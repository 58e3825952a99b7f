import Tape

/// How an outer step moves the parameters against their gradient.
///
/// An optimiser is a value with all that it remembers, so a training that is written down and read
/// back goes on with the same bits.
public protocol Optimizer: Codable, Equatable, Sendable {
  /// Moves `parameters` against `gradient`, entry by entry.
  ///
  /// - Precondition: Both have as many entries as in the first step; anything else stops.
  mutating func step(_ parameters: inout [Double], gradient: [Double])
}

/// Gradient descent outside: each entry goes against its gradient, times the rate.
public struct SteepestDescent: Optimizer {
  /// The step size.
  public var rate: Double

  /// Descends at a rate, which may be changed between steps.
  public init(rate: Double) { self.rate = rate }

  /// Moves `parameters` against `gradient`.
  ///
  /// - Precondition: Both have as many entries; anything else stops with a message.
  public mutating func step(_ parameters: inout [Double], gradient: [Double]) {
    if parameters.count != gradient.count {
      stop("SteepestDescent: \(parameters.count) parameters, but \(gradient.count) slopes")
    }
    for index in parameters.indices { parameters[index] -= rate * gradient[index] }
  }
}
