import Meta
import Studies

/// What `tradeoff` prints, writes and draws.
struct TradeoffReport {
  let study: TradeoffStudy
  let rates: [Double]
  let cells: [TradeoffStudy.Cell]
  let training: [TradeoffStudy.Training]
  /// By rate, the largest relative distance of training through the engine from the closed forms.
  let checks: [Double]
  let seeds: [UInt64]

  private func theory(_ rate: Double, points: Int? = nil) -> TradeoffTheory {
    TradeoffTheory(study.tasks, innerRate: rate, points: points)
  }

  private func cells(_ rate: Double) -> [TradeoffStudy.Cell] {
    cells.filter { $0.innerRate == rate }
  }

  private func run(_ rate: Double, _ method: Method) -> TradeoffStudy.Training? {
    training.first { $0.innerRate == rate && $0.method == method }
  }

  var result: StudyResult {
    get throws {
      StudyResult(
        table: table, verdict: verdict, json: try json(document),
        csv: csv, figure: figure)
    }
  }

  /// The gradient evaluations from which on MAML's error stays under joint training's; nil if never.
  private func crossing(_ rate: Double) -> Int? {
    guard let joint = run(rate, .joint), let maml = run(rate, .maml) else { return nil }
    let excess = Dictionary(uniqueKeysWithValues: zip(joint.evaluations, joint.excess))
    var crossing: Int?
    for (evaluations, error) in zip(maml.evaluations, maml.excess) {
      guard let other = excess[evaluations] else { continue }
      if error >= other { crossing = nil } else if crossing == nil { crossing = evaluations }
    }
    return crossing
  }

  private var table: String {
    var limits = TextTable(
      header: [
        "inner rate", "joint θ", "MAML θ", "gap", "smoothness", "measured", "gradient variance",
        "of joint", "MAML ahead from", "engine − closed form",
      ])
    limits.leftAligned = []
    for (rate, check) in zip(rates, checks) {
      let limit = theory(rate)
      limits.rows.append([
        "\(rate)", limit.joint.fixed(4), limit.maml.fixed(4), limit.gap.significant(3),
        run(rate, .maml)?.theory.fixed(3) ?? "–", run(rate, .maml)?.smoothness.fixed(3) ?? "–",
        run(rate, .maml)?.gradientVariance.fixed(2) ?? "–",
        run(rate, .joint)?.gradientVariance.fixed(2) ?? "–",
        crossing(rate).map { "\($0.grouped) evaluations" } ?? "never here", check.significant(1),
      ])
    }
    var text = """
      Joint training against MAML, random linear regression of dimension \(study.tasks.dimension), \
      scale \(study.tasks.scale)

      With infinitely many tasks and points; smoothness and variance with \(study.points) points
      \(limits.text)
      """
    let shown = [1, 10, 50, 400]
    for rate in rates {
      var map = TextTable(
        header: ["M tasks"] + shown.map { "N = \($0)" } + shown.map { "N = \($0)" })
      for tasks in shown {
        let row = shown.compactMap { samples in
          cells(rate).first { $0.tasks == tasks && $0.samples == samples }
        }
        map.rows.append(
          ["\(tasks)"] + row.map { $0.before.fixed(2) } + row.map { $0.after.fixed(2) })
      }
      text +=
        "\nInner rate \(rate): P(MAML's loss is lower), before, then after adaptation\n\(map.text)"
    }
    return text
  }

  private var verdict: String {
    let crossings = rates.compactMap(crossing)
    let (few, many) = (study.counts[0], study.counts[study.counts.count - 1])
    let losing = cells.filter { $0.tasks == few }
    let winning = cells.filter { $0.tasks == many && $0.samples == many && $0.after > 0.5 }
    let small = losing.reduce(0) { $0 + $1.after } / Double(max(1, losing.count))
    let holds = winning.count == rates.count && small < 0.5 && !crossings.isEmpty
    return """
      The trade-off \(holds ? "showed" : "did not show in full") in this run: with one task MAML wins \
      \(Int((100 * small).rounded())) % of the time, with \(many) tasks of \(many) points it is ahead at \
      \(winning.count) of \("rate".counted(rates.count)), and in stochastic training at \(crossings.count).
      """
  }

  private var csv: CSV {
    var csv = CSV(header: [
      "quantity", "innerRate", "method", "tasks", "samples", "evaluations", "value",
    ])
    for rate in rates {
      let limit = theory(rate)
      csv.rows.append(["population", "\(rate)", "joint", "", "", "", CSV.cell(limit.joint)])
      csv.rows.append(["population", "\(rate)", "maml", "", "", "", CSV.cell(limit.maml)])
      csv.rows.append(["gap", "\(rate)", "", "", "", "", CSV.cell(limit.gap)])
    }
    for cell in cells {
      for (name, value) in [("before", cell.before), ("after", cell.after)] {
        csv.rows.append(
          [name, "\(cell.innerRate)", "", "\(cell.tasks)", "\(cell.samples)", "", CSV.cell(value)])
      }
    }
    for run in training {
      for (evaluations, excess) in zip(run.evaluations, run.excess) {
        csv.rows.append(
          [
            "excess", "\(run.innerRate)", run.method.rawValue, "", "", "\(evaluations)",
            CSV.cell(excess),
          ])
      }
    }
    return csv
  }

  private var figure: Figure {
    var panels: [Figure.Panel] = []
    for rate in rates {
      for (name, value) in [
        ("before adaptation", \TradeoffStudy.Cell.before), ("after one step", \.after),
      ] {
        let grid = study.counts.map(Double.init)
        let own = cells(rate)
        var panel = Figure.Panel(
          title: "P(MAML's loss is lower) \(name), rate \(rate)",
          x: Axis(label: "points N of each half", isLogarithmic: true, isWhole: true),
          y: Axis(label: "tasks M", isLogarithmic: true, isWhole: true))
        panel.field = .init(
          x: grid, y: grid,
          values: study.counts.map { tasks in
            study.counts.map { samples in
              own.first { $0.tasks == tasks && $0.samples == samples }?[keyPath: value] ?? 0
            }
          })
        panels.append(panel)
      }
    }
    let top = max(1, (rates.max() ?? 1) * 1.1)
    var limits = Figure.Panel(
      title: "Solutions with infinitely many tasks", x: Axis(label: "inner rate α"),
      y: Axis(label: "each entry of θ"))
    var gaps = Figure.Panel(
      title: "Modelling error of joint training", x: Axis(label: "inner rate α"),
      y: Axis(label: "loss after adaptation over MAML's"))
    let grid = (0...200).map { top * Double($0) / 200 }
    limits.lines = [
      .init(style: .init(0), points: grid.map { ($0, theory($0).joint) }),
      .init(style: .init(1), points: grid.map { ($0, theory($0).maml) }),
    ]
    gaps.lines = [.init(style: .init(2), points: grid.map { ($0, theory($0).gap) })]
    panels += [limits, gaps]
    for rate in rates {
      var panel = Figure.Panel(
        title: "Stochastic training, rate \(rate)",
        x: Axis(label: "gradient evaluations", isLogarithmic: true, isWhole: true),
        y: Axis(label: "loss after adaptation over minimum", isLogarithmic: true))
      for (index, method) in [Method.joint, .maml].enumerated() {
        guard let run = run(rate, method) else { continue }
        panel.lines.append(
          .init(
            style: .init(index),
            points: zip(run.evaluations, run.excess).filter { $0.0 > 0 }
              .map { (Double($0.0), $0.1) }))
      }
      panels.append(panel)
    }
    var figure = Figure(title: "Modelling against optimisation error", panels: panels)
    figure.legend = [
      .init(style: .init(0), name: "joint training"), .init(style: .init(1), name: "MAML"),
      .init(style: .init(2), name: "modelling error"),
    ]
    figure.colorBar = "share of draws in which MAML's loss is lower: 0 to 1 in tenths"
    return figure
  }

  private var document: JSONObject {
    let tasks = study.tasks
    let population = rates.map { rate -> JSONObject in
      let limit = theory(rate)
      func vector(_ entry: Double) -> [Double] { Array(repeating: entry, count: tasks.dimension) }
      return [
        "innerRate": rate, "joint": vector(limit.joint), "maml": vector(limit.maml),
        "gap": limit.gap,
      ]
    }
    let settings: JSONObject = [
      "innerRates": rates, "trials": study.trials, "dimension": tasks.dimension,
      "scale": tasks.scale, "seeds": seeds,
    ]
    return ["settings": settings, "population": population, "map": cells, "training": training]
  }
}
