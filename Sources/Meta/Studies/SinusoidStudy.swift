import Meta
import Nets
import Tape

/// Few-shot regression on sine waves with a small ReLU network: beyond what linear theory says.
///
/// - Reference: Finn, Abbeel and Levine, *Model-agnostic meta-learning* (2017), section 5.1.
public struct SinusoidStudy: Codable, Equatable, Sendable {
  /// Outer steps.
  public var iterations = 70_000
  /// Tasks in each outer step.
  public var metaBatch = 25
  /// Points of support and of query set in training.
  public var points = 10
  /// Inner steps in training.
  public var innerSteps = 1
  /// The rate α of the inner steps, in training and afterwards.
  public var innerRate = 0.01
  /// The rate of Adam outside.
  public var outerRate = 0.001
  /// The units of each of the two hidden layers.
  public var width = 40
  /// Fresh tasks on which the end is judged.
  public var testTasks = 600
  /// How often the cosines are recorded.
  public var records = 70

  /// The study of the paper's setting.
  public init() {}

  /// A training as far as it has come: all that it needs to go on.
  public struct Training: Equatable, Sendable {
    /// The method.
    public let method: Method
    /// The seed.
    public let seed: UInt64
    /// Where the trainer stands.
    public internal(set) var state: TrainingState<AdamOptimizer>
    /// What was recorded on the way.
    public internal(set) var records: [Record] = []
  }

  /// The gap between exact and first-order meta-gradients at one point of a training.
  public struct Record: Codable, Equatable, Sendable {
    /// The outer step.
    public let iteration: Int
    /// The mean query loss after adaptation on the tasks of this step.
    public let loss: Double
    /// The cosine of all parameters together; nil for joint training.
    public let cosine: Double?
    /// The cosine of each layer's weights and bias.
    public let layers: [Double?]

    fileprivate init(_ step: TrainingStep, other: [Matrix]?) {
      let own = step.gradient.values
      func cosine(_ range: Range<Int>) -> Double? {
        other.flatMap { GradientGap(exact: Array(own[range]), other: Array($0[range])).cosine }
      }
      (iteration, loss, self.cosine) = (step.iteration, step.loss, cosine(own.indices))
      layers = stride(from: 0, to: own.count, by: 2).map { cosine($0..<$0 + 2) }
    }
  }

  private var network: ReLUNetwork { ReLUNetwork(sizes: [1, width, width, 1]) }

  /// The start of a training; equal for all methods of a seed.
  public func start(_ method: Method, seed: UInt64) -> Training {
    var generator = SeededGenerator(seed: seed)
    let parameters = network.initialParameters(using: &generator).values
    return Training(
      method: method, seed: seed,
      state: TrainingState(
        parameters, optimizer: AdamOptimizer(rate: outerRate), seed: generator.state))
  }

  /// Goes on with a training until it has done `iterations` steps, or all of the study.
  ///
  /// Interrupted and resumed, it ends with the same bits as in one go.
  ///
  /// - Parameters:
  ///   - training: Where it stands; it is moved on in place.
  ///   - progress: Is told how many steps are done, after each; if it answers false, the training
  ///     stops there.
  /// - Throws: `MetaProblemError` if parameters have ceased to be finite.
  public func train(
    _ training: inout Training, progress: (Int) -> Bool = { _ in true }
  ) throws(MetaProblemError) {
    let method = training.method
    let waves = Sinusoids()
    func draw(_ generator: inout SeededGenerator) -> [LearningTask] {
      waves.tasks(metaBatch, support: points, query: points, using: &generator)
    }
    // For its sizes; the trainer draws these tasks again.
    var ahead = SeededGenerator(seed: training.state.generatorState)
    let problem = try MetaProblem(
      network: network, loss: .meanSquaredError,
      parameters: network.matrices(training.state.parameters), steps: innerSteps,
      learningRate: innerRate, tasks: draw(&ahead))
    let other = method.ofOtherOrder.map { MetaGradientEvaluator(problem, $0) }
    let trainer = Trainer(problem, method, from: training.state, drawing: draw)
    trainer.bound = .infinity
    let every = max(1, iterations / records)
    let outcome = trainer.run(until: iterations) { step in
      if step.iteration % every == 0 || step.iteration == iterations - 1 {
        training.records.append(Record(step, other: step.gradient(by: other, rate: innerRate)))
      }
      return progress(step.iteration + 1)
    }
    training.state = trainer.state
    if outcome == .diverged {
      throw MetaProblemError(
        "parameters",
        "one is not finite after outer step \(training.state.iteration) of \(method.rawValue)")
    }
  }

  /// Whether a training that was read has the sizes of one of this study.
  public func fits(_ training: Training) -> Bool {
    training.state.fits(
      network.parameters.reduce(0) { $0 + $1.shape.count }, iterations: iterations)
  }

  /// The error on fresh tasks after so many steps of adaptation.
  public struct TestError: Codable, Equatable, Sendable {
    /// The points that were adapted to.
    public let points: Int
    /// The steps of adaptation.
    public let steps: Int
    /// The mean over tasks of the squared error on 100 other points.
    public let mean: Double
    /// The standard error of the mean.
    public let standardError: Double
  }

  /// Judges a training: its errors after 0 to `steps` steps on so many points.
  ///
  /// MAML and joint training adapt all parameters, ANIL the head.
  ///
  /// - Throws: `MetaProblemError` if parameters are not finite.
  public func test(
    _ training: Training, points: Int, steps: Int = 10
  ) throws(MetaProblemError) -> [TestError] {
    try test(
      training, points: points, steps: steps, tasks: testTasks,
      rates: adaptationRates(training, points: points, steps: steps), stream: 0x7E57)
  }

  /// The rates at which a training adapts to new tasks, step by step.
  ///
  /// They are α for as many steps as it was trained with, then the one of α, α/2, … α/64 that is best in
  /// the end on other tasks, 200 at most. Joint training, which has no inner loop, takes the best from
  /// the first step on.
  ///
  /// - Throws: `MetaProblemError` if parameters are not finite.
  public func adaptationRates(
    _ training: Training, points: Int, steps: Int
  ) throws(MetaProblemError) -> [Double] {
    var best: (rates: [Double], error: Double) = ([], .infinity)
    for halvings in 0...6 {
      let rates = (0..<steps).map { step in
        step < innerSteps && training.method != .joint
          ? innerRate : innerRate / Double(1 << halvings)
      }
      let error = try test(
        training, points: points, steps: steps, tasks: min(200, testTasks), rates: rates,
        stream: 0x7C4E)[steps].mean
      if halvings == 0 || error < best.error { best = (rates, error.isFinite ? error : .infinity) }
    }
    return best.rates
  }

  private func test(
    _ training: Training, points: Int, steps: Int, tasks: Int, rates: [Double], stream: UInt64
  ) throws(MetaProblemError) -> [TestError] {
    var generator = SeededGenerator(seed: training.seed &+ stream &+ UInt64(points))
    let tasks = Sinusoids().tasks(tasks, support: points, query: 100, using: &generator)
    let errors = try adapted(training, rates, tasks).losses(steps: steps)
    return (0...steps).map { step in
      let sample = SampleMean(errors.map { $0[step] })
      return TestError(
        points: points, steps: step, mean: sample.mean, standardError: sample.standardError)
    }
  }

  /// The trained network before its adaptation to tasks; joint training, which adapted nothing, adapts all.
  private func adapted(
    _ training: Training, _ rates: [Double], _ tasks: [LearningTask]
  ) throws(MetaProblemError) -> MetaProblem {
    try MetaProblem(
      network: network, loss: .meanSquaredError,
      parameters: network.matrices(training.state.parameters), steps: rates.count,
      learningRate: innerRate, tasks: tasks
    ).with(rates: .byStep(rates.isEmpty ? [innerRate] : rates))
      .adapting(training.method == .joint ? .all : training.method.adaptation)
  }

  /// One task: its points and the network's curve on −5 … 5 after 0, 1 and 10 steps.
  ///
  /// - Throws: `MetaProblemError` if parameters are not finite.
  public func example(
    _ training: Training, points: Int
  ) throws(MetaProblemError) -> (
    support: [(Double, Double)], truth: [(Double, Double)], curves: [[(Double, Double)]]
  ) {
    var generator = SeededGenerator(seed: training.seed &+ 0xF16)
    let count = 100
    var task = Sinusoids().task(support: points, query: count, using: &generator)
    let order = (0..<count).sorted { task.query.inputs[$0, 0] < task.query.inputs[$1, 0] }
    task.query = LabelledPoints(
      inputs: Matrix(Shape(count, 1)) { row, _ in task.query.inputs[order[row], 0] },
      targets: Matrix(Shape(count, 1)) { row, _ in task.query.targets[order[row], 0] })
    func pairs(_ x: Matrix, _ y: Matrix) -> [(Double, Double)] {
      Array(zip(x.elements, y.elements))
    }
    let problem = try adapted(
      training, adaptationRates(training, points: points, steps: 10), [task])
    return (
      pairs(task.support.inputs, task.support.targets),
      pairs(task.query.inputs, task.query.targets),
      [0, 1, 10].map {
        pairs(
          task.query.inputs,
          problem.predictions(for: task.query.inputs, after: task, steps: $0))
      }
    )
  }
}
