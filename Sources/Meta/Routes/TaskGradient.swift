import Nets
import Tape

/// The outer loss of one task after the inner loop and its gradient, compiled for one size of task.
protocol TaskGradient: Sendable {
  /// The memory in which one thread evaluates it.
  ///
  /// - Parameter outer: The block where the outer variables lie, one behind the other.
  func runner(outer: Storage) -> any TaskRunner

  /// What one evaluation takes, at most if it is not known before.
  ///
  /// - Parameter evidence: What an evaluation has found; nil before there was one.
  func cost(after evidence: Evidence?) -> Cost

  /// The lines of its programs.
  var lines: Int { get }

  /// By learned outer variable, whether the answer depends on it.
  var isReached: [Bool] { get }

  /// The work by which tasks are summed in groups: what one evaluation takes, without what is only computed again.
  var groupingCost: Cost { get }

  /// The steps that are taken forward where points are computed again, by the formula; nil where none is.
  var forwardSteps: Int? { get }
}

extension TaskGradient {
  var forwardSteps: Int? { nil }
  var groupingCost: Cost { cost(after: nil) }
}

/// The memory in which one thread evaluates a task gradient.
protocol TaskRunner: AnyObject {
  /// Evaluates at a task, and adds the outer loss and then the gradient to the numbers in `sum`.
  func run(_ task: LoadedTask, addingTo sum: Storage)

  /// The memory that it has reserved.
  var reservedBytes: Int { get }
}

/// A task of an evaluator, and what evaluations of it leave behind.
///
/// Safe to share because its matrices are never written again once loaded (other tasks get other blocks), and the rest is
/// touched by the thread alone that has drawn the task; the pool waits for all before anyone reads.
final class LoadedTask: @unchecked Sendable {
  /// The matrices, one behind the other.
  let block: Storage
  /// By step, and last for the outer loss, the matrices with the data that were drawn; empty where none are.
  private(set) var drawn: [Storage] = []
  /// Which of the programs is for its size.
  let program: Int
  /// Its place among the tasks.
  let index: Int
  /// What the last evaluation has found.
  var evidence = Evidence.none
  /// The solution of the last linear system.
  var solution: [Double]?
  /// How many evaluations there were, where they differ.
  var evaluations = 0

  /// - Parameter former: The task that had the place before: if it had the same shapes, its memory serves again.
  init(_ task: Parameters<Matrix>, program: Int, index: Int, after former: LoadedTask? = nil) {
    let shapes = task.shapes
    let count = shapes.reduce(0) { $0 + $1.count }
    let own = former.flatMap { $0.program == program ? $0.block : nil }
    block = own ?? Storage(capacity: count)
    for (value, offset) in zip(task.values, shapes.offsets()) {
      block.write(value.elements, at: offset)
    }
    (self.program, self.index) = (program, index)
    // Random directions go on, so that a training does not draw the same ones in every step.
    evaluations = former?.evaluations ?? 0
  }

  /// Makes room for data to be drawn in each step, and by the outer loss.
  func reserve(steps: Int) {
    while drawn.count <= steps {
      let copy = Storage(capacity: block.reservedCount)
      copy.add(block, 0..<block.reservedCount)
      drawn.append(copy)
    }
  }
}

/// A problem, the number of its steps and what is differentiated of it: what a route compiles.
struct Differentiation {
  let problem: any BilevelProblem
  let order: Order
  let steps: Int
  /// The inner variables.
  let inner: [ParameterDescription]

  /// - Parameter steps: Another number than the problem's.
  init(_ problem: any BilevelProblem, _ order: Order, steps: Int? = nil) {
    order.check()
    (self.problem, self.order) = (problem, order)
    inner = problem.innerDescriptions
    // Where nothing moves there is no step.
    self.steps = inner.isEmpty ? 0 : steps ?? problem.steps
  }

  /// By step, the factor on its second-order path.
  var weights: [Double] { order.weights(of: steps) }

  /// The derivative paths through inner gradients.
  var paths: [DerivativePath] { order.paths(through: inner, steps: steps) }

  /// What results are called: `maml`, `fo-maml`.
  var label: String { order == .firstOrder && !inner.isEmpty ? "fo-\(problem.name)" : problem.name }

  /// What computes the meta-gradient of tasks of the size of one.
  func taskGradient(_ route: Route, _ task: Parameters<Matrix>) -> any TaskGradient {
    route.check()
    if !route.followsSteps && order != .exact {
      stop("\(route) does not differentiate steps: it has no order, but \(order) is asked for")
    }
    switch route {
    case .adjoint, .checkpointed: break
    default: problem.requireFixedData(for: "route \(route)")
    }
    switch route {
    case .unrolled: return UnrolledGradient(self, task)
    case .adjoint: return AdjointGradient(self, task)
    case .checkpointed(let checkpoints): return AdjointGradient(self, task, checkpoints)
    case .forward(let atOnce): return ForwardGradient(self, task, atOnce: atOnce)
    case .implicit(let settings): return ImplicitGradient(self, task, settings)
    case .differences(let step): return DifferencesGradient(self, task, step: step)
    case .reptile: return ReptileGradient(self, task)
    case .evolution(let settings): return EvolutionGradient(self, task, settings)
    }
  }
}
