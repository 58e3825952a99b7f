import Nets
import Tape

/// How a meta-gradient is computed.
///
/// All routes agree to rounding.
public enum Route: String, CaseIterable, Codable, Sendable {
  /// A reverse sweep over the recorded inner loop; memory and lines grow with the steps.
  case unrolled
  /// One Hessian-vector product a step, backwards over stored points: the lines do not grow
  /// with the steps, and memory grows by one point a step.
  case adjoint
}

/// The outer loss of one task after the inner loop and its gradient, compiled for one size of task.
protocol TaskGradient: Sendable {
  /// The memory in which one thread evaluates it.
  ///
  /// - Parameter outer: The block where the outer variables lie, one behind the other.
  func runner(outer: Storage) -> any TaskRunner

  /// What one evaluation takes.
  var cost: Cost { get }

  /// The lines of its programs.
  var lines: Int { get }

  /// By learned outer variable, whether the loss depends on it at this order.
  var isReached: [Bool] { get }
}

/// The memory in which one thread evaluates a task gradient.
protocol TaskRunner: AnyObject {
  /// Evaluates at a task, whose matrices lie one behind the other, and adds the outer loss and then the
  /// gradient to the numbers in `sum`.
  func run(_ task: Storage, addingTo sum: Storage)

  /// The memory that it has reserved.
  var reservedBytes: Int { get }
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
    switch route {
    case .unrolled: UnrolledGradient(self, task)
    case .adjoint: AdjointGradient(self, task)
    }
  }
}
