import Meta
import Nets
import Tape

/// The step of an adaptive rule where a gradient is zero: finite, but its derivative is not.
func nanInSecondDerivativeExhibit(_ id: String) -> Exhibit {
  func byHand(_ x: Variable) -> Variable { (0.5 * x.log()).exp() }
  func root(_ x: Variable) -> Variable { x.sqrt() }
  let tape = GradientTape()
  let w = tape.input(Matrix(0), named: "w")
  let inner = gradient(of: 0.5 * (w * w), wrt: w)
  func step(_ root: (Variable) -> Variable) -> (value: Double, derivative: Variable) {
    let step = tape.from("update") { inner / (root(inner * inner) + 0.5) }
    return (step.scalar, gradient(of: step, wrt: w))
  }
  let (ours, theirs) = (step(root), step(byHand))
  let origin = tape.nonFiniteOrigin(through: theirs.derivative)
  var generator = SeededGenerator(seed: 1)
  let check = checkGradient(
    [theirs.derivative.value],
    of: {
      let w = $0[0].elements[0]
      return w / ((w * w).squareRoot() + 0.5)
    }, at: [Matrix(0)], using: &generator)

  func slopeAtZero(_ function: (Variable) -> Variable) -> (value: Double, slope: Double) {
    let x = GradientTape().input(Matrix(0))
    let y = function(x)
    return (y.scalar, gradient(of: y, wrt: x).scalar)
  }
  let mask = slopeAtZero { $0.step() * $0.log() }
  let outer = slopeAtZero { $0.select($0.log(), elseWhereNotPositive: 0) }
  let both = slopeAtZero {
    $0.select($0.select($0, elseWhereNotPositive: 1).log(), elseWhereNotPositive: 0)
  }
  let (normsHere, normsByHand) = (normDerivatives(root), normDerivatives(byHand))
  return Exhibit(
    id: id, title: "A finite step with a derivative that is not",
    mistake:
      "An adaptive rule divides the gradient g by √g² + ½. At g = 0 the step is 0, and nobody "
      + "objects. Differentiating it, as every meta-gradient does, differentiates a root at zero: "
      + "infinity times zero. Here the root is written exp(½ log g²), since √ itself is safe.",
    quantity: "d step / d w at g = 0", wrong: Reading(theirs.derivative.scalar),
    right: Reading(ours.derivative.scalar),
    otherwise: Reading(1 / 0.5, "2 = 1 / ½, by hand: near 0 the step is g / ½"),
    caughtBy: "nonFiniteOrigin; checkGradient",
    findings: [
      Finding(
        ours.value == 0 && theirs.value == 0, "the step itself is 0 both ways, and gives no sign"),
      .refuses(check, "checkGradient"),
      Finding(
        origin?.operation == .log && origin?.level == 0,
        "nonFiniteOrigin: \(origin?.description ?? "nothing"); exp made a 0 of it again"),
      Finding(
        normsHere == [0, 0, 0] && normsByHand.allSatisfy(\.isNaN),
        "√x² at 0, orders 1 to 3: \(normsHere.map(\.shown).list) with sqrt, "
          + "\(normsByHand.map(\.shown).list) with exp(½ log x²)"),
      Finding(
        mask.value.isNaN && outer.value == 0 && outer.slope.isNaN && both == (0, 0),
        "log x at 0, masked: step · log is \(mask.value.shown); select of log is "
          + "\(outer.value.shown) with slope \(outer.slope.shown); "
          + "select inside log as well: \(both.value.shown) with slope \(both.slope.shown)"
      ),
    ],
    metIn: [
      "jax 3091, 4177, 21723", "facebookresearch/higher 125", "metaopt/torchopt 26",
      "google-deepmind/optax 882",
    ])
}

/// The derivatives of √x² at 0 at orders 1 to 3, the root written as given.
private func normDerivatives(_ root: (Variable) -> Variable) -> [Double] {
  let x = GradientTape().input(Matrix(0))
  var derivative = root(x * x)
  return (1...3).map { _ in
    derivative = gradient(of: derivative, wrt: x)
    return derivative.scalar
  }
}

/// A whole meta-gradient through one step of Adam that begins where the inner gradient is zero.
func adamAtZeroExhibit(_ id: String) throws -> Exhibit {
  let epsilon = 0.5
  // The minimum of ½(2w − 1)², so that the inner gradient is 0.
  let minimum = 0.5
  let atMinimum = try SmallProblem.problem(steps: 1).with(parameters: [Matrix(minimum)])
  func slope(_ rule: any UpdateRule, by route: Route = .unrolled) throws -> Double {
    try atMinimum.with(rule: rule).metaGradient(by: route).gradient[0].elements[0]
  }
  let careless = CarelessAdam(epsilon: epsilon)
  let (wrong, right) = (try slope(careless), try slope(Adam(epsilon: epsilon)))
  let inRoot = try slope(CarelessAdam(epsilon: 0, epsilonInRoot: epsilon * epsilon))
  let losses = try [careless, Adam(epsilon: epsilon) as any UpdateRule].map {
    try atMinimum.with(rule: $0).metaGradient().loss
  }
  let origin = try atMinimum.with(rule: careless).nonFiniteOrigin()?.origin
  let tiny = try slope(Adam(epsilon: 1e-8))
  let adjoint = try slope(Adam(epsilon: epsilon), by: .adjoint)

  func metaLoss(_ start: Double) -> Double {
    let gradient = 2 * (2 * start - 1)
    let weight = start - SmallProblem.rate * gradient / (abs(gradient) + epsilon)
    return 0.5 * weight * weight
  }
  // The second derivative jumps here: the slope to the side is 0.1 + 2 · 3.2 h, and so on average 0.1 + 3.2 h.
  let widths = [1e-4, 1e-6]
  let errors = widths.map { width in
    ((metaLoss(minimum + width) - metaLoss(minimum - width)) / (2 * width) - right) / width
  }
  return Exhibit(
    id: id, title: "Adam where there is nothing to descend",
    mistake:
      "The first step of Adam, corrected for its start, is −α g / (√g² + ε). Where g is 0 (a unit "
      + "that is off, a task already solved) the step is 0, but its derivative meets the root at "
      + "zero: one such weight, and the meta-gradient is NaN.",
    quantity: "d meta-loss / d w after one step of Adam from the inner minimum",
    wrong: Reading(wrong), right: Reading(right),
    otherwise: Reading(
      minimum * (1 - 4 * SmallProblem.rate / epsilon),
      "0.1 = ½ · (1 − 4 · 0.1/½), by hand: the slope of the step is −α/ε"),
    caughtBy: "nonFiniteOrigin; routes; differences",
    findings: [
      Finding(
        losses[0] == losses[1] && losses[0].isFinite,
        "the meta-loss gives no sign: \(losses.map(\.shown).list)"),
      Finding(
        origin?.operation == .log && origin?.source.contains("inner step 1") == true,
        "nonFiniteOrigin: \(origin?.description ?? "nothing")"),
      Finding(
        adjoint.agrees(with: right) && errors.allSatisfy { abs($0 - 3.2) < 0.01 },
        "the route adjoint gives \(adjoint.shown) too; differences of width 10⁻⁴ and 10⁻⁶ "
          + "are off by 3.2 times that, since the second derivative jumps there"),
      Finding(
        inRoot.agrees(with: right),
        "with ε² inside the root even the careless one is finite: −α/√ε² is the same slope, "
          + inRoot.shown),
      Finding(
        tiny.agrees(with: minimum * (1 - 4 * SmallProblem.rate / 1e-8)),
        "finite is not small: with the usual ε of 10⁻⁸ it is \(tiny.significant(3))"),
    ],
    metIn: [
      "facebookresearch/higher 125", "metaopt/torchopt 26", "google-deepmind/optax 882",
    ])
}

/// The first step of Adam, its root written as a power.
private struct CarelessAdam: UpdateRule {
  let epsilon: Double
  var epsilonInRoot = 0.0

  func step(_ update: Update, state: inout [Variable]) -> Variable {
    let square = update.gradient * update.gradient + epsilonInRoot
    let root = (0.5 * square.log()).exp()
    return update.value - update.rate * (update.gradient / (root + epsilon))
  }
}

/// A loss that is NaN, asked where that came from.
func nanWithoutOriginExhibit(_ id: String) throws -> Exhibit {
  let tape = GradientTape()
  let logits = tape.input(try Matrix([[0, 1000]]), named: "logits")
  let targets = tape.constant(try Matrix([[1, 0]]))
  let shares = tape.from("softmax") {
    let powers = logits.exp()
    return powers / powers.sum()
  }
  let byHand = tape.from("cross-entropy") { -(targets * shares.log()).sum() }
  let right = Loss.softmaxCrossEntropy(logits, targets).scalar
  let origin = tape.nonFiniteOrigin(through: byHand)
  let diverging = try SmallProblem.problem(steps: 3).with(learningRate: 1e200)
  let inLoop = diverging.nonFiniteOrigin(.maml)
  return Exhibit(
    id: id, title: "A NaN, and no word of where it comes from",
    mistake:
      "Softmax by hand: exp(1000) overflows, infinity by infinity is NaN, a logarithm, a sum. What "
      + "one sees is the last number, or the line of the backward pass that met the NaN, not the line "
      + "that made it.",
    quantity: "cross-entropy of the logits 0 and 1000, target the first",
    wrong: Reading(byHand.scalar), right: Reading(right),
    otherwise: Reading(1000, "1000 + log(1 + exp(−1000)), by hand"),
    caughtBy: "nonFiniteOrigin",
    findings: [
      Finding(
        origin?.operation == .exp && origin?.source == "softmax",
        "nonFiniteOrigin: \(origin?.description ?? "nothing")"),
      Finding(
        inLoop?.task == 0 && inLoop?.origin.source.hasPrefix("inner step 2") == true,
        "in a meta-gradient of rate 1e200: \(inLoop?.origin.description ?? "nothing")"),
    ],
    metIn: ["pytorch 43405"])
}
