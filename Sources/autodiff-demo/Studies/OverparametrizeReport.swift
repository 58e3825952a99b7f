import Foundation
import Meta
import Studies

/// What `overparametrize` prints, writes and draws.
struct OverparametrizeReport {
  let study: OverparametrizationStudy
  let method: Method
  let network: NetworkKind
  let layers: Int
  let representation: SharedRepresentation
  let results: [Result]

  /// What was learnt, and how it adapts.
  struct Result: Codable, Sendable {
    let run: OverparametrizationStudy.Run
    let risks: [AdaptationRisk]
  }

  private var limit: [Double] {
    OverparametrizationTheory.limit(
      spectrum: study.spectrum, noiseVariance: study.noiseVariance, innerRate: study.innerRate,
      samples: study.innerSamples
    ).sorted(by: >)
  }

  var result: StudyResult {
    get throws {
      StudyResult(
        table: results.map(table).joined(separator: "\n"), verdict: verdict,
        json: try json(document), csv: csv, figure: figure)
    }
  }

  /// Whether the run is the one of which theory knows the limit.
  private var hasTheory: Bool {
    network == .linear && study.tasks == nil && method == .firstOrderANIL
  }

  private var networkName: String {
    network == .linear
      ? "linear network"
      : "ReLU network of \("hidden layer".counted(layers)), tasks with a \(representation.rawValue) representation,"
  }

  private func table(_ result: Result) -> String {
    let run = result.run
    let (signal, rest) = (
      run.signal[run.signal.count - 1], run.orthogonal[run.orthogonal.count - 1]
    )
    var values = TextTable(header: ["", "at start", "at end", "limit of theory"])
    for (index, limit) in limit.enumerated() {
      values.rows.append([
        "signal \(index + 1)", run.signal[0][index].significant(3), signal[index].significant(6),
        hasTheory ? limit.significant(6) : "–",
      ])
    }
    values.rows.append([
      "largest orthogonal", run.orthogonal[0][0].significant(3), rest[0].significant(3),
      hasTheory ? "0, as 1/t" : "–",
    ])
    values.rows.append([
      network == .linear ? "‖Bw‖" : "‖last weights‖", run.headNorm[0].significant(3),
      run.headNorm[run.headNorm.count - 1].significant(3),
      hasTheory ? "0" : "–",
    ])
    var risks = TextTable(header: ["excess risk of a new task", "20 points", "30", "100"])
    for estimate in AdaptationRisk.Estimate.allCases {
      let own = result.risks.filter { $0.estimate == estimate }
      if own.isEmpty { continue }
      risks.rows.append(
        [estimate.rawValue]
          + own.map { "\($0.mean.fixed(2)) ± \((1.96 * $0.standardError).fixed(2))" })
      if own.contains(where: { $0.closedForm != nil }) {
        risks.rows.append(["  in closed form"] + own.map { $0.closedForm?.fixed(2) ?? "–" })
      }
    }
    let tasks = study.tasks.map { "\($0) tasks" } ?? "infinitely many tasks"
    let diverged = run.diverged.map { ", diverged at step \($0)" } ?? ""
    return """
      \(method.rawValue) on \(tasks), \(networkName) dimension \(study.dimension), rank \(study.rank), width \(study.width), \
      \(study.steps) steps, seed \(run.seed)\(diverged)
      Squared singular values of \(network == .linear ? "B" : "the first weights"); effective rank \(rank(signal + rest)) of \(study.width)

      \(values.text)
      \(run.diverged == nil ? risks.text : "")
      """
  }

  /// How many squared singular values are over a tenth of the largest.
  private func rank(_ values: [Double]) -> Int {
    let largest = values.max() ?? 0
    return values.filter { $0 > 0.1 * largest }.count
  }

  private var verdict: String {
    let finished = results.map(\.run).filter { $0.diverged == nil }
    if finished.count < results.count {
      return "The claim did not hold in this run: \(results.count - finished.count) of "
        + "\("run".counted(results.count)) diverged."
    }
    let learnt = finished.allSatisfy { run in
      let (signal, rest) = (
        run.signal[run.signal.count - 1], run.orthogonal[run.orthogonal.count - 1]
      )
      return rank(signal + rest) == study.rank && signal[study.rank - 1] > 10 * rest[0]
    }
    var worst = 0.0
    for run in finished {
      for (value, limit) in zip(run.signal[run.signal.count - 1], limit) {
        worst = max(worst, abs(value / limit - 1))
      }
    }
    let near =
      hasTheory
      ? "; the signal is within \(worst.significant(2)) of its limit" : ""
    return learnt
      ? "The claim held in this run: width \(study.width) ended at the rank of the tasks, "
        + "\(study.rank)\(near)."
      : "The claim did not hold in this run, after \(study.steps) steps: directions outside the "
        + "representation are not small beside the signal\(near)."
  }

  private var csv: CSV {
    var csv = CSV(header: ["seed", "step", "quantity", "index", "value"])
    for run in results.map(\.run) {
      for (record, step) in run.steps.enumerated() {
        func add(_ quantity: String, _ values: [Double]) {
          for (index, value) in values.enumerated() {
            csv.rows.append(["\(run.seed)", "\(step)", quantity, "\(index + 1)", CSV.cell(value)])
          }
        }
        add("signal", run.signal[record])
        add("orthogonal", run.orthogonal[record])
        add("headNorm", [run.headNorm[record]])
      }
    }
    return csv
  }

  private var figure: Figure {
    let signal = Figure.Style(0)
    let rest = Figure.Style(1)
    let theory = Figure.Style(2)
    let head = Figure.Style(3)
    var values = Figure.Panel(
      title: "What is learnt, and what is not",
      x: Axis(label: "outer steps", isLogarithmic: true, isWhole: true),
      y: Axis(
        label: network == .linear
          ? "squared singular values of B" : "squared singular values of the first weights",
        isLogarithmic: true))
    func add(
      _ panel: inout Figure.Panel, _ style: Figure.Style,
      _ value: (OverparametrizationStudy.Run, Int) -> Double?
    ) {
      panel.addMedian(
        style,
        of: results.map(\.run).map { run in
          run.steps.indices.dropFirst().map { (run.steps[$0], value(run, $0)) }
        })
    }
    for index in 0..<study.rank { add(&values, signal) { $0.signal[$1][index] } }
    add(&values, rest) { $0.orthogonal[$1][0] }
    let steps = Double(study.steps)
    if hasTheory {
      for value in limit {
        values.lines.append(.init(style: theory, points: [(1, value), (steps, value)]))
      }
      let growth = OverparametrizationTheory.unlearning(
        spectrum: study.spectrum, noiseVariance: study.noiseVariance, innerRate: study.innerRate,
        outerRate: study.outerRate, samples: study.innerSamples)
      values.lines.append(
        .init(
          style: theory,
          points: (0...40).map {
            let step = steps * pow(10, -2 * Double($0) / 40)
            return (step, 1 / (growth * step))
          }))
    }
    var norm = Figure.Panel(
      title: network == .linear ? "The common head vanishes" : "The last weights",
      x: Axis(label: "outer steps", isWhole: true),
      y: Axis(label: network == .linear ? "‖Bw‖" : "their norm", isLogarithmic: true))
    add(&norm, head) { $0.headNorm[$1] > 1e-16 ? $0.headNorm[$1] : nil }
    let counts = Array(Set(results.flatMap { $0.risks.map(\.points) })).sorted()
    var risk = Figure.Panel(
      title: "Adapting to new tasks",
      x: Axis(label: "points of the new task", isLogarithmic: true, isWhole: true),
      y: Axis(label: "excess risk", isLogarithmic: true))
    for (index, estimate) in AdaptationRisk.Estimate.allCases.enumerated() {
      risk.lines.append(
        .init(
          style: .init(4 + index),
          points: counts.compactMap { points in
            let own = results.flatMap(\.risks).filter {
              $0.estimate == estimate && $0.points == points
            }
            return own.isEmpty ? nil : (Double(points), SampleMean(own.map(\.mean)).mean)
          }, hasMarkers: true))
    }
    var figure = Figure(
      title: "\(method.rawValue), width \(study.width) for rank \(study.rank)",
      panels: [values, norm] + (counts.isEmpty ? [] : [risk]))
    figure.legend =
      [
        .init(style: signal, name: "signal"), .init(style: rest, name: "largest orthogonal"),
        .init(style: theory, name: "theory"),
        .init(style: head, name: network == .linear ? "‖Bw‖" : "norm of the last weights"),
      ]
      + (counts.isEmpty
        ? []
        : AdaptationRisk.Estimate.allCases.enumerated().map {
          .init(style: .init(4 + $0), name: "risk: " + $1.rawValue)
        })
    return figure
  }

  /// The first seed at the top level, and every seed in `runs`.
  private var document: JSONObject {
    let settings: JSONObject = [
      "method": method, "network": network.rawValue,
      "hiddenLayers": network == .linear ? 0 : layers, "representation": representation.rawValue,
      "dimension": study.dimension, "rank": study.rank, "width": study.width,
      "innerSamples": study.innerSamples, "outerSamples": study.outerSamples,
      "noiseVariance": study.noiseVariance, "spectrum": study.spectrum,
      "innerRate": study.innerRate, "outerRate": study.outerRate, "steps": study.steps,
      "tasks": study.tasks, "seeds": results.map(\.run.seed),
    ]
    let runs = results.map { result -> JSONObject in
      let run = result.run
      let risks = result.risks.map { risk -> JSONObject in
        [
          "points": risk.points, "method": risk.estimate.rawValue, "mean": risk.mean,
          "standardError": risk.standardError, "closedForm": risk.closedForm,
        ]
      }
      return [
        "seed": run.seed, "steps": run.steps, "signal": run.signal, "orthogonal": run.orthogonal,
        "headNorm": run.headNorm, "risk": risks, "diverged": run.diverged,
      ]
    }
    var document: JSONObject = [
      "settings": settings, "limit": hasTheory ? limit : [], "runs": runs,
    ]
    for key in ["steps", "signal", "orthogonal", "headNorm", "risk"] {
      document[key] = runs[0][key]
    }
    return document
  }
}
