import Meta
import Studies

/// What the diagnoses along the trainings of a method say together.
struct PathVerdict {
  /// The worst that was said anywhere.
  let verdict: Diagnosis.Verdict
  let sentence: String

  /// Nil where nothing was diagnosed, or nothing adapts.
  init?(_ method: Method, _ runs: [MetaTraining.Run]) {
    let points = runs.flatMap { run in
      run.records.compactMap { record in record.diagnosis.map { (record.iteration, $0.verdict) } }
    }
    if points.isEmpty || method == .joint { return nil }
    func count(_ verdict: Diagnosis.Verdict) -> Int { points.count { $0.1 == verdict } }
    let order: [Diagnosis.Verdict] = [.distrust, .doubt, .trust]
    verdict = order.first { count($0) > 0 } ?? .trust
    let counts = order.reversed().filter { count($0) > 0 }.map { "\($0.rawValue) at \(count($0))" }
    let first = points.filter { $0.1 == .distrust }.map(\.0).min()
    let fewest = runs.flatMap { $0.records.compactMap(\.diagnosis?.tasks) }.min() ?? 0
    sentence =
      "Along the training by \(method.rawValue) the diagnosis of first order was "
      + "\(counts.joined(separator: ", ")) of \("point".counted(points.count))"
      + (first.map { ", the first to distrust after \("outer step".counted($0))" } ?? "")
      + ": over the whole path, \(verdict.rawValue)."
      + (fewest < Diagnosis.fewestTasks
        ? " With \("task".counted(fewest)) to look at nothing is trusted; \(Diagnosis.fewestTasks) are needed, by --validate."
        : "")
  }
}

/// A figure of a diagnosis, and how it is shown.
private struct PathFigure: Sendable {
  let name: String
  let axis: String
  let value: @Sendable (DiagnosisRecord) -> Double?
  let text: @Sendable (Double) -> String

  static let all = [
    PathFigure(
      name: "angle", axis: "angle in degrees", value: { $0.angle?.value },
      text: { "\($0.fixed(1))°" }),
    PathFigure(
      name: "length ratio", axis: "length of first order / exact", value: { $0.normRatio?.value },
      text: { $0.fixed(2) }),
    PathFigure(
      name: "curvature × rate", axis: "curvature × rate", value: { $0.curvatureTimesRate },
      text: { $0.significant(3) }),
    PathFigure(
      name: "gain of an outer step", axis: "gain, relative to exact", value: { $0.decreaseShare },
      text: { "\((100 * $0).fixed(0)) %" }),
  ]
}

extension TrainReport {
  private func diagnoses(_ method: Method) -> [[(step: Int, record: DiagnosisRecord)]] {
    method == .joint
      ? []
      : runs(method).map { result in
        result.run.records.compactMap { record in record.diagnosis.map { (record.iteration, $0) } }
      }.filter { !$0.isEmpty }
  }

  /// First order beside exact at the start, halfway and at the end, and where it was worst; of the first seed.
  var pathTable: TextTable {
    var table = TextTable(
      header: ["first order beside exact", "at start", "halfway", "at end", "least", "most"])
    for method in methods {
      guard let own = diagnoses(method).first else { continue }
      for figure in PathFigure.all {
        let values = own.compactMap { figure.value($0.record) }
        guard let least = values.min(), let most = values.max() else { continue }
        table.rows.append(
          ["\(method.rawValue): \(figure.name)"]
            + [values[0], values[values.count / 2], values[values.count - 1], least, most]
            .map(figure.text))
      }
    }
    return table
  }

  /// The figures of the diagnoses along training, and of the first method the share of each inner step.
  var pathPanels: [Figure.Panel] {
    var panels: [Figure.Panel] = []
    for figure in PathFigure.all {
      var panel = Figure.Panel(
        title: "First order beside exact: \(figure.name)",
        x: Axis(label: "outer steps", isWhole: true),
        y: Axis(label: figure.axis))
      for (index, method) in methods.enumerated() {
        panel.addMedian(
          .init(index),
          of: diagnoses(method).map { $0.map { ($0.step, figure.value($0.record)) } })
      }
      if !panel.lines.isEmpty { panels.append(panel) }
    }
    if let (method, steps) = ledger {
      var panel = Figure.Panel(
        title: "What first order drops by inner step, \(method.rawValue)",
        x: Axis(label: "outer steps", isWhole: true), y: Axis(label: "share of the difference"))
      for step in 0..<steps {
        panel.addMedian(
          .init(methods.count + step),
          of: diagnoses(method).map { $0.map { ($0.step, $0.record.ledgerShares[step]) } })
      }
      panels.append(panel)
    }
    return panels
  }

  /// The method whose ledger is drawn, and its inner steps, each with a line of its own; nil where there is none, or too
  /// many to tell apart.
  var ledger: (method: Method, steps: Int)? {
    guard let method = methods.first(where: { !diagnoses($0).isEmpty }) else { return nil }
    let steps = diagnoses(method)[0][0].record.ledgerShares.count
    return (2...7 - min(methods.count, 5)).contains(steps) ? (method, steps) : nil
  }
}
