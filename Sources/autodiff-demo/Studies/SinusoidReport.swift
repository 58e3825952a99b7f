import Meta
import Studies

/// What `sinusoid` prints, writes and draws.
struct SinusoidReport {
  let study: SinusoidStudy
  let results: [Result]

  /// A finished training and how it was judged.
  struct Result: Codable, Sendable {
    let training: SinusoidStudy.Training
    let errors: [SinusoidStudy.TestError]
  }

  private var methods: [Method] {
    var seen: [Method] = []
    for result in results where !seen.contains(result.training.method) {
      seen.append(result.training.method)
    }
    return seen
  }

  private func results(_ method: Method) -> [Result] {
    results.filter { $0.training.method == method }
  }

  /// The error of a method, over all seeds: its mean, and half the width of its 95 % interval.
  private func error(_ method: Method, points: Int, steps: Int) -> (mean: Double, half: Double) {
    let own = results(method).flatMap(\.errors).filter { $0.points == points && $0.steps == steps }
    let squares = own.reduce(0) { $0 + $1.standardError * $1.standardError }
    return (
      SampleMean(own.map(\.mean)).mean, 1.96 * squares.squareRoot() / Double(max(1, own.count))
    )
  }

  var result: StudyResult {
    get throws {
      StudyResult(
        table: table, verdict: verdict, json: try json(document),
        csv: csv, figure: try figure())
    }
  }

  private var table: String {
    let steps = [0, 1, 5, 10]
    var text = """
      Sinusoid regression, network 1-\(study.width)-\(study.width)-1, \(study.iterations) iterations of \
      \(study.metaBatch) tasks, \(study.points) points, \(study.innerSteps) inner \
      \(study.innerSteps == 1 ? "step" : "steps") of rate \(study.innerRate)

      """
    for points in [5, 10, 20] {
      var table = TextTable(
        header: ["error after adapting to \(points) points"] + steps.map { "step".counted($0) })
      for method in methods {
        table.rows.append(
          [method.rawValue]
            + steps.map { step in
              let error = error(method, points: points, steps: step)
              return "\(error.mean.readable) ± \(error.half.readable)"
            })
      }
      text += "\n\(table.text)"
    }
    var cosines = TextTable(
      header: ["cosine, first order against exact", "at start", "halfway", "at end", "least"])
    for method in methods where method != .joint {
      let own = results(method)[0].training.records.compactMap(\.cosine)
      guard let first = own.first, let last = own.last, let least = own.min() else { continue }
      cosines.rows.append(
        [method.rawValue] + [first, own[own.count / 2], last, least].map { $0.fixed(4) })
    }
    return text + (cosines.rows.isEmpty ? "" : "\n\(cosines.text)")
  }

  private var verdict: String {
    guard methods.contains(.maml), methods.contains(.joint), methods.contains(.firstOrderMAML)
    else {
      return "Without maml, fo-maml and joint side by side this run has no verdict."
    }
    func after(_ method: Method) -> Double { error(method, points: 10, steps: 1).mean }
    let ahead = after(.maml) < 0.7 * after(.joint)
    let ratio = after(.firstOrderMAML) / after(.maml)
    if !after(.maml).isFinite || !after(.joint).isFinite {
      return "This run has no verdict: an error after one step on 10 points is not finite."
    }
    return """
      The claim (adaptation learns, pooling does not) \(ahead ? "held" : "did not hold") in this run: after \
      one step on 10 points maml has an error of \(after(.maml).fixed(2)), joint of \
      \(after(.joint).fixed(2)); fo-maml has \(ratio.fixed(2)) times that of maml.
      """
  }

  private var csv: CSV {
    var csv = CSV(header: [
      "method", "seed", "quantity", "points", "step", "value", "standardError",
    ])
    for result in results {
      let (name, seed) = (result.training.method.rawValue, "\(result.training.seed)")
      for error in result.errors {
        csv.rows.append([
          name, seed, "error", "\(error.points)", "\(error.steps)", CSV.cell(error.mean),
          CSV.cell(error.standardError),
        ])
      }
      for record in result.training.records {
        csv.rows.append([name, seed, "loss", "", "\(record.iteration)", CSV.cell(record.loss), ""])
        for (index, cosine) in ([record.cosine] + record.layers).enumerated() {
          guard let cosine else { continue }
          csv.rows.append([
            name, seed, index == 0 ? "cosine" : "cosine of layer \(index)", "",
            "\(record.iteration)", CSV.cell(cosine), "",
          ])
        }
      }
    }
    return csv
  }

  private func figure() throws -> Figure {
    var panels: [Figure.Panel] = []
    for points in [5, 10, 20] {
      var panel = Figure.Panel(
        title: "After adapting to \(points) points", x: Axis(label: "inner steps", isWhole: true),
        y: Axis(label: "mean squared error", isLogarithmic: true))
      for (index, method) in methods.enumerated() {
        let errors = (0...10).map { ($0, error(method, points: points, steps: $0)) }
        panel.lines.append(
          .init(style: .init(index), points: errors.map { (Double($0), $1.mean) }))
        panel.bands.append(
          .init(
            style: .init(index),
            points: errors.map { (Double($0), max($1.mean - $1.half, 1e-9), $1.mean + $1.half) }))
      }
      panels.append(panel)
    }
    panels.append(try examplePanel())
    for method in methods where method != .joint {
      let training = results(method)[0].training
      var panel = Figure.Panel(
        title: "First order beside exact, training by \(method.rawValue)",
        x: Axis(label: "outer steps", isWhole: true),
        y: Axis(label: "cosine of the meta-gradients"))
      for layer in 0..<3 {
        panel.lines.append(
          .init(
            style: Self.layer(layer),
            points: training.records.compactMap { record in
              record.layers[layer].map { (Double(record.iteration), $0) }
            }))
      }
      panels.append(panel)
    }
    var figure = Figure(
      title: "Sinusoid regression, \(study.iterations) iterations", panels: panels)
    figure.legend =
      methods.enumerated().map { .init(style: .init($0), name: $1.rawValue) }
      + (0..<3).map { .init(style: Self.layer($0), name: "cosine: layer \($0 + 1)") } + [
        .init(style: Self.curve(0), name: "task: before adapting"),
        .init(style: Self.curve(1), name: "after 1 step"),
        .init(style: Self.curve(2), name: "after 10 steps"),
        .init(style: Self.truth, name: "the truth"),
        .init(style: Self.point, name: "its points"),
      ]
    return figure
  }

  private static func layer(_ index: Int) -> Figure.Style { .init(7 + index) }
  private static func curve(_ index: Int) -> Figure.Style { .init(10 + index) }
  private static let truth = Figure.Style(color: Figure.Style.neutral, dash: "")
  private static let point = Figure.Style.dots("#000000")

  private func examplePanel() throws -> Figure.Panel {
    let training = results[0].training
    let example = try study.example(training, points: 10)
    var panel = Figure.Panel(
      title: "One task, \(training.method.rawValue)",
      x: Axis(label: "x"), y: Axis(label: "y"))
    panel.lines = [.init(style: Self.truth, points: example.truth)]
    panel.lines += example.curves.enumerated().map { .init(style: Self.curve($0), points: $1) }
    panel.lines.append(.init(style: Self.point, points: example.support))
    return panel
  }

  private var document: JSONObject {
    let curves = results.map { result -> JSONObject in
      [
        "method": result.training.method, "seed": result.training.seed, "errors": result.errors,
        "records": result.training.records,
      ]
    }
    return ["settings": study, "curves": curves]
  }
}

extension Double {
  /// The number with three decimals, or with an exponent where that is shorter.
  fileprivate var readable: String { abs(self) < 1000 ? fixed(3) : significant(2) }
}
