import Meta
import Nets
import Tape

/// A value that leaves the tape and comes back as a constant, beside one that truly does not matter.
func independentResultExhibit(_ id: String) -> Exhibit {
  func cube(_ x: Variable) -> Variable { x * x * x }
  func readOut(_ x: Variable) -> Variable { x.tape.constant(cube(x).value) }
  let tape = GradientTape()
  let x = tape.input(Matrix(2), named: "x")
  let unused = tape.input(Matrix(Shape(2, 3), repeating: 1), named: "unused")
  let honest = gradient(of: cube(x), wrt: [x, unused])
  let wrong = gradient(of: readOut(x), wrt: x).scalar

  var generator = SeededGenerator(seed: 1)
  func check(_ claimed: Double) -> DerivativeCheck {
    checkGradient(
      [Matrix(claimed)],
      of: {
        let x = $0[0].elements[0]
        return x * x * x
      }, at: [Matrix(2)], using: &generator)
  }
  let alone = checkDerivatives(
    of: { readOut($0[0]) }, at: [Matrix(2)], orders: 1, using: &generator)
  return Exhibit(
    id: id, title: "A zero that is right, and a zero that is not",
    mistake:
      "A result that does not depend on a variable has gradient zero, of the variable's shape; "
      + "elsewhere it is an error or a None. The opposite hides behind that zero: x³ is read out as a "
      + "number, put back as a constant, and a dependence that is there is gone.",
    quantity: "d x³ / d x at 2", wrong: Reading(wrong), right: Reading(honest[0].scalar),
    otherwise: Reading(3 * 2 * 2, "12 = 3 · 2², by hand"),
    caughtBy: "checkGradient; checkDerivatives",
    findings: [
      Finding(
        honest[1].value == Matrix(Shape(2, 3), repeating: 0),
        "by a variable that is not used, the gradient is \(honest[1].shape) zeros"),
      .refuses(check(wrong), "checkGradient"),
      .accepts(check(honest[0].scalar), "checkGradient"),
      Finding(
        alone.contains { !$0.passes() },
        "checkDerivatives, given the function alone, refuses it too"),
    ],
    metIn: ["pytorch 32304, 36463, 73137"])
}

/// A number with its change along the one perturbation there is: forward mode as it is first written.
private struct Dual {
  var value: Double
  var change = 0.0

  static func + (a: Dual, b: Dual) -> Dual {
    Dual(value: a.value + b.value, change: a.change + b.change)
  }
  static func * (a: Dual, b: Dual) -> Dual {
    Dual(value: a.value * b.value, change: a.change * b.value + a.value * b.change)
  }
  static func derivative(at x: Double, of function: (Dual) -> Dual) -> Double {
    function(Dual(value: x, change: 1)).change
  }
}

/// Two derivatives, one inside the other, that share a perturbation.
func perturbationConfusionExhibit(_ id: String) -> Exhibit {
  let wrong = Dual.derivative(at: 1) { x in
    x * Dual(value: Dual.derivative(at: 1) { y in x + y })
  }
  let tape = GradientTape()
  let one = tape.input(Matrix(1))
  let right = gradient(at: one) { x in x * gradient(at: x) { y in x + y } }.scalar
  let shared = gradient(of: one + one, wrt: one).scalar
  let own = gradient(at: one) { y in one + y }.scalar

  /// The function itself, its inner derivative by a difference that is exact.
  func function(_ points: [Matrix]) -> Double {
    let x = points[0].elements[0]
    return x * ((x + 1.5) - (x + 0.5))
  }
  var generator = SeededGenerator(seed: 1)
  func check(_ claimed: Double) -> DerivativeCheck {
    checkGradient([Matrix(claimed)], of: function, at: [Matrix(1)], using: &generator)
  }
  return Exhibit(
    id: id, title: "Two derivatives that take each other for themselves",
    mistake:
      "Forward mode with one perturbation for everybody: the inner derivative, by y, also counts "
      + "how x moves, because x carries the mark of the outer one.",
    quantity: "d/dx [x · d/dy (x + y)] at x = y = 1", wrong: Reading(wrong), right: Reading(right),
    otherwise: Reading(
      function([Matrix(1.5)]) - function([Matrix(0.5)]), "1, by differences in plain Swift"),
    caughtBy: "checkGradient; a line per argument",
    findings: [
      .refuses(check(wrong), "checkGradient"), .accepts(check(right), "checkGradient"),
      Finding(
        shared == 2 && own == 1,
        "here too the derivative of x + x by the one line x is \(shared.upToSixDigits); "
          + "gradient(at:of:) gives its function a line of its own, and the same sum has \(own.upToSixDigits)"
      ),
    ],
    metIn: ["HIPS/autograd 4", "JuliaDiff/ForwardDiff.jl 83"])
}

/// A choice made by a Swift `if`, replayed where it would have been made otherwise.
func frozenBranchExhibit(_ id: String) -> Exhibit {
  func byIf(_ x: Variable) -> Variable { x.scalar > 0 ? 3 * x : x * x }
  func bySelect(_ x: Variable) -> Variable { x.select(3 * x, elseWhereNotPositive: x * x) }
  /// Recorded at 2, replayed at −2.
  func replayed(_ function: (Variable) -> Variable) -> Double {
    let x = GradientTape().input(Matrix(2), named: "x")
    return Program(inputs: [x], outputs: [function(x)]).run([Matrix(-2)])[0].elements[0]
  }
  func fresh(_ function: (Variable) -> Variable) -> Double {
    function(GradientTape().input(Matrix(-2))).scalar
  }
  let (wrong, right) = (replayed(byIf), replayed(bySelect))
  return Exhibit(
    id: id, title: "A branch that froze",
    mistake: "A tape holds what happened, not what was written. An if on a value is settled while "
      + "recording: at 2 the branch 3x was taken, so the program is 3x, and at −2 "
      + "it is replayed as that.",
    quantity: "f(−2), where f(x) is 3x for x > 0 and x² else", wrong: Reading(wrong),
    right: Reading(right), otherwise: Reading(-2 * -2, "4 = (−2)², by hand"),
    caughtBy: "replay against a fresh recording",
    findings: [
      Finding(
        wrong != fresh(byIf),
        "replay and fresh recording differ: \(wrong.upToSixDigits) and \(fresh(byIf).upToSixDigits)"
      ),
      Finding(
        right == fresh(bySelect),
        "with select, which records the choice itself, they agree: \(right.upToSixDigits)"),
    ],
    metIn: ["the documentation of JuliaDiff/ReverseDiff.jl, on compiled tapes"])
}
