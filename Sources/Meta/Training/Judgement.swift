import Nets
import Tape

/// How a network does on the query set of one task.
public struct Judgement: Codable, Equatable, Sendable {
  /// The query loss.
  public let loss: Double
  /// The share of points whose largest output is where the largest target is; nil where the loss is not one of
  /// classes.
  public let accuracy: Double?
}

extension MetaProblem {
  /// By task, how the network does after 0, 1, 2 inner steps and so on.
  ///
  /// - Parameter steps: The most steps; by default as many as the problem takes.
  /// - Complexity: For each task one gradient of the inner loss and one forward pass a step.
  public func judgements(steps: Int? = nil) -> [[Judgement]] {
    guard queryLoss == .softmaxCrossEntropy else {
      return losses(steps: steps).map { $0.map { Judgement(loss: $0, accuracy: nil) } }
    }
    var runs: [[Shape]: (loop: InnerRun, outputs: Workspace)] = [:]
    return tasks.map { task in
      let data = task.data
      let run =
        runs[data.shapes] ?? (InnerRun(self, for: data), outputs(of: task.query.inputs.shape))
      runs[data.shapes] = run
      run.outputs.setInput(parameters.count, to: task.query.inputs)
      var judgements: [Judgement] = []
      run.loop.run(on: data, steps: steps ?? self.steps) { _, here in
        for (position, value) in parameters.replacing(here.inner).values.enumerated() {
          run.outputs.setInput(position, to: value)
        }
        run.outputs.run()
        let said = run.outputs.output(0).largestInRows
        let right = zip(said, task.query.targets.largestInRows).count { $0 == $1 }
        judgements.append(
          Judgement(loss: here.currentLoss, accuracy: Double(right) / Double(said.count)))
      }
      return judgements
    }
  }

  /// The network's outputs for a batch of a shape, by its parameters and then the inputs.
  private func outputs(of shape: Shape) -> Workspace {
    let tape = GradientTape()
    let parameters = parameters.recorded(on: tape)
    let inputs = tape.input(Matrix(shape, repeating: 0))
    return Workspace(
      for: Program(inputs: parameters.values + [inputs], outputs: [network(inputs, parameters)]))
  }
}

extension Matrix {
  /// By row, the column of the largest entry, the first of equal ones.
  package var largestInRows: [Int] {
    (0..<rows).map { row in
      (1..<columns).reduce(0) { self[row, $1] > self[row, $0] ? $1 : $0 }
    }
  }
}
