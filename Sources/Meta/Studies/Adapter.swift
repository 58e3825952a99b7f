import Meta
import Nets
import Tape

/// Adaptation to new tasks of one size, compiled: query loss, and the parameters after one step on the
/// support set.
final class Adapter {
  private let workspace: Workspace
  private let count: Int

  /// Joint training, which adapts nothing while it trains, adapts all parameters here.
  init(_ network: any Network, _ loss: Loss, _ method: Method, support: Int, query: Int) {
    let tape = GradientTape()
    func input(_ rows: Int, _ columns: Int) -> Variable {
      tape.input(Matrix(Shape(rows, columns), repeating: 0))
    }
    let parameters = Parameters(
      network.parameters, network.parameters.map { input($0.shape.rows, $0.shape.columns) })
    let rate = input(1, 1)
    let points = [support, query].map { rows in
      LabelledPoints(
        inputs: input(rows, network.inputWidth), targets: input(rows, network.outputWidth))
    }
    let losses = points.map { loss(network($0.inputs, parameters), $0.targets) }
    let adapted =
      method.adaptation == .head ? parameters.positions(of: .head) : Array(0..<parameters.count)
    var next = parameters
    let slopes = gradient(of: losses[0], wrt: adapted.map { parameters[$0] })
    for (position, slope) in zip(adapted, slopes) {
      next[position] = parameters[position] + -rate * slope
    }
    let program = Program(
      inputs: parameters.values + [rate] + points.flatMap { [$0.inputs, $0.targets] },
      outputs: [losses[1]] + next.values)
    workspace = Workspace(for: program)
    count = parameters.count
  }

  /// The query loss at `parameters`, and the parameters after a step from there.
  func step(
    _ parameters: [Matrix], _ task: LearningTask, rate: Double
  ) -> (loss: Double, next: [Matrix]) {
    let points = [task.support, task.query].flatMap { [$0.inputs, $0.targets] }
    for (position, value) in (parameters + [Matrix(rate)] + points).enumerated() {
      workspace.setInput(position, to: value)
    }
    workspace.run()
    return (workspace.output(0).elements[0], (1...count).map { workspace.output($0) })
  }
}
