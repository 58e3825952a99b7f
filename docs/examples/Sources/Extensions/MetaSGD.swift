public import Meta
public import Nets
public import Tape

/// Trains initial parameters by MAML.
///
/// - Parameter draw: Draws the tasks of an outer step.
/// - Returns: The parameters.
public func trainMAML(
  _ problem: MetaProblem, iterations: Int,
  drawing draw: @escaping (inout SeededGenerator) -> [LearningTask]
) -> Parameters<Matrix> {
  let trainer = Trainer(
    problem, .maml, optimizer: AdamOptimizer(rate: 0.003), seed: 2, drawing: draw)
  trainer.run(until: iterations)
  return trainer.parameters
}

/// Trains initial parameters, and a rate for each of their entries, by Meta-SGD: the same, but for the problem.
///
/// - Parameter draw: Draws the tasks of an outer step.
/// - Returns: The parameters, then the rates of each, as `learningRate/` and its name.
/// - Reference: Li et al., *Meta-SGD: learning to learn quickly for few-shot learning* (2017).
public func trainMetaSGD(
  _ problem: MetaProblem, iterations: Int,
  drawing draw: @escaping (inout SeededGenerator) -> [LearningTask]
) -> Parameters<Matrix> {
  let trainer = Trainer(
    problem.metaSGD, .maml, optimizer: AdamOptimizer(rate: 0.003), seed: 2, drawing: draw)
  trainer.run(until: iterations)
  return trainer.parameters
}
