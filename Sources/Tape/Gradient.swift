// How a second derivative comes about. Of y = x · x · x the tape holds two products. The first
// gradient reads them backwards and calls their pullbacks, which append products and sums: the slope,
// 3x², as ordinary lines. A second gradient, of the slope, finds those lines on the tape, reads them
// backwards just so, and appends the curvature, 6x. Nothing knows that it is differentiated for the
// second time.

/// The gradient of a scalar with respect to some variables, recorded on the same tape.
///
/// A variable on which the result does not depend has gradient zero. The result can be differentiated
/// again, to any order.
///
/// - Returns: One gradient per variable, of the variable's shape.
/// - Precondition: `result` is 1×1; all are on one tape. Anything else stops with a message.
/// - Complexity: O(lines between the earliest variable and the result); about two products are
///   recorded for each matrix product on a path between them, one for an operand off every path.
/// - Reference: Griewank and Walther, *Evaluating Derivatives* (2008), chapter 3.
public func gradient(of result: Variable, wrt variables: [Variable]) -> [Variable] {
  if result.shape != .scalar {
    stop(
      "gradient(of:wrt:): the result is \(result.shape), not 1×1; take pullback(of:at:wrt:)"
        + result.tape.place)
  }
  return pullback(of: [result], at: [result.tape.constant(1)], wrt: variables)
}

/// The gradient of a scalar with respect to one variable; see ``gradient(of:wrt:)->[Variable]``.
public func gradient(of result: Variable, wrt variable: Variable) -> Variable {
  gradient(of: result, wrt: [variable])[0]
}

/// The vector-Jacobian product: the gradient of `Σ ⟨resultsᵢ, upstreamsᵢ⟩`, the upstreams held fixed.
///
/// - Shapes: One upstream per result, of its shape.
/// - Returns: One gradient per variable, of the variable's shape.
/// - Precondition: Counts and shapes agree; all are on one tape. Anything else stops with a message.
public func pullback(
  of results: [Variable], at upstreams: [Variable], wrt variables: [Variable]
) -> [Variable] {
  zip(variables, reachedPullback(of: results, at: upstreams, wrt: variables)).map {
    $1 ?? $0.tape.constant(Matrix($0.shape, repeating: 0))
  }
}

/// The vector-Jacobian product, with nil instead of zeros for a variable that no result depends on.
package func reachedPullback(
  of results: [Variable], at upstreams: [Variable], wrt variables: [Variable]
) -> [Variable?] {
  guard let tape = (results + variables).first?.tape else { return [] }
  if upstreams.count != results.count {
    stop("pullback(of:at:wrt:): \(results.count) results, but \(upstreams.count) upstreams")
  }
  tape.check(results + upstreams + variables, for: "pullback(of:at:wrt:)")
  for (result, upstream) in zip(results, upstreams) where result.shape != upstream.shape {
    stop(
      "pullback(of:at:wrt:): result is \(result.shape), but upstream is \(upstream.shape)"
        + tape.place)
  }
  var sweep = Sweep(of: results, wrt: variables, on: tape)
  return sweep.run(seeds: Array(zip(results, upstreams)), variables)
}

/// One reading of the tape backwards.
///
/// The lines between the first variable and the last result are visited once, last first; only
/// those on a path from a variable to a result are differentiated, and only towards operands on one.
private struct Sweep {
  private let tape: GradientTape
  private let first: Int
  private var depends: [Bool]  // by line: does its value depend on a variable?
  private var gradientLine: [Int32]  // by line: the line of its gradient so far, −1 for none

  init(of results: [Variable], wrt variables: [Variable], on tape: GradientTape) {
    self.tape = tape
    let last = results.map(\.index).max() ?? 0
    first = min(variables.map(\.index).min() ?? last, last)
    depends = Array(repeating: false, count: last - first + 1)
    gradientLine = Array(repeating: -1, count: last - first + 1)
    for variable in variables where variable.index <= last {
      depends[variable.index - first] = true
    }
    for line in first...last where !depends[line - first] {
      let instruction = tape.recording.instructions[line]
      let pullbacks = tape.rules[Int(instruction.operation.rawValue)].pullbacks
      depends[line - first] = instruction.operands.indices.contains { position in
        // A nil pullback ends the path: what stopGradient reads is never visited for its sake.
        pullbacks[position] != nil && isOnPath(instruction.operands[position])
      }
    }
  }

  private func isOnPath(_ line: Int) -> Bool { line >= first && depends[line - first] }

  /// The gradient of a line so far.
  private func gradient(of line: Int) -> Variable? {
    let found = Int(gradientLine[line - first])
    return found < 0 ? nil : Variable(tape: tape, index: found)
  }

  mutating func run(
    seeds: [(result: Variable, upstream: Variable)], _ variables: [Variable]
  ) -> [Variable?] {
    let (outerLevel, outerLabel) = (tape.sweepLevel, tape.label)
    defer { (tape.sweepLevel, tape.label) = (outerLevel, outerLabel) }

    for (result, upstream) in seeds where isOnPath(result.index) {
      tape.sweepLevel = result.instruction.level + 1
      add(upstream, to: result.index)
    }
    for line in gradientLine.indices.reversed() {
      guard let upstream = gradient(of: first + line) else { continue }
      differentiate(Node(output: Variable(tape: tape, index: first + line), upstream: upstream))
    }
    return variables.map { $0.index - first < gradientLine.count ? gradient(of: $0.index) : nil }
  }

  private mutating func differentiate(_ node: Node) {
    let instruction = node.output.instruction
    (tape.sweepLevel, tape.label) = (instruction.level + 1, instruction.label)
    let pullbacks = tape.rules[Int(instruction.operation.rawValue)].pullbacks

    for (position, operand) in instruction.operands.enumerated() where isOnPath(operand) {
      guard let pullback = pullbacks[position] else { continue }
      let contribution = pullback(node)
      let shape = tape.recording.instructions[operand].shape
      guard shape.broadcasts(to: contribution.shape) else {
        stop(
          "\(instruction.operation): its pullback to operand \(position) of \(shape) "
            + "gave \(contribution.shape)")
      }
      add(contribution.shape == shape ? contribution : contribution.sum(to: shape), to: operand)
    }
  }

  private mutating func add(_ contribution: Variable, to line: Int) {
    let total = gradient(of: line).map { $0 + contribution } ?? contribution
    gradientLine[line - first] = Int32(total.index)
  }
}
