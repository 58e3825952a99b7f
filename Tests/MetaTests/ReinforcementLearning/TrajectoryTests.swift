import Meta
import Nets
import Tape
import TestSupport
import Testing

/// Single steps, ends of trajectories and advantages, worked out by hand.
@Suite struct TrajectoryTests {
  @Test func aStepInThePlane() {
    let navigation = Navigation()
    var generator = SeededGenerator(seed: 1)
    var state = navigation.firstState([0.3, -0.4], using: &generator)
    #expect(state == .zero)
    // The first coordinate is cut to one, and both are scaled to a tenth; the action begins at the second number.
    var result = navigation.step(
      &state, [9, 2.5, -0.5], at: 1, [0.4, 0.35], using: &generator)
    let (x, y) = (state.x, state.y)
    #expect(abs(x - 0.1) < 1e-15)
    #expect(abs(y + 0.05) < 1e-15)
    // 0.3 and 0.4 to go.
    #expect(abs(result.reward + 0.5) < 1e-15 && !result.isOver)
    var seen = [7.0, 7, 7]
    navigation.observe(state, into: &seen, at: 1)
    #expect(seen == [7, x, y])
    // Backwards it is cut too.
    var other = SIMD2(0.0, 0.0)
    _ = navigation.step(&other, [-3, -1.5], at: 0, [0.4, 0.35], using: &generator)
    #expect(other == SIMD2(-0.1, -0.1))
    // Near in one coordinate is not there; near in both is.
    result = navigation.step(&state, [-0.1, 0], at: 0, [0.095, 0], using: &generator)
    #expect(!result.isOver)
    result = navigation.step(&state, [0, 0.41], at: 0, [0.095, 0], using: &generator)
    let rest = (0.005 * 0.005 + 0.009 * 0.009).squareRoot()
    #expect(result.isOver && abs(result.reward + rest) < 1e-12)
  }

  @Test func afterItsEndATrajectoryIsZeros() {
    let problem = SampledPolicyTests.problem(steps: 0)
    let goals = [[0.1, 0.1], [-0.2, 0.3], [0, -0.1]]
    var ended = 0
    for (goal, task) in zip(goals, problem.drawn().taskData) {
      let batch = task.part("outer/")
      let mask = batch["mask"]
      #expect(batch["task"].elements == goal)
      for trajectory in 0..<mask.rows {
        var place = SIMD2(0.0, 0.0)
        var total = 0.0
        var isOver = false
        for time in 0..<mask.columns {
          let row = trajectory * mask.columns + time
          let parts =
            [batch["observations"].rows(row..<row + 1), batch["actions"].rows(row..<row + 1)]
            .flattened
          #expect(mask[trajectory, time] == (isOver ? 0 : 1))
          if isOver {
            #expect(parts.allSatisfy { $0 == 0 })
            for name in ["advantages", "rewards", "baselines"] {
              #expect(batch[name][trajectory, time] == 0)
            }
            continue
          }
          let seen = SIMD2(parts[0], parts[1])
          #expect(seen == place)
          let moves = parts[2...3].map { 0.1 * min(1, max(-1, $0)) }
          place += SIMD2(moves[0], moves[1])
          let (x, y) = (place.x - goal[0], place.y - goal[1])
          let reward = -(x * x + y * y).squareRoot()
          total += reward
          let factor = (0..<time).reduce(1.0) { power, _ in 0.99 * power }
          let paid = batch["rewards"][trajectory, time]
          #expect(abs(paid - factor * reward) < 1e-14)
          isOver = abs(x) < 0.1 && abs(y) < 0.1
        }
        let returned = batch["returns"][trajectory, 0]
        #expect(abs(returned - total) < 1e-13)
        if isOver { ended += 1 }
      }
    }
    #expect(ended > 0 && ended < 12)
  }

  /// Three steps that pay 1, 2 and 4 whatever one does.
  private struct Corridor: Environment {
    let taskWidth = 1
    let observationWidth = 1
    let actionWidth = 1
    let horizon = 3
    let discount = 0.5

    func firstState(_ task: [Double], using generator: inout SeededGenerator) -> Int { 0 }

    func observe(_ state: Int, into observations: inout [Double], at offset: Int) {
      observations[offset] = Double(state)
    }

    func step(
      _ state: inout Int, _ actions: [Double], at offset: Int, _ task: [Double],
      using generator: inout SeededGenerator
    ) -> (reward: Double, isOver: Bool) {
      state += 1
      return (task[0] * [1, 2, 4][state - 1], false)
    }
  }

  private func corridor(_ advantages: AdvantageEstimate) -> Parameters<Matrix> {
    let problem = SampledPolicyProblem(
      Corridor(), SoftmaxPolicy(states: 1, actions: 1), ["logits": Matrix(0)], tasks: [[1]],
      trajectories: 2, steps: 0, learningRate: 1, surrogate: .lvc, advantages: advantages, seed: 1)
    return problem.drawn().taskData[0].part("outer/")
  }

  /// Both trajectories are alike.
  private func twice(_ row: [Double]) -> Matrix { Matrix(Shape(2, 3)) { row[$1] } }

  @Test func advantagesByHand() {
    // What follows is worth 1 + 2/2 + 4/4, 2 + 4/2 and 4; discounted from the start 3, 2 and 1.
    let plain = corridor(AdvantageEstimate())
    #expect(plain["advantages"] == twice([3, 2, 1]))
    #expect(plain["rewards"] == twice([1, 1, 1]))
    #expect(plain["returns"] == Matrix(Shape(2, 1), repeating: 7))
    // With λ = ½ a step later counts a quarter: 1 + 2/4 + 4/16, 2 + 4/4 and 4.
    let general = corridor(AdvantageEstimate(baseline: .none, decay: 0.5))
    #expect(general["advantages"] == twice([1.75, 1.5, 1]))
    // The three values are a polynomial of time, which the regression meets.
    let ridge = corridor(AdvantageEstimate(baseline: .ridge, decay: 0.5))
    #expect((ridge["baselines"] - twice([3, 2, 1])).norm < 1e-2)
    #expect(ridge["advantages"].norm < 1e-2 && ridge["advantages"].norm > 0)
    // 3, 4 and 4 have mean 11/3 and deviation √2/3; over the horizon of 3.
    let standard = corridor(AdvantageEstimate(baseline: .none, isStandardized: true))
    let root = 2.0.squareRoot()
    let expected = twice([-2 / root / 3, 1 / root / 3, 1 / root / 3])
    #expect((standard["advantages"] - expected).norm < 1e-7)
  }

  /// The formulas of ridge regression and of generalised advantages, on trajectories that end early.
  @Test func generalisedAdvantages() throws {
    let (decay, discount, horizon) = (0.6, 0.99, 12)
    let problem = SampledPolicyTests.problem(
      steps: 0, advantages: AdvantageEstimate(baseline: .ridge, decay: decay))
    for task in problem.drawn().taskData {
      let batch = task.part("outer/")
      let (mask, seen) = (batch["mask"], batch["observations"])
      let lengths = (0..<mask.rows).map { row in (0..<horizon).count { mask[row, $0] == 1 } }
      func factor(_ time: Int) -> Double { (0..<time).reduce(1) { power, _ in power * discount } }
      let places = lengths.enumerated().flatMap { row, count in (0..<count).map { (row, $0) } }
      let features = try Matrix(
        places.map { row, time in
          let (x, y) = (seen[row * horizon + time, 0], seen[row * horizon + time, 1])
          let t = Double(time) / Double(horizon)
          return [x, y, x * x, y * y, 1, t, t * t, t * t * t]
        })
      let rewards = places.map { batch["rewards"][$0, $1] / factor($1) }
      let follows = places.enumerated().map { index, place in
        (0..<lengths[place.0] - place.1).reduce(0) { $0 + factor($1) * rewards[index + $1] }
      }
      let system = features.transposed.matmul(features) + 1e-5 * .identity(8)
      let targets = features.transposed.matmul(try Matrix(follows.map { [$0] }))
      let values = features.matmul(try #require(system.solving(targets)))
      for (index, (row, time)) in places.enumerated() {
        let expected = values[index, 0] * factor(time)
        let baseline = batch["baselines"][row, time]
        #expect(abs(baseline - expected) < 1e-8)
        var advantage = 0.0
        for later in 0..<lengths[row] - time {
          let next = time + later + 1 < lengths[row] ? values[index + later + 1, 0] : 0
          let surprise = rewards[index + later] + discount * next - values[index + later, 0]
          advantage += factor(later) * (0..<later).reduce(surprise) { sum, _ in sum * decay }
        }
        let discounted = factor(time) * advantage
        let estimated = batch["advantages"][row, time]
        #expect(abs(estimated - discounted) < 1e-8)
      }
    }
  }
}
