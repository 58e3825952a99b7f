import Meta
import Studies

/// What `navigate` prints, writes and draws.
struct NavigateReport {
  typealias Method = NavigationStudy.Method

  let study: NavigationStudy
  let seeds: [UInt64]
  let trainings: [NavigationStudy.Training]

  var methods: [Method] { Method.allCases.filter { method in !trainings(method).isEmpty } }

  func trainings(_ method: Method) -> [NavigationStudy.Training] {
    trainings.filter { $0.method == method }
  }

  /// The nominal environment steps of each budget.
  var budgets: [Int] { study.judgedIterations.map(study.environmentSteps) }

  /// By seed, what is asked of a method's evaluation at a budget.
  func values(
    _ method: Method, budget: Int, _ value: (NavigationStudy.Evaluation) -> Double
  ) -> [Double] {
    trainings(method).map { value($0.evaluations[budget]) }
  }

  /// A mean over seeds, and half the width of its 95 % interval; zero where there is one seed.
  func interval(_ values: [Double]) -> (mean: Double, half: Double) {
    let sample = SampleMean(values)
    return (sample.mean, sample.halfWidth)
  }

  func returns(_ method: Method, budget: Int, update: Int) -> (mean: Double, half: Double) {
    interval(values(method, budget: budget) { $0.returns[update] })
  }

  /// MAML-LVC against joint training at one budget after so many updates.
  struct Cell: Encodable {
    let environmentSteps: Int
    let update: Int
    /// The mean return of `maml-lvc` less that of `drs`.
    let difference: Double
    let degreesOfFreedom: Double
    /// That the difference is positive.
    let confidence: Double
  }

  /// By budget and update; empty where a method is missing or there is one seed.
  var map: [Cell] {
    budgets.indices.flatMap { budget in
      (0...study.updates).compactMap { update -> Cell? in
        let (maml, joint) = (
          values(.lvc, budget: budget) { $0.returns[update] },
          values(.joint, budget: budget) { $0.returns[update] }
        )
        guard let test = WelchTest(maml, joint) else { return nil }
        return Cell(
          environmentSteps: budgets[budget], update: update,
          difference: SampleMean(maml).mean - SampleMean(joint).mean,
          degreesOfFreedom: test.degreesOfFreedom, confidence: test.confidence)
      }
    }
  }

  var result: StudyResult {
    get throws {
      StudyResult(
        table: table, verdict: verdict, json: try json(document), csv: csv,
        figure: figure)
    }
  }

  private func text(_ value: (mean: Double, half: Double), _ decimals: Int = 1) -> String {
    value.mean.fixed(decimals) + (seeds.count > 1 ? " ± \(value.half.fixed(decimals))" : "")
  }

  private var table: String {
    let last = budgets.count - 1
    var text = """
      2-D navigation, network 2-\(study.width)-\(study.width)-2, \("seed".counted(seeds.count)): \
      \(study.iterations) iterations of \(study.metaBatch) tasks × \(study.trajectories) trajectories × \
      \(study.horizon) moves, drawn twice; drs, which draws once, makes \(2 * study.iterations); \
      standing still returns \(study.returnOfStandingStill.fixed(1))


      """
    var returns = TextTable(
      header: ["return after \(budgets[last].grouped) steps"]
        + (0...study.updates).map { "update".counted($0) })
    var updates = TextTable(
      header: ["first update", "makes worse", "rates chosen", "rates behind it"],
      leftAligned: [0, 2, 3])
    for method in methods {
      returns.rows.append(
        [method.rawValue]
          + (0...study.updates).map { self.text(self.returns(method, budget: last, update: $0)) })
      let worse = interval(values(method, budget: last) { 100 * $0.worse })
      func rates(_ update: Int) -> String {
        if update >= study.updates { return "–" }
        return values(method, budget: last) { $0.rates[update] }.map(\.upToSixDigits).list
      }
      updates.rows.append([method.rawValue, self.text(worse, 0) + " %", rates(0), rates(1)])
    }
    text += returns.text + "\n" + updates.text
    var course = TextTable(header: ["environment steps"] + methods.map(\.rawValue))
    course.leftAligned = []
    for (budget, steps) in budgets.enumerated() {
      course.rows.append(
        [steps.grouped]
          + methods.map { self.text(self.returns($0, budget: budget, update: 1)) })
    }
    text += "\nReturn after one update\n\(course.text)"
    if map.isEmpty { return text }
    var confidence = TextTable(
      header: ["environment steps"] + (0...study.updates).map { "update".counted($0) })
    confidence.leftAligned = []
    for steps in budgets {
      confidence.rows.append(
        [steps.grouped]
          + (0...study.updates).map { update in
            map.first { ($0.environmentSteps, $0.update) == (steps, update) }?
              .confidence.fixed(3) ?? "–"
          })
    }
    let freedom = map.map(\.degreesOfFreedom)
    return text + """

      Confidence that maml-lvc returns more than drs: Welch's one-sided test over \
      \(seeds.count) seeds each, \((freedom.min() ?? 0).fixed(1)) to \((freedom.max() ?? 0).fixed(1)) \
      degrees of freedom
      \(confidence.text)
      """
  }

  private var verdict: String {
    let last = budgets.count - 1
    guard methods.contains(.lvc), methods.contains(.joint) else {
      return "The run says nothing on MAML against joint training: it lacks maml-lvc or drs."
    }
    func text(_ method: Method, _ update: Int) -> String {
      self.text(returns(method, budget: last, update: update))
    }
    let best = (0...study.updates).max {
      returns(.joint, budget: last, update: $0).mean
        < returns(.joint, budget: last, update: $1).mean
    }
    let found = """
      The return of maml-lvc is \(text(.lvc, 0)) before and \(text(.lvc, 1)) after one update, that of drs at \
      equal environment steps \(text(.joint, 0)) and \(text(.joint, 1)), at best \
      \(text(.joint, best ?? 0)) after \("update".counted(best ?? 0))
      """
    if map.isEmpty { return found + "; one seed gives no confidence." }
    let (ahead, behind) = (
      map.count { $0.confidence > 0.95 }, map.count { $0.confidence < 0.05 }
    )
    return """
      \(found); with 95 % confidence maml-lvc is better in \(ahead) of \(map.count) cells of the map and drs in \
      \(behind).
      """
  }

  private var csv: CSV {
    var csv = CSV(header: [
      "quantity", "method", "seed", "environmentSteps", "update", "value",
    ])
    for training in trainings {
      let (name, seed) = (training.method.rawValue, "\(training.seed)")
      for evaluation in training.evaluations {
        func add(_ quantity: String, _ update: Int, _ value: Double) {
          csv.rows.append([
            quantity, name, seed, "\(evaluation.environmentSteps)", "\(update)",
            CSV.cell(value),
          ])
        }
        for (update, value) in evaluation.returns.enumerated() { add("return", update, value) }
        for (update, rate) in evaluation.rates.enumerated() { add("rate", update + 1, rate) }
        add("worse", 1, evaluation.worse)
      }
    }
    for cell in map {
      for (quantity, value) in [
        ("difference", cell.difference), ("degreesOfFreedom", cell.degreesOfFreedom),
        ("confidence", cell.confidence),
      ] {
        csv.rows.append([
          quantity, "", "", "\(cell.environmentSteps)", "\(cell.update)", CSV.cell(value),
        ])
      }
    }
    return csv
  }

  private var document: JSONObject {
    let curves = trainings.map { training -> JSONObject in
      [
        "method": training.method, "seed": training.seed, "evaluations": training.evaluations,
      ]
    }
    return ["settings": study, "seeds": seeds, "curves": curves, "map": map]
  }
}
