import Meta
import Nets
import Tape

/// An inner loop of which every number is known by hand.
///
/// One weight w starts at 1.5. A step of rate 0.1 on ½(2w − 1)² makes it 0.6w + 0.2, so after K steps
/// it is 0.5 + 0.6ᴷ, and the meta-loss is half its square.
enum SmallProblem {
  static let start = 1.5
  static let rate = 0.1
  /// By how much a step shrinks a change of w: 1 − rate · curvature.
  static let factor = 0.6

  /// The weight after so many steps.
  static func adapted(_ steps: Int) -> Double { 0.5 + product(steps) }

  /// 0.6 to the power of the steps.
  static func product(_ steps: Int) -> Double {
    (0..<steps).reduce(1) { power, _ in power * factor }
  }

  /// The meta-loss in plain Swift, for differences.
  static func metaLoss(_ points: [Matrix], steps: Int) -> Double {
    let weight = (0..<steps).reduce(points[0].elements[0]) { weight, _ in
      weight - rate * 2 * (2 * weight - 1)
    }
    return 0.5 * weight * weight
  }

  /// Holds a slope that is claimed against differences of the meta-loss.
  static func check(_ claimed: Double, steps: Int) -> DerivativeCheck {
    var generator = SeededGenerator(seed: 1)
    return checkGradient(
      [Matrix(claimed)], of: { metaLoss($0, steps: steps) }, at: [Matrix(start)],
      using: &generator)
  }

  /// The support loss on a tape.
  static func supportLoss(_ weight: Variable) -> Variable {
    let residual = 2 * weight - 1
    return 0.5 * (residual * residual)
  }

  /// The inner loop as one writes it by hand, up to the meta-loss.
  ///
  /// - Parameters:
  ///   - handOver: What is done to the weight between two steps.
  ///   - use: What is done to an inner gradient before the step along it.
  static func record(
    from weight: Variable, steps: Int, handOver: (Variable) -> Variable = { $0 },
    use: (Variable) -> Variable = { $0 }
  ) -> Variable {
    var weight = weight
    for step in 0..<steps {
      if step > 0 { weight = handOver(weight) }
      weight = weight - rate * use(gradient(of: supportLoss(weight), wrt: weight))
    }
    return 0.5 * (weight * weight)
  }

  /// The same as a problem of the library.
  static func problem(steps: Int) throws -> MetaProblem {
    try MetaProblem(
      network: LinearModel(inputs: 1), loss: .halfMeanSquaredError, parameters: [Matrix(start)],
      steps: steps, learningRate: rate,
      tasks: [
        LearningTask(
          support: LabelledPoints(inputs: Matrix(2), targets: Matrix(1)),
          query: LabelledPoints(inputs: Matrix(1), targets: Matrix(0)))
      ])
  }
}
