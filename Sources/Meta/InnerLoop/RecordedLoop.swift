import Nets
import Tape

/// A tape with what one evaluation of a problem reads on it: the outer variables, and the matrices of a task.
struct TaskTape {
  let tape = GradientTape()
  let outer: Parameters<Variable>
  let task: Parameters<Variable>

  /// Names the inputs of a problem and of a task, with their values.
  init(_ problem: any BilevelProblem, _ task: Parameters<Matrix>) {
    outer = problem.outer.recorded(on: tape)
    self.task = task.recorded(on: tape)
  }

  /// Names the inputs of a problem and of a task of the sizes of `task`, all zero.
  init(_ problem: any BilevelProblem, sizedAs task: Parameters<Matrix>) {
    func blank(_ matrices: Parameters<Matrix>) -> Parameters<Matrix> {
      matrices.map { Matrix($0.shape, repeating: 0) }
    }
    outer = blank(problem.outer).recorded(on: tape)
    self.task = blank(task).recorded(on: tape)
  }

  /// All inputs, in the order in which programs take them.
  var inputs: [Variable] { outer.values + task.values }

  /// Records the start of the inner loop.
  func start(of problem: any BilevelProblem, _ outer: Parameters<Variable>) -> LoopPoint {
    LoopPoint(startingFrom: problem.start(outer), problem.rule)
  }

  /// What each step of the problem does, on this tape.
  func functions(of problem: any BilevelProblem) -> StepFunctions {
    StepFunctions(
      rule: problem.rule, lossName: problem.lossNames.inner,
      loss: { problem.innerLoss($0, $1, task) },
      rate: { problem.rate(of: $0, at: $1, $2) }, setting: { problem.ruleSetting($0, $1) })
  }

  /// Records the outer loss.
  func outerLoss(
    of problem: any BilevelProblem, _ inner: Parameters<Variable>, _ outer: Parameters<Variable>
  ) -> Variable {
    let loss = tape.from(LoopPart.outerLoss(problem.lossNames.outer)) {
      problem.outerLoss(inner, outer, task)
    }
    if loss.shape != .scalar {
      stop("\(problem.name): the \(problem.lossNames.outer) is \(loss.shape), not 1×1")
    }
    return loss
  }
}

/// The inner loop of one task on a tape, with its outer loss.
struct RecordedLoop {
  let on: TaskTape
  let steps: [InnerStep]
  let metaLoss: Variable
  /// The positions of the learned outer variables.
  let learned: [Int]

  /// The start and the end of the loop, and the outer variables as start and outer loss read them.
  private let start: (point: LoopPoint, outer: Parameters<Variable>)
  private let end: (point: LoopPoint, outer: Parameters<Variable>)

  /// Records the loop.
  ///
  /// - Parameters:
  ///   - problem: Of which problem.
  ///   - on: The tape.
  ///   - weights: By step, the factor on its second-order path.
  ///   - isApart: Whether both ways over each step are told apart instead, so that ``metaGradient(_:)`` and
  ///     the ledger can go back over them.
  init(_ problem: any BilevelProblem, on: TaskTape, weights: [Double], isApart: Bool = false) {
    problem.requireFixedData(for: "a recorded loop")
    self.on = on
    learned = problem.learnedPositions
    func own(_ variables: Parameters<Variable>) -> Parameters<Variable> {
      isApart ? variables.map(\.onItsOwnLine) : variables
    }
    let startOuter = own(on.outer)
    let point = on.start(of: problem, startOuter)
    start = (point, startOuter)
    let recorded = RecordedSteps(
      on.functions(of: problem), from: point, outer: on.outer, on: on.tape,
      weights: point.inner.count == 0 ? [] : weights.map { isApart ? nil : $0 })
    steps = recorded.steps
    var last = recorded.end
    last.inner = own(last.inner)
    end = (last, own(on.outer))
    metaLoss = on.outerLoss(of: problem, end.point.inner, end.outer)
  }

  /// The learned outer variables.
  var variables: [Variable] { learned.map { on.outer[$0] } }

  /// The gradient of the outer loss by the learned outer variables, by a sweep over the whole loop; nil for
  /// those on which it does not depend.
  func sweep() -> [Variable?] {
    reachedPullback(of: [metaLoss], at: [on.tape.constant(1)], wrt: variables)
  }

  // MARK: - Told apart

  /// What the way back starts with: the last state reaches no loss.
  func carriedFromEnd() -> Carried {
    let last = end.point.inner.values
    let pulled = reachedPullback(
      of: [metaLoss], at: [on.tape.constant(1)], wrt: last + learned.map { end.outer[$0] })
    return Carried(
      outer: Array(pulled[last.count...]), inner: zip(last, pulled).map { $1 ?? $0.zeros },
      state: noState)
  }

  /// Zero by what the rule remembers.
  var noState: [Variable] { end.point.state.joined().map(\.zeros) }

  /// What is carried to the start, and from there to the outer variables that it reads.
  func reachingOuter(_ carried: Carried) -> [Variable] {
    var carried = carried
    carried.add(
      toOuter: reachedPullback(
        of: start.point.inner.values, at: carried.inner, wrt: learned.map { start.outer[$0] }))
    return zip(variables, carried.outer).map { $1 ?? $0.zeros }
  }

  /// The meta-gradient in which each step's second-order path has the weight that `order` gives it.
  func metaGradient(_ order: Order) -> [Variable] {
    var carried = carriedFromEnd()
    for (step, weight) in zip(steps, order.weights(of: steps.count)).reversed() {
      carried = step.carriedBack(carried, weight: weight, learned)
    }
    return reachingOuter(carried)
  }
}
