import Meta
import Nets
import Tape

/// What a network wider than the shared representation learns, and how it then adapts.
///
/// - Reference: Yüksel, Boursier and Flammarion, *First-order ANIL provably learns representations
///   despite overparametrization* (2024).
public struct OverparametrizationStudy: Sendable {
  /// The dimension d of the inputs.
  public var dimension = 50
  /// The rank k of the representation: the length of the spectrum.
  public var rank: Int { spectrum.count }
  /// The width k′ of the network.
  public var width = 50
  /// Points that the inner step sees.
  public var innerSamples = 20
  /// Points of the query set, where tasks are sampled.
  public var outerSamples = 10
  /// The variance σ² of the noise in targets.
  public var noiseVariance = 4.0
  /// The eigenvalues of Σ*, the covariance of heads.
  public var spectrum = [1.0, 2, 3, 4, 5]
  /// The rate α of the inner step.
  public var innerRate = 0.1
  /// The rate β of the outer steps.
  ///
  /// The head shrinks by 1 − βλ(1 − αλ) a step, with λ an eigenvalue of BᵀB, so β must stay under 8α.
  public var outerRate = 0.4
  /// The number of outer steps.
  public var steps = 10_000
  /// How many tasks are sampled, once; nil for infinitely many.
  public var tasks: Int?
  /// How many threads evaluate sampled tasks.
  public var threads = 1
  /// How many points of a curve are recorded, at most, beside the first.
  public var records = 100

  /// The study of the paper's setting.
  public init() {}

  /// What was learnt.
  public struct Run: Codable, Sendable {
    /// The method.
    public let method: Method
    /// The seed from which truth, start and tasks follow.
    public let seed: UInt64
    /// The outer steps at which the rest was recorded.
    public internal(set) var steps: [Int] = []
    /// The squared singular values of B*ᵀB, largest first.
    public internal(set) var signal: [[Double]] = []
    /// The squared singular values of (I − B*B*ᵀ)B, largest first.
    public internal(set) var orthogonal: [[Double]] = []
    /// ‖Bw‖; of a ReLU network the norm of the last weights.
    public internal(set) var headNorm: [Double] = []
    /// The outer step at which a parameter passed all bounds, or nil.
    public internal(set) var diverged: Int?
    /// The truth B*.
    public internal(set) var truth: LinearRepresentation
    /// B at the end.
    public internal(set) var body: Matrix
    /// w at the end.
    public internal(set) var head: Matrix
    /// What the training tasks tell of the second moment of regression vectors: the mean of
    /// (Xᵀy/m)(Xᵀy/m)ᵀ, by which the method of moments finds the subspace.
    public internal(set) var moment: Matrix
  }

  /// The expected loss of the study's tasks.
  public func expectedLoss(_ truth: LinearRepresentation) -> ExpectedANILLoss {
    let b = truth.representation
    return ExpectedANILLoss(
      covariance: b.matmul(.diagonal(spectrum)).matmul(b.transposed), innerRate: innerRate,
      samples: innerSamples, noiseVariance: noiseVariance)
  }

  /// Draws the truth and a small start, of squared norm under min(1/m, m/R)/α as theory asks.
  public func start(
    seed: UInt64
  ) -> (truth: LinearRepresentation, body: Matrix, head: Matrix, generator: SeededGenerator) {
    var generator = SeededGenerator(seed: seed)
    let truth = LinearRepresentation(
      dimension: dimension, rank: rank, noise: noiseVariance.squareRoot(),
      headDeviations: spectrum.map { $0.squareRoot() }, using: &generator)
    let m = Double(innerSamples)
    let total = spectrum.reduce(0, +) + noiseVariance
    let size = (min(1 / m, m / total) / innerRate).squareRoot() / 2
    let norm = Double(dimension).squareRoot() + Double(width).squareRoot()
    let body = Matrix.gaussian(
      Shape(dimension, width), deviation: size / norm, using: &generator)
    let head = Matrix.gaussian(
      Shape(width, 1), deviation: size / Double(width).squareRoot(), using: &generator)
    return (truth, body, head, generator)
  }

  /// Trains by one method; equal settings and seeds give equal bits, on any number of threads.
  ///
  /// - Precondition: Infinitely many tasks go with ANIL of either order only; anything else stops with
  ///   a message.
  /// - Throws: `MetaProblemError` if a rate is not finite.
  public func run(
    _ method: Method, seed: UInt64, progress: (Int) -> Void = { _ in }
  ) throws(MetaProblemError) -> Run {
    var (truth, body, head, generator) = start(seed: seed)
    let (trainer, moment) = try trainer(method, truth, [body, head], &generator)
    var run = Run(method: method, seed: seed, truth: truth, body: body, head: head, moment: moment)
    train(trainer, &run, progress) { $0[0].matmul($0[1]).norm }
    (run.body, run.head) = (trainer.parameters[0], trainer.parameters[1])
    return run
  }

  /// Makes the study's outer steps, and records some of them.
  ///
  /// - Parameter headNorm: What is recorded as the head's norm.
  func train(
    _ trainer: Trainer<some Optimizer>, _ run: inout Run, _ progress: (Int) -> Void,
    headNorm: (Parameters<Matrix>) -> Double
  ) {
    let recorded = recordedSteps
    let outcome = trainer.run(until: steps) { step in
      if recorded.contains(step.iteration) {
        record(step.iteration, step.parameters, in: &run, headNorm)
      }
      progress(step.iteration + 1)
      return true
    }
    if outcome == .diverged {
      run.diverged = trainer.state.iteration
    } else {
      record(steps, trainer.parameters, in: &run, headNorm)
    }
  }

  /// None, then evenly on a logarithmic scale: what is learnt comes fast, unlearning is slow.
  private var recordedSteps: Set<Int> {
    let growth = scalarLog(Double(steps)) / Double(records)
    return Set((0...records).map { Int(scalarExp(growth * Double($0)).rounded()) } + [0, steps])
  }

  private func record(
    _ step: Int, _ parameters: Parameters<Matrix>, in run: inout Run,
    _ headNorm: (Parameters<Matrix>) -> Double
  ) {
    let body = parameters[0]
    let truth = run.truth.representation
    let inside = truth.transposed.matmul(body)
    let outside = body - truth.matmul(inside)
    run.steps.append(step)
    run.signal.append(inside.singularValues.map { $0 * $0 })
    run.orthogonal.append(outside.singularValues.map { $0 * $0 })
    run.headNorm.append(headNorm(parameters))
  }

  /// What descends the expected loss, or the mean over sampled tasks, and the tasks' moment.
  private func trainer(
    _ method: Method, _ truth: LinearRepresentation, _ start: [Matrix],
    _ generator: inout SeededGenerator
  ) throws(MetaProblemError) -> (Trainer<SteepestDescent>, moment: Matrix) {
    let network = LinearTwoLayer(inputs: dimension, width: width, outputs: 1)
    let optimizer = SteepestDescent(rate: outerRate)
    guard let tasks else {
      if method.adaptation != .head {
        stop("OverparametrizationStudy: \(method.rawValue) on infinitely many tasks")
      }
      let loss = expectedLoss(truth)
      let tape = GradientTape()
      let variables = start.map { tape.input($0) }
      let value = loss(variables[0], variables[1], order: method.order)
      let workspace = Workspace(
        for: Program(
          inputs: variables, outputs: gradient(of: value, wrt: variables) + [value]))
      // E[Xᵀy yᵀX]/m² = (1 + 1/m)M + ((tr M + σ²)/m)I.
      let m = Double(innerSamples)
      let level = (spectrum.reduce(0, +) + noiseVariance) / m
      let moment = loss.covariance.map { (1 + 1 / m) * $0 } + level * .identity(dimension)
      let trainer = Trainer(
        network.parameters, from: TrainingState(start, optimizer: optimizer, seed: 0)
      ) { parameters, _ in
        for (index, value) in parameters.values.enumerated() {
          workspace.setInput(index, to: value)
        }
        workspace.run()
        return (workspace.output(2)[0, 0], [workspace.output(0), workspace.output(1)])
      }
      return (trainer, moment)
    }
    let drawn = (0..<tasks).map { _ in
      truth.task(support: innerSamples, query: outerSamples, using: &generator)
    }
    let problem = try MetaProblem(
      network: network, loss: .halfMeanSquaredError, parameters: start, steps: 1,
      learningRate: innerRate, tasks: drawn)
    var moment = Matrix(Shape(dimension, dimension), repeating: 0)
    for task in drawn {
      let mean = task.support.inputs.transposed.matmul(task.support.targets)
        .map { $0 / Double(innerSamples) }
      moment += (1 / Double(tasks)) * mean.matmul(mean.transposed)
    }
    return (Trainer(problem, method, optimizer: optimizer, threads: threads), moment)
  }
}
