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
  var generator = SeededGenerator(seed: 1)
  let network = TanhNetwork(inputs: 1, width: 20, outputs: 1)
  let problem = try MetaProblem(
    network: network, loss: .meanSquaredError,
    parameters: network.initialParameters(gain: 1, using: &generator).values, steps: 1,
    learningRate: 0.02, tasks: Sinusoids().tasks(10, support: 10, query: 10, using: &generator))
  let heldOut = try problem.with(
    tasks: Sinusoids().tasks(200, support: 10, query: 10, using: &generator))
  let trainer = Trainer(problem, .maml, optimizer: AdamOptimizer(rate: 0.005), seed: 2) {
    Sinusoids().tasks(10, support: 10, query: 10, using: &$0)
  }
  trainer.run(until: iterations)
  let trained = try heldOut.with(learned: trainer.parameters)
  return (heldOut.meanLosses(steps: 5), trained.meanLosses(steps: 5))
}
