import Meta
import Nets
import Tape

/// The example of the README, which a test holds against this text; `show` stands for `print`.
func readmeExample(_ show: (Any) -> Void) throws {
  // begin
  // Exact against first-order MAML, on sine waves and a small ReLU network.
  var generator = SeededGenerator(seed: 1)
  let network = ReLUNetwork(sizes: [1, 40, 40, 1])
  let problem = try MetaProblem(
    network: network, loss: .meanSquaredError,
    parameters: network.initialParameters(gain: 0.6, using: &generator).values,
    steps: 5, learningRate: 0.01,
    tasks: Sinusoids().tasks(25, support: 10, query: 10, using: &generator))
  let comparison = problem.comparison(.maml)
  show(comparison.gap)
  show("\(comparison.firstOrder.cuts.count) paths cut, first \(comparison.firstOrder.cuts[0])")

  // Any function written in variables has a gradient, and the gradient has one too.
  let tape = GradientTape()
  let x = tape.input(Matrix(0.5), named: "x")
  let slope = gradient(of: x * x * x, wrt: x)
  let curvature = gradient(of: slope, wrt: x)
  show("slope \(slope.scalar), curvature \(curvature.scalar)")
  show(tape.listing)
  // end
}
