import Meta
import Nets
import Tape

/// An inner gradient that was read out as a number, so that nothing flows through it.
func silentFirstOrderExhibit(_ id: String) throws -> Exhibit {
  let tape = GradientTape()
  let w = tape.input(Matrix(SmallProblem.start), named: "w")
  let loss = SmallProblem.record(from: w, steps: 1)
  let detached = SmallProblem.record(from: w, steps: 1, use: { tape.constant($0.value) })
  let (right, wrong) = (gradient(of: loss, wrt: w).scalar, gradient(of: detached, wrt: w).scalar)

  func check(_ claimed: Double) -> DerivativeCheck { SmallProblem.check(claimed, steps: 1) }
  let problem = try SmallProblem.problem(steps: 1)
  let first = problem.metaGradient(.firstOrderMAML)
  let term = problem.ledger(.maml).entries.first?.term[0].elements[0] ?? .nan
  return Exhibit(
    id: id, title: "Exact turns into first order, and nothing says so",
    mistake: "The inner gradient is read out as a number and put back as a constant: a forgotten "
      + "create_graph, a write to .data, a detach. The meta-loss does not change by a bit, "
      + "training goes on, and the meta-gradient is that of another method.",
    quantity: "d meta-loss / d w after one inner step", wrong: Reading(wrong),
    right: Reading(right),
    otherwise: Reading(
      SmallProblem.adapted(1) * SmallProblem.product(1), "0.66 = 1.1 · 0.6, by hand"),
    caughtBy: "checkGradient; order and paths",
    findings: [
      Finding(
        loss.scalar.bitPattern == detached.scalar.bitPattern,
        "the loss gives no sign: \(loss.scalar.upToSixDigits) both times, the same bits"),
      .refuses(check(wrong), "checkGradient"), .accepts(check(right), "checkGradient"),
      Finding(
        first.order == .firstOrder && first.cuts.count == 1
          && first.gradient[0].elements[0].agrees(with: wrong),
        "metaGradient(.firstOrderMAML) gives \(first.gradient[0].elements[0].upToSixDigits) too, "
          + "but its result says order \(first.order), cut: \(first.cuts.map(\.description).list)"),
      Finding(
        term.agrees(with: right - wrong),
        "the ledger says what that path was worth: \(term.upToSixDigits)"),
    ],
    metIn: [
      "dragen1860/MAML-Pytorch 17, 26, 32, 63", "facebookresearch/higher 63, 102, 128, 129",
      "learnables/learn2learn 287", "tristandeleu/pytorch-maml-rl 19",
    ])
}

/// Parameters that start anew as numbers between two steps, and the fear of K-th derivatives.
func moreThanOneStepExhibit(_ id: String) throws -> Exhibit {
  let steps = 3
  let tape = GradientTape()
  let w = tape.input(Matrix(SmallProblem.start), named: "w")
  let right = gradient(of: SmallProblem.record(from: w, steps: steps), wrt: w).scalar
  var leaf = w
  let restarted = SmallProblem.record(
    from: w, steps: steps,
    handOver: {
      leaf = tape.input($0.value)
      return leaf
    })
  let wrong = gradient(of: restarted, wrt: leaf).scalar

  func check(_ claimed: Double) -> DerivativeCheck { SmallProblem.check(claimed, steps: steps) }
  let problem = try SmallProblem.problem(steps: steps)
  let lastStep = problem.metaGradient(.maml, order: .lastSteps(1))
  let ledger = problem.ledger(.maml)
  let terms = ledger.entries.map { $0.term[0].elements[0] }
  let levels = try [1, 2, 5, 10].map {
    try MetaProblem.readable().with(steps: $0).program(.maml).instructionsByLevel.count - 1
  }
  return Exhibit(
    id: id, title: "One inner step works, three do not",
    mistake:
      "Between two steps the weights are read out and start anew as leaves; the gradient by the "
      + "last of these leaves is given to the initial weights. With one step that is right. "
      + "With three it sees the last one only.",
    quantity: "d meta-loss / d w after three inner steps", wrong: Reading(wrong),
    right: Reading(right),
    otherwise: Reading(
      SmallProblem.adapted(steps) * SmallProblem.product(steps), "0.154656 = 0.716 · 0.6³, by hand"),
    caughtBy: "checkGradient; Order.lastSteps",
    findings: [
      .refuses(check(wrong), "checkGradient"), .accepts(check(right), "checkGradient"),
      Finding(
        lastStep.gradient[0].elements[0].agrees(with: wrong),
        "it has a name: order \(lastStep.order) gives \(lastStep.gradient[0].elements[0].upToSixDigits) "
          + "and lists \(lastStep.cuts.count) paths as cut"),
      Finding(
        (ledger.firstOrder[0].elements[0] + terms[steps - 1]).agrees(with: wrong)
          && ledger.exact[0].elements[0].agrees(with: right),
        "the ledger, step by step: first order \(ledger.firstOrder[0].elements[0].upToSixDigits), then "
          + terms.map(\.upToSixDigits).list + "; with the last term alone, the wrong number"),
      Finding(
        levels.allSatisfy { $0 == 2 },
        "K steps do not need K-th derivatives: the highest level on the tape "
          + "of 1, 2, 5 and 10 steps is " + levels.map(String.init).list),
    ],
    metIn: ["rlworkgroup/garage 1269", "learnables/learn2learn 154"])
}

/// A field that was cut by `stopGradient`, differentiated once more.
func differentiatingAStopExhibit(_ id: String) throws -> Exhibit {
  let (support, query) = (try Matrix([[1, 0]]), try Matrix([[1, 1]]))
  let problem = try MetaProblem(
    network: LinearModel(inputs: 2), loss: .halfMeanSquaredError,
    parameters: [try Matrix([[1], [2]])], steps: 1, learningRate: 0.5,
    tasks: [
      LearningTask(
        support: LabelledPoints(inputs: support, targets: Matrix(0)),
        query: LabelledPoints(inputs: query, targets: Matrix(0)))
    ])
  let axes = [try Matrix([[1], [0]]), try Matrix([[0], [1]])]

  let tape = GradientTape()
  let w = tape.input(problem.parameters[0], named: "w")
  func loss(_ inputs: Matrix, _ w: Variable) -> Variable {
    let residual = tape.constant(inputs).matmul(w)
    return 0.5 * (residual * residual)
  }
  let moved = w - 0.5 * gradient(of: loss(support, w), wrt: w).stopGradient()
  let field = gradient(of: loss(query, moved), wrt: w)
  let cut = curl(
    columns: axes.map {
      jacobianVectorProduct(of: [field], wrt: [w], along: [tape.constant($0)])[0].value
    })

  // The field is linear in w, so that differences have no error but rounding.
  let evaluator = MetaGradientEvaluator(problem, .firstOrderMAML)
  func fieldValue(_ w: Matrix) -> Matrix {
    evaluator.setParameters([w], rate: problem.learningRate)
    return evaluator.evaluate().gradient[0]
  }
  let start = problem.parameters[0]
  let differences = curl(
    columns: axes.map { axis in
      let (up, down) = (
        fieldValue(Matrix(start.shape) { start[$0, $1] + axis[$0, $1] }),
        fieldValue(Matrix(start.shape) { start[$0, $1] - axis[$0, $1] })
      )
      return Matrix(start.shape) { (up[$0, $1] - down[$0, $1]) / 2 }
    })

  var generator = SeededGenerator(seed: 1)
  let first = problem.curlTest(.firstOrderMAML, using: &generator)
  let exact = problem.curlTest(.maml, using: &generator)
  return Exhibit(
    id: id, title: "The derivative of a stop",
    mistake:
      "Is the first-order field the gradient of anything? Its Jacobian is asked of the tape on "
      + "which stopGradient made the field. But the stop cuts that Jacobian too: the derivative of the "
      + "adapted weights is missing from it, and what is left is symmetric, always.",
    quantity: "‖J − Jᵀ‖ / ‖J‖ of the first-order field", wrong: Reading(cut),
    right: Reading(first.curl),
    otherwise: Reading(
      differences, "\(differences.upToSixDigits), by differences of the field; 1/√5 by hand"),
    caughtBy: "curlTest; differences of the field",
    findings: [
      Finding(
        abs(cut - first.curl) > 1e-3,
        "curlTest, which records the field without a stop, says \(first.curl.upToSixDigits) "
          + "for first order"
      ),
      Finding(exact.curl < 1e-12, "and 0 for exact, which is a gradient"),
      Finding(
        differences.agrees(with: first.curl),
        "differences of the field, which know of no tape, say \(differences.upToSixDigits)"),
    ],
    metIn: ["this package, while the curl test was written"])
}

/// ‖J − Jᵀ‖ / ‖J‖ of a 2×2 matrix by its columns.
private func curl(columns: [Matrix]) -> Double {
  let odd = columns[1].elements[0] - columns[0].elements[1]
  let square = columns.flattened.reduce(0) { $0 + $1 * $1 }
  return (2 * odd * odd / square).squareRoot()
}
