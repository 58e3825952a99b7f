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
    let features = inputs.matmul(truth.representation)
    return (self == .linear ? features : features.map { max($0, 0) }).matmul(head)
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
  /// - Throws: `MetaProblemError` if a rate is not finite.
  public func runReLU(
    _ method: Method, seed: UInt64, hiddenLayers: Int, representation: SharedRepresentation,
    testPoints: [Int], testTasks: Int, progress: (Int) -> Void = { _ in }
  ) throws(MetaProblemError) -> (run: Run, risks: [AdaptationRisk]) {
    // Body and head of the linear study are drawn too, so that a seed has one truth and one stream.
    var (truth, body, head, generator) = start(seed: seed)
    let network = ReLUNetwork(
      sizes: [dimension] + Array(repeating: width, count: hiddenLayers) + [1])
    let parameters = network.initialParameters(gain: 1, using: &generator).values
    let shared = SharedTasks(truth: truth, representation: representation)
    func draw(_ count: Int, _ generator: inout SeededGenerator) -> [LearningTask] {
      (0..<count).map { _ in
        let head = shared.head(using: &generator)
        return LearningTask(
          support: shared.points(innerSamples, head, using: &generator),
          query: shared.points(outerSamples, head, using: &generator))
      }
    }
    let problem = try MetaProblem(
      network: network, loss: .halfMeanSquaredError, parameters: parameters, steps: 1,
      learningRate: innerRate, tasks: draw(tasks ?? 25, &generator))
    let trainer = Trainer(
      problem, method, optimizer: AdamOptimizer(rate: outerRate), seed: generator.state,
      threads: threads,
      drawing: tasks == nil ? { draw(25, &$0) } : nil)
    let last = network.parameters.count - 2
    (body, head) = (parameters[0], parameters[last])
    var run = Run(
      method: method, seed: seed, truth: truth, body: body, head: head,
      moment: .identity(dimension))
    train(trainer, &run, progress) { $0[last].norm }
    if run.diverged != nil { return (run, []) }
    let learnt = trainer.parameters
    (run.body, run.head) = (learnt[0], learnt[last])
    generator = SeededGenerator(seed: trainer.state.generatorState)
    var risks: [AdaptationRisk] = []
    for points in testPoints {
      risks += try self.risks(
        problem, learnt, shared, points: points, tasks: testTasks, &generator)
    }
    return (run, risks)
  }

  private func risks(
    _ problem: MetaProblem, _ parameters: Parameters<Matrix>, _ shared: SharedTasks, points: Int,
    tasks: Int, _ generator: inout SeededGenerator
  ) throws(MetaProblemError) -> [AdaptationRisk] {
    let drawn = (0..<tasks).map { _ in
      let head = shared.head(using: &generator)
      return LearningTask(
        support: shared.points(points, head, using: &generator),
        query: shared.points(100, head, noisy: false, using: &generator))
    }
    let adapting = try problem.with(parameters: parameters.values, tasks: drawn).adapting(.head)
    var errors: [AdaptationRisk.Estimate: [Double]] = [
      .oneStep: adapting.losses().map { 2 * $0[1] }
    ]
    for task in drawn {
      func append(_ estimate: AdaptationRisk.Estimate, _ outputs: Matrix) {
        let off = outputs - task.query.targets
        errors[estimate, default: []].append(off.dot(off) / 100)
      }
      let seen = LabelledPoints(
        inputs: features(parameters, task.support.inputs), targets: task.support.targets)
      append(
        .learntRidge,
        features(parameters, task.query.inputs).matmul(ridge(seen, .identity(width))))
      append(.singleTask, task.query.inputs.matmul(ridge(task.support, .identity(dimension))))
    }
    return AdaptationRisk.Estimate.allCases.compactMap { estimate in
      errors[estimate].map {
        AdaptationRisk(points: points, estimate: estimate, errors: $0, closedForm: nil)
      }
    }
  }

  /// What the last layer is given.
  private func features(
    _ parameters: Parameters<Matrix>, _ inputs: Matrix
  ) -> Matrix {
    let body = ReLUNetwork(
      sizes: [dimension] + Array(repeating: width, count: parameters.count / 2 - 1))
    let tape = GradientTape()
    let values = parameters.values.dropLast(2).map { tape.constant($0) }
    return body(tape.constant(inputs), Parameters(body.parameters, values)).relu().value
  }
}

/// Where tasks with a shared representation come from.
private struct SharedTasks {
  let truth: LinearRepresentation
  let representation: SharedRepresentation

  func head(using generator: inout SeededGenerator) -> Matrix {
    let entries = truth.headDeviations.map { $0 * generator.nextGaussian() }
    return Matrix(Shape(entries.count, 1)) { row, _ in entries[row] }
  }

  func points(
    _ count: Int, _ head: Matrix, noisy: Bool = true, using generator: inout SeededGenerator
  ) -> LabelledPoints<Matrix> {
    let inputs = Matrix.gaussian(Shape(count, truth.representation.rows), using: &generator)
    var targets = representation.targets(inputs, truth, head: head)
    if noisy { targets = targets.map { $0 + truth.noise * generator.nextGaussian() } }
    return LabelledPoints(inputs: inputs, targets: targets)
  }
}
