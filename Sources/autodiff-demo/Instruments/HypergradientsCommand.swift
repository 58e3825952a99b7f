import Meta
import Nets
import Tape

/// `hypergradients`: every route side by side.
let hypergradientsCommand = Command(
  name: "hypergradients",
  summary: "Differentiates a bilevel problem by every route, with conditions, errors and costs",
  operands: "[FILE]", operandCount: 0...1,
  options: [
    .problem, .family, .seed("of a problem made here"), .json,
    .init(name: "--rows", value: "FILE", help: "also write the rows, separated by commas"),
    .init(
      name: "--svg", value: "FILE", help: "also draw error against cost, with inner steps growing"),
  ] + Command.Option.table,
  details: """
    Each route says whether it applies; each answer is held against the derivative of the steps, and against that of
    the outer loss of the inner optimum where there is one. Times are of one thread, without compiling.
    \(NamedBilevelProblem.help)
    """,
  example: "autodiff-demo hypergradients --problem ridge --svg hypergradients.svg"
) { arguments in
  let (rows, svg) = (try arguments.output("--rows"), try arguments.output("--svg"))
  let named = try arguments.bilevelProblem()
  var generator = SeededGenerator(seed: 1)
  let table = named.problem.hypergradients(using: &generator)
  let asides = named.asides(table)
  let answer =
    arguments.has("--json")
    ? try json(HypergradientAnswer(problem: named.name, table: table, asides: asides))
    : table.text(titled: named.name) + asides.map(\.text).joined()
  try rows?.write(table.csv.text)
  if let svg {
    var figure = HypergradientCurves(named, table).figure
    if named.builtIn == .ridge {
      CurseOfUnrolling(named.ridge, most: 4 * table.steps).add(to: &figure)
    }
    try svg.write(figure.svg)
  }
  return Answer(answer)
}

/// The answer as JSON: the table with what is known of this very problem.
private struct HypergradientAnswer: Encodable {
  let problem: String
  let table: Hypergradients
  let asides: [HypergradientAside]

  func encode(to encoder: any Encoder) throws {
    try table.encode(to: encoder)
    var object: JSONObject = ["problem": problem]
    for aside in asides { object[aside.key] = aside.values }
    try object.encode(to: encoder)
  }
}

/// What is known of one built-in problem besides the table.
struct HypergradientAside {
  let key: String
  let values: JSONObject
  let text: String
}

extension NamedBilevelProblem {
  /// The ridge regression of the seed.
  var ridge: RidgeStrength { RidgeStrength(seed: seed) }

  /// What stands beside the table: closed forms of ridge, the examples that were found out.
  func asides(_ table: Hypergradients) -> [HypergradientAside] {
    switch builtIn {
    case .ridge: [ridge.aside(table)]
    case .reweight: [NoisyLabels(seed: seed).aside(table)]
    default: []
    }
  }
}

extension RidgeStrength {
  /// The closed forms beside what the routes gave.
  fileprivate func aside(_ table: Hypergradients) -> HypergradientAside {
    let form = closedForm(steps: table.steps)
    func gradient(_ route: Route) -> Double {
      table.rows.first { $0.conditions.route == route && $0.conditions.order == .exact }?.answer?
        .gradient["strength"].elements[0] ?? .nan
    }
    let (steps, implicit) = (gradient(.unrolled), gradient(.implicit(.direct)))
    let optimum = table.optimum?["strength"].elements[0] ?? .nan
    let curse = form.outerGradient.dot(form.curse)
    let memory = form.outerGradient.dot(form.memory)
    let lag = steps - optimum
    let lagByFormula = form.partOfPoint + memory + curse
    var rows = TextTable(header: ["derivative by λ", "by the route", "by the formula"])
    func row(_ name: String, _ route: Double, _ formula: Double) {
      rows.rows.append([name, route.significant(12), formula.significant(12)])
    }
    row("of the optimum", optimum, form.ofOptimum)
    row("of the \(table.steps) steps", steps, form.unrolled)
    row("implicit, where they ended", implicit, form.implicit)
    row("steps − optimum", lag, lagByFormula)
    return HypergradientAside(
      key: "closedForm",
      values: [
        "optimum": form.ofOptimum, "unrolled": form.unrolled, "implicit": form.implicit,
        "partOfPoint": form.partOfPoint, "partOfMemory": memory, "partOfCurse": curse,
        "difference": lagByFormula, "measuredDifference": lag,
      ],
      text: """

        Closed forms
        \(rows.text)
          What the steps miss is (V(θ_T) − V(θ*))·D = \(form.partOfPoint.significant(4)), the start not forgotten, \
        −V·P^T D = \(memory.significant(4)),
          and the curse of unrolling, −V·αT P^(T−1)(θ₀ − θ*) = \(curse.significant(4)), which has the factor T = \
        \(table.steps).

        """)
  }
}

extension NoisyLabels {
  /// Which examples the hypergradient finds out.
  fileprivate func aside(_ table: Hypergradients) -> HypergradientAside {
    let found = foundOut(by: table.exact.gradient["weights"])
    return HypergradientAside(
      key: "foundOut",
      values: [
        "examples": found.examples, "flipped": flipped, "precision": found.precision,
      ],
      text: """

        The \(flipped.count) examples whose weight the exact hypergradient would lower most: \
        \(found.examples.map(String.init).list).
        \((100 * found.precision).upTo(3)) % of them have a flipped label; chance is \
        \((100 * Double(flipped.count) / Double(data["y"].rows)).upTo(3)) %.

        """)
  }
}

extension Hypergradients {
  /// The rows as a file of comma-separated values.
  var csv: CSV {
    func text(_ number: Double?) -> String { number.map { "\($0)" } ?? "" }
    return CSV(
      header: [
        "route", "applies", "note", "norm", "angle", "relative error", "relative error to optimum",
        "multiply-adds", "peak bytes", "seconds", "worth",
      ],
      rows: rows.map { row in
        [
          row.name, row.answer == nil ? "no" : "yes", row.note ?? "",
          text(row.answer?.gradientNorm), text(row.gap?.angle), text(row.gap?.relativeError),
          text(row.gapToOptimum?.relativeError),
          row.answer.map { "\($0.cost.multiplyAdds)" } ?? "",
          row.answer.map { "\($0.cost.peakBytes)" } ?? "", text(row.seconds),
          row.answer?.worth ?? "",
        ]
      })
  }
}
