public import Nets
public import Tape

/// A policy that adapts by sampled policy gradients: each step draws trajectories where it stands, and so does the
/// outer loss.
///
/// The inner steps ascend the ``surrogate`` on their trajectories; the outer loss is minus the value after adaptation,
/// estimated on trajectories of the adapted policy. Both are differentiated with the trajectories held fixed. No steps
/// make joint training: domain randomised search.
///
/// ```swift
/// let navigation = Navigation()
/// var generator = SeededGenerator(seed: 1)
/// let policy = GaussianPolicy(ReLUNetwork(sizes: [2, 64, 64, 2]))
/// let problem = SampledPolicyProblem(
///   navigation, policy, policy.initialParameters(using: &generator),
///   tasks: navigation.goals(20, using: &generator), trajectories: 20, learningRate: 0.1,
///   surrogate: .lvc, advantages: .init(baseline: .ridge, isStandardized: true), seed: 1)
/// print(problem.metaGradient(by: .adjoint).loss)
/// ```
///
/// What is drawn depends on where a step is taken, so routes that record all steps beforehand do not apply: `adjoint` and
/// `checkpointed` do, at any order. ``drawn(threads:)`` gives a problem on fixed trajectories, to which every route and every
/// instrument applies.
///
/// - Reference: Finn, Abbeel and Levine, *Model-agnostic meta-learning* (2017), algorithm 3.
public struct SampledPolicyProblem<World: Environment>: BilevelProblem {
  /// What the agent acts in.
  public let environment: World
  /// How it acts.
  public let policy: any Policy
  /// Where the parameters of the policy start.
  public var parameters: Parameters<Matrix>
  /// The rate of the inner steps, 1×1, or a column with one for each step.
  public var learningRate: Matrix
  /// The number of inner steps.
  public var steps: Int
  /// How many trajectories each step draws, and the outer loss.
  public let trajectories: Int
  /// What the inner steps ascend.
  public var surrogate: SampledSurrogate
  /// How advantages are estimated.
  public let advantages: AdvantageEstimate
  /// The outer variables by which is differentiated; the parameters if nothing is said.
  public var learned: [String]
  /// The tasks, and the seeds from which their trajectories follow.
  public private(set) var taskData: [Parameters<Matrix>]

  /// Creates a problem.
  ///
  /// - Parameters:
  ///   - environment: What the agent acts in.
  ///   - policy: How it acts; the widths of its observations and actions are those of the environment.
  ///   - parameters: Where its parameters start.
  ///   - tasks: The numbers of each task.
  ///   - trajectories: How many each step draws, at least one.
  ///   - steps: The number of inner steps.
  ///   - learningRate: Their rate.
  ///   - surrogate: What they ascend; `dice` sums rewards as they are, so it does not go with standardised
  ///     advantages, for which `loadedDice(1)` is the same.
  ///   - advantages: How advantages are estimated.
  ///   - seed: Where the trajectories follow from.
  /// - Precondition: Widths, names and shapes fit each other; anything else stops with a message.
  public init(
    _ environment: World, _ policy: any Policy, _ parameters: Parameters<Matrix>,
    tasks: [[Double]], trajectories: Int, steps: Int = 1, learningRate: Double,
    surrogate: SampledSurrogate = .dice, advantages: AdvantageEstimate = AdvantageEstimate(),
    seed: UInt64
  ) {
    let widths = [
      ("observation", policy.observationWidth, environment.observationWidth),
      ("action", policy.actionWidth, environment.actionWidth),
    ]
    for (name, own, other) in widths where own != other {
      stop(
        "SampledPolicyProblem: an \(name) has \(other) numbers, but for the policy it has \(own)")
    }
    if policy.parameters.map(\.shape) != parameters.shapes {
      stop("SampledPolicyProblem: parameters are \(parameters.shapes), but the policy's are others")
    }
    if trajectories < 1 || environment.horizon < 1 {
      stop(
        "SampledPolicyProblem: \(trajectories) trajectories of at most \(environment.horizon) steps"
      )
    }
    if surrogate == .dice && advantages.isStandardized {
      stop(
        "SampledPolicyProblem: dice sums rewards; with standardised advantages take loadedDice(1)")
    }
    (self.environment, self.policy) = (environment, policy)
    self.parameters = Parameters(policy.parameters, parameters.values)
    (self.trajectories, self.steps, self.surrogate) = (trajectories, steps, surrogate)
    (self.learningRate, self.advantages) = (Matrix(learningRate), advantages)
    learned = policy.parameters.map(\.name)
    taskData = []
    taskData = data(of: tasks, seed: seed)
  }

  /// The data of tasks, with seeds that follow from `seed`: for a trainer that draws new ones for each step.
  ///
  /// - Precondition: Each task has as many numbers as the environment says; another stops with a message.
  public func data(of tasks: [[Double]], seed: UInt64) -> [Parameters<Matrix>] {
    let layout = layout
    var generator = SeededGenerator(seed: seed)
    return tasks.map { task in
      if task.count != environment.taskWidth {
        stop(
          "SampledPolicyProblem: a task has \("number".counted(task.count)), "
            + "but in this environment \(environment.taskWidth)")
      }
      // A whole number of 53 bits is exact as an entry.
      let own = [Matrix(Shape(1, task.count), task), Matrix(Double(generator.next() >> 11))]
      return Parameters(
        layout.descriptions,
        own + layout.descriptions.dropFirst(2).map { Matrix($0.shape, repeating: 0) })
    }
  }

  /// `maml`, with the surrogate; `joint` without a step.
  public var name: String { steps == 0 ? "joint" : "maml-\(surrogate.name)" }

  /// The parameters and the rate.
  public var outer: Parameters<Matrix> {
    Parameters(
      parameters.descriptions
        + [ParameterDescription(name: "learningRate", shape: learningRate.shape)],
      parameters.values + [learningRate])
  }

  /// The parameters.
  public func start(_ outer: Parameters<Variable>) -> Parameters<Variable> {
    outer.filter { $0.name != "learningRate" }
  }

  /// Minus the surrogate on the trajectories of a step.
  public func innerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable { -objective(surrogate, inner, task) }

  /// Minus the mean discounted return, with the gradient of the policy that is judged.
  public func outerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable {
    // Its first derivative is that of all of them, and it takes the least to compute.
    -objective(.naive, inner, task)
  }

  private func objective(
    _ surrogate: SampledSurrogate, _ inner: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable {
    let log = policy.logProbabilities(
      task["actions"], policy.distribution(task["observations"], inner))
    // A trajectory a row, or, where that makes no difference, a column like that of the policy, so that all that is
    // computed runs in strips of rows.
    let shape = surrogate.takesStepsAlone ? log.shape : task["mask"].shape
    let names = ["mask", "advantages", "rewards", "baselines"]
    let batch = Parameters<Variable>(
      names.map { ParameterDescription(name: $0, shape: shape) },
      names.map { task[$0].reshaped(to: shape) })
    return surrogate.total(log.reshaped(to: shape), batch) / Double(trajectories)
  }

  /// `negative surrogate` and `negative return`.
  public var lossNames: (inner: String, outer: String) {
    ("negative surrogate", "negative return")
  }

  /// Where the parts of a task lie.
  var layout: BatchLayout {
    BatchLayout(
      trajectories: trajectories, horizon: environment.horizon, taskWidth: environment.taskWidth,
      observationWidth: environment.observationWidth, actionWidth: environment.actionWidth)
  }
}

/// What a task of a sampled problem is made of: its numbers and its seed, which stay, then the trajectories of a step.
struct BatchLayout {
  let descriptions: [ParameterDescription]
  /// By name, where a part begins.
  let offsets: [String: Int]

  init(
    trajectories: Int, horizon: Int, taskWidth: Int, observationWidth: Int, actionWidth: Int
  ) {
    let (steps, table) = (trajectories * horizon, Shape(trajectories, horizon))
    descriptions = [
      ("task", Shape(1, taskWidth)), ("seed", .scalar),
      ("observations", Shape(steps, observationWidth)), ("actions", Shape(steps, actionWidth)),
      ("mask", table), ("advantages", table), ("rewards", table), ("baselines", table),
      ("returns", Shape(trajectories, 1)),
    ].map { ParameterDescription(name: $0, shape: $1) }
    offsets = Dictionary(
      uniqueKeysWithValues: zip(
        descriptions.map(\.name), descriptions.map(\.shape).offsets()))
  }
}
