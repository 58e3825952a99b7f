public import Nets
public import Tape

/// A training as far as it has come: all that it needs to go on with the same bits.
public struct TrainingState<Rule: Optimizer>: Codable, Equatable, Sendable {
  /// Outer steps that are done.
  public internal(set) var iteration = 0
  /// The entries of all that is learned, one behind the other.
  public internal(set) var parameters: [Double]
  /// The optimiser with what it remembers; its rate may be changed between steps.
  public var optimizer: Rule
  /// The seed of the generator that draws the tasks of the next step.
  public internal(set) var generatorState: UInt64

  /// Stands at the start.
  ///
  /// - Parameters:
  ///   - parameters: Where the training starts.
  ///   - optimizer: What moves them.
  ///   - seed: Where the tasks that are drawn follow from.
  public init(_ parameters: [Matrix], optimizer: Rule, seed: UInt64) {
    self.parameters = parameters.flattened
    (self.optimizer, generatorState) = (optimizer, seed)
  }

  fileprivate mutating func step(along gradient: [Double]) {
    optimizer.step(&parameters, gradient: gradient)
    iteration += 1
  }
}

extension TrainingState {
  /// Whether a state that was read has the sizes of one of so many steps at most on so many numbers.
  package func fits(_ count: Int, iterations: Int) -> Bool {
    parameters.count == count && optimizer.fits(count)
      && (0...iterations).contains(iteration)
  }
}

/// One outer step, as it was made.
public struct TrainingStep: Sendable {
  /// The outer steps that were done before it.
  public let iteration: Int
  /// Where the loss and its gradient were taken: before the step.
  public let parameters: Parameters<Matrix>
  /// The matrices of each task of the step; empty if none are drawn.
  public let tasks: [Parameters<Matrix>]
  /// The mean outer loss after the inner loop.
  public let loss: Double
  /// The meta-gradient that was descended.
  public let gradient: Parameters<Matrix>
}

/// The outer loop of any bilevel problem: draws tasks, takes their meta-gradient, and moves what is learned
/// against it, parameters, rates or whatever else.
///
/// ```swift
/// let trainer = Trainer(problem, .anil, optimizer: AdamOptimizer(rate: 0.001), seed: 1) {
///   Sinusoids().tasks(25, support: 10, query: 10, using: &$0)
/// }
/// trainer.run(until: 5000) { step in
///   if step.iteration % 500 == 0 { print(step.iteration, step.loss) }
///   return true
/// }
/// ```
///
/// What stands in ``state`` can be written down at any time; a trainer made from it goes on as if there
/// had been no interruption, to the last bit.
public final class Trainer<Rule: Optimizer> {
  /// How a training came to an end.
  public enum Outcome: Equatable, Sendable {
    /// It has done all the steps that it was asked for.
    case finished
    /// The closure that is told of each step said so.
    case stopped
    /// An entry of what is learned is not under ``Trainer/bound``.
    case diverged
  }

  /// Where the training stands.
  public var state: TrainingState<Rule>
  /// What every entry of the parameters stays under, or the training ends.
  public var bound = 1e8

  private let descriptions: [ParameterDescription]
  private let draw: ((inout SeededGenerator) -> [Parameters<Matrix>])?
  private let slope:
    (Parameters<Matrix>, [Parameters<Matrix>]?) -> (loss: Double, gradient: [Matrix])

  /// Trains what a problem learns, from where the problem has it.
  ///
  /// - Parameters:
  ///   - problem: What is trained; it says the shapes of tasks and how many make a step.
  ///   - order: What is differentiated.
  ///   - route: How it is computed.
  ///   - optimizer: What moves the learned variables.
  ///   - seed: Where the tasks that are drawn follow from.
  ///   - threads: How many tasks run at once; it does not change a bit.
  ///   - draw: Draws the matrices of the tasks of a step, as many as the problem has and of its shapes; without
  ///     it every step takes those of the problem.
  public convenience init(
    _ problem: some BilevelProblem, order: Order = .exact, by route: Route = .unrolled,
    optimizer: Rule, seed: UInt64 = 0, threads: Int = 1,
    drawing draw: ((inout SeededGenerator) -> [Parameters<Matrix>])? = nil
  ) {
    self.init(
      problem, order: order, by: route,
      from: TrainingState(problem.learnedValues.values, optimizer: optimizer, seed: seed),
      threads: threads, drawing: draw)
  }

  /// Goes on with a training of the same problem, whose own learned values do not matter.
  ///
  /// - Parameters:
  ///   - problem: What is trained; it says the shapes of tasks and how many make a step.
  ///   - order: What is differentiated.
  ///   - route: How it is computed.
  ///   - state: Where it stands.
  ///   - threads: How many tasks run at once; it does not change a bit.
  ///   - draw: Draws the matrices of the tasks of a step; without it every step takes those of the problem.
  public convenience init(
    _ problem: some BilevelProblem, order: Order = .exact, by route: Route = .unrolled,
    from state: TrainingState<Rule>, threads: Int = 1,
    drawing draw: ((inout SeededGenerator) -> [Parameters<Matrix>])? = nil
  ) {
    self.init(
      problem, order: order, by: route, from: state, threads: threads, drawing: draw, beside: nil)
  }

  /// The same, with some other work done on one of the threads of each step.
  convenience init(
    _ problem: some BilevelProblem, order: Order, by route: Route, from state: TrainingState<Rule>,
    threads: Int, drawing draw: ((inout SeededGenerator) -> [Parameters<Matrix>])?,
    beside work: (@Sendable () -> Void)?
  ) {
    let evaluator = MetaGradientEvaluator(problem, order: order, by: route, threads: threads)
    self.init(problem.learnedDescriptions, from: state, drawing: draw) { learned, tasks in
      if let tasks { evaluator.setTasks(tasks) }
      evaluator.setLearned(learned.values)
      let result = evaluator.evaluate(beside: work)
      return (result.loss, result.gradient.values)
    }
  }

  /// Trains parameters along any gradient.
  ///
  /// - Parameters:
  ///   - descriptions: What the parameters are.
  ///   - state: Where the training stands.
  ///   - draw: Draws the tasks of a step, if it has any.
  ///   - slope: Loss and gradient at given parameters, on the tasks that were drawn: a matrix for each
  ///     parameter, of its shape.
  /// - Precondition: The state has as many entries as the parameters; anything else stops with a
  ///   message.
  public init(
    _ descriptions: [ParameterDescription], from state: TrainingState<Rule>,
    drawing draw: ((inout SeededGenerator) -> [Parameters<Matrix>])? = nil,
    along slope:
      @escaping (Parameters<Matrix>, [Parameters<Matrix>]?) -> (loss: Double, gradient: [Matrix])
  ) {
    let count = descriptions.reduce(0) { $0 + $1.shape.count }
    if state.parameters.count != count {
      stop("Trainer: a state of \(state.parameters.count) entries for \(count)")
    }
    (self.descriptions, self.state, self.draw, self.slope) = (descriptions, state, draw, slope)
  }

  /// What is learned, as it stands.
  public var parameters: Parameters<Matrix> {
    Parameters(descriptions, flattened: state.parameters)
  }

  /// Makes outer steps until so many are done in all.
  ///
  /// - Parameters:
  ///   - iterations: The outer steps, those before included.
  ///   - report: Is told of each step that was made, ``state`` being that after it, and answers whether
  ///     to go on.
  /// - Returns: Why it ended; ``state`` says after how many steps.
  @discardableResult
  public func run(
    until iterations: Int, _ report: (TrainingStep) throws -> Bool
  ) rethrows -> Outcome {
    while state.iteration < iterations {
      var generator = SeededGenerator(seed: state.generatorState)
      let (parameters, tasks) = (parameters, draw?(&generator))
      let (loss, gradient) = slope(parameters, tasks)
      let step = TrainingStep(
        iteration: state.iteration, parameters: parameters, tasks: tasks ?? [], loss: loss,
        gradient: Parameters(descriptions, gradient))
      state.step(along: gradient.flattened)
      state.generatorState = generator.state
      let goesOn = try report(step)
      if !state.parameters.allSatisfy({ abs($0) < bound }) { return .diverged }
      if !goesOn { return .stopped }
    }
    return .finished
  }

  /// Makes outer steps until so many are done in all, and tells nobody.
  @discardableResult
  public func run(until iterations: Int) -> Outcome { run(until: iterations) { _ in true } }
}
