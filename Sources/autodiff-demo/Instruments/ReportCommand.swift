import Meta
import Nets
import Tape

/// `report`: everything on one problem as a page.
let reportCommand = Command(
  name: "report",
  summary: "Writes all that the instruments say of a problem as one page",
  operands: "[FILE]", operandCount: 0...1,
  options: [
    .init(name: "--html", value: "OUT.html", help: "where the page is written; needed"),
    .family, .seed("of the problem made here, and of random directions"),
  ] + Command.Option.table,
  details: """
    The page stands alone: no script, no network. It compares both orders of both families, and looks at
    the family with the ledger, the dial, the curl test, cost certificates, every route and its tape.
    \(NamedProblem.help)
    """,
  example: "autodiff-demo report --html report.html"
) { arguments in
  guard let output = try arguments.output("--html") else {
    throw UserError("report: --html is missing; it says where the page is written")
  }
  let family = try arguments.family()
  let named = try arguments.problem(
    for: Method.families.flatMap(\.bothOrders), memory: 6, seedsMore: true)
  let page = try ReportPage(named, family, seed: try arguments.seed())
  try output.write(page.html)
  return Answer("\(page.summary)\nWritten to \(output.path.printable).\n")
}

/// The page on one problem.
struct ReportPage {
  private let named: NamedProblem
  private let family: Method
  private let compared: ComparedProblem
  private let diagnosis: Diagnosis
  private let ledger: OrderLedger
  private let dial: Dial
  private let curls: [CurlTest]
  private let cost: CostReport
  private let routes: Hypergradients
  private let curves: HypergradientCurves

  init(_ named: NamedProblem, _ family: Method, seed: UInt64) throws {
    (self.named, self.family) = (named, family)
    compared = try ComparedProblem(named)
    let progress = Progress(total: 6)
    var generator = SeededGenerator(seed: seed)
    diagnosis = named.problem.diagnosis(family, using: &generator)
    progress.advance("diagnosis")
    ledger = named.problem.ledger(family)
    progress.advance("ledger")
    dial = named.problem.dial(family)
    progress.advance("dial")
    curls = try (family.bothOrders + [.joint]).map {
      try named.curl($0, directions: 64, seed: seed)
    }
    progress.advance("curl")
    let counts = Set([1, 2, 5, 10, named.problem.steps]).filter { $0 > 0 }.sorted()
    cost = CostReport(
      named, family, limit: physicalMemory,
      certificates: try CostPiece.all(family, steps: counts).map {
        try $0.certificate(of: named.problem, limit: physicalMemory)
      })
    progress.advance("cost")
    let adapting = NamedBilevelProblem(
      name: named.name, problem: named.problem.adapting(family.adaptation), builtIn: nil, seed: seed
    )
    routes = adapting.problem.hypergradients(
      mostMultiplyAdds: 1_000_000_000, takesErrorsApart: false, using: &generator)
    curves = HypergradientCurves(adapting, routes)
    progress.advance("routes")
  }

  /// What the page says first, in one line.
  var summary: String { diagnosis.advice }

  var html: String {
    HTMLPage(
      title: "Exact against first order: \(named.name)",
      sections: [
        .init(id: "comparison", title: "Both orders side by side", html: comparison),
        .init(id: "ledger", title: "What first order drops", html: ledgerHTML),
        .init(id: "dial", title: "From first order to exact", html: dialHTML),
        .init(id: "curl", title: "Is it a gradient?", html: curlHTML),
        .init(id: "cost", title: "What it costs", html: costHTML),
        .init(id: "routes", title: "Every route", html: routesHTML),
        .init(id: "tape", title: "The tape, and what is cut", html: tapeHTML),
      ],
      introduction: introduction
    ).text
  }

  private var introduction: String {
    let reasons = diagnosis.reasons.map { "<li>\($0.escaped)</li>" }.joined()
    return """
      <p>\(named.problem.summary.escaped).</p>
      <div class="verdict"><p><strong>\(diagnosis.advice.escaped)</strong></p><ul>\(reasons)</ul></div>

      """
  }

  private var comparison: String {
    var costs = HTMLTable(
      caption: "One meta-gradient over all tasks", header: MetaGradient.header)
    var gaps: [HTMLTable] = []
    for (family, comparison) in compared.comparisons {
      for result in [comparison.exact, comparison.firstOrder] {
        costs.rows.append(result.cells.map { .init($0) })
      }
      var table = HTMLTable(
        caption: "\(family.rawValue): first order against exact, by parameter",
        header: ["parameter", "angle", "norm ratio", "relative error"])
      for (name, gap) in [("all", comparison.gap)] + comparison.parameterGaps {
        let cells = gap.cells
        table.rows.append([
          .init(name), .init(cells[1], share: gap.angle.map { $0 / 180 }), .init(cells[2]),
          .init(cells[3]),
        ])
      }
      gaps.append(table)
    }
    return costs.html + "<div class=\"figures\">"
      + gaps.map { "<div>\($0.html)</div>" }.joined() + "</div>\n"
      + "<p>The angle is that between the two gradients; bars end at 180°. Norm ratio is ‖first order‖ / ‖exact‖, "
      + "relative error ‖first order − exact‖ / ‖exact‖. Instructions and multiply-adds count all tasks, memory "
      + "one at a time.</p>\n"
  }

  private var ledgerHTML: String {
    if ledger.entries.isEmpty { return "<p>\(nothingToCut)</p>\n" }
    let names = ledger.byParameters.map(\.parameter)
    let most = ledger.entries.map(\.norm).max() ?? 1
    var table = HTMLTable(
      caption: "Lengths of the terms, by inner step and by the parameter of the inner gradient",
      header: ["step"] + names)
    let steps = ledger.bySteps
    for (step, entries, _) in steps.suffix(20) {
      table.rows.append(
        [.init("\(step)")]
          + entries.map {
            .init($0.norm.significant(3), share: most > 0 ? $0.norm / most : 0)
          })
    }
    var angles = HTMLTable(
      caption: "The angle to exact when only the last steps are differentiated",
      header: ["last steps", "angle", "relative error"])
    for setting in dial.byLastSteps {
      angles.rows.append([
        .init(setting.order == .lastSteps(0) ? "none: first order" : setting.order.description),
        .init(setting.gap.cells[1], share: setting.gap.angle.map { $0 / 180 }),
        .init(setting.gap.cells[3]),
      ])
    }
    let note = steps.count > 20 ? " The last 20 steps are shown." : ""
    return """
      <p>Exact minus first order is a sum of \(ledger.entries.count) terms, one for each path through an \
      inner gradient; first order plus all of them is exact to \(ledger.remainder.significant(2)) of \
      its length.\(note)</p>
      \(table.html)<h3>Step by step</h3>
      \(angles.html)
      """
  }

  private var dialHTML: String {
    """
    <p>λ scales the second-order path: 0 is first order, 1 is exact. Beside it, truncation to the last \
    steps. Each setting is tried by one outer step of length \(dial.stepLength.significant(3)).</p>
    \(dial.figure(of: named.name).html(id: "dial", description: "\(family.rawValue) on \(named.name)."))
    """
  }

  private var curlHTML: String {
    var table = HTMLTable(
      caption: "‖J − Jᵀ‖ / ‖J‖ of each update field", header: ["method", "order", "‖J‖", "curl"])
    table.rows = curls.map {
      [
        .init($0.method), .init($0.order.description),
        .init($0.jacobianNorm.significant(4)), .init($0.curl.significant(2), share: $0.curl / 2),
      ]
    }
    return """
      <p>A field is the gradient of some loss where its Jacobian is symmetric. \
      \(CurlTest.verdict(curls).escaped) Joint is the gradient of the mean query loss without adaptation. Here \(CurlTest.how(curls)).</p>
      \(table.html)
      """
  }

  private var costHTML: String {
    "<p>Lines are predicted from the tape before anything runs, dots are measured. Unrolled is a sweep over the "
      + "recorded loop; adjoint goes back step by step over stored points.</p>\n"
      + cost.figure.html(id: "cost", description: "\(family.rawValue) on \(named.name).")
  }

  private var routesHTML: String {
    var table = HTMLTable(
      caption: "One hypergradient by every route",
      header: [
        "route", "answers", "angle", "error", "to optimum", "multiply-adds", "memory",
      ])
    var notes = ""
    for row in routes.rows {
      let cells = row.cells(note: nil)
      table.rows.append([
        .init(cells[0]), .init(cells[1]), .init(cells[3], share: row.gap?.angle.map { $0 / 180 }),
        .init(cells[4]), .init(cells[5]), .init(cells[6]), .init(cells[7]),
      ])
      let note = [row.note, row.answer?.worth].compactMap(\.self).filter { !$0.isEmpty }
      if !note.isEmpty {
        notes += "<li>\(row.name.escaped): \(note.joined(separator: "; ").escaped)</li>"
      }
    }
    return """
      <p>\(routes.finding.escaped)</p>
      <p>Angle and error are those to the derivative of the steps, over what a route says something of; the next column \
      is the error against the derivative of the outer loss of the inner optimum, where there is one.</p>
      \(table.html)<details><summary>What is to be known of them</summary><ul>\(notes)</ul></details>
      \(curves.figure.html(id: "routes-curves", description: "\(family.rawValue) on \(named.name)."))
      """
  }

  private var tapeHTML: String {
    let picture = TapePicture(named.problem, family)
    let listing = picture.exact.listing(markingWhatIsMissingIn: picture.firstOrder)
      .split(separator: "\n")
    let most = 400
    let lines = listing.prefix(most).map { line in
      line.contains("✂")
        ? "<span class=\"cut\">\(String(line).escaped)</span>" : String(line).escaped
    }
    let rest =
      listing.count > most
      ? "<p>The first \(most) of \(listing.count) lines; <code>autodiff-demo tape</code> lists all.</p>\n"
      : ""
    return """
      <p>Each block is lines of one part of the program. What first order leaves out is drawn dashed, and \
      the edges that go with it are cut (✕).</p>
      <div class="zoom"><fieldset><legend>Size</legend>
      <label><input type="radio" name="zoom" class="x1" checked> fit</label>
      <label><input type="radio" name="zoom" class="x2"> double</label>
      <label><input type="radio" name="zoom" class="x4"> fourfold</label></fieldset>
      <div tabindex="0" role="group" aria-label="Picture of the tape, scrolls">\(picture.svg)</div></div>
      <details><summary>Every line of the first task's program (✂ marks what first order leaves out)</summary>
      <pre tabindex="0">\(lines.joined(separator: "\n"))</pre>
      \(rest)</details>

      """
  }
}
