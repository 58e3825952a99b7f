import Meta
import Tape

/// What `cost` is called; its `--steps` are no table's.
let costCommandName = "cost"

/// `cost`: what meta-gradients are said to take before they run, and what they took.
let costCommand = Command(
  name: costCommandName,
  summary: "Predicts what meta-gradients take, and measures it, against inner steps",
  operands: "[FILE]", operandCount: 0...1,
  options: [
    .family,
    .init(name: "--steps", value: "K,…", help: "numbers of inner steps (default 1,2,5,10,20,50)"),
    .init(name: "--memory", value: "MB", help: "what may be used (default: this machine's)"),
    .init(name: "--points", value: "N", help: "also with so many checkpoints"),
    .seed("of the problem made here"), .json,
    .init(name: "--svg", value: "FILE", help: "also draw it", role: .output),
  ] + Command.Option.shards + Command.Option.table.filter { $0.name != "--steps" },
  details: """
    Predictions are read off the tapes of two and three inner steps, or of one where steps are not recorded
    one by one, times off runs of one and four; then each is run on one thread and counted. Memory is that of one task's run; what would not fit, with the
    programs that have to be made first, is not run, and a warning says so. Times differ from run to run: shards
    (one for each number of steps, order and route at most) are timed where they run, and merge shows those times.
    \(NamedProblem.help)
    """,
  example: "autodiff-demo cost --steps 1,10,100 --svg cost.svg"
) { arguments in
  let family = try arguments.family()
  let counts = try arguments.numbers("--steps", in: 0...Double(MetaProblem.maximumSteps))
  let steps = try (counts ?? [1, 2, 5, 10, 20, 50]).map { try whole($0, "cost: --steps") }
  let limit = try arguments.number("--memory", in: 0...1e9).map { Int($0 * 1e6) } ?? physicalMemory
  let points = try arguments.wholeNumber("--points", in: 1...MetaProblem.maximumSteps)
  let svg = try arguments.output("--svg")
  let named = try arguments.problem(for: [])
  let pieces = CostPiece.all(family, steps: steps, points: points)
  return try arguments.answer(
    pieces, data: checksum(named.problem.numbers()), isTimed: true,
    cost: { Double(30 + $0.steps) }
  ) { piece, _ in
    try piece.certificate(of: named.problem, limit: limit).figures
  } report: { figures in
    let report = CostReport(
      named, family, limit: limit,
      certificates: zip(pieces, figures).map { $0.certificate($1) })
    let answer =
      arguments.has("--json")
      ? try json(Named(named.name, ["certificates": report.certificates])) : report.text
    try svg?.write(report.figure.svg)
    return Answer(answer)
  }
}

/// One meta-gradient of those whose cost is asked for.
struct CostPiece: Sendable {
  let steps: Int
  let method: Method
  let route: Route

  /// All of them, by number of steps, method and route.
  static func all(_ family: Method, steps: [Int], points: Int? = nil) -> [CostPiece] {
    let routes = Route.stored + (points.map { [.checkpointed(.points($0))] } ?? [])
    return steps.flatMap { steps in
      family.bothOrders.flatMap { method in
        routes.map { CostPiece(steps: steps, method: method, route: $0) }
      }
    }
  }

  func certificate(of problem: MetaProblem, limit: Int) throws -> CostCertificate {
    try problem.with(steps: steps).certificate(method, by: route, memoryLimit: limit)
  }

  /// The certificate that figures were taken from.
  func certificate(_ figures: CostCertificate.Figures) -> CostCertificate {
    CostCertificate(order: method.order, route: route, steps: steps, figures: figures)
  }
}

/// Certificates of one problem by method, route and number of steps.
struct CostReport {
  let named: NamedProblem
  let family: Method
  let limit: Int
  let certificates: [CostCertificate]

  init(
    _ named: NamedProblem, _ family: Method, limit: Int, certificates: [CostCertificate]
  ) {
    (self.named, self.family, self.limit) = (named, family, limit)
    self.certificates = certificates
  }

  private var routes: [Route] {
    certificates.map(\.route).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  private func series(_ method: Method, _ route: Route) -> [CostCertificate] {
    certificates.filter { $0.method == method.rawValue && $0.route == route }
  }

  private var tooLarge: [CostCertificate] { certificates.filter { $0.measured == nil } }

  var text: String {
    return """
      \(named.name), predicted and then counted
        \(named.problem.summary)

      \(CostCertificate.table(certificates))\(warnings)
      """
  }

  private var warnings: String {
    if tooLarge.isEmpty { return "" }
    return tooLarge.map { certificate in
      return
        "\nwarning: \(certificate.method) \(certificate.route.name), "
        + "\("step".counted(certificate.steps)): not run; with its program it would need "
        + "\(certificate.predictedMemory.bytes) of \(limit.bytes)"
    }.joined() + "\n"
  }

  /// Time, memory, multiply-adds and instructions against inner steps, measured over predicted.
  var figure: Figure {
    let pairs = family.bothOrders.flatMap { method in routes.map { (method, $0) } }
    func panel(
      _ title: String, _ label: String, _ predicted: (CostCertificate) -> Double,
      _ measured: (CostCertificate) -> Double?
    ) -> Figure.Panel {
      var panel = Figure.Panel(
        title: title, x: Axis(label: "inner steps", isLogarithmic: true, isWhole: true),
        y: Axis(label: label, isLogarithmic: true))
      for (index, pair) in pairs.enumerated() {
        let own = series(pair.0, pair.1).filter { $0.steps > 0 }
        panel.lines.append(
          .init(style: .init(index), points: own.map { (Double($0.steps), predicted($0)) }))
        panel.lines.append(
          .init(
            style: .dots(Figure.Style(index).color),
            points: own.compactMap { one in measured(one).map { (Double(one.steps), $0) } }))
      }
      return panel
    }
    var figure = Figure(
      title: "Cost, \(named.name): lines predicted, dots measured",
      panels: [
        panel(
          "Time", "milliseconds, one thread", { 1e3 * $0.predictedSeconds },
          { $0.measuredSeconds.map { 1e3 * $0 } }),
        panel(
          "Memory of one run", "kilobytes", { Double($0.predicted.peakBytes) / 1000 },
          { $0.measured.map { Double($0.peakBytes) / 1000 } }),
        panel(
          "Multiply-adds", "millions, all tasks", { Double($0.predicted.multiplyAdds) / 1e6 },
          { $0.measured.map { Double($0.multiplyAdds) / 1e6 } }),
        panel(
          "Instructions", "kernel calls, all tasks", { Double($0.predicted.instructions) },
          { $0.measured.map { Double($0.instructions) } }),
      ])
    let names = pairs.map { "\($0.rawValue), \($1.name)" }
    figure.legend =
      names.enumerated().map { .init(style: .init($0), name: "\($1): predicted") }
      + names.enumerated().map {
        .init(style: .dots(Figure.Style($0).color), name: "\($1): measured")
      }
    return figure
  }
}
