import Meta
import Studies

/// What `train` prints, writes and draws.
struct TrainReport {
  let data: TrainingData
  let training: MetaTraining
  let route: Route
  let results: [Result]

  /// A training at its end, and how it was judged: by task and step.
  struct Result: Sendable {
    let run: MetaTraining.Run
    let judgements: [[Judgement]]
  }

  /// A figure of a judgement.
  enum Quantity: String, CaseIterable {
    case loss, accuracy

    func value(_ judgement: Judgement) -> Double? {
      self == .loss ? judgement.loss : judgement.accuracy
    }
  }

  var methods: [Method] {
    results.map(\.run.method).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  func runs(_ method: Method) -> [Result] { results.filter { $0.run.method == method } }

  var steps: Int { results[0].judgements[0].count - 1 }

  /// What the judgements say: the loss, and of classes the accuracy too.
  var quantities: [Quantity] {
    results[0].judgements[0][0].accuracy == nil ? [.loss] : Quantity.allCases
  }

  /// By task, the mean over seeds of a figure after some steps.
  private func byTask(_ method: Method, _ quantity: Quantity, step: Int) -> [Double] {
    let own = runs(method)
    return own[0].judgements.indices.map { task in
      SampleMean(own.compactMap { quantity.value($0.judgements[task][step]) }).mean
    }
  }

  /// Over test tasks, the mean of a figure after some steps.
  func mean(_ method: Method, _ quantity: Quantity, step: Int) -> SampleMean {
    SampleMean(byTask(method, quantity, step: step))
  }

  /// How much larger a figure of one method is than that of another in the end, task by task.
  func difference(_ method: Method, from other: Method, _ quantity: Quantity) -> SampleMean {
    let pair = (byTask(method, quantity, step: steps), byTask(other, quantity, step: steps))
    return SampleMean(zip(pair.0, pair.1).map { $0 - $1 })
  }

  // MARK: - Text

  var table: String {
    var text = """
      \(data.name): \(data.base.summary)
      \(data.summary); \("outer step".counted(training.iterations)) of \(training.optimizer.name) on \
      \("task".counted(training.batch)) each, by route \(route)\
      \(seedCount > 1 ? "; means of \(seedCount) seeds" : "")

      """
    for quantity in quantities {
      var table = TextTable(
        header: [
          "\(quantity == .loss ? data.base.lossNames.outer : "accuracy"), \(data.judges.name) tasks"
        ]
          + shownSteps.map { "step".counted($0) } + (quantity == .loss ? ["taken at"] : []))
      for method in methods {
        let cells = shownSteps.map { step in
          let mean = mean(method, quantity, step: step)
          return quantity == .loss
            ? "\(mean.mean.significant(4)) ± \(mean.halfWidth.significant(2))"
            : "\((100 * mean.mean).fixed(1)) ± \((100 * mean.halfWidth).fixed(1)) %"
        }
        table.rows.append([method.rawValue] + cells + (quantity == .loss ? [taken(method)] : []))
      }
      text += "\n\(table.text)"
    }
    return text + (pathTable.rows.isEmpty ? "" : "\n\(pathTable.text)")
  }

  private var seedCount: Int { Set(results.map(\.run.seed)).count }

  /// The outer steps after which the methods' trainings are judged.
  private func taken(_ method: Method) -> String {
    let runs = runs(method).map(\.run)
    let words = runs.map { run in
      run.divergedAfter.map { "diverged after \($0)" } ?? "\(run.chosenIteration)"
    }
    return Set(words).count == 1 ? words[0] : "\(words.min() ?? "") … \(words.max() ?? "")"
  }

  /// At most six steps, first and last among them.
  private var shownSteps: [Int] {
    if steps <= 5 { return Array(0...steps) }
    return [0, 1, 2, 5, 10, 20, 50, 100, 1000].filter { $0 < steps }.prefix(5) + [steps]
  }

  var verdict: String {
    var sentences = methods.filter { $0 == $0.exact && $0 != $0.firstOrder }
      .filter { methods.contains($0.firstOrder) }.map(comparison)
    sentences += methods.compactMap { PathVerdict($0, runs($0).map(\.run))?.sentence }
    if let best = methods.min(by: { end($0) < end($1) }) {
      let start = mean(best, .loss, step: 0).mean
      if steps > 0 {
        sentences.append(
          "After \("step".counted(steps)) the loss of \(best.rawValue) is \(end(best).significant(4)), "
            + "and was \(start.significant(4)) before.")
      }
    }
    return sentences.joined(separator: "\n")
  }

  private func end(_ method: Method) -> Double { mean(method, .loss, step: steps).mean }

  /// What exact and first order make of the same tasks.
  private func comparison(_ exact: Method) -> String {
    let quantity = quantities.last ?? .loss
    let gap = difference(exact.firstOrder, from: exact, quantity)
    let (unit, factor) = quantity == .accuracy ? (" points", 100.0) : ("", 1)
    let sides =
      "\((factor * gap.mean).significant(3)) ± \((factor * gap.halfWidth).significant(2))\(unit)"
    let worse = quantity == .accuracy ? gap.mean < 0 : gap.mean > 0
    let isSure = abs(gap.mean) > gap.halfWidth
    return
      "\(exact.firstOrder.rawValue) against \(exact.rawValue), task by task: \(quantity.rawValue) "
      + "\(sides): first order is \(isSure ? (worse ? "worse" : "better") : "neither better nor worse") "
      + (isSure ? "in this run." : "to this precision.")
  }

  // MARK: - Files

  var document: JSONObject {
    [
      "problem": data.name, "settings": training, "route": "\(route)",
      "tasks": [
        "training": data.base.tasks.count, "validation": data.validation.count,
        "test": data.test.count,
      ],
      "judged": data.judges.name,
      "runs": results.map { result -> JSONObject in
        var object: JSONObject = [
          "method": result.run.method, "seed": result.run.seed, "records": result.run.records,
          "takenAt": result.run.chosenIteration, "judgements": judgements(of: result),
        ]
        if let after = result.run.divergedAfter { object["divergedAfter"] = after }
        return object
      }, "verdict": verdict,
    ]
  }

  private func judgements(of result: Result) -> [JSONObject] {
    (0...steps).map { step -> JSONObject in
      var object: JSONObject = ["step": step]
      for quantity in quantities {
        let mean = SampleMean(result.judgements.compactMap { quantity.value($0[step]) })
        object[quantity.rawValue] = mean.mean
        object["\(quantity.rawValue)HalfWidth"] = mean.halfWidth
      }
      return object
    }
  }

  var csv: CSV {
    var csv = CSV(header: ["method", "seed", "quantity", "step", "value", "halfWidth"])
    for result in results {
      let (name, seed) = (result.run.method.rawValue, "\(result.run.seed)")
      for record in result.run.records {
        for (quantity, value) in [
          ("training loss", record.loss), ("validation loss", record.validation),
        ] {
          if let value {
            csv.rows.append([name, seed, quantity, "\(record.iteration)", "\(value)", ""])
          }
        }
      }
      for step in 0...steps {
        for quantity in quantities {
          let mean = SampleMean(result.judgements.compactMap { quantity.value($0[step]) })
          csv.rows.append([
            name, seed, "test \(quantity.rawValue)", "\(step)", "\(mean.mean)", "\(mean.halfWidth)",
          ])
        }
      }
    }
    return csv
  }

  var figure: Figure {
    var panels: [Figure.Panel] = []
    for (title, path) in [
      ("Along training: loss of the steps' tasks", \MetaTraining.Record.loss),
      ("Along training: loss of validation tasks", \.validation),
    ] {
      var panel = Figure.Panel(
        title: title, x: Axis(label: "outer steps"), y: Axis(label: data.base.lossNames.outer))
      for (index, method) in methods.enumerated() {
        panel.addMedian(
          .init(index),
          of: runs(method).map { $0.run.records.map { ($0.iteration, $0[keyPath: path]) } })
      }
      if !panel.lines.isEmpty { panels.append(panel) }
    }
    panels += pathPanels
    for quantity in quantities {
      var panel = Figure.Panel(
        title: "After adapting to \(data.judges.name) tasks", x: Axis(label: "inner steps"),
        y: Axis(label: quantity == .loss ? data.base.lossNames.outer : "accuracy"))
      for (index, method) in methods.enumerated() {
        let means = (0...steps).map { (Double($0), mean(method, quantity, step: $0)) }
        panel.lines.append(.init(style: .init(index), points: means.map { ($0, $1.mean) }))
        panel.bands.append(
          .init(
            style: .init(index),
            points: means.map { ($0, $1.mean - $1.halfWidth, $1.mean + $1.halfWidth) }))
      }
      panels.append(panel)
    }
    var figure = Figure(
      title: "\(data.name), \("outer step".counted(training.iterations))", panels: panels)
    figure.legend =
      methods.enumerated().map { .init(style: .init($0), name: $1.rawValue) }
      + (0..<(ledger?.steps ?? 0)).map {
        .init(style: .init(methods.count + $0), name: "inner step \($0 + 1)")
      }
    return figure
  }
}

extension OuterOptimizer {
  /// The optimiser in words.
  fileprivate var name: String {
    switch self {
    case .adam(let adam): "Adam of rate \(adam.rate)"
    case .descent(let descent):
      "descent of rate \(descent.rate)"
        + (descent.momentum == 0 ? "" : " with momentum \(descent.momentum)")
    }
  }
}
