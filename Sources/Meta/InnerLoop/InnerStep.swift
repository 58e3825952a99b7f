import Nets
import Tape

/// One recorded inner step, in which two ways are told apart by which its end depends on its start:
/// directly, by the update, and through the inner gradients, which is what first order leaves out.
///
/// A derivative is with respect to a line of the tape, so each way reads the start from lines of its
/// own. What is carried back along either is ordinary lines again: it can be differentiated, as a
/// gradient behind `stopGradient` could not.
struct InnerStep {
  /// All parameters, as the inner gradients read them.
  let point: [Variable]
  /// The inner gradients, one for each adapted parameter.
  let gradients: [Variable]
  /// The adapted parameters and the rule's state, as the update reads them.
  private let held: [Variable]
  /// The inner gradients, as the update reads them.
  private let used: [Variable]
  /// The adapted parameters and the rule's state after the step.
  let moved: [Variable]
  /// The point after the step.
  let end: LoopPoint
  private let adapted: [Int]

  /// Records a step of `loop`, whatever its order.
  init(
    _ loop: InnerLoop, from start: LoopPoint, rate: Variable,
    objective: (Parameters<Variable>) -> Variable
  ) {
    adapted = loop.adaptation.positions(in: start.parameters.descriptions)
    let seen = start.parameters.map(\.onItsOwnLine)
    point = seen.values
    gradients = loop.innerGradients(seen, adapted, objective)
    used = gradients.map(\.onItsOwnLine)
    var own = LoopPoint(
      parameters: start.parameters, state: start.state.map { $0.map(\.onItsOwnLine) })
    for position in adapted { own.parameters[position] = start.parameters[position].onItsOwnLine }
    held = own.moving(adapted)
    end = loop.moved(own, along: used, rate: rate)
    moved = end.moving(adapted)
  }

  /// A gradient with respect to the end of the step, or its start.
  struct Carried {
    /// By all parameters.
    var parameters: [Variable]
    /// By what the rule remembers.
    var state: [Variable]

    /// Whether it was carried over a step without a line being written for it.
    func isSameLines(as other: Carried) -> Bool {
      (parameters + state).map(\.index) == (other.parameters + other.state).map(\.index)
    }
  }

  /// What reaches the start directly, and what reaches each inner gradient, from a gradient by the end.
  func split(_ carried: Carried) -> (direct: Carried, gradients: [Variable]) {
    let upstreams = adapted.map { carried.parameters[$0] } + carried.state
    let pulled = pullback(of: moved, at: upstreams, wrt: held + used)
    var direct = carried
    for (index, position) in adapted.enumerated() { direct.parameters[position] = pulled[index] }
    direct.state = Array(pulled[adapted.count..<held.count])
    return (direct, Array(pulled[held.count...]))
  }

  /// The gradient by the start, where the paths through the inner gradients count `weight` times.
  func carriedBack(_ carried: Carried, weight: Double) -> Carried {
    var (direct, upstreams) = split(carried)
    if weight == 0 { return direct }
    if weight != 1 { upstreams = upstreams.map { weight * $0 } }
    let second = pullback(of: gradients, at: upstreams, wrt: point)
    direct.parameters = zip(direct.parameters, second).map { $0 + $1 }
    return direct
  }
}

extension LoopPoint {
  /// The adapted parameters, then what the rule remembers of them.
  func moving(_ adapted: [Int]) -> [Variable] {
    adapted.map { parameters[$0] } + state.flatMap(\.self)
  }
}

extension Variable {
  /// A line of the same value that reads this one, and that only what reads it depends on.
  var onItsOwnLine: Variable { broadcast(to: shape) }
}
