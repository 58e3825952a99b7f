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
  public struct Run: Sendable {
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
      covariance: b.times(.diagonal(spectrum)).times(b.transposed), innerRate: innerRate,
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
  /// - Throws: ``MetaProblemError`` if a rate is not finite.
  public func run(
    _ method: Method, seed: UInt64, progress: (Int) -> Void = { _ in }
  ) throws(MetaProblemError) -> Run {
    var (truth, body, head, generator) = start(seed: seed)
    let source = try source(method, truth, body, head, &generator)
    var run = Run(
      method: method, seed: seed, truth: truth, body: body, head: head, moment: source.moment)
    let recorded = recordedSteps
    for step in 0...steps {
      if recorded.contains(step) {
        record(step, body, in: &run, body.times(head).norm)
      }
      if step == steps { break }
      let gradient = source.gradient(body, head)
      body = body.adding(gradient[0], scale: -outerRate)
      head = head.adding(gradient[1], scale: -outerRate)
      progress(step + 1)
      if !(body.elements + head.elements).allSatisfy({ abs($0) < 1e8 }) {
        run.diverged = step + 1
        break
      }
    }
    (run.body, run.head) = (body, head)
    return run
  }

  /// None, then evenly on a logarithmic scale: what is learnt comes fast, unlearning is slow.
  var recordedSteps: Set<Int> {
    let growth = scalarLog(Double(steps)) / Double(records)
    return Set((0...records).map { Int(scalarExp(growth * Double($0)).rounded()) } + [0, steps])
  }

  func record(_ step: Int, _ body: Matrix, in run: inout Run, _ headNorm: Double) {
    let truth = run.truth.representation
    let inside = truth.transposed.times(body)
    let outside = body.adding(truth.times(inside), scale: -1)
    run.steps.append(step)
    run.signal.append(inside.singularValues.map { $0 * $0 })
    run.orthogonal.append(outside.singularValues.map { $0 * $0 })
    run.headNorm.append(headNorm)
  }

  /// The gradient of the expected loss, or of the mean over sampled tasks, and the tasks' moment.
  private func source(
    _ method: Method, _ truth: LinearRepresentation, _ body: Matrix, _ head: Matrix,
    _ generator: inout SeededGenerator
  ) throws(MetaProblemError) -> (gradient: (Matrix, Matrix) -> [Matrix], moment: Matrix) {
    guard let tasks else {
      if method.adaptation != .head {
        stop("OverparametrizationStudy: \(method.rawValue) on infinitely many tasks")
      }
      let loss = expectedLoss(truth)
      let tape = GradientTape()
      let (b, w) = (tape.input(body, named: "B"), tape.input(head, named: "w"))
      let program = Program(
        inputs: [b, w],
        outputs: gradient(of: loss(b, w, order: method.order), wrt: [b, w]))
      let workspace = Workspace(for: program)
      // E[Xᵀy yᵀX]/m² = (1 + 1/m)M + ((tr M + σ²)/m)I.
      let m = Double(innerSamples)
      let level = (spectrum.reduce(0, +) + noiseVariance) / m
      let moment = loss.covariance.map { (1 + 1 / m) * $0 }
        .adding(.identity(dimension), scale: level)
      return (
        { body, head in
          workspace.setInput(0, to: body)
          workspace.setInput(1, to: head)
          workspace.run()
          return [workspace.output(0), workspace.output(1)]
        }, moment
      )
    }
    let drawn = (0..<tasks).map { _ in
      truth.task(support: innerSamples, query: outerSamples, using: &generator)
    }
    let problem = try MetaProblem(
      network: LinearTwoLayer(inputs: dimension, width: width, outputs: 1),
      loss: .halfMeanSquaredError, parameters: [body, head], steps: 1, learningRate: innerRate,
      tasks: drawn)
    let evaluator = MetaGradientEvaluator(problem, method, threads: threads)
    var moment = Matrix(Shape(dimension, dimension), repeating: 0)
    for task in drawn {
      let mean = task.support.inputs.transposed.times(task.support.targets)
        .map { $0 / Double(innerSamples) }
      moment = moment.adding(mean.times(mean.transposed), scale: 1 / Double(tasks))
    }
    let rate = innerRate
    return (
      { body, head in
        evaluator.setParameters([body, head], rate: rate)
        return evaluator.evaluate().gradient.values
      }, moment
    )
  }
}
