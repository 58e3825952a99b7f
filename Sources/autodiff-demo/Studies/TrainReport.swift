import Meta
import Studies

/// What `train` prints, writes and draws.
struct TrainReport {
  /// What was trained on, by fold; one alone without folds.
  let folds: [TrainingData]
  let training: MetaTraining
  let route: Route
  let results: [Result]
  /// By task that judges, the loss of ridge regression on all rows; nil for classes.
  let pooledRidge: [Double]?

  init(
    folds: [TrainingData], training: MetaTraining, route: Route, results: [Result]
  ) {
    (self.folds, self.training, self.route, self.results) = (folds, training, route, results)
    let losses = folds.map(\.pooledRidge)
    pooledRidge = losses.contains { $0 == nil } ? nil : losses.compactMap(\.self).flatMap(\.self)
  }

  var data: TrainingData { folds[0] }

  /// A training at its end, and how it was judged: by task and step.
  struct Result: Codable, Sendable {
    let run: MetaTraining.Run
    let judgements: [[Judgement]]

    /// Over its own test tasks, the mean of a figure after some steps.
    func mean(_ quantity: Quantity, step: Int) -> SampleMean {
      SampleMean(judgements.compactMap { quantity.value($0[step]) })
    }
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

  /// By task, a figure after some steps: of the fold that the task judges, or the mean over seeds.
  func byTask(_ method: Method, _ quantity: Quantity, step: Int) -> [Double] {
    let own = runs(method)
    if folds.count > 1 {
      return own.flatMap { $0.judgements.compactMap { quantity.value($0[step]) } }
    }
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
      \(folds.count > 1 ? "; the first of \(folds.count) folds, in which each task judges once" : seedCount > 1 ? "; means of \(seedCount) seeds" : "")

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
      if quantity == .loss, let pooledRidge {
        let mean = SampleMean(pooledRidge)
        table.rows.append(
          ["ridge on all rows", "\(mean.mean.significant(4)) ± \(mean.halfWidth.significant(2))"]
            + shownSteps.map { _ in "" })
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
    if Set(words).count == 1 { return words[0] }
    if let diverged = words.first(where: { $0.hasPrefix("d") }) { return diverged }
    let numbers = runs.map(\.chosenIteration)
    return "\(numbers.min() ?? 0) … \(numbers.max() ?? 0)"
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
    if let sentence = gain { sentences.append(sentence) }
    return sentences.joined(separator: "\n")
  }

  /// The number of steps after which the loss of a method is lowest: a network that did not learn to adapt may lose by it.
  private func bestStep(_ method: Method) -> Int {
    (0...steps).min {
      mean(method, .loss, step: $0).mean < mean(method, .loss, step: $1).mean
    } ?? 0
  }

  /// Whether the best method that adapts is better than the best that does not.
  private var gain: String? {
    func best(_ methods: [Method]) -> Method? {
      methods.min {
        mean($0, .loss, step: bestStep($0)).mean < mean($1, .loss, step: bestStep($1)).mean
      }
    }
    guard let method = best(methods.filter { $0 != .joint }) else { return nil }
    let step = bestStep(method)
    let own = byTask(method, .loss, step: step)
    var others: [(name: String, losses: [Double])] = []
    if methods.contains(.joint) {
      let step = bestStep(.joint)
      others.append(("joint after \("step".counted(step))", byTask(.joint, .loss, step: step)))
    }
    if let pooledRidge { others.append(("ridge on all rows", pooledRidge)) }
    let sentences = others.map { name, losses in
      let gap = SampleMean(zip(losses, own).map { $0 - $1 })
      let isSure = abs(gap.mean) > gap.halfWidth
      return
        "that of \(name) is \(isSure ? (gap.mean > 0 ? "higher" : "lower") : "not surely another"), by "
        + "\(gap.mean.significant(3)) ± \(gap.halfWidth.significant(2)) task by task"
    }
    return "After \("step".counted(step)) the loss of \(method.rawValue) is "
      + "\(SampleMean(own).mean.significant(4))"
      + (sentences.isEmpty ? "." : "; " + sentences.joined(separator: "; ") + ".")
  }

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
    var document: JSONObject = [
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
    if let pooledRidge { document["ridgeOnAllRows"] = SampleMean(pooledRidge).mean }
    return document
  }

  private func judgements(of result: Result) -> [JSONObject] {
    (0...steps).map { step -> JSONObject in
      var object: JSONObject = ["step": step]
      for quantity in quantities {
        let mean = result.mean(quantity, step: step)
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
            csv.rows.append([name, seed, quantity, "\(record.iteration)", CSV.cell(value), ""])
          }
        }
      }
      for step in 0...steps {
        for quantity in quantities {
          let mean = result.mean(quantity, step: step)
          csv.rows.append([
            name, seed, "test \(quantity.rawValue)", "\(step)", CSV.cell(mean.mean),
            CSV.cell(mean.halfWidth),
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
        title: title, x: Axis(label: "outer steps", isWhole: true),
        y: Axis(label: data.base.lossNames.outer))
      for (index, method) in methods.enumerated() {
        panel.addMedian(
          .init(index),
          of: runs(method).map { $0.run.records.map { ($0.iteration, $0[keyPath: path]) } })
      }
      if !panel.lines.isEmpty { panels.append(panel) }
    }
    panels += pathPanels
    for quantity in quantities {
      let all = methods.flatMap { method in
        (0...steps).map { mean(method, quantity, step: $0).mean }
      }
      let isWide =
        quantity == .loss && (all.min() ?? 0) > 0 && (all.max() ?? 0) > 10 * (all.min() ?? 0)
      var panel = Figure.Panel(
        title: "After adapting to \(data.judges.name) tasks",
        x: Axis(label: "inner steps", isWhole: true),
        y: Axis(
          label: quantity == .loss ? data.base.lossNames.outer : "accuracy", isLogarithmic: isWide))
      for (index, method) in methods.enumerated() {
        let means = (0...steps).map { (Double($0), mean(method, quantity, step: $0)) }
        panel.lines.append(.init(style: .init(index), points: means.map { ($0, $1.mean) }))
        panel.bands.append(
          .init(
            style: .init(index),
            points: means.map {
              // A logarithm knows no band down to zero.
              let low = $1.mean - $1.halfWidth
              return ($0, isWide ? max(low, $1.mean / 10) : low, $1.mean + $1.halfWidth)
            }))
      }
      if quantity == .loss, let pooledRidge {
        let loss = SampleMean(pooledRidge).mean
        panel.lines.append(
          .init(style: ridgeStyle, points: [(0, loss), (Double(max(1, steps)), loss)]))
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
      + (pooledRidge == nil ? [] : [.init(style: ridgeStyle, name: "ridge on all rows")])
    return figure
  }

  /// Behind those of the methods and of the inner steps.
  private var ridgeStyle: Figure.Style { .init(methods.count + (ledger?.steps ?? 0)) }
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
