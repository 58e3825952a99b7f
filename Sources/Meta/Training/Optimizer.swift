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

  /// Whether it has seen no gradient, or gradients of so many entries.
  func fits(_ count: Int) -> Bool
}

extension Optimizer {
  /// True: an optimiser that remembers nothing by entry fits all.
  public func fits(_ count: Int) -> Bool { true }
}

/// Gradient descent outside: each entry goes against its gradient, times the rate, or with momentum against the
/// sum of all gradients so far, earlier ones decayed.
public struct SteepestDescent: Optimizer {
  /// The step size.
  public var rate: Double
  /// By how much the velocity is kept in each step; zero for plain descent.
  public let momentum: Double

  private var velocity: [Double] = []

  /// Descends at a rate, which may be changed between steps.
  ///
  /// - Precondition: The momentum is from 0 up to, but not, 1; anything else stops with a message.
  public init(rate: Double, momentum: Double = 0) {
    if !(0..<1).contains(momentum) {
      stop("SteepestDescent: momentum is from 0 up to 1, but is \(momentum)")
    }
    (self.rate, self.momentum) = (rate, momentum)
  }

  /// Moves `parameters` against `gradient`.
  ///
  /// - Precondition: Both have as many entries as in the first step; anything else stops with a message.
  public mutating func step(_ parameters: inout [Double], gradient: [Double]) {
    if parameters.count != gradient.count || !fits(gradient.count) {
      stop("SteepestDescent: \(parameters.count) parameters, but \(gradient.count) slopes")
    }
    if momentum == 0 {
      for index in parameters.indices { parameters[index] -= rate * gradient[index] }
      return
    }
    if velocity.isEmpty { velocity = Array(repeating: 0, count: gradient.count) }
    for index in parameters.indices {
      velocity[index] = momentum * velocity[index] + gradient[index]
      parameters[index] -= rate * velocity[index]
    }
  }

  /// Whether it has seen no gradient, or gradients of so many entries.
  public func fits(_ count: Int) -> Bool { velocity.isEmpty || velocity.count == count }
}

/// One of the optimisers that a training can be asked for by name.
public enum OuterOptimizer: Optimizer {
  /// Adam.
  case adam(AdamOptimizer)
  /// Gradient descent, plain or with momentum.
  case descent(SteepestDescent)

  /// Moves `parameters` against `gradient`, as the optimiser does.
  public mutating func step(_ parameters: inout [Double], gradient: [Double]) {
    switch self {
    case .adam(var optimizer):
      self = .descent(SteepestDescent(rate: 0))  // so that nothing else holds its memory
      optimizer.step(&parameters, gradient: gradient)
      self = .adam(optimizer)
    case .descent(var optimizer):
      self = .descent(SteepestDescent(rate: 0))
      optimizer.step(&parameters, gradient: gradient)
      self = .descent(optimizer)
    }
  }

  /// Whether it has seen no gradient, or gradients of so many entries.
  public func fits(_ count: Int) -> Bool {
    switch self {
    case .adam(let optimizer): optimizer.fits(count)
    case .descent(let optimizer): optimizer.fits(count)
    }
  }
}
