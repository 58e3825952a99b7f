import Meta
import Studies

/// What `policy-gradients` prints, writes and draws.
struct PolicyGradientsReport {
  typealias Estimator = PolicyGradientStudy.Estimator
  typealias Measurement = PolicyGradientStudy.Measurement

  let study: PolicyGradientStudy
  let processes: [PolicyGradientStudy.Process]
  let seeds: [UInt64]
  /// By number of trajectories, the measurements of an estimator in each process.
  private let measurements: [Int: [Estimator: [Measurement]]]

  /// - Parameter jobs: What each process has for each number of trajectories, processes in their order.
  init(
    study: PolicyGradientStudy, processes: [PolicyGradientStudy.Process], jobs: [[Measurement]],
    seeds: [UInt64]
  ) {
    (self.study, self.processes, self.seeds) = (study, processes, seeds)
    measurements = Dictionary(grouping: jobs.joined(), by: \.trajectories).mapValues {
      Dictionary(grouping: $0, by: \.estimator)
    }
  }

  var result: StudyResult {
    get throws {
      StudyResult(
        table: table, verdict: verdict, json: try json(document), csv: csv, figure: figure)
    }
  }

  var counts: [Int] { study.counts }
  var most: Int { counts[counts.count - 1] }

  /// A figure of an estimator in each process.
  func values(
    _ estimator: Estimator, _ count: Int, _ figure: (Measurement) -> Double
  ) -> [Double] { (measurements[count]?[estimator] ?? []).map(figure) }

  func correlation(_ estimator: Estimator, _ count: Int) -> Interval {
    Interval(values(estimator, count, \.correlation))
  }

  func correlationOfMean(_ estimator: Estimator, _ count: Int) -> Interval {
    Interval(values(estimator, count, \.correlationOfMean))
  }

  func deviation(_ estimator: Estimator, _ count: Int) -> Interval {
    Interval(values(estimator, count, \.deviation))
  }

  /// The root of the mean squared bias.
  func bias(_ estimator: Estimator, _ count: Int) -> Interval {
    Interval(values(estimator, count, \.squaredBias)).root
  }

  /// By process, how far from the exact meta-gradient an estimator's limit is; nil where it is not known.
  private func limits(_ estimator: Estimator) -> [GradientGap]? {
    let gaps = processes.compactMap { process in
      process.limit(estimator).map {
        GradientGap(exact: [process.comparison.exact], other: [$0])
      }
    }
    return gaps.isEmpty ? nil : gaps
  }

  /// The correlation to which an estimator tends.
  func limit(_ estimator: Estimator) -> Double? {
    limits(estimator).map { SampleMean($0.map { $0.cosine ?? 0 }).mean }
  }

  // MARK: - Table

  private var table: String {
    var claims = TextTable(
      header: ["what is said", "here", ""], leftAligned: [0, 1, 2])
    claims.rows = self.claims.map { [$0.text, $0.measured, $0.isSeen ? "seen" : "not seen"] }
    return """
      Estimates of the meta-policy-gradient against the exact one: \
      \("MDP".counted(processes.count)) of \(study.states) states and \(study.actions) actions, \
      horizon \(study.horizon), inner rate \(study.innerRate.upToSixDigits), \
      \(study.repeats) estimates of each kind

      Correlation where the second derivative alone is estimated; to first order it is \
      \(limit(Estimator(.firstOrder))?.fixed(3) ?? "–")
      \(rows(.hessian))
      Correlation where everything is estimated
      \(rows(.everything))
      Deviation and bias are those at N = \(most), relative to the exact meta-gradient; ± and … are 95 % over MDPs.

      \(claims.text)
      """
  }

  private func rows(_ part: Estimator.Part) -> String {
    let shown = [counts[0], counts[(counts.count - 1) / 2], most]
    var table = TextTable(
      header: ["estimator", "baseline"] + shown.map { "N = \($0)" }
        + ["limit", "of the mean", "deviation", "bias"], leftAligned: [0, 1])
    for estimator in Estimator.all where estimator.part == part {
      table.rows.append(
        [estimator.curvature.rawValue, estimator.baseline.rawValue]
          + shown.map { correlation(estimator, $0).text }
          + [limit(estimator)?.fixed(3) ?? "–", correlationOfMean(estimator, most).mean.fixed(3)]
          + [deviation(estimator, most).text, bias(estimator, most).ends])
    }
    return table.text
  }

  private var verdict: String {
    func reached(_ estimator: Estimator) -> String {
      "\(correlation(estimator, most).mean.fixed(3)) (limit \(limit(estimator)?.fixed(3) ?? "–"))"
    }
    let claims = claims
    let unseen = claims.filter { !$0.isSeen }
    return """
      The correlation with the exact meta-gradient, where \(most) trajectories estimate the second derivative \
      and the value is the baseline, is \(reached(Estimator(.dice, .value))) by DiCE, \
      \(reached(Estimator(.lvc, .value))) by LVC and \(reached(Estimator(.naive, .value))) by naive; \
      \(claims.count - unseen.count) of \("statement".counted(claims.count)) were seen\
      \(unseen.isEmpty ? "" : ", not: " + unseen.map(\.text).list).
      """
  }

  // MARK: - Files

  private func cells(_ estimator: Estimator) -> [String] {
    [estimator.part.rawValue, estimator.curvature.rawValue, estimator.baseline.rawValue]
  }

  private var csv: CSV {
    var csv = CSV(header: [
      "quantity", "part", "estimator", "baseline", "process", "trajectories", "value",
    ])
    for estimator in Estimator.all {
      for (process, gap) in (limits(estimator) ?? []).enumerated() {
        csv.rows.append(
          ["limit"] + cells(estimator) + ["\(process)", "", "\(gap.cosine ?? 0)"])
      }
      for count in counts {
        for (process, one) in (measurements[count]?[estimator] ?? []).enumerated() {
          for (name, value) in [
            ("correlation", one.correlation), ("correlationOfMean", one.correlationOfMean),
            ("deviation", one.deviation), ("squaredBias", one.squaredBias),
          ] {
            csv.rows.append(
              [name] + cells(estimator) + ["\(process)", "\(count)", CSV.cell(value)])
          }
        }
      }
    }
    return csv
  }

  private var document: JSONObject {
    let settings: JSONObject = [
      "states": study.states, "actions": study.actions, "concentration": study.concentration,
      "discount": study.discount, "horizon": study.horizon, "innerRate": study.innerRate,
      "processes": study.processes, "repeats": study.repeats, "trajectories": counts,
      "seeds": seeds,
    ]
    let limits = Estimator.all.compactMap { estimator in
      self.limits(estimator).map { gaps -> JSONObject in
        ["estimator": estimator, "gaps": gaps]
      }
    }
    let estimates = Estimator.all.flatMap { estimator in
      counts.flatMap { measurements[$0]?[estimator] ?? [] }
    }
    let claims = claims.map { claim -> JSONObject in
      ["claim": claim.text, "here": claim.measured, "isSeen": claim.isSeen]
    }
    return ["settings": settings, "limits": limits, "estimates": estimates, "claims": claims]
  }
}
