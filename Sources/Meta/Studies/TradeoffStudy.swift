import Meta
import Nets
import Tape

/// Joint training against MAML on random linear regression: modelling error, estimation error and
/// optimisation error.
///
/// - Reference: Gao and Sener, *Modeling and optimization trade-off in meta-learning* (2020).
public struct TradeoffStudy: Sendable {
  /// The distribution of tasks.
  public var tasks = RandomRegression(dimension: 1, scale: 2)
  /// How many samples of tasks are drawn for each cell of the map.
  public var trials = 1000
  /// The numbers of tasks M, and of points N of each half, of the map.
  public var counts = [1, 2, 5, 10, 25, 50, 100, 200, 400]
  /// Tasks in each step of stochastic training.
  public var batch = 10
  /// Points of each half in stochastic training.
  public var points = 10
  /// Steps of stochastic training by joint training; MAML takes half as many, each twice as dear.
  public var steps = 400
  /// How many stochastic runs are averaged.
  public var repeats = 20

  /// The study of the paper's setting.
  public init() {}

  /// A cell of the map: how often MAML's solution has the lower expected loss.
  public struct Cell: Codable, Sendable {
    /// The inner rate.
    public let innerRate: Double
    /// The tasks M that both were solved on.
    public let tasks: Int
    /// The points N of each half.
    public let samples: Int
    /// The share of trials in which MAML's expected loss before adaptation is below joint training's.
    public let before: Double
    /// The same after one step on N points.
    public let after: Double

    /// Collects a cell.
    public init(innerRate: Double, tasks: Int, samples: Int, before: Double, after: Double) {
      (self.innerRate, self.tasks, self.samples) = (innerRate, tasks, samples)
      (self.before, self.after) = (before, after)
    }
  }

  /// One cell for each rate; all share their draws.
  public func cells(rates: [Double], tasks count: Int, samples: Int, seed: UInt64) -> [Cell] {
    var generator = SeededGenerator(
      seed: seed &+ 1_000_003 &* UInt64(count) &+ 7919 &* UInt64(samples))
    let theories = rates.map { TradeoffTheory(tasks, innerRate: $0, points: samples) }
    var wins = rates.map { _ in (before: 0, after: 0) }
    for _ in 0..<trials {
      var sums = TradeoffSums(dimension: tasks.dimension)
      for _ in 0..<count { sums.add(tasks.statistics(points: samples, using: &generator)) }
      guard let joint = sums.joint else { continue }
      for (index, theory) in theories.enumerated() {
        // What the tasks do not determine is a loss for MAML.
        guard let maml = sums.maml(innerRate: theory.innerRate, points: samples) else { continue }
        if theory.excessBefore(maml) < theory.excessBefore(joint) { wins[index].before += 1 }
        if theory.excessAfter(maml) < theory.excessAfter(joint) { wins[index].after += 1 }
      }
    }
    return zip(rates, wins).map {
      Cell(
        innerRate: $0, tasks: count, samples: samples, before: Double($1.before) / Double(trials),
        after: Double($1.after) / Double(trials))
    }
  }

  /// How far training through the engine ends from the closed-form solutions of the same tasks,
  /// relative to them: joint training, then MAML.
  ///
  /// Both objectives are descended from zero along the engine's gradients, at the inverse of the
  /// largest curvature that these show.
  public func distanceOfTraining(
    rate: Double, tasks count: Int, samples: Int, seed: UInt64
  ) throws(MetaProblemError) -> (joint: Double, maml: Double) {
    var generator = SeededGenerator(seed: seed)
    let drawn = tasks.tasks(count, support: samples, query: samples, using: &generator)
    var sums = TradeoffSums(dimension: tasks.dimension)
    for task in drawn { sums.add(tasks.statistics(of: task)) }
    let solutions = [sums.joint, sums.maml(innerRate: rate, points: samples)]
    var distances: [Double] = []
    for (method, solution) in zip([Method.joint, .maml], solutions) {
      guard let solution else { return (.infinity, .infinity) }
      let evaluator = MetaGradientEvaluator(
        try problem(rate: rate, pooled(drawn, method)), method)
      let trained = descend(evaluator, rate: rate)
      distances.append((trained - solution).norm / solution.norm)
    }
    return (distances[0], distances[1])
  }

  private func descend(_ evaluator: MetaGradientEvaluator, rate: Double) -> Matrix {
    let (start, hessian) = quadratic(evaluator, rate: rate)
    let curvature = hessian.singularValues[0]
    var (parameters, descent) = (Matrix(start.shape, repeating: 0), start)
    for _ in 0..<20_000 {
      if descent.norm < 1e-13 * start.norm { break }
      parameters -= (1 / curvature) * descent
      descent = slope(evaluator, parameters, rate: rate)
    }
    return parameters
  }

  private func slope(
    _ evaluator: MetaGradientEvaluator, _ parameters: Matrix, rate: Double
  ) -> Matrix {
    evaluator.setParameters([parameters], rate: rate)
    return evaluator.evaluate().gradient[0]
  }

  /// The gradient at zero and the Hessian, whose columns are differences of gradients along the axes,
  /// since the gradient is linear.
  private func quadratic(
    _ evaluator: MetaGradientEvaluator, rate: Double
  ) -> (gradient: Matrix, hessian: Matrix) {
    let size = tasks.dimension
    let start = slope(evaluator, Matrix(Shape(size, 1), repeating: 0), rate: rate)
    let columns = (0..<size).map { axis in
      slope(evaluator, Matrix(Shape(size, 1)) { row, _ in row == axis ? 1 : 0 }, rate: rate) - start
    }
    return (start, Matrix(Shape(size, size)) { columns[$1][$0, 0] })
  }

  private func problem(
    rate: Double, _ tasks: [LearningTask]
  ) throws(MetaProblemError) -> MetaProblem {
    let network = LinearModel(inputs: self.tasks.dimension)
    return try MetaProblem(
      network: network, loss: .halfMeanSquaredError,
      parameters: network.parameters.map { Matrix($0.shape, repeating: 0) }, steps: 1,
      learningRate: rate, tasks: tasks)
  }

  /// The tasks as a method sees them: joint training sees both halves of each.
  private func pooled(_ tasks: [LearningTask], _ method: Method) -> [LearningTask] {
    method == .joint ? tasks.map(pooled) : tasks
  }

  private func pooled(_ task: LearningTask) -> LearningTask {
    func stack(_ a: Matrix, _ b: Matrix) -> Matrix {
      Matrix(Shape(a.rows + b.rows, a.columns)) { row, column in
        row < a.rows ? a[row, column] : b[row - a.rows, column]
      }
    }
    let all = LabelledPoints(
      inputs: stack(task.support.inputs, task.query.inputs),
      targets: stack(task.support.targets, task.query.targets))
    return LearningTask(support: all, query: all)
  }

  /// Error against cost of stochastic training, averaged over runs.
  public struct Training: Codable, Sendable {
    /// The inner rate.
    public let innerRate: Double
    /// `joint` or `maml`.
    public let method: Method
    /// Gradient evaluations, each of one task: one a task and step for joint training, two for MAML.
    public internal(set) var evaluations: [Int] = []
    /// The mean over runs of the expected loss after adaptation, over its minimum.
    public internal(set) var excess: [Double] = []
    /// The curvature of the objective by the engine's gradients on many tasks.
    public internal(set) var smoothness = 0.0
    /// The curvature of the expected objective in closed form.
    public internal(set) var theory = 0.0
    /// The trace of the covariance of one task's gradient, at the start.
    public internal(set) var gradientVariance = 0.0

    /// The same with means over several seeds in place of its own figures.
    public func averaged(excess: [Double], smoothness: Double, variance: Double) -> Training {
      var copy = self
      (copy.excess, copy.smoothness, copy.gradientVariance) = (excess, smoothness, variance)
      return copy
    }
  }

  /// Trains by joint training and by MAML on fresh tasks, at equal numbers of gradient evaluations.
  ///
  /// Step t has rate 1/(L(1 + t/20)), L the curvature of the objective, which suits both.
  public func training(rate: Double, seed: UInt64) throws(MetaProblemError) -> [Training] {
    let theory = TradeoffTheory(tasks, innerRate: rate, points: points)
    var trainings: [Training] = []
    for method in [Method.joint, .maml] {
      var training = Training(innerRate: rate, method: method)
      let cost = method == .joint ? 1 : 2
      training.theory = method == .joint ? theory.jointCurvature : theory.curvature
      (training.smoothness, training.gradientVariance) = try landscape(method, rate, seed)
      let steps = self.steps / cost
      training.evaluations = (0...steps).map { $0 * batch * cost }
      training.excess = Array(repeating: 0, count: steps + 1)
      for run in 0..<repeats {
        var generator = SeededGenerator(seed: seed &+ 31 &* UInt64(run + 1))
        func draw(_ generator: inout SeededGenerator) -> [LearningTask] {
          pooled(tasks.tasks(batch, support: points, query: points, using: &generator), method)
        }
        let problem = try problem(rate: rate, draw(&generator))
        let trainer = Trainer(
          problem, method, optimizer: SteepestDescent(rate: 1 / training.theory),
          seed: generator.state, drawing: draw)
        func record(_ iteration: Int, _ parameters: Parameters<Matrix>) {
          training.excess[iteration] += theory.excessAfter(parameters[0]) / Double(repeats)
        }
        let outcome = trainer.run(until: steps) { step in
          record(step.iteration, step.parameters)
          let slower = 1 + Double(step.iteration + 1) / 20
          trainer.state.optimizer.rate = 1 / (training.theory * slower)
          return true
        }
        let rest = outcome == .diverged ? trainer.state.iteration...steps : steps...steps
        for iteration in rest { record(iteration, trainer.parameters) }
      }
      trainings.append(training)
    }
    return trainings
  }

  /// Curvature and gradient variance at zero, by the engine on 400 tasks.
  private func landscape(
    _ method: Method, _ rate: Double, _ seed: UInt64
  ) throws(MetaProblemError) -> (smoothness: Double, variance: Double) {
    var generator = SeededGenerator(seed: seed &+ 0x5EED)
    let count = 400
    let size = tasks.dimension
    let drawn = tasks.tasks(count, support: points, query: points, using: &generator)
    let tasks = pooled(drawn, method)
    let one = MetaGradientEvaluator(try problem(rate: rate, [tasks[0]]), method)
    var gradients: [Matrix] = []
    var hessian = Matrix(Shape(size, size), repeating: 0)
    for task in tasks {
      one.setTasks([task])
      let local = quadratic(one, rate: rate)
      gradients.append(local.gradient)
      hessian += (1 / Double(count)) * local.hessian
    }
    let mean = gradients.reduce(Matrix(Shape(size, 1), repeating: 0)) {
      $0 + (1 / Double(count)) * $1
    }
    let variance = gradients.reduce(0.0) { sum, gradient in
      let off = (gradient - mean).norm
      return sum + off * off / Double(count - 1)
    }
    return (hessian.singularValues[0], variance)
  }
}
