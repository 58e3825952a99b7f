import Extensions
import Meta
import Nets
import Tape

// Exact against first-order MAML with everything from outside: network, tasks and update rule.
var generator = SeededGenerator(seed: 1)
let network = TanhNetwork(inputs: 2, width: 16, outputs: 3)
let problem = try MetaProblem(
  network: network, loss: .softmaxCrossEntropy,
  parameters: network.parameters.map {
    Matrix.gaussian($0.shape, deviation: 0.5, using: &generator)
  },
  steps: 5, learningRate: 0.3, rule: QuasiHyperbolicMomentum(decay: 0.9),
  tasks: RotatedClusters(classes: 3).tasks(20, support: 6, query: 15, using: &generator)
).learning([.parameters, .rule])

let comparison = problem.comparison(.maml)
print(
  "\(network), quasi-hyperbolic momentum, \(problem.tasks.count) tasks, \(problem.steps) inner steps"
)
print(comparison)
print("\(comparison.firstOrder.cuts.count) paths cut")
