public import Nets
public import Tape

/// MAML on linear-quadratic regulators: a gain that is good to descend from.
///
/// Each task is a regulator. Both losses are its cost, recorded exactly, so every route, order and instrument gives exact
/// answers. A gain that does not stabilise a task costs NaN there: a step that leaves the stable gains makes the
/// meta-loss NaN, and each route's meta-gradient with it. ``checkStability()`` says where.
public struct LQRProblem: BilevelProblem {
  /// The tasks: regulators of as many states and inputs each.
  public let regulators: [LinearQuadraticRegulator]
  /// The gain from which the steps descend, *m*×*n*.
  public var gain: Matrix
  /// The number of inner steps.
  public var steps: Int
  /// The rate of the inner steps.
  public var learningRate: Double
  /// The outer variables by which is differentiated: `gain`, `learningRate` or both.
  public var learned = ["gain"]

  /// Creates a problem.
  ///
  /// - Throws: ``MetaProblemError`` with the place where there is no task, sizes differ, a number is not finite, steps
  ///   are negative or more than ``MetaProblem/maximumSteps``, or the gain does not stabilise a task before the first
  ///   step. What comes after it is for ``checkStability()``.
  public init(
    _ regulators: [LinearQuadraticRegulator], gain: Matrix, steps: Int = 1, learningRate: Double
  ) throws(MetaProblemError) {
    guard let first = regulators.first else { throw MetaProblemError("tasks", "there is no task") }
    let shape = Shape(first.inputs, first.states)
    for (index, regulator) in regulators.enumerated() {
      let other = Shape(regulator.inputs, regulator.states)
      if other != shape {
        throw MetaProblemError(
          "tasks[\(index)]", "has \(other) inputs and states, but task 0 has \(shape)")
      }
    }
    if gain.shape != shape {
      throw MetaProblemError("gain", "is \(gain.shape), but inputs and states are \(shape)")
    }
    if let index = gain.elements.firstIndex(where: { !$0.isFinite }) {
      throw MetaProblemError(
        "gain[\(index / gain.columns)][\(index % gain.columns)]",
        "\(gain.elements[index]) is not finite")
    }
    if !(0...MetaProblem.maximumSteps).contains(steps) {
      throw MetaProblemError(
        "adaptation.steps", "\(steps) is not between 0 and \(MetaProblem.maximumSteps)")
    }
    if !learningRate.isFinite {
      throw MetaProblemError("adaptation.learningRate", "\(learningRate) is not finite")
    }
    (self.regulators, self.gain) = (regulators, gain)
    (self.steps, self.learningRate) = (steps, learningRate)
    for (index, regulator) in regulators.enumerated() {
      try Self.check(regulator.spectralRadius(under: gain), task: index, step: 0)
    }
  }

  /// By task, √γ ρ(A − BK) after 0, 1, 2 steps and so on; NaN after the first that is not below one.
  public func spectralRadii() -> [[Double]] {
    let run = InnerRun(self, for: taskData[0])
    return regulators.map { regulator in
      var radii: [Double] = []
      run.run(on: regulator.data, steps: steps) { _, here in
        radii.append(regulator.spectralRadius(under: here.inner["gain"]))
      }
      return radii
    }
  }

  /// Refuses a problem whose steps leave the gains that stabilise its tasks, the last step included.
  ///
  /// - Throws: ``MetaProblemError`` with the task, the first step that does so, and √γ ρ(A − BK) after it.
  public func checkStability() throws(MetaProblemError) {
    for (task, radii) in spectralRadii().enumerated() {
      for (step, radius) in radii.enumerated() { try Self.check(radius, task: task, step: step) }
    }
  }

  private static func check(_ radius: Double, task: Int, step: Int) throws(MetaProblemError) {
    if radius < 1 { return }
    let when = step == 0 ? "before the first step" : "after step \(step)"
    throw MetaProblemError(
      "tasks[\(task)]",
      "the gain does not stabilise it \(when): √γ ρ(A − BK) is \(radius.upToSixDigits), not below 1"
    )
  }

  /// `maml`.
  public var name: String { "maml" }

  /// The gain and the rate.
  public var outer: Parameters<Matrix> { ["gain": gain, "learningRate": Matrix(learningRate)] }

  /// The matrices of each regulator.
  public var taskData: [Parameters<Matrix>] { regulators.map(\.data) }

  /// The gain.
  public func start(_ outer: Parameters<Variable>) -> Parameters<Variable> {
    ["gain": outer["gain"]]
  }

  /// The cost.
  public func innerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable { LinearQuadraticRegulator.cost(of: inner["gain"], in: task) }

  /// The cost.
  public func outerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable { LinearQuadraticRegulator.cost(of: inner["gain"], in: task) }

  /// `cost` and `cost after adaptation`.
  public var lossNames: (inner: String, outer: String) { ("cost", "cost after adaptation") }

  /// Sizes, tasks and steps in a line.
  public var summary: String {
    let first = regulators[0]
    return [
      "task".counted(regulators.count) + " of \("state".counted(first.states)) and "
        + "input".counted(first.inputs),
      "\("inner step".counted(steps)) of rate \(learningRate.upToSixDigits)",
    ].list
  }
}
