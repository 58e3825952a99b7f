import Meta
import Studies

/// What `policy-tradeoff` prints, writes and draws.
struct PolicyTradeoffReport {
  typealias Method = PolicyTradeoffStudy.Method

  let study: PolicyTradeoffStudy
  let seeds: [UInt64]
  /// By kind of family, as are the summaries.
  let rates: [[Method: Double]]
  let summaries: [PolicyTradeoffSummary]

  let modelled = Method.allCases.filter { $0 != .joint }

  init(
    study: PolicyTradeoffStudy, seeds: [UInt64], rates: [[Method: Double]],
    summaries: [PolicyTradeoffSummary]
  ) {
    (self.study, self.seeds, self.rates, self.summaries) = (study, seeds, rates, summaries)
  }

  /// The last budget.
  var last: Int { study.budgets - 1 }

  func environmentSteps(_ kind: Int, _ budget: Int) -> Int {
    study.environmentSteps(study.kinds[kind])[budget]
  }

  var result: StudyResult {
    get throws {
      StudyResult(
        table: table, verdict: verdict, json: try json(document), csv: csv, figure: figure)
    }
  }
}

// MARK: - Text

extension PolicyTradeoffReport {
  private var table: String {
    """
    Joint training against MAML on \(summaries[0].outcomes.count) families of each kind: \
    \("task".counted(study.tasks)) of \("state".counted(study.states)) and \
    \("action".counted(study.actions)), horizon \(study.horizon), one step of adaptation of rate \
    \(study.innerRate.upToSixDigits)

    Solutions, exact: mean values, and what that of joint training lacks after adaptation
    \(solutions.text)
    \(modelled.map(map).joined(separator: "\n"))
    Value after adaptation that is lost at the last budget, and to what
    \(losses.text)
    """
  }

  private var solutions: TextTable {
    var table = TextTable(
      header: [
        "family", "joint", "adapted", "MAML", "adapted", "modelling error", "largest slope",
      ])
    for (kind, summary) in zip(study.kinds, summaries) {
      func mean(_ value: (PolicyTradeoffStudy.Outcome) -> Double) -> String {
        (summary.outcomes.reduce(0) { $0 + value($1) } / Double(summary.outcomes.count)).fixed(4)
      }
      let slopes = summary.outcomes.flatMap { [$0.joint.gradientNorm, $0.maml.gradientNorm] }
      table.rows.append([
        kind.name, mean { $0.joint.worth.before }, mean { $0.joint.worth.after },
        mean { $0.maml.worth.before }, mean { $0.maml.worth.after },
        summary.modellingError.text, (slopes.max() ?? 0).significant(1),
      ])
    }
    return table
  }

  /// The map of a method as a table.
  private func map(_ method: Method) -> String {
    let shown = (0...last).filter { ($0 - last) % 2 == 0 }
    var table = TextTable(
      header: ["after joint steps"] + shown.map { (2 << $0).grouped } + ["ahead from"])
    for (index, summary) in summaries.enumerated() {
      table.rows.append(
        [study.kinds[index].name]
          + shown.map { summary.winningShare(method, at: $0).fixed(2) }
          + [
            summary.firstBudgetAhead(method).map {
              environmentSteps(index, $0).grouped + " environment steps"
            } ?? "never here"
          ])
    }
    return "Share of families in which \(method.rawValue) is ahead at equal environment steps\n"
      + table.text
  }

  private var losses: TextTable {
    var table = TextTable(
      header: [
        "family", "method", "rate", "all", "modelling", "few steps", "dropped", "noise",
        "of its own objective",
      ], leftAligned: [0, 1])
    for (index, summary) in summaries.enumerated() {
      for method in Method.allCases {
        func part(_ path: KeyPath<PolicyTradeoffStudy.Loss, Double>) -> PolicyTradeoffStudy.Mean {
          summary.loss(method, path, at: last)
        }
        table.rows.append([
          method == .joint ? study.kinds[index].name : "", method.rawValue,
          rates[index][method]?.upToSixDigits ?? "", part(\.total).text,
          part(\.modelling).mean.fixed(4), part(\.steps).mean.fixed(4),
          part(\.dropped).mean.fixed(4), part(\.noise).text,
          summary.ownLoss(method, at: last).mean.fixed(4),
        ])
      }
    }
    return table
  }

  /// Of the most alike and the most different families, what was seen.
  private var verdict: String {
    let different = study.differences.count - 1
    func sentence(_ index: Int) -> String {
      let summary = summaries[index]
      let ahead = summary.firstBudgetAhead(.dice).map {
        "in most from \(environmentSteps(index, $0).grouped) environment steps on"
      }
      return """
        at \(study.kinds[index].name) joint training has a modelling error of \
        \(summary.modellingError.text), and maml-dice, whose training loses \
        \(summary.loss(.dice, \.optimization, at: last).text) to joint training's \
        \(summary.loss(.joint, \.optimization, at: last).text), is ahead in \
        \(Int((100 * summary.winningShare(.dice, at: last)).rounded())) % of families in the end and \
        \(ahead ?? "never in most for good")
        """
    }
    let (few, many) = (summaries[0], summaries[different])
    let holds =
      few.winningShare(.dice, at: 0) < 0.5 && few.modellingError.mean < many.modellingError.mean
      && many.modellingError.mean > many.modellingError.half
      && many.winningShare(.dice, at: last) > 0.5
      && many.loss(.dice, \.optimization, at: last).mean
        > many.loss(.joint, \.optimization, at: last).mean
    return """
      The trade-off \(holds ? "showed" : "did not show in full") in this run: \(sentence(0))\
      \(different > 0 ? "; \(sentence(different))" : "").
      """
  }
}

extension PolicyTradeoffStudy.Mean {
  fileprivate var text: String { "\(mean.fixed(4)) ± \(half.fixed(4))" }
}

// MARK: - Files

extension PolicyTradeoffReport {
  private var csv: CSV {
    var csv = CSV(header: [
      "kind", "family", "method", "rate", "environmentSteps", "gradients", "before", "after",
      "bestAfter",
    ])
    for (index, summary) in summaries.enumerated() {
      for outcome in summary.outcomes {
        func row(_ cells: [String], _ worth: PolicyTradeoffStudy.Worth) {
          csv.rows.append(
            [study.kinds[index].name, "\(outcome.seed)"] + cells
              + [worth.before, worth.after, outcome.maml.worth.after].map(CSV.cell))
        }
        row(["joint", "", "", "solution"], outcome.joint.worth)
        row(["maml", "", "", "solution"], outcome.maml.worth)
        for training in outcome.trainings {
          for (name, worths) in [
            ("sampled", training.sampled), ("expected", training.expected),
            ("exact", training.exact),
          ] {
            for (budget, worth) in worths.enumerated() {
              row(
                [
                  training.method.rawValue, "\(training.rate)",
                  "\(environmentSteps(index, budget))", name,
                ], worth)
            }
          }
        }
      }
    }
    return csv
  }

  private var document: JSONObject {
    let families = zip(summaries.indices, summaries).map { index, summary -> JSONObject in
      let rates = rates[index]
      let methods = Method.allCases.map { method -> JSONObject in
        func parts(_ path: KeyPath<PolicyTradeoffStudy.Loss, Double>) -> [PolicyTradeoffStudy.Mean]
        { (0...last).map { summary.loss(method, path, at: $0) } }
        var object: JSONObject = [
          "method": method, "rate": rates[method] ?? 0, "total": parts(\.total),
          "modelling": parts(\.modelling), "steps": parts(\.steps), "dropped": parts(\.dropped),
          "noise": parts(\.noise), "ownLoss": (0...last).map { summary.ownLoss(method, at: $0) },
        ]
        if method != .joint {
          object["winningShare"] = (0...last).map { summary.winningShare(method, at: $0) }
          object["aheadFrom"] = summary.firstBudgetAhead(method).map { environmentSteps(index, $0) }
        }
        return object
      }
      return [
        "kind": study.kinds[index].name,
        "environmentSteps": (0...last).map {
          environmentSteps(index, $0)
        }, "modellingError": summary.modellingError, "methods": methods,
        "solutions": summary.outcomes.map { outcome -> JSONObject in
          [
            "seed": outcome.seed, "start": outcome.start, "joint": outcome.joint,
            "maml": outcome.maml,
          ]
        },
      ]
    }
    return ["settings": study, "seeds": seeds, "families": families]
  }
}
