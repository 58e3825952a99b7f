public import Nets
public import Tape

/// The meta-training of a bilevel problem on many tasks, watched as it goes.
///
/// ```swift
/// var run = MetaTraining().start(problem, .maml, seed: 1)
/// MetaTraining().train(&run, problem, tasks: .given(training), validation: validation)
/// let trained = try problem.with(learned: run.learned(of: problem))
/// ```
public struct MetaTraining: Codable, Equatable, Sendable {
  /// Outer steps.
  public var iterations = 1000
  /// Tasks in each outer step.
  public var batch = 8
  /// What moves the learned variables, before its first step.
  public var optimizer = OuterOptimizer.adam(AdamOptimizer(rate: 0.001))
  /// How many points of the training are recorded, beside its end.
  public var records = 50
  /// After how many outer steps first order is held against exact again; zero for never.
  public var diagnoseEvery = 0

  /// A thousand steps of Adam on eight tasks each.
  public init() {}

  /// A training as far as it has come: all that it needs to go on with the same bits.
  public struct Run: Codable, Equatable, Sendable {
    /// What is trained, and by which derivative.
    public let method: Method
    /// Where its chance comes from.
    public let seed: UInt64
    /// Where the trainer stands.
    public internal(set) var state: TrainingState<OuterOptimizer>
    /// What was recorded, in order of iterations.
    public internal(set) var records: [Record] = []
    /// Where the loss on validation tasks was lowest; nil without such tasks.
    public internal(set) var best: Best?
    /// The outer step after which an entry of what is learned was not finite; the state is then that before it.
    public internal(set) var divergedAfter: Int?
    /// The sum of losses, and of how many steps, since the last record.
    fileprivate var recentLoss = 0.0, recentCount = 0
  }

  /// One point of a training.
  public struct Record: Codable, Equatable, Sendable {
    /// The outer steps that were done.
    public let iteration: Int
    /// The mean outer loss of the steps since the record before; nil if there was none, or it is not finite.
    public let loss: Double?
    /// The mean outer loss of the validation tasks after adaptation; nil without such tasks, or if it is not finite.
    public let validation: Double?
    /// First order beside exact; nil where it was not asked for.
    public let diagnosis: DiagnosisRecord?
  }

  /// Where the loss on validation tasks was lowest.
  public struct Best: Codable, Equatable, Sendable {
    /// The outer steps that were done.
    public let iteration: Int
    /// The loss there.
    public let loss: Double
    /// The entries of what is learned, one behind the other.
    public let parameters: [Double]
  }

  /// A training before its first step, from where the problem has what it learns.
  public func start(_ problem: some BilevelProblem, _ method: Method, seed: UInt64) -> Run {
    Run(
      method: method, seed: seed,
      state: TrainingState(problem.learnedValues.values, optimizer: optimizer, seed: seed))
  }

  /// Whether a run has come to its end.
  public func isFinished(_ run: Run) -> Bool {
    run.divergedAfter != nil || run.records.last?.iteration == iterations
  }

  /// Whether a run that was read has the sizes of one of this training of so many numbers.
  public func fits(_ run: Run, _ count: Int) -> Bool {
    run.state.fits(count, iterations: iterations)
      && run.best.map { $0.parameters.count == count } ?? true
  }

  /// Goes on with a training to its end, or until it is told to stop.
  ///
  /// Interrupted and resumed, it ends with the same bits as in one go, for any number of threads.
  ///
  /// - Parameters:
  ///   - run: Where it stands; it is moved on in place.
  ///   - problem: What is trained; where it has what it learns does not matter, nor do its tasks.
  ///   - order: What is differentiated, if not what the method says.
  ///   - route: How it is computed.
  ///   - tasks: Where the tasks of a step come from.
  ///   - validation: The tasks on which it is watched, and held against first order; none for none.
  ///   - threads: How many tasks run at once.
  ///   - goesOn: Is told of each step that was made, gives a copy of the run to whoever asks for it, and answers
  ///     whether to go on.
  public func train(
    _ run: inout Run, _ problem: some BilevelProblem, order: Order? = nil,
    by route: Route = .unrolled, tasks: TaskSource, validation: [Parameters<Matrix>] = [],
    threads: Int = 1,
    _ goesOn: (_ step: TrainingStep, _ run: () -> Run) throws -> Bool
  ) rethrows {
    if isFinished(run) { return }
    let problem = problem.with(tasks: tasks.sizes(batch))
    let supply = TaskSupply(tasks, count: batch)
    let trainer = Trainer(
      problem, order: order ?? run.method.order, by: route, from: run.state, threads: threads,
      drawing: { supply.tasks(using: &$0) }, beside: { supply.drawAhead() })
    trainer.bound = .infinity
    let every = max(1, iterations / max(1, records))
    var last = run.state.parameters
    let outcome: Trainer<OuterOptimizer>.Outcome
    do {
      outcome = try trainer.run(until: iterations) { step in
        last = step.parameters.flattened
        run.recentLoss += step.loss
        run.recentCount += 1
        if step.iteration % every == 0 || isDiagnosed(step.iteration) {
          let watched = problem.with(learned: step.parameters)
          run.record(
            step.iteration, watched, validation,
            diagnosed: isDiagnosed(step.iteration)
              ? watched.with(tasks: validation.isEmpty ? step.tasks : validation) : nil)
        }
        return try goesOn(step) {
          var copy = run
          copy.state = trainer.state
          return copy
        }
      }
    } catch {
      run.state = trainer.state
      throw error
    }
    run.state = trainer.state
    switch outcome {
    case .stopped: break
    case .diverged:
      run.divergedAfter = trainer.state.iteration
      run.state.parameters = last
      run.state.optimizer = optimizer
      (run.recentLoss, run.recentCount) = (0, 0)
    case .finished:
      let watched = problem.with(learned: trainer.parameters)
      run.record(
        iterations, watched, validation,
        diagnosed: diagnoseEvery > 0 && !validation.isEmpty ? watched.with(tasks: validation) : nil)
    }
  }

  /// Goes on with a training to its end, and tells nobody; for the rest see
  /// ``train(_:_:order:by:tasks:validation:threads:_:)``.
  public func train(
    _ run: inout Run, _ problem: some BilevelProblem, order: Order? = nil,
    by route: Route = .unrolled, tasks: TaskSource, validation: [Parameters<Matrix>] = [],
    threads: Int = 1
  ) {
    train(
      &run, problem, order: order, by: route, tasks: tasks, validation: validation,
      threads: threads
    ) { _, _ in true }
  }

  private func isDiagnosed(_ iteration: Int) -> Bool {
    diagnoseEvery > 0 && iteration % diagnoseEvery == 0
  }
}

extension MetaTraining.Run {
  /// What is learned, at the point of the lowest validation loss, or where there is none as it stands.
  public func learned(of problem: some BilevelProblem) -> Parameters<Matrix> {
    Parameters(problem.learnedDescriptions, flattened: best?.parameters ?? state.parameters)
  }

  /// The outer steps after which ``learned(of:)`` is taken.
  public var chosenIteration: Int { best?.iteration ?? state.iteration }

  fileprivate mutating func record(
    _ iteration: Int, _ watched: some BilevelProblem, _ validation: [Parameters<Matrix>],
    diagnosed: (some BilevelProblem)?
  ) {
    let loss =
      validation.isEmpty ? nil : watched.with(tasks: validation).meanLosses()[watched.steps]
    records.append(
      MetaTraining.Record(
        iteration: iteration,
        loss: recentCount > 0 ? (recentLoss / Double(recentCount)).ifFinite : nil,
        validation: loss?.ifFinite,
        diagnosis: diagnosed.map {
          var generator = SeededGenerator(seed: UInt64(iteration))
          return $0.diagnosisRecord(using: &generator)
        }))
    (recentLoss, recentCount) = (0, 0)
    if let loss, loss < best?.loss ?? .infinity {
      best = MetaTraining.Best(
        iteration: iteration, loss: loss, parameters: watched.learnedValues.flattened)
    }
  }
}

extension Double {
  fileprivate var ifFinite: Double? { isFinite ? self : nil }
}
