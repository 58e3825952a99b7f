public import Nets
public import Tape

/// Which parameters an inner loop changes.
public enum Adaptation: String, Sendable {
  /// Every parameter, as in MAML.
  case all
  /// Those of the head, as in ANIL.
  case head
  /// None, as in joint training.
  case nothing

  /// The positions of the parameters that change.
  func positions(in parameters: [ParameterDescription]) -> [Int] {
    parameters.indices.filter { position in
      switch self {
      case .all: true
      case .head: parameters[position].role == .head
      case .nothing: false
      }
    }
  }
}

/// Gradient descent that is itself recorded, and so can be differentiated.
///
/// MAML, ANIL and their first-order variants are this loop with different settings; no step of it
/// knows which one it belongs to.
public struct InnerLoop: Equatable, Sendable {
  /// Which parameters change.
  public let adaptation: Adaptation
  /// How many steps are taken.
  public let steps: Int
  /// Whether derivatives flow through the inner gradients.
  public let order: Order

  /// Describes an inner loop.
  ///
  /// - Precondition: `steps` is not negative; anything else stops with a message.
  public init(adapting adaptation: Adaptation, steps: Int, order: Order) {
    if steps < 0 { stop("InnerLoop: steps is at least 0, but is \(steps)") }
    self.adaptation = adaptation
    self.steps = steps
    self.order = order
  }

  /// Records the adapted parameters.
  ///
  /// - Parameters:
  ///   - parameters: Where the loop starts.
  ///   - rate: The learning rate, 1×1; a variable, so it can be meta-learned.
  ///   - objective: Records the loss, 1×1, at given parameters; called once a step.
  /// - Returns: The parameters after the last step; those that do not adapt are unchanged.
  /// - Precondition: The objective is 1×1; anything else stops with a message.
  /// - Reference: Finn, Abbeel and Levine, *Model-agnostic meta-learning* (2017).
  public func adapt(
    _ parameters: Parameters<Variable>, rate: Variable,
    objective: (Parameters<Variable>) -> Variable
  ) -> Parameters<Variable> {
    var adapted = parameters
    let positions = adaptation.positions(in: parameters.descriptions)
    if positions.isEmpty { return adapted }

    // Once, so that the way back has one product less a parameter and step.
    let descent = rate.tape.from("inner loop") { -rate }
    for step in 0..<steps {
      let current = adapted
      rate.tape.from("inner step \(step + 1)") {
        let loss = rate.tape.from("support loss") { objective(current) }
        let gradients = gradient(of: loss, wrt: positions.map { current[$0] })
        for (position, inner) in zip(positions, gradients) {
          let name = parameters.descriptions[position].name
          let kept = rate.tape.from("gradient of \(name)") {
            order == .exact ? inner : inner.stopGradient()
          }
          adapted[position] = rate.tape.from("update of \(name)") {
            current[position] + descent * kept
          }
        }
      }
    }
    return adapted
  }
}

/// A derivative path that first order leaves out: how an inner gradient depends on the parameters.
public struct DerivativeCut: Equatable, Sendable, CustomStringConvertible {
  /// The inner step, from 1.
  public let step: Int
  /// The parameter whose inner gradient counts as a constant.
  public let parameter: String

  /// The cut as the tape's listing names its source.
  public var description: String { "inner step \(step) / gradient of \(parameter)" }
}

extension InnerLoop {
  /// The derivative paths that the loop cuts on the given parameters; none if it is exact.
  public func cuts(on parameters: [ParameterDescription]) -> [DerivativeCut] {
    if order == .exact { return [] }
    return (0..<steps).flatMap { step in
      adaptation.positions(in: parameters).map {
        DerivativeCut(step: step + 1, parameter: parameters[$0].name)
      }
    }
  }
}
