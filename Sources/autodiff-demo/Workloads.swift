import Meta
import Nets
import Tape

/// A problem of fixed name and contents, so that figures can be compared from year to year.
///
/// Inputs are standard normal; `m` says points of support and query set, `s` inner steps, `t` tasks.
struct Workload: Sendable {
  var name: String
  var network: any Network
  var loss: Loss
  var support: Int
  var query: Int
  var steps: Int
  var tasks: Int
  var methods: [Method]
  var route: Route = .unrolled

  /// The problem itself: the same bits on every call.
  func problem() throws -> MetaProblem {
    var generator = SeededGenerator(seed: 0)
    let parameters =
      (network as? ReLUNetwork)?.initialParameters(gain: 1, using: &generator).values
      ?? network.parameters.map {
        .gaussian(
          $0.shape, deviation: 1 / Double($0.shape.rows).squareRoot(), using: &generator)
      }
    func points(_ count: Int) -> LabelledPoints<Matrix> {
      let width = network.outputWidth
      return LabelledPoints(
        inputs: .gaussian(Shape(count, network.inputWidth), using: &generator),
        targets: loss == .softmaxCrossEntropy
          ? Matrix(Shape(count, width)) { $0 % width == $1 ? 1 : 0 }
          : .gaussian(Shape(count, width), using: &generator))
    }
    return try MetaProblem(
      network: network, loss: loss, parameters: parameters, steps: steps, learningRate: 0.01,
      tasks: (0..<tasks).map { _ in LearningTask(support: points(support), query: points(query)) })
  }

  static let all: [Workload] =
    [(20, 3, 25, 1), (20, 3, 25, 10), (100, 5, 50, 10)].map { inputs, width, points, tasks in
      Workload(
        name: "linear-\(inputs)x\(width)-m\(points)-s1-t\(tasks)",
        network: LinearTwoLayer(inputs: inputs, width: width, outputs: 1),
        loss: .halfMeanSquaredError, support: points, query: points, steps: 1, tasks: tasks,
        methods: Method.maml.bothOrders + Method.anil.bothOrders)
    }
    + [(1, 1), (1, 25), (5, 25), (50, 25)].map { steps, tasks in
      sinusoid("sinusoid", steps: steps, tasks: tasks, Method.maml.bothOrders)
    }
    + [1, 5].map { steps in
      Workload(
        name: "omniglot-784x256x128x64x64x5-m5q75-s\(steps)-t4",
        network: ReLUNetwork(sizes: [784, 256, 128, 64, 64, 5]), loss: .softmaxCrossEntropy,
        support: 5, query: 75, steps: steps, tasks: 4, methods: Method.maml.bothOrders)
    }
    + [sinusoid("long", steps: 1000, tasks: 25, [.maml], route: .adjoint)]

  private static func sinusoid(
    _ name: String, steps: Int, tasks: Int, _ methods: [Method], route: Route = .unrolled
  ) -> Workload {
    Workload(
      name: "\(name)-1x40x40x1-m10-s\(steps)-t\(tasks)",
      network: ReLUNetwork(sizes: [1, 40, 40, 1]), loss: .meanSquaredError, support: 10, query: 10,
      steps: steps, tasks: tasks, methods: methods, route: route)
  }
}

/// Meta-policy-gradients of 2-D navigation, as `navigate` takes them: each is drawn, adapted to and judged anew.
///
/// The name says the network, trajectories, horizon and tasks.
enum SampledWorkload {
  static let name = "navigation-2x64x64x2-n20-h100-t20"
  static let methods = Method.maml.bothOrders

  static func problem() -> SampledPolicyProblem<Navigation> {
    var generator = SeededGenerator(seed: 0)
    let navigation = Navigation()
    let policy = GaussianPolicy(ReLUNetwork(sizes: [2, 64, 64, 2]))
    return SampledPolicyProblem(
      navigation, policy, policy.initialParameters(using: &generator),
      tasks: navigation.goals(20, using: &generator), trajectories: 20, learningRate: 0.1,
      surrogate: .lvc, advantages: AdvantageEstimate(baseline: .ridge, isStandardized: true),
      seed: 0)
  }
}
