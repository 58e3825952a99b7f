public import Nets
import Tape

/// A family of environments in which an agent acts, each task being one of them.
///
/// What tells one task from another is a list of numbers, for instance a goal, so that tasks can be matrices like the
/// data of any problem. Bring an environment of your own by conforming to this.
public protocol Environment: Sendable {
  /// Where an agent stands.
  associatedtype State: Sendable

  /// How many numbers tell a task.
  var taskWidth: Int { get }
  /// How many numbers an agent sees.
  var observationWidth: Int { get }
  /// How many numbers an action has.
  var actionWidth: Int { get }
  /// The most steps of a trajectory, at least one.
  var horizon: Int { get }
  /// The factor γ on what comes a step later.
  var discount: Double { get }

  /// The state in which a trajectory begins.
  func firstState(_ task: [Double], using generator: inout SeededGenerator) -> State

  /// Writes what is seen of a state into ``observationWidth`` numbers from `offset` on.
  func observe(_ state: State, into observations: inout [Double], at offset: Int)

  /// Acts: moves the state, and answers with the reward and whether the trajectory is over.
  ///
  /// - Parameters:
  ///   - state: Where the agent stands.
  ///   - actions: Numbers, ``actionWidth`` of which from `offset` on are the action.
  ///   - offset: Where the action begins.
  ///   - task: The numbers of the task.
  ///   - generator: Where chance comes from.
  func step(
    _ state: inout State, _ actions: [Double], at offset: Int, _ task: [Double],
    using generator: inout SeededGenerator
  ) -> (reward: Double, isOver: Bool)
}

/// An agent in the plane that looks for a goal it cannot see.
///
/// It starts at 0. An action is a move, each coordinate cut to −1 … 1 and then scaled to a tenth; the reward is minus
/// the distance to the goal, and the trajectory is over when both coordinates are within 0.01 of it. It sees where it is.
///
/// - Reference: Finn, Abbeel and Levine, *Model-agnostic meta-learning* (2017), section 5.3; the scale of actions is
///   that of a policy whose standard deviation 1 means 0.1.
public struct Navigation: Environment, Codable, Equatable {
  /// The most moves of a trajectory.
  public var horizon = 100
  /// The factor γ on what comes a step later.
  public var discount = 0.99
  /// How far a coordinate moves at most.
  public var reach = 0.1
  /// How near the goal is reached.
  public var tolerance = 0.01

  /// The environment of the paper.
  public init() {}

  /// A goal.
  public var taskWidth: Int { 2 }
  /// A place.
  public var observationWidth: Int { 2 }
  /// A move.
  public var actionWidth: Int { 2 }

  /// Draws goals, each coordinate from −½ … ½.
  public func goals(_ count: Int, using generator: inout SeededGenerator) -> [[Double]] {
    (0..<count).map { _ in (0..<2).map { _ in Double.random(in: -0.5...0.5, using: &generator) } }
  }

  /// The middle.
  public func firstState(
    _ task: [Double], using generator: inout SeededGenerator
  ) -> SIMD2<Double> { .zero }

  /// Both coordinates.
  public func observe(
    _ state: SIMD2<Double>, into observations: inout [Double], at offset: Int
  ) {
    observations[offset] = state.x
    observations[offset + 1] = state.y
  }

  /// Moves by an action.
  public func step(
    _ state: inout SIMD2<Double>, _ actions: [Double], at offset: Int, _ task: [Double],
    using generator: inout SeededGenerator
  ) -> (reward: Double, isOver: Bool) {
    let move = SIMD2(actions[offset], actions[offset + 1])
      .clamped(lowerBound: SIMD2(repeating: -1), upperBound: SIMD2(repeating: 1))
    state += reach * move
    let way = state - SIMD2(task[0], task[1])
    let isOver = abs(way.x) < tolerance && abs(way.y) < tolerance
    return (-(way * way).sum().squareRoot(), isOver)
  }
}

/// Tabular MDPs of equal sizes as environments: what a trajectory is drawn from.
///
/// An observation is a one for the state among zeros, an action a one for the action; a reward is the mean one,
/// with normal noise if asked for.
public struct TabularEnvironment: Environment, Equatable {
  /// The number of states, and of actions.
  public let states, actions: Int
  /// The number of steps.
  public let horizon: Int
  /// The factor γ on what comes a step later.
  public let discount: Double
  /// The standard deviation of a reward about its mean.
  public var rewardDeviation = 0.0

  /// The environments of the sizes, the discount and the horizon of `mdp`.
  ///
  /// - Precondition: It has a horizon; one without stops with a message, since a trajectory would not end.
  public init(like mdp: TabularMDP) {
    guard let horizon = mdp.horizon else {
      stop("TabularEnvironment: a process without a horizon has no trajectory that ends")
    }
    (states, actions, discount) = (mdp.states, mdp.actions, mdp.discount)
    self.horizon = horizon
  }

  /// The tables of a process.
  public var taskWidth: Int { actions * states * states + states * actions + states + 1 }
  /// One for each state.
  public var observationWidth: Int { states }
  /// One for each action.
  public var actionWidth: Int { actions }

  /// The numbers of a process.
  ///
  /// - Precondition: Sizes, discount and horizon are those of the environment; others stop with a message.
  public func task(_ mdp: TabularMDP) -> [Double] {
    if mdp.states != states || mdp.actions != actions || mdp.horizon != horizon
      || mdp.discount != discount
    {
      stop("TabularEnvironment: a process of another size, discount or horizon")
    }
    return mdp.data.flattened
  }

  /// A state drawn from those in which processes start.
  public func firstState(_ task: [Double], using generator: inout SeededGenerator) -> Int {
    let offset = actions * states * states + states * actions
    return generator.index(in: task[offset..<offset + states])
  }

  /// A one for the state.
  public func observe(_ state: Int, into observations: inout [Double], at offset: Int) {
    for index in 0..<states { observations[offset + index] = index == state ? 1 : 0 }
  }

  /// Takes an action.
  public func step(
    _ state: inout Int, _ actions: [Double], at offset: Int, _ task: [Double],
    using generator: inout SeededGenerator
  ) -> (reward: Double, isOver: Bool) {
    let action = (0..<self.actions).first { actions[offset + $0] == 1 } ?? 0
    var reward = task[self.actions * states * states + state * self.actions + action]
    if rewardDeviation > 0 { reward += rewardDeviation * generator.nextGaussian() }
    let row = (action * states + state) * states
    state = generator.index(in: task[row..<row + states])
    return (reward, false)
  }
}

extension SeededGenerator {
  /// A position, each with the probability that stands there.
  mutating func index(in probabilities: ArraySlice<Double>) -> Int {
    var rest = Double.random(in: 0..<1, using: &self)
    var last = 0
    for (index, probability) in probabilities.enumerated() where probability > 0 {
      if rest < probability { return index }
      rest -= probability
      last = index
    }
    // What rounding leaves belongs to the last that can happen.
    return last
  }
}
