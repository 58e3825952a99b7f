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

/// Gradient descent, or another rule, that is itself recorded, and so can be differentiated.
///
/// MAML, ANIL and their first-order variants are this loop with different settings; no step of it
/// knows which one it belongs to.
public struct InnerLoop: Sendable {
  /// Which parameters change.
  public let adaptation: Adaptation
  /// How many steps are taken.
  public let steps: Int
  /// How much of the derivatives flows through the inner gradients.
  public let order: Order
  /// How a step moves a parameter along its gradient.
  public let rule: any UpdateRule

  /// Describes an inner loop.
  ///
  /// - Precondition: `steps` is not negative, a weight is finite, a number of last steps is not
  ///   negative; anything else stops with a message.
  public init(
    adapting adaptation: Adaptation, steps: Int, order: Order,
    rule: any UpdateRule = GradientDescent()
  ) {
    if steps < 0 { stop("InnerLoop: steps is at least 0, but is \(steps)") }
    switch order {
    case .scaled(by: let factor) where !factor.isFinite:
      stop("InnerLoop: the order is scaled by \(factor)")
    case .lastSteps(let count) where count < 0:
      stop("InnerLoop: the number of last steps is at least 0, but is \(count)")
    default: break
    }
    self.adaptation = adaptation
    self.steps = steps
    self.order = order
    self.rule = rule
  }

  /// Records the adapted parameters.
  ///
  /// - Parameters:
  ///   - parameters: Where the loop starts.
  ///   - rate: The learning rate, 1×1; a variable, so it can be meta-learned.
  ///   - objective: Records the loss, 1×1, at given parameters; called once a step.
  /// - Returns: The parameters after the last step; those that do not adapt are unchanged.
  /// - Precondition: The objective is 1×1, and the rule keeps shapes; anything else stops with a
  ///   message.
  /// - Reference: Finn, Abbeel and Levine, *Model-agnostic meta-learning* (2017).
  public func adapt(
    _ parameters: Parameters<Variable>, rate: Variable,
    objective: (Parameters<Variable>) -> Variable
  ) -> Parameters<Variable> {
    var point = start(parameters)
    let positions = adaptation.positions(in: parameters.descriptions)
    if positions.isEmpty { return parameters }
    let weights = weights
    for step in stride(from: 1, through: steps, by: 1) {
      rate.tape.from("inner step \(step)") {
        let gradients = innerGradients(point.parameters, positions, objective)
        let weight = weights[step - 1]
        point = moved(
          point,
          along: zip(positions, gradients).map { position, gradient in
            rate.tape.from("gradient of \(parameters.descriptions[position].name)") {
              gradient.keepingDerivatives(by: weight)
            }
          }, rate: rate)
      }
    }
    return point.parameters
  }

  /// The derivative paths of the loop on the given parameters, each with the weight that it has.
  public func paths(on parameters: [ParameterDescription]) -> [DerivativePath] {
    let positions = adaptation.positions(in: parameters)
    return weights.enumerated().flatMap { index, weight in
      positions.map {
        DerivativePath(step: index + 1, parameter: parameters[$0].name, weight: weight)
      }
    }
  }

  /// By step, the factor on its second-order path.
  var weights: [Double] { (0..<steps).map { order.weight(step: $0 + 1, of: steps) } }
}

// MARK: - One step

/// Where an inner loop stands: the parameters, and what its rule remembers of the adapted ones.
struct LoopPoint {
  var parameters: Parameters<Variable>
  /// By adapted parameter, what the rule remembers of it.
  var state: [[Variable]]
}

extension InnerLoop {
  /// Where the loop starts.
  func start(_ parameters: Parameters<Variable>) -> LoopPoint {
    LoopPoint(
      parameters: parameters,
      state: adaptation.positions(in: parameters.descriptions).map { position in
        (0..<rule.stateCount).map { _ in
          parameters[position].tape.constant(Matrix(parameters[position].shape, repeating: 0))
        }
      })
  }

  /// The gradients of the support loss by the parameters in `positions`.
  func innerGradients(
    _ parameters: Parameters<Variable>, _ positions: [Int],
    _ objective: (Parameters<Variable>) -> Variable
  ) -> [Variable] {
    let loss = parameters[0].tape.from("support loss") { objective(parameters) }
    return gradient(of: loss, wrt: positions.map { parameters[$0] })
  }

  /// The point after a step of the rule along `gradients`, one for each adapted parameter.
  func moved(_ point: LoopPoint, along gradients: [Variable], rate: Variable) -> LoopPoint {
    var moved = point
    let descriptions = point.parameters.descriptions
    for (index, position) in adaptation.positions(in: descriptions).enumerated() {
      rate.tape.from("update of \(descriptions[position].name)") {
        let before = point.parameters[position]
        let after = rule.step(
          from: before, along: gradients[index], rate: rate, state: &moved.state[index])
        let shapes = [after.shape] + moved.state[index].map(\.shape)
        if shapes != Array(repeating: before.shape, count: rule.stateCount + 1) {
          stop(
            "\(rule): a step from \(before.shape) with \(rule.stateCount) of state gives \(shapes)")
        }
        moved.parameters[position] = after
      }
    }
    return moved
  }
}

extension Variable {
  /// The same value, with its derivatives multiplied by `weight`: cut at 0, untouched at 1.
  fileprivate func keepingDerivatives(by weight: Double) -> Variable {
    switch weight {
    case 1: return self
    case 0: return stopGradient()
    default:
      // The difference is zero, so that the value does not change by a bit.
      let constant = stopGradient()
      return constant + weight * (self - constant)
    }
  }
}
