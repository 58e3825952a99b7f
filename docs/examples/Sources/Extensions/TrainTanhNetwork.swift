import Meta
import Nets
import Tape

/// Trains a network of one's own by MAML on sine waves, then adapts it to tasks that it has not seen.
///
/// - Parameter iterations: The outer steps.
/// - Returns: By inner step from 0 to 5, the mean loss on the query sets of 200 held-out tasks; before
///   the training and after it.
public func trainTanhNetwork(
  iterations: Int = 5000
) throws -> (before: [Double], after: [Double]) {
  let network = TanhNetwork(inputs: 1, width: 20, outputs: 1)
  var generator = SeededGenerator(seed: 1)
  let start = network.parameters.map {
    Matrix.gaussian($0.shape, deviation: 0.5, using: &generator)
  }
  let heldOut = Sinusoids().tasks(200, support: 10, query: 10, using: &generator)
  func curve(_ parameters: [Matrix]) throws -> [Double] {
    try (0...5).map { steps in
      let problem = try MetaProblem(
        network: network, loss: .meanSquaredError, parameters: parameters, steps: steps,
        learningRate: 0.02, tasks: heldOut)
      return problem.metaGradient(.firstOrderMAML).loss
    }
  }
  let problem = try MetaProblem(
    network: network, loss: .meanSquaredError, parameters: start, steps: 1, learningRate: 0.02,
    tasks: Array(heldOut[..<10]))
  let trainer = Trainer(problem, .maml, optimizer: AdamOptimizer(rate: 0.003), seed: 2) {
    Sinusoids().tasks(10, support: 10, query: 10, using: &$0)
  }
  trainer.run(until: iterations)
  return (try curve(start), try curve(trainer.parameters.values))
}
