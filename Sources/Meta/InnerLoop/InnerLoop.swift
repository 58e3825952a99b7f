public import Nets
public import Tape

/// Gradient descent, or another rule, on a tape, recorded so that it can be differentiated: the loop by itself,
/// for objectives that are no ``BilevelProblem``.
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
    order.check()
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
    objective: @escaping (Parameters<Variable>) -> Variable
  ) -> Parameters<Variable> {
    let inner = parameters.filter(adaptation.adapts)
    if inner.count == 0 { return parameters }
    let functions = StepFunctions(
      rule: rule, lossName: "support loss",
      loss: { inner, _ in objective(parameters.replacing(inner)) },
      rate: { _, _, _ in rate }, setting: { _, _ in nil })
    let recorded = RecordedSteps(
      functions, from: LoopPoint(startingFrom: inner, rule), outer: [:], on: rate.tape,
      weights: order.weights(of: steps))
    return parameters.replacing(recorded.end.inner)
  }

  /// The derivative paths of the loop on the given parameters, each with the weight that it has.
  public func paths(on parameters: [ParameterDescription]) -> [DerivativePath] {
    order.paths(through: parameters.filter(adaptation.adapts), steps: steps)
  }
}

/// The steps of an inner loop on a tape, one after the other.
struct RecordedSteps {
  let steps: [InnerStep]
  let end: LoopPoint

  /// Records so many steps as there are weights.
  ///
  /// - Parameter weights: By step, the factor on the derivatives of its inner gradients; nil records its two
  ///   ways apart.
  init(
    _ functions: StepFunctions, from start: LoopPoint, outer: Parameters<Variable>,
    on tape: GradientTape, weights: [Double?]
  ) {
    var point = start
    // Where an inner variable starts as an outer one, or as another inner one, an inner gradient is by the
    // variable alone: so it has a line of its own.
    point.inner = start.inner.map(\.onItsOwnLine)
    var steps: [InnerStep] = []
    for (index, weight) in weights.enumerated() {
      tape.from(LoopPart.step(index + 1)) {
        let step = InnerStep(
          functions, from: point, outer: outer, number: StepNumber(index + 1, on: tape),
          weight: weight)
        point = step.end
        steps.append(step)
      }
    }
    (self.steps, end) = (steps, point)
  }
}

extension Parameters {
  /// The same with the values of those of `others` that have their names.
  func replacing(_ others: Parameters) -> Parameters {
    var copy = self
    for (name, value) in zip(others.names, others.values) { copy[name] = value }
    return copy
  }
}
