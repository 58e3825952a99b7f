import Meta
import Nets
import Tape

/// The regression function that tasks share a representation of.
public enum SharedRepresentation: String, CaseIterable, Sendable {
  /// y = ⟨w*, B*ᵀx⟩.
  case linear
  /// y = ⟨w*, relu(B*ᵀx)⟩.
  case relu

  fileprivate func targets(
    _ inputs: Matrix, _ truth: LinearRepresentation, head: Matrix
  ) -> Matrix {
    let features = inputs.times(truth.representation)
    return (self == .linear ? features : features.map { max($0, 0) }).times(head)
  }
}

extension OverparametrizationStudy {
  /// Trains a ReLU network instead, and then adapts it to fresh tasks, to see what carries over
  /// from the linear theory.
  ///
  /// Signal and orthogonal are of the first layer's weights, and the norm is that of the last layer's.
  /// Without `tasks`, each outer step draws 25 fresh ones; Adam descends at the outer rate.
  ///
  /// - Parameters:
  ///   - method: What adapts in the inner loop, and the order.
  ///   - seed: What truth, start and tasks follow from.
  ///   - hiddenLayers: How many hidden layers of the study's width.
  ///   - representation: What the tasks share.
  ///   - testPoints: The numbers of points of new tasks.
  ///   - testTasks: How many new tasks are drawn for each.
  ///   - progress: Is told how many outer steps are done.
  /// - Returns: What was learnt (body and head are the first and the last weights), and the mean
  ///   squared errors on new points of new tasks, without their noise.
  /// - Throws: ``MetaProblemError`` if a rate is not finite.
  public func runReLU(
    _ method: Method, seed: UInt64, hiddenLayers: Int, representation: SharedRepresentation,
    testPoints: [Int], testTasks: Int, progress: (Int) -> Void = { _ in }
  ) throws(MetaProblemError) -> (run: Run, risks: [AdaptationRisk]) {
    var (truth, body, head, generator) = start(seed: seed)
    let network = ReLUNetwork(
      sizes: [dimension] + Array(repeating: width, count: hiddenLayers) + [1])
    var parameters = network.initialParameters(gain: 1, using: &generator).values
    func points(_ count: Int, _ head: Matrix, noisy: Bool = true) -> LabelledPoints<Matrix> {
      let inputs = Matrix.gaussian(Shape(count, dimension), using: &generator)
      var targets = representation.targets(inputs, truth, head: head)
      if noisy { targets = targets.map { $0 + truth.noise * generator.nextGaussian() } }
      return LabelledPoints(inputs: inputs, targets: targets)
    }
    func drawHead() -> Matrix {
      let deviations = truth.headDeviations
      return Matrix(Shape(rank, 1)) { row, _ in deviations[row] * generator.nextGaussian() }
    }
    func draw(_ count: Int) -> [LearningTask] {
      (0..<count).map { _ in
        let head = drawHead()
        return LearningTask(support: points(innerSamples, head), query: points(outerSamples, head))
      }
    }
    let evaluator = MetaGradientEvaluator(
      try MetaProblem(
        network: network, loss: .halfMeanSquaredError, parameters: parameters, steps: 1,
        learningRate: innerRate, tasks: draw(tasks ?? 25)), method, threads: threads)
    var adam = AdamOptimizer(
      rate: outerRate, count: parameters.reduce(0) { $0 + $1.shape.count })
    (body, head) = (parameters[0], parameters[parameters.count - 2])
    var run = Run(
      method: method, seed: seed, truth: truth, body: body, head: head,
      moment: .identity(dimension))
    let recorded = recordedSteps
    for step in 0...steps {
      if recorded.contains(step) { record(step, parameters[0], in: &run, head.norm) }
      if step == steps { break }
      if tasks == nil { evaluator.setTasks(draw(25)) }
      evaluator.setParameters(parameters, rate: innerRate)
      var numbers = parameters.flatMap(\.elements)
      adam.step(&numbers, gradient: evaluator.evaluate().gradient.values.flatMap(\.elements))
      parameters = network.matrices(numbers)
      head = parameters[parameters.count - 2]
      progress(step + 1)
      if !numbers.allSatisfy({ abs($0) < 1e8 }) {
        run.diverged = step + 1
        return (run, [])
      }
    }
    (run.body, run.head) = (parameters[0], head)

    var risks: [AdaptationRisk] = []
    for count in testPoints {
      var errors: [AdaptationRisk.Estimate: [Double]] = [:]
      for _ in 0..<testTasks {
        let head = drawHead()
        let (seen, fresh) = (points(count, head), points(100, head, noisy: false))
        func append(_ estimate: AdaptationRisk.Estimate, _ outputs: Matrix) {
          let error = outputs.adding(fresh.targets, scale: -1).elements.reduce(0) { $0 + $1 * $1 }
          errors[estimate, default: []].append(error / 100)
        }
        let (old, new) = (
          features(network, parameters, seen.inputs), features(network, parameters, fresh.inputs)
        )
        let (weights, bias) = (parameters[parameters.count - 2], parameters[parameters.count - 1])
        let residual = old.times(weights).map { $0 + bias[0, 0] }.adding(seen.targets, scale: -1)
        let rate = -innerRate / Double(count)
        let adapted = weights.adding(old.transposed.times(residual), scale: rate)
        let shift = bias[0, 0] + rate * residual.elements.reduce(0, +)
        append(.oneStep, new.times(adapted).map { $0 + shift })
        append(
          .learntRidge,
          new.times(ridge(LabelledPoints(inputs: old, targets: seen.targets), .identity(width))))
        append(.singleTask, fresh.inputs.times(ridge(seen, .identity(dimension))))
      }
      risks += AdaptationRisk.Estimate.allCases.compactMap { estimate in
        errors[estimate].map {
          AdaptationRisk(points: count, estimate: estimate, errors: $0, closedForm: nil)
        }
      }
    }
    return (run, risks)
  }

  private func features(
    _ network: ReLUNetwork, _ parameters: [Matrix], _ inputs: Matrix
  ) -> Matrix {
    var values = inputs
    for layer in 0..<network.sizes.count - 2 {
      let (weights, bias) = (parameters[2 * layer], parameters[2 * layer + 1])
      let sums = values.times(weights)
      values = Matrix(sums.shape) { max(0, sums[$0, $1] + bias[0, $1]) }
    }
    return values
  }
}
