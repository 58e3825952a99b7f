import Meta
import Nets
import Tape

/// How methods learn the representation that linear regressions share, step by step.
///
/// Each outer step draws fresh tasks and descends the meta-gradient that the engine gives, on
/// population losses or on finite samples.
///
/// - Reference: Collins et al., *MAML and ANIL provably learn representations* (2022).
public struct RepresentationStudy: Sendable {
  /// The dimension d of the inputs.
  public var dimension = 20
  /// The rank k of the representation.
  public var rank = 3
  /// Fresh tasks in each outer step.
  public var tasks = 6
  /// The rate α of the inner step.
  public var innerRate = 0.2
  /// The rate β of the outer steps.
  public var outerRate = 0.1
  /// The number of outer steps.
  public var steps = 2000
  /// The deviation μ of the last entry of the heads; the others have 1.
  public var diversity = 1.0
  /// The mean of every entry of the heads.
  public var headMean = 0.0
  /// The sine of the largest principal angle at the start; nil for a random start.
  public var initialDistance: Double?
  /// Points of support and of query set; nil for population losses.
  public var samples: (inner: Int, outer: Int)?
  /// The standard deviation of the noise of samples.
  public var noise = 0.0
  /// How many points of a curve are recorded, beside the first.
  public var records = 100

  /// The study of the paper's setting.
  public init() {}

  /// What one method did from one seed.
  public struct Curve: Codable, Sendable {
    /// The method.
    public let method: Method
    /// The seed from which truth, start and tasks follow; equal for all methods.
    public let seed: UInt64
    /// The outer steps at which the rest was recorded.
    public internal(set) var steps: [Int] = []
    /// The sine of the largest principal angle to the truth; 1 if the columns became dependent.
    public internal(set) var distance: [Double] = []
    /// The cosine between the exact and the first-order meta-gradient of the method's family, at
    /// its own parameters and tasks; nil for joint training, which has but one, and where both are
    /// no more than rounding.
    public internal(set) var cosine: [Double?] = []
    /// The singular values of B, largest first.
    public internal(set) var singularValues: [[Double]] = []
    /// The smallest eigenvalue of Ψ, the mean of wᵢwᵢᵀ over adapted heads: the diversity that drives
    /// the representation in all directions.
    public internal(set) var headDiversity: [Double] = []
    /// The outer step at which a parameter passed all bounds, or nil.
    public internal(set) var diverged: Int?
  }

  /// Trains by one method; equal settings and seeds give equal bits.
  ///
  /// - Precondition: Sizes are positive, the rank is at most the dimension, and half of it where an
  ///   initial distance is asked for; anything else stops with a message.
  /// - Throws: `MetaProblemError` if a rate is not finite.
  public func run(_ method: Method, seed: UInt64) throws(MetaProblemError) -> Curve {
    var generator = SeededGenerator(seed: seed)
    let truth = LinearRepresentation(
      dimension: dimension, rank: rank, noise: noise,
      headDeviations: (1...rank).map { $0 == rank ? diversity : 1 }, headMean: headMean,
      using: &generator)
    let start = [start(truth, using: &generator), Matrix(Shape(rank, 1), repeating: 0)]
    var weights: [Matrix] = []
    func draw(_ generator: inout SeededGenerator) -> [LearningTask] {
      let batch = self.draw(truth, &generator)
      weights = batch.map(\.weights)
      return batch.map(\.task)
    }
    // For its sizes; the trainer draws these tasks again.
    var ahead = generator
    let problem = try MetaProblem(
      network: LinearTwoLayer(inputs: dimension, width: rank, outputs: 1),
      loss: .halfMeanSquaredError, parameters: start, steps: 1, learningRate: innerRate,
      tasks: draw(&ahead))
    let other = method.ofOtherOrder.map { MetaGradientEvaluator(problem, $0) }
    let trainer = Trainer(
      problem, method, optimizer: SteepestDescent(rate: outerRate), seed: generator.state,
      drawing: draw)

    var curve = Curve(method: method, seed: seed)
    // The step after the last one is made for what it tells of the end.
    let outcome = trainer.run(until: steps + 1) { step in
      if step.iteration % max(1, steps / records) == 0 || step.iteration == steps {
        record(step, weights, truth, other, in: &curve)
      }
      return true
    }
    if outcome == .diverged { curve.diverged = trainer.state.iteration }
    return curve
  }

  private func record(
    _ step: TrainingStep, _ weights: [Matrix], _ truth: LinearRepresentation,
    _ other: MetaGradientEvaluator?, in curve: inout Curve
  ) {
    let (body, head) = (step.parameters[0], step.parameters[1])
    curve.steps.append(step.iteration)
    curve.distance.append(subspaceDistance(body, from: truth.representation) ?? 1)
    curve.singularValues.append(body.singularValues)
    curve.headDiversity.append(headDiversity(body, head, weights))
    let isRounding = step.gradient.norm < 1e-12 * body.norm
    curve.cosine.append(
      (isRounding ? nil : step.gradient(by: other, rate: innerRate)).flatMap {
        GradientGap(exact: step.gradient.values, other: $0).cosine
      })
  }

  /// B₀ with αB₀ᵀB₀ = I, at the asked distance from the truth.
  private func start(
    _ truth: LinearRepresentation, using generator: inout SeededGenerator
  ) -> Matrix {
    let random = Matrix.orthonormal(Shape(dimension, rank), using: &generator)
    let scale = 1 / (innerRate > 0 ? innerRate : 1).squareRoot()
    guard let sine = initialDistance else { return random.map { scale * $0 } }
    let inside = truth.representation
    let outside = random - inside.matmul(inside.transposed.matmul(random))
    guard let complement = outside.orthonormalized else {
      stop("RepresentationStudy: no \(rank) directions are orthogonal to \(rank) of \(dimension)")
    }
    let cosine = (1 - sine * sine).squareRoot()
    return Matrix(inside.shape) { scale * (cosine * inside[$0, $1] + sine * complement[$0, $1]) }
  }

  private func draw(
    _ truth: LinearRepresentation, _ generator: inout SeededGenerator
  ) -> [(weights: Matrix, task: LearningTask)] {
    (0..<tasks).map { _ in
      let weights = truth.weights(using: &generator)
      guard let samples else { return (weights, truth.populationTask(weights)) }
      return (
        weights,
        LearningTask(
          support: truth.points(samples.inner, weights, using: &generator),
          query: truth.points(samples.outer, weights, using: &generator))
      )
    }
  }

  /// The smallest eigenvalue of the mean of wᵢwᵢᵀ, with wᵢ = w − αBᵀ(Bw − B*w*) the head after one
  /// step on the population loss.
  private func headDiversity(_ body: Matrix, _ head: Matrix, _ weights: [Matrix]) -> Double {
    let residual = body.matmul(head)
    let adapted = weights.map {
      head - innerRate * body.transposed.matmul(residual - $0)
    }
    let stacked = Matrix(Shape(rank, adapted.count)) { adapted[$1][$0, 0] }
    if adapted.count < rank { return 0 }
    let smallest = stacked.singularValues.last ?? 0
    return smallest * smallest / Double(adapted.count)
  }
}
