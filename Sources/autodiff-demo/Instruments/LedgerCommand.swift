import Meta
import Tape

/// `ledger`: which derivative paths first order cuts, where, and what each is worth.
let ledgerCommand = Command(
  name: "ledger",
  summary: "Takes exact minus first order apart, by inner step and by parameter",
  operands: "[FILE]", operandCount: 0...1,
  options: [.family, .seed("of the problem made here"), .json],
  details: """
    The paths through the inner gradients add up to exact minus first order. A term's length is that of
    the vector that its path adds to the meta-gradient; terms may cancel, so lengths do not add up.
    \(NamedProblem.help)
    """,
  example: "autodiff-demo ledger Tests/Fixtures/relu-5steps.json --family anil"
) { arguments in
  let family = try arguments.family()
  let named = try arguments.problem(for: family.bothOrders, memory: 3)
  let report = LedgerReport(named, family)
  return Answer(
    arguments.has("--json") ? try json(report.document, namesInfinity: true) : report.text)
}

/// A ledger beside the two meta-gradients that it explains.
struct LedgerReport {
  let named: NamedProblem
  let comparison: MetaGradientComparison
  let ledger: OrderLedger

  init(_ named: NamedProblem, _ family: Method) {
    self.named = named
    comparison = named.problem.comparison(family)
    ledger = named.problem.ledger(family)
  }

  /// The distance of firstOrder + Σ terms from the exact meta-gradient, relative to it: the ledger came
  /// about on another route.
  var remainder: Double {
    GradientGap(exact: comparison.exact.gradient.values, other: ledger.exact.values)
      .relativeError ?? 0
  }

  private static let mostRows = 50

  var text: String {
    let parameters = ledger.byParameters
    var table = TextTable(
      header: ["‖term‖"] + parameters.map { "by \($0.parameter)" } + ["together"])
    let steps = ledger.bySteps
    for (step, entries, term) in steps.suffix(Self.mostRows) {
      table.rows.append(
        ["step \(step)"]
          + entries.map { $0.norm.significant(4) }
          + [term.norm.significant(4)])
    }
    table.rows.append(
      ["all steps"] + parameters.map { $0.term.norm.significant(4) }
        + [ledger.difference.norm.significant(4)])
    let cuts = comparison.firstOrder.cuts.count
    if cuts == 0 {
      return "\(named.name)\n\(nothingToCut)\n"
    }
    return """
      \(named.name)
        \(named.problem.summary)

      \(comparison.exact.method) keeps \("path".counted(comparison.exact.kept.count)) through inner \
      gradients, \(comparison.firstOrder.method) cuts \(cuts): one for each step and parameter.
      What each adds to the meta-gradient:

      \(table.text)\(steps.count > Self.mostRows ? "  The last \(Self.mostRows) steps are shown; --json has all.\n" : "")
        ‖exact‖ \(comparison.exact.gradientNorm.significant(4)), \
      ‖first order‖ \(comparison.firstOrder.gradientNorm.significant(4)), \
      ‖exact − first order‖ \(ledger.difference.norm.significant(4))
        First order plus all terms is exact to \(remainder.significant(2)) of its length.

      """
  }

  struct Document: Encodable {
    struct Entry: Encodable {
      var step: Int
      var parameter: String
      var norm: Double
      var term: [[Double]]
    }
    var problem: String
    var method: String
    var exactNorm: Double
    var firstOrderNorm: Double
    var differenceNorm: Double
    var remainder: Double
    var entries: [Entry]
  }

  var document: Document {
    Document(
      problem: named.name, method: ledger.method,
      exactNorm: comparison.exact.gradientNorm, firstOrderNorm: comparison.firstOrder.gradientNorm,
      differenceNorm: ledger.difference.norm, remainder: remainder,
      entries: ledger.entries.map {
        .init(
          step: $0.path.step, parameter: $0.path.parameter, norm: $0.norm,
          term: $0.term.values.map(\.elements))
      })
  }
}
