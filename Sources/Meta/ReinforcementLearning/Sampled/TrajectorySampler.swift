import Nets
import Tape

extension SampledPolicyProblem: DrawsData {
  func drawer() -> any DataDrawer { TrajectorySampler(self) }
}

/// Draws trajectories of a policy, with the memory of one thread.
///
/// What is drawn follows from the seed that the task bears, the number of the step and the parameters alone.
private final class TrajectorySampler<World: Environment>: DataDrawer {
  private let environment: World
  private let policy: any Policy
  private let trajectories: Int
  private let layout: BatchLayout
  private let estimator: AdvantageEstimator
  /// From parameters and one observation for each trajectory to the distributions of actions.
  private let acting: Workspace
  private let parameterCount: Int
  private let seen: Storage
  private var batch: Batch

  init(_ problem: SampledPolicyProblem<World>) {
    (environment, policy) = (problem.environment, problem.policy)
    (trajectories, layout) = (problem.trajectories, problem.layout)
    estimator = AdvantageEstimator(
      problem.advantages, discount: environment.discount, trajectories: trajectories,
      horizon: environment.horizon, observationWidth: environment.observationWidth)
    let tape = GradientTape()
    let parameters = problem.parameters.recorded(on: tape)
    let width = environment.observationWidth
    let observations = tape.input(Matrix(Shape(trajectories, width), repeating: 0))
    acting = Workspace(
      for: Program(
        inputs: parameters.values + [observations],
        outputs: policy.distribution(observations, parameters)))
    parameterCount = parameters.count
    batch = Batch(environment, trajectories: trajectories)
    seen = Storage(capacity: trajectories * width)
    acting.bind(parameterCount..<parameterCount + 1, to: seen, at: 0)
  }

  private func offset(_ name: String) -> Int { layout.offsets[name] ?? 0 }

  func draw(into block: Storage, step: Int, at points: Storage, from offset: Int) {
    acting.bind(0..<parameterCount, to: points, at: offset)
    let task = block.read(0, environment.taskWidth)
    var seeds = SeededGenerator(seed: UInt64(block.read(environment.taskWidth, 1)[0]))
    for _ in 0..<step { _ = seeds.next() }
    var generator = SeededGenerator(seed: seeds.next())
    // By inout: one access to the property, not one for each number.
    run(task, into: &batch, using: &generator)
    let shape = Shape(trajectories * environment.horizon, environment.observationWidth)
    let estimate = estimator.estimate(
      rewards: batch.rewards, mask: batch.mask, observations: Matrix(shape, batch.observations))
    for (name, numbers) in [
      ("observations", batch.observations), ("actions", batch.actions), ("mask", batch.mask),
      ("advantages", estimate.advantages), ("rewards", estimate.rewards),
      ("baselines", estimate.baselines), ("returns", batch.returns),
    ] {
      block.write(numbers, at: self.offset(name))
    }
  }

  /// Trajectories side by side, row *i* · horizon + *t* for step *t* of trajectory *i*; zeros after their end.
  private struct Batch {
    var observations, actions, mask, rewards, returns: [Double]

    init(_ environment: World, trajectories: Int) {
      func zeros(_ count: Int) -> [Double] { Array(repeating: 0, count: count) }
      let count = trajectories * environment.horizon
      observations = zeros(count * environment.observationWidth)
      actions = zeros(count * environment.actionWidth)
      (mask, rewards, returns) = (zeros(count), zeros(count), zeros(trajectories))
    }

    /// Sets all to zero where they are.
    mutating func clear() {
      func clear(_ numbers: inout [Double]) { for i in numbers.indices { numbers[i] = 0 } }
      clear(&observations)
      clear(&actions)
      clear(&mask)
      clear(&rewards)
      clear(&returns)
    }
  }

  private func run(
    _ task: [Double], into batch: inout Batch, using generator: inout SeededGenerator
  ) {
    let horizon = environment.horizon
    let (seenWidth, actionWidth) = (environment.observationWidth, environment.actionWidth)
    batch.clear()
    var states = (0..<trajectories).map { _ in
      environment.firstState(task, using: &generator)
    }
    var goesOn = Array(repeating: true, count: trajectories)
    var present = Array(repeating: 0.0, count: trajectories * seenWidth)
    for time in 0..<horizon {
      for index in 0..<trajectories {
        environment.observe(states[index], into: &present, at: index * seenWidth)
      }
      seen.write(present, at: 0)
      acting.run()
      let distribution = acting.program.outputs.indices.map { acting.output($0) }
      for index in 0..<trajectories where goesOn[index] {
        let row = index * horizon + time
        environment.observe(states[index], into: &batch.observations, at: row * seenWidth)
        policy.draw(
          row: index, distribution, into: &batch.actions, at: row * actionWidth,
          using: &generator)
        let (reward, isOver) = environment.step(
          &states[index], batch.actions, at: row * actionWidth, task, using: &generator)
        batch.mask[row] = 1
        batch.rewards[row] = reward
        batch.returns[index] += reward
        goesOn[index] = !isOver
      }
    }
  }
}
