/// A derivative as the tape gives it, held against differences of the order below.
public struct DerivativeCheck: Sendable {
  /// What a check says.
  public enum Verdict: String, Sendable {
    /// Derivative and differences agree.
    case passes
    /// They do not, where the function is smooth.
    case fails
    /// They do not, but a kink within every width explains as much: try another direction or point.
    case cannotTell = "cannot tell"
  }

  /// The order of the derivative, from 1.
  public let order: Int
  /// The derivative along the direction as the tape gives it.
  public let recorded: Double
  /// The same by differences of the derivative one order below.
  public let difference: Double
  /// Their distance relative to the size of the gradient and the direction, where a kink lies between
  /// the points at least what it bends; NaN if either is not finite.
  public let error: Double
  /// Whether, at the narrowest width above rounding, the slopes beside the point change by as much
  /// as derivative and difference disagree.
  public let isNearKink: Bool

  /// What is to be said of the derivative; one that is not finite fails.
  public func verdict(tolerance: Double = 1e-9) -> Verdict {
    error <= tolerance ? .passes : isNearKink && !error.isNaN ? .cannotTell : .fails
  }

  /// Whether the error is at most `tolerance`; not so if it is NaN.
  public func passes(tolerance: Double = 1e-9) -> Bool { verdict(tolerance: tolerance) == .passes }
}

extension DerivativeCheck: CustomStringConvertible {
  /// The verdict at a tolerance of 1e-9, and the numbers behind it, in a line.
  public var description: String {
    "order \(order) \(verdict() == .cannotTell ? "cannot tell, a kink is near" : verdict().rawValue)"
      + ": \(recorded), by differences \(difference), relative error \(error)"
  }
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
///   - points: Where; at a kink the check cannot tell.
///   - orders: Up to which order; fewer than one stops with a message.
///   - generator: Where the directions come from.
/// - Returns: One finding per order, from 1 on.
/// - Complexity: 13 evaluations per order, each about 3ⁿ times the cost of the function; up to 45 where
///   the wide differences do not agree.
/// - Reference: Abramowitz and Stegun, *Handbook of Mathematical Functions*, 25.3.6.
public func checkDerivatives(
  of function: ([Variable]) -> Variable, at points: [Matrix], orders: Int = 3,
  using generator: inout some RandomNumberGenerator
) -> [DerivativeCheck] {
  checkDerivatives(of: function, at: points, orders: orders, on: { GradientTape() }, &generator)
}

/// Checks a gradient that was computed in whatever way against differences of the function itself.
///
/// The direction is half random and half the gradient's own, so that the slope along it stands far
/// above rounding even between kinks that lie close together. Where they lie closer than that, two
/// more directions are tried; if that does not help, the verdict is
/// ``DerivativeCheck/Verdict/cannotTell``.
///
/// - Precondition: Gradients and points agree in count and shapes; anything else stops with a message.
/// - Complexity: 13 to 45 calls of the function for each direction.
public func checkGradient(
  _ gradient: [Matrix], of function: ([Matrix]) -> Double, at points: [Matrix],
  using generator: inout some RandomNumberGenerator
) -> DerivativeCheck {
  if gradient.map(\.shape) != points.map(\.shape) {
    stop("checkGradient: gradients are \(gradient.map(\.shape)), points \(points.map(\.shape))")
  }
  func check() -> DerivativeCheck {
    var direction = points.map { randomMatrix($0.shape, in: -1...1, &generator) }
    let own = (inner(direction, direction) / inner(gradient, gradient)).squareRoot()
    if own.isFinite {
      let share: Double = inner(direction, gradient) < 0 ? -own : own
      direction = zip(direction, gradient).map { 0.5 * ($0 + share * $1) }
    }
    return compare(gradient, with: function, at: points, along: direction, order: 1)
  }
  var found = check()
  for _ in 0..<2 where found.verdict() == .cannotTell { found = check() }
  return found
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

/// Holds ⟨gradient, direction⟩ against differences of `function` along `direction`: of five points, or
/// of the two outer ones, which suffer less from rounding where widths are narrow.
///
/// The best width is kept: a wrong derivative is wrong at each, while a right one may meet rounding at
/// a narrow width, curvature or a kink at a wide one. A kink is told by how the slopes between the five
/// points bend: of a smooth function that falls with the square of the width, while a kink bends them
/// by at least as much as it moves the difference.
private func compare(
  _ gradient: [Matrix], with function: ([Matrix]) -> Double, at points: [Matrix],
  along direction: [Matrix], order: Int
) -> DerivativeCheck {
  let recorded = inner(gradient, direction)
  let count = direction.reduce(0) { $0 + $1.shape.count }
  let size = (inner(gradient, gradient) * inner(direction, direction) / Double(count)).squareRoot()
  let value = function(points)
  // Differences cannot see a slope much below the rounding of the function's own value.
  let floor = 1e-3 * abs(value)
  // What it may be off by: its own rounding, and that of the points at which it is taken.
  let shares = zip(gradient, points).flatMap { zip($0.elements, $1.elements).map { $0 * $1 } }
  let rounding = 0x1p-49 * (abs(value) + norm(shares))

  var found = (error: Double.nan, difference: Double.nan, isNearKink: false)
  for exponent in stride(from: -9, through: -29, by: -2) {
    if exponent < -13, found.error <= 1e-10 { break }
    let width = Double(sign: .plus, exponent: exponent, significand: 1)
    let values: [Double] = [-2.0, -1, 0, 1, 2].map { steps in
      steps == 0 ? value : function(zip(points, direction).map { $0 + (steps * width) * $1 })
    }
    let slopes: [Double] = (0..<4).map { (values[$0 + 1] - values[$0]) / width }
    let changes: [Double] = (0..<3).map { slopes[$0 + 1] - slopes[$0] }
    let bend = max(abs(changes[1] - changes[0]), abs(changes[2] - changes[1]))
    let whole = values[4] - values[0]
    let (five, two) = ((8 * (values[3] - values[1]) - whole) / (12 * width), whole / (4 * width))
    let difference = abs(two - recorded) < abs(five - recorded) ? two : five
    let distance = abs(recorded - difference)
    let scale = max(size, abs(recorded), abs(difference), floor, bend)
    let off = bend > 0x1p-10 * scale ? max(distance, bend) : distance
    let error: Double = off == 0 ? 0 : off / scale
    if error < found.error || found.error.isNaN {
      (found.error, found.difference) = (error, difference)
    }
    // The narrowest width above rounding says whether a kink is near.
    if max(distance, bend) > rounding / width { found.isNearKink = distance <= bend }
  }
  return DerivativeCheck(
    order: order, recorded: recorded, difference: found.difference, error: found.error,
    isNearKink: found.isNearKink)
}

private func inner(_ a: [Matrix], _ b: [Matrix]) -> Double {
  zip(a, b).reduce(0) { $0 + $1.0.dot($1.1) }
}
