/// A derivative as the tape gives it, held against differences of the order below.
public struct DerivativeCheck: Sendable {
  /// The order of the derivative, from 1.
  public let order: Int
  /// The derivative along a random direction as the tape gives it.
  public let recorded: Double
  /// The same by five-point differences of the derivative one order below.
  public let difference: Double
  /// Their distance relative to the size of the gradient; NaN if either is not finite.
  public let error: Double

  /// Whether the error is at most `tolerance`; not so if it is NaN.
  public func passes(tolerance: Double = 1e-9) -> Bool { error <= tolerance }
}

/// Checks the derivatives of a function of matrices, order by order, along random directions.
///
/// Order *n* is held against five-point differences of order *n* − 1, so the first wrong order is
/// the one that fails. A function with several outputs is contracted with a random cotangent, which
/// is an argument of its own: a pullback that is not linear in its upstream fails too. A function
/// that cuts a path with `stopGradient` fails, because differences see the path.
///
/// - Parameters:
///   - function: Called anew for every evaluation, with variables on a new tape.
///   - points: Where; at a distance from kinks.
///   - orders: Up to which order.
///   - generator: Where the directions come from.
/// - Returns: One finding per order, from 1 on.
/// - Complexity: 13 evaluations per order, each about 3ⁿ times the cost of the function.
/// - Reference: Abramowitz and Stegun, *Handbook of Mathematical Functions*, 25.3.6.
public func checkDerivatives(
  of function: ([Variable]) -> Variable, at points: [Matrix], orders: Int = 3,
  using generator: inout some RandomNumberGenerator
) -> [DerivativeCheck] {
  checkDerivatives(of: function, at: points, orders: orders, on: { GradientTape() }, &generator)
}

/// Checks a gradient that was computed in whatever way against differences of the function itself.
///
/// - Parameters:
///   - gradient: The claimed gradient at `points`, one matrix per point, of its shape.
///   - function: The function; called at points nearby.
///   - points: Where.
///   - generator: Where the direction comes from.
/// - Precondition: Counts and shapes of gradient and points agree; anything else stops with a message.
public func checkGradient(
  _ gradient: [Matrix], of function: ([Matrix]) -> Double, at points: [Matrix],
  using generator: inout some RandomNumberGenerator
) -> DerivativeCheck {
  if gradient.map(\.shape) != points.map(\.shape) {
    stop("checkGradient: gradients are \(gradient.map(\.shape)), points \(points.map(\.shape))")
  }
  let direction = points.map { randomMatrix($0.shape, in: -1...1, &generator) }
  return compare(gradient, with: function, at: points, along: direction, order: 1)
}

extension Operation {
  /// Checks the derivatives of this operation on operands of every fitting kind of shape.
  ///
  /// - Returns: The worst finding at each order, from 1 on; none for inputs and constants, which
  ///   have no operands, and for `stopGradient`, whose derivative is not that of its value.
  public func checkDerivatives(
    orders: Int = 3, using generator: inout some RandomNumberGenerator
  ) -> [DerivativeCheck] {
    checkDerivatives(orders: orders, rules: Operation.rules, &generator)
  }

  /// The check by given rules, of which some may be wrong.
  package func checkDerivatives(
    orders: Int, rules: [Rule], _ generator: inout some RandomNumberGenerator
  ) -> [DerivativeCheck] {
    let rule = rules[Int(rawValue)]
    if rule.cutsDerivatives { return [] }
    var worst: [DerivativeCheck] = []
    for (operands, target) in rule.examples(using: &generator) {
      let (points, fixed) = (operands.prefix(rule.movableCount), operands[rule.movableCount...])
      let findings = Tape.checkDerivatives(
        of: { variables in
          let tape = variables[0].tape
          return tape.record(self, variables + fixed.map(tape.constant), target: target)
        }, at: Array(points), orders: orders, on: { GradientTape(rules: rules) }, &generator)
      worst =
        worst.isEmpty
        ? findings : zip(worst, findings).map { $0.error.isNaN || $1.error <= $0.error ? $0 : $1 }
    }
    return worst
  }
}

/// Entries drawn evenly from a range, none so near to zero that a difference would cross a kink there.
package func randomMatrix(
  _ shape: Shape, in range: ClosedRange<Double>, _ generator: inout some RandomNumberGenerator
) -> Matrix {
  Matrix(shape) { _, _ in
    while true {
      let entry = Double.random(in: range, using: &generator)
      if abs(entry) > 0.1 { return entry }
    }
  }
}

// MARK: - How it is done

private func checkDerivatives(
  of function: ([Variable]) -> Variable, at points: [Matrix], orders: Int,
  on makeTape: () -> GradientTape, _ generator: inout some RandomNumberGenerator
) -> [DerivativeCheck] {
  if orders < 1 { stop("checkDerivatives: orders is at least 1, but is \(orders)") }
  let probe = makeTape()
  let cotangent = randomMatrix(
    function(points.map { probe.input($0) }).shape, in: -1...1, &generator)
  let arguments = points + [cotangent]
  var directions: [[Matrix]] = []

  /// ⟨cotangent, function⟩, differentiated along each of the directions so far.
  func contracted(_ arguments: [Matrix]) -> (value: Variable, variables: [Variable]) {
    let tape = makeTape()
    let variables = arguments.map { tape.input($0) }
    var value = (variables[points.count] * function(Array(variables.dropLast()))).sum()
    for direction in directions {
      let gradients = gradient(of: value, wrt: variables)
      value = zip(gradients, direction).map { ($0 * tape.constant($1)).sum() }
        .reduce(tape.constant(0), +)
    }
    return (value, variables)
  }

  var findings: [DerivativeCheck] = []
  for order in 1...orders {
    let (value, variables) = contracted(arguments)
    let direction = arguments.map { randomMatrix($0.shape, in: -1...1, &generator) }
    findings.append(
      compare(
        gradient(of: value, wrt: variables).map(\.value), with: { contracted($0).value.scalar },
        at: arguments, along: direction, order: order))
    directions.append(direction)
  }
  return findings
}

/// Holds ⟨gradient, direction⟩ against five-point differences of `function` along `direction`.
///
/// Three widths are tried and the best is kept: a wrong derivative is wrong at each of them, while
/// a right one may meet rounding at a small width or curvature at a large one.
private func compare(
  _ gradient: [Matrix], with function: ([Matrix]) -> Double, at points: [Matrix],
  along direction: [Matrix], order: Int
) -> DerivativeCheck {
  let recorded = zip(gradient, direction).reduce(0) { $0 + inner($1.0, $1.1) }
  let size = gradient.reduce(0) { $0 + inner($1, $1) }.squareRoot()
  // Differences cannot see a slope much below the rounding of the function's own value.
  let floor = 1e-3 * abs(function(points))

  func difference(_ width: Double) -> Double {
    func along(_ steps: Double) -> Double {
      function(
        zip(points, direction).map { point, direction in
          Matrix(point.shape) { point[$0, $1] + steps * width * direction[$0, $1] }
        })
    }
    return (8 * (along(1) - along(-1)) - (along(2) - along(-2))) / (12 * width)
  }
  func check(_ difference: Double) -> DerivativeCheck {
    let scale = max(size, abs(difference), floor)
    let distance = abs(recorded - difference)
    return DerivativeCheck(
      order: order, recorded: recorded, difference: difference,
      error: distance == 0 ? 0 : distance / scale)
  }
  let checks = [0x1p-9, 0x1p-11, 0x1p-13].map { check(difference($0)) }
  return checks.dropFirst().reduce(checks[0]) { $1.error < $0.error ? $1 : $0 }
}

private func inner(_ a: Matrix, _ b: Matrix) -> Double {
  zip(a.elements, b.elements).reduce(0) { $0 + $1.0 * $1.1 }
}
