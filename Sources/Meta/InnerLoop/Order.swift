import Nets
import Tape

/// How much of the second-order path a meta-gradient keeps: which inner gradients are differentiated.
public enum Order: Hashable, Sendable {
  /// All of it: the derivative of the adapted parameters is taken in full.
  case exact
  /// Nothing: inner gradients count as constants; `stopGradient` cuts what they depend on.
  case firstOrder
  /// The dial: each inner gradient is differentiated, times λ; 0 is first order, 1 is exact.
  case scaled(by: Double)
  /// Truncation: the last so many inner steps are differentiated, earlier ones count as constants.
  case lastSteps(Int)

  /// The factor on the second-order path of an inner step: 1 keeps it, 0 cuts it.
  ///
  /// - Parameters:
  ///   - step: The inner step, from 1.
  ///   - steps: The number of inner steps.
  public func weight(step: Int, of steps: Int) -> Double {
    switch self {
    case .exact: 1
    case .firstOrder: 0
    case .scaled(by: let factor): factor
    case .lastSteps(let count): step > steps - count ? 1 : 0
    }
  }
}

extension Order {
  /// By step, the factor on its second-order path.
  func weights(of steps: Int) -> [Double] { (0..<steps).map { weight(step: $0 + 1, of: steps) } }

  /// The derivative paths through the inner gradients by some variables, each with its weight.
  func paths(through variables: [ParameterDescription], steps: Int) -> [DerivativePath] {
    weights(of: steps).enumerated().flatMap { index, weight in
      variables.map { DerivativePath(step: index + 1, parameter: $0.name, weight: weight) }
    }
  }

  /// Stops with a message unless a weight is finite and a number of steps not negative.
  func check() {
    switch self {
    case .scaled(by: let factor) where !factor.isFinite:
      stop("InnerLoop: the order is scaled by \(factor)")
    case .lastSteps(let count) where count < 0:
      stop("InnerLoop: the number of last steps is at least 0, but is \(count)")
    default: break
    }
  }
}

extension Order: CustomStringConvertible {
  /// The order in a word or two: `exact`, `first-order`, `λ = 0.5`, `last 2 steps`.
  public var description: String {
    switch self {
    case .exact: "exact"
    case .firstOrder: "first-order"
    case .scaled(by: let factor): "λ = \(factor)"
    case .lastSteps(let count): count == 1 ? "last step" : "last \(count) steps"
    }
  }
}

extension Order: Encodable {
  /// Writes the description.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// A derivative path of a meta-gradient: how the inner gradient by one variable, in one step,
/// depends on what was there before that step.
public struct DerivativePath: Equatable, Sendable, CustomStringConvertible {
  /// The inner step, from 1.
  public let step: Int
  /// The variable by which the inner loss was differentiated.
  public let parameter: String
  /// The factor with which the path counts: 1 if it is kept, 0 if it is cut.
  public let weight: Double

  /// The path as the tape's listing names its source: `inner step 1 / gradient of W`.
  public var description: String {
    "\(LoopPart.step(step)) / \(LoopPart.gradient(of: parameter))"
  }
}
