import Meta
import Nets
import Tape

/// The blocks of `docs/course/15-a-gradient-through-a-sample.md`.
func chapter15(_ print: (Any) -> Void) throws {
  // begin
  let log3 = GradientTape().constant(3).log().scalar
  func logPolicy(_ x: Variable) -> [Variable] { [-(-x).softplus(), -x.softplus()] }
  func box(_ log: Variable) -> Variable { (log - log.stopGradient()).exp() }
  func rounded(_ number: Double) -> Double { (number * 10000).rounded() / 10000 + 0 }

  /// The first two derivatives at x = −log 3.
  func derivatives(_ surrogate: (Variable) -> Variable) -> [Double] {
    let x = GradientTape().input(Matrix(-log3), named: "x")
    let slope = gradient(of: surrogate(x), wrt: x)
    return [slope.scalar, gradient(of: slope, wrt: x).scalar]
  }
  /// Mean and standard deviation over everything that can happen.
  func spread(_ numbers: [Double], _ chances: [Double]) -> (mean: Double, deviation: Double) {
    let mean = zip(chances, numbers).reduce(0) { $0 + $1.0 * $1.1 }
    let variance = zip(chances, numbers).reduce(0) { $0 + $1.0 * ($1.1 - mean) * ($1.1 - mean) }
    return (mean, variance.squareRoot())
  }
  let surrogates: [(name: String, of: (Variable, Double) -> Variable)] = [
    ("naive", { log, reward in log * reward }),
    ("lvc", { log, reward in log.exp() / log.exp().stopGradient() * reward }),
    ("dice", { log, reward in box(log) * reward }),
  ]
  func show(rewards: [Double], baseline: Double = 0) {
    for surrogate in surrogates {
      let arms = (0..<2).map { arm in
        derivatives { surrogate.of(logPolicy($0)[arm], rewards[arm] - baseline) }
      }
      let spreads = (0..<2).map { order in spread(arms.map { $0[order] }, [0.25, 0.75]) }
      let means = spreads.map { rounded($0.mean) }
      print("\(surrogate.name): \(means), deviations \(spreads.map { rounded($0.deviation) })")
    }
  }
  show(rewards: [4, 0])
  print("with a baseline of 1")
  show(rewards: [4, 0], baseline: 1)
  // end

  // begin
  typealias Doors = (_ logs: [Variable], _ rewards: [Double]) -> Variable
  func atTheDoors(_ surrogate: Doors) -> (mean: Double, deviation: Double) {
    var (numbers, chances): ([Double], [Double]) = ([], [])
    for first in 0..<2 {
      for second in 0..<2 {
        let rewards = [0, first == 0 && second == 0 ? 16.0 : 0]
        numbers.append(
          derivatives { x in
            surrogate([logPolicy(x)[first], logPolicy(x)[second]], rewards)
          }[1])
        chances.append([0.25, 0.75][first] * [0.25, 0.75][second])
      }
    }
    return spread(numbers, chances)
  }
  func fromThere(_ rewards: [Double]) -> [Double] { [rewards[0] + rewards[1], rewards[1]] }
  let atDoors: [(name: String, surrogate: Doors)] = [
    (
      "naive",
      { logs, rewards in
        logs[0] * fromThere(rewards)[0] + logs[1] * fromThere(rewards)[1]
      }
    ),
    (
      "lvc",
      { logs, rewards in
        box(logs[0]) * fromThere(rewards)[0] + box(logs[1]) * fromThere(rewards)[1]
      }
    ),
    (
      "dice",
      { logs, rewards in
        box(logs[0]) * rewards[0] + box(logs[0] + logs[1]) * rewards[1]
      }
    ),
  ]
  for (name, surrogate) in atDoors {
    let (mean, deviation) = atTheDoors(surrogate)
    let errors = [10.0, 100, 1000].map { samples in
      ((mean - 1.875) * (mean - 1.875) + deviation * deviation / samples).squareRoot()
    }
    print("\(name): mean \(rounded(mean)), deviation \(rounded(deviation))")
    print("   error with 10, 100, 1000 samples \(errors.map(rounded))")
  }
  // end

  // begin
  let (next, end) = ([0.0, 1, 0], [0.0, 0, 1])
  let doors = try TabularMDP(
    transitions: [try Matrix([next, end, end]), try Matrix([end, end, end])],
    rewards: try Matrix([[0, 0], [16, 0], [0, 0]]), start: try Matrix([[1, 0, 0]]), discount: 1,
    horizon: 2)
  for surrogate in PolicySurrogate.allCases {
    let both = derivatives { x in
      let firstArm = Matrix(Shape(3, 2)) { _, arm in arm == 0 ? 1 : 0 }
      return surrogate.objective(doors.evaluation(of: x * x.tape.constant(firstArm)))
    }
    print("\(surrogate.rawValue): \(both.map(rounded)), drops \(surrogate.dropped)")
  }
  // end

  // begin
  let rate = log3 / 3
  /// The value after a step from so many pulls, of which some won, and the two terms of its derivative.
  func adapt(
    wins: Int, of pulls: Int, by surrogate: (Variable) -> Variable = { $0 }
  ) -> (value: Double, path: Double, score: Double) {
    let x = GradientTape().input(Matrix(-log3), named: "x")
    let logs = logPolicy(x)
    let reward = surrogate(logs[0]) * (4 * Double(wins) / Double(pulls))
    let adapted = x + rate * gradient(of: reward, wrt: x)
    let value = 4 * adapted.sigmoid()
    let chance = Double(wins) * logs[0] + Double(pulls - wins) * logs[1]
    let score = gradient(of: chance, wrt: x)
    return (value.scalar, gradient(of: value, wrt: x).scalar, value.scalar * score.scalar)
  }
  let whole = derivatives { x in
    let logs = logPolicy(x)
    return (0..<2).map { arm in
      let estimate = gradient(of: logs[arm] * [4.0, 0][arm], wrt: x)
      return logs[arm].exp() * 4 * (x + rate * estimate).sigmoid()
    }.reduce(x.tape.constant(0), +)
  }
  print("sampled, the whole: \(rounded(whole[0]))")
  let parts = [adapt(wins: 1, of: 1), adapt(wins: 0, of: 1)]
  print("path \(rounded(spread(parts.map(\.path), [0.25, 0.75]).mean))")
  print("score \(rounded(spread(parts.map(\.score), [0.25, 0.75]).mean))")
  let expected = try TabularPolicyProblem(
    [.bandit(rewards: [4, 0])], logits: try Matrix([[-log3, 0]]), steps: 1, learningRate: rate / 2)
  for row in expected.surrogateComparison().rows {
    print("expected, \(row.name): \(rounded(row.gradient.elements[0]))")
  }
  // end

  // begin
  for pulls in [1, 4, 16, 64, 256] {
    let chances = (0..<pulls).reduce([1.0]) { odds, _ in
      zip([0] + odds, odds + [0]).map { 0.25 * $0 + 0.75 * $1 }
    }
    let all = (0...pulls).map { adapt(wins: $0, of: pulls) }
    let value = spread(all.map(\.value), chances).mean
    let path = spread(all.map(\.path), chances).mean
    let score = spread(all.map(\.score), chances)
    let boxed = (0...pulls).map { adapt(wins: $0, of: pulls, by: box).path }
    print("\(pulls): value \(rounded(value)), path and score \(rounded(path + score.mean))")
    print("   path \(rounded(path)), score \(rounded(score.mean)) ± \(rounded(score.deviation))")
    print("   path with the box, no score \(rounded(spread(boxed, chances).mean))")
  }
  // end

  // begin
  show(rewards: [5, 1])
  // end

  // begin
  show(rewards: [4, 0], baseline: 3)
  // end

  // begin
  for weight in [0, 0.5, 1] {
    let loaded = atTheDoors { logs, rewards in
      let second = weight * logs[0] + logs[1]
      return (box(logs[0]) - 1) * fromThere(rewards)[0]
        + (box(second) - box(second - logs[1])) * fromThere(rewards)[1]
    }
    print("λ \(weight): mean \(rounded(loaded.mean)), deviation \(rounded(loaded.deviation))")
  }
  // end

  // begin
  for pulls in [1, 16, 256] {
    let chances = (0..<pulls).reduce([1.0]) { odds, _ in
      zip([0] + odds, odds + [0]).map { 0.25 * $0 + 0.75 * $1 }
    }
    let all = (0...pulls).map { adapt(wins: $0, of: pulls) }
    let middle = spread(all.map(\.value), chances).mean
    let score = spread(all.map { $0.score * ($0.value - middle) / $0.value }, chances)
    print("\(pulls): score \(rounded(score.mean)) ± \(rounded(score.deviation))")
  }
  // end
}
