public import Nets
public import Tape

/// The gradient of the mean query loss after adaptation, with how it came about.
public struct MetaGradient: Sendable {
  /// The method; where the order is between first order and exact, the exact one of the family.
  public let method: Method
  /// What was differentiated.
  public let order: Order
  /// The route by which it was computed.
  public let route: Route
  /// The meta-loss: the mean over tasks of the query loss at the adapted parameters.
  public let loss: Double
  /// Its derivative with respect to the initial parameters, of the order that ``order`` says.
  public let gradient: Parameters<Matrix>
  /// What it took: instructions and multiply-adds of all tasks, peak memory of one after another.
  public let cost: Cost
  /// The derivative paths through inner gradients, kept or cut.
  public let paths: [DerivativePath]

  /// The derivative paths that were left out; none if the order is exact.
  public var cuts: [DerivativePath] { paths.filter { $0.weight == 0 } }

  /// The derivative paths that were followed, in full or in part.
  public var kept: [DerivativePath] { paths.filter { $0.weight != 0 } }

  /// The length of the gradient, all parameters together.
  public var gradientNorm: Double { gradient.norm }
}

extension MetaProblem {
  /// Computes a meta-gradient.
  ///
  /// Tasks are summed in one fixed order, so equal problems give equal bits.
  ///
  /// - Parameters:
  ///   - method: What adapts, and what is differentiated.
  ///   - order: What is differentiated, if not what the method says.
  ///   - route: How it is computed.
  /// - Complexity: For *s* steps on *t* tasks, O(*st*) gradients of the network; exact methods add
  ///   O(*st*) Hessian-vector products.
  public func metaGradient(
    _ method: Method, order: Order? = nil, by route: Route = .unrolled
  ) -> MetaGradient {
    MetaGradientEvaluator(self, method, order: order, by: route).evaluate()
  }

  /// The inner loop of a method on this problem.
  func innerLoop(_ method: Method, order: Order? = nil) -> InnerLoop {
    method.innerLoop(steps: steps, order: order, rule: rule)
  }

  /// What computes the meta-gradient of one task.
  func taskGradient(
    _ loop: InnerLoop, _ route: Route, _ shapes: TaskShapes
  ) -> any TaskGradient {
    switch route {
    case .unrolled: UnrolledTaskGradient(network, loss, loop, shapes)
    case .adjoint: AdjointTaskGradient(network, loss, loop, shapes)
    }
  }

  /// Records, differentiates and compiles for each size of task: what an evaluator does once.
  ///
  /// - Returns: The number of lines that are left.
  package func compiledPrograms(_ method: Method, by route: Route) -> Int {
    Set(tasks.map(TaskShapes.init)).reduce(0) {
      $0 + taskGradient(innerLoop(method), route, $1).lines
    }
  }

  /// The program by which the meta-gradient of the first task is computed, unrolled.
  ///
  /// Its inputs are the parameters, the rate, and the inputs and targets of support and query set;
  /// its outputs are the query loss and the gradient. Its listing shows what the order changes.
  ///
  /// - Parameters:
  ///   - method: What adapts, and what is differentiated.
  ///   - order: What is differentiated, if not what the method says.
  public func program(_ method: Method, order: Order? = nil) -> Program {
    UnrolledTaskGradient(
      network, loss, innerLoop(method, order: order), TaskShapes(tasks[0])
    ).program
  }

  /// Where a meta-gradient first stops being finite: the task and the line of its tape.
  ///
  /// - Returns: Nil if all that it takes is finite.
  public func nonFiniteOrigin(_ method: Method) -> (task: Int, origin: NonFiniteOrigin)? {
    for (index, task) in tasks.enumerated() {
      let on = TaskTape(parameters: parameters, rate: learningRate, task)
      let (_, gradient) = on.unrolled(network, loss, innerLoop(method))
      if let last = gradient.max(by: { $0.index < $1.index }),
        let origin = on.tape.nonFiniteOrigin(through: last)
      {
        return (index, origin)
      }
    }
    return nil
  }

  /// What a meta-gradient takes, known from its tape without running it.
  ///
  /// Records loops of two and three steps and extends their difference to the number of steps, so the
  /// answer comes at once even for a loop that would not fit in memory.
  ///
  /// - Returns: As ``MetaGradient/cost``, but with the memory of all sizes of task together.
  public func predictedCost(_ method: Method, by route: Route = .unrolled) -> Cost {
    predicted(method, route) { $0.cost }
  }

  /// The bytes that a meta-gradient takes, its programs among them, known as ``predictedCost(_:by:)`` is.
  public func predictedMemory(_ method: Method, by route: Route = .unrolled) -> Int {
    // About what one line takes while its program is made: the line, its pruned twin, and the
    // bookkeeping of merging and planning.
    let bytesPerLine = 1000
    return predicted(method, route) {
      Cost(peakBytes: $0.cost.peakBytes + $0.lines * bytesPerLine)
    }.peakBytes
  }

  private func predicted(
    _ method: Method, _ route: Route, _ cost: (any TaskGradient) -> Cost
  ) -> Cost {
    func short(_ steps: Int, _ shapes: TaskShapes) -> Cost {
      cost(taskGradient(method.innerLoop(steps: steps, rule: rule), route, shapes))
    }
    func extended(_ from: Int, _ to: Int) -> Int {
      let growth = (to - from).saturatingProduct(max(steps - 3, 0))
      return growth == .max ? .max : (steps < 3 ? from : to + growth)
    }
    // Tasks of one size share their programs; those of another size come on top.
    var counts: [TaskShapes: Int] = [:]
    for task in tasks { counts[TaskShapes(task), default: 0] += 1 }
    return counts.reduce(into: Cost()) { total, entry in
      let (shapes, count) = entry
      let (two, three) = (short(min(steps, 2), shapes), short(min(steps, 3), shapes))
      total.instructions += count * extended(two.instructions, three.instructions)
      total.multiplyAdds += count * extended(two.multiplyAdds, three.multiplyAdds)
      let bytes = extended(two.peakBytes, three.peakBytes)
      total.peakBytes = bytes == .max ? .max : total.peakBytes + bytes
    }
  }
}
