import Foundation
import Meta
import Nets
import Tape
import TestSupport
import Testing

/// Which problems are checked, each made anew for a seed.
enum CheckedProblem: CaseIterable {
  case readme, linear, oneStep, fiveSteps, small

  func make(seed: UInt64) throws -> MetaProblem {
    var generator = SeededGenerator(seed: seed)
    let sinusoid = ReLUNetwork(sizes: [1, 40, 40, 1])
    func sinusoids(steps: Int, gain: Double) throws -> MetaProblem {
      try MetaProblem(
        network: sinusoid, loss: .meanSquaredError,
        parameters: sinusoid.initialParameters(gain: gain, using: &generator).values, steps: steps,
        learningRate: 0.01, tasks: Sinusoids().tasks(25, support: 10, query: 10, using: &generator))
    }
    switch self {
    case .readme: return try sinusoids(steps: 5, gain: 0.6)
    case .oneStep: return try sinusoids(steps: 1, gain: 1 / 3.0.squareRoot())
    case .fiveSteps: return try sinusoids(steps: 5, gain: 1 / 3.0.squareRoot())
    case .linear:
      let truth = LinearRepresentation(dimension: 20, rank: 3, noise: 0.1, using: &generator)
      return try MetaProblem(
        network: LinearTwoLayer(inputs: 20, width: 3, outputs: 1), loss: .halfMeanSquaredError,
        parameters: [
          .orthonormal(Shape(20, 3), using: &generator), .gaussian(Shape(3, 1), using: &generator),
        ], steps: 1, learningRate: 0.25,
        tasks: truth.tasks(10, support: 25, query: 25, using: &generator))
    case .small:
      return try randomProblem(
        ReLUNetwork(sizes: [2, 20, 1]), loss: .meanSquaredError, steps: 3, tasks: 5,
        points: (10, 10), using: &generator)
    }
  }
}

/// As many of a problem file as its numbers need.
struct Fixture: Decodable {
  struct Points: Decodable {
    let inputs, targets: Matrix
    var points: LabelledPoints<Matrix> { LabelledPoints(inputs: inputs, targets: targets) }
  }
  struct Task: Decodable { let support, query: Points }
  struct Kind: Decodable {
    let kind: String
    let inputs, width, outputs: Int?
    let sizes: [Int]?
  }
  struct Loop: Decodable {
    let steps: Int
    let learningRate: Double
  }
  struct Problem: Decodable {
    let network: Kind
    let loss: String
    let parameters: [Matrix]
    let adaptation: Loop
    let tasks: [Task]
  }
  let problem: Problem

  static let names = [
    "digits-5way-1shot", "linear-1step", "linear-5steps", "linear-overparametrized", "relu-5steps",
    "relu-classify", "relu-sinusoid-1step",
  ]

  static func read(_ name: String) throws -> MetaProblem {
    let data = try Data(contentsOf: fixtures.appendingPathComponent("\(name).json"))
    let file = try JSONDecoder().decode(Fixture.self, from: data).problem
    let kind = file.network
    let network: any Network =
      kind.kind == "relu"
      ? ReLUNetwork(sizes: kind.sizes ?? [])
      : LinearTwoLayer(
        inputs: kind.inputs ?? 0, width: kind.width ?? 0, outputs: kind.outputs ?? 0)
    return try MetaProblem(
      network: network, loss: #require(Loss(rawValue: file.loss)), parameters: file.parameters,
      steps: file.adaptation.steps, learningRate: file.adaptation.learningRate,
      tasks: file.tasks.map { LearningTask(support: $0.support.points, query: $0.query.points) })
  }
}

@Suite struct MetaGradientCheckTests {
  /// The verdicts on the exact gradient, on it a tenth of a percent too long, and on first order.
  static func verdicts(_ problem: MetaProblem, seed: UInt64) -> [DerivativeCheck] {
    // Of first order, since only its loss is asked for again and again.
    let evaluator = MetaGradientEvaluator(problem, .firstOrderMAML)
    let first = evaluator.evaluate().gradient
    let exact = problem.metaGradient(.maml).gradient
    return [exact, 1.001 * exact, first].map { claimed in
      var generator = SeededGenerator(seed: seed)
      return checkGradient(
        claimed.values,
        of: {
          evaluator.setParameters($0, rate: problem.learningRate)
          return evaluator.evaluate().loss
        }, at: problem.parameters.values, using: &generator)
    }
  }

  /// Differences of ReLU networks straddle kinks at wide steps, and are rounding at narrow ones.
  @Test(arguments: CheckedProblem.allCases)
  func tellsRightFromWrong(_ kind: CheckedProblem) throws {
    for seed in 0..<seeds {
      let found = Self.verdicts(try kind.make(seed: seed), seed: seed)
      let verdicts = found.map { $0.verdict() }
      #expect(verdicts == [.passes, .fails, .fails], "seed \(seed): \(found)")
    }
  }

  @Test(arguments: Fixture.names)
  func tellsRightFromWrongInFixtures(_ name: String) throws {
    let problem = try Fixture.read(name)
    for seed in 0..<seeds {
      let found = Self.verdicts(problem, seed: seed)
      let verdicts = found.map { $0.verdict() }
      #expect(verdicts == [.passes, .fails, .fails], "seed \(seed): \(found)")
    }
  }
}

/// With fifty of each every verdict is the same, but that takes minutes.
private let seeds: UInt64 = 3
