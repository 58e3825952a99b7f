import Meta
import Studies

private let settings: [Setting<PolicyTradeoffStudy>] = [
  .init("--families", "N", \.families, in: 2...1000, "that are judged, of each kind"),
  .init("--tasks", "M", \.tasks, in: 1...100, "of a family"),
  .init("--states", "S", \.states, in: 1...20, "of a task"),
  .init("--actions", "A", \.actions, in: 2...10, "of a task"),
  .init("--horizon", "T", \.horizon, in: 1...50, "steps of a trajectory"),
  .init("--inner-rate", "A", \.innerRate, in: 0...1000, "of the step of adaptation"),
  .init(
    "--trajectories", "N", \.trajectories, in: 1...200, "of a task in each estimate of a gradient"),
  .init("--budgets", "N", \.budgets, in: 2...20, "of 2, 4, 8 … steps of joint training"),
  .init(
    "--differences", "K,…",
    "κ of the families (default \(PolicyTradeoffStudy().differences.map(\.upToSixDigits).joined(separator: ",")))"
  ) {
    // The map needs them in order.
    $0.differences = Set(try $1.numbers("--differences", in: 0...1) ?? $0.differences).sorted()
  },
]

/// `policy-tradeoff`: when it is worth modelling adaptation, for policies.
let policyTradeoffCommand = Command(
  name: "policy-tradeoff",
  summary: "Study: the same two errors of policies in tabular MDPs, told apart exactly",
  operands: "", operandCount: 0...0,
  options: settings.map(\.option) + StudyOptions.options,
  details: """
    A task is an MDP whose tables are (1 − κ) · shared + κ · own, all drawn at random; the four goals, bandits
    of which each pays for another arm, are a family beside. MAML ascends the value after one step of exact
    adaptation, joint training that before it. Both are trained by Adam on sampled trajectories, at equal
    numbers of steps in the environments, and judged exactly. What is lost to the best value is the modelling
    error of joint training, and then what few steps, dropped derivatives and sampling lose. The rate of
    Adam is chosen by method and kind of family, by the last budget on \
    \(PolicyTradeoffStudy().tuningFamilies) families that are not judged. Families
    of several seeds are pooled.
    """,
  example: "autodiff-demo policy-tradeoff --families 10 --svg policy-tradeoff.svg"
) { arguments in
  var study = PolicyTradeoffStudy()
  try arguments.read(settings, into: &study)
  let options = try StudyOptions(arguments)

  // The same seeds for all kinds, so that families of different κ are made of the same tables.
  let judged = options.seeds.flatMap { study.familySeeds($0).judged }
  let tuning = study.familySeeds(options.seeds[0]).tuning
  let methods = PolicyTradeoffStudy.Method.allCases
  let trainings = study.kinds.flatMap { kind in
    methods.map { PolicyTradeoffPiece.trainings(kind, $0) }
  }
  let solutions = study.kinds.flatMap { kind in
    judged.map { PolicyTradeoffPiece.solutions(kind, seed: $0) }
  }
  return try arguments.answer(
    trainings + solutions, cost: { $0.cost(in: study, judged: judged.count) }
  ) { [study] piece, _ in
    try piece.record(of: study, judged: judged, tuning: tuning)
  } report: { records in
    let trainings = records.compactMap(\.trainings)
    let outcomes = records.compactMap(\.outcome)
    // By kind, then by method, in the order of the pieces.
    let byKind = study.kinds.indices.map {
      Array(trainings[$0 * methods.count..<($0 + 1) * methods.count])
    }
    return try options.answer(
      PolicyTradeoffReport(
        study: study, seeds: options.seeds,
        rates: byKind.map {
          Dictionary(uniqueKeysWithValues: zip(methods, $0.map { $0[0].rate }))
        },
        summaries: byKind.enumerated().map { kind, trainings in
          PolicyTradeoffSummary(
            judged.indices.map { family in
              outcomes[kind * judged.count + family].trained(trainings.map { $0[family] })
            })
        }
      ).result)
  }
}

/// A piece of a run of `policy-tradeoff`.
///
/// The rate of a method is chosen for all families of a kind, so its trainings on them are one piece.
private enum PolicyTradeoffPiece {
  case trainings(PolicyTradeoffStudy.Kind, PolicyTradeoffStudy.Method)
  case solutions(PolicyTradeoffStudy.Kind, seed: UInt64)

  /// How long it takes, relative to a step of joint training: about.
  func cost(in study: PolicyTradeoffStudy, judged: Int) -> Double {
    switch self {
    case .trainings(let kind, _):
      let trainings = study.tuningFamilies * study.outerRates.count + 2 * judged
      return Double(trainings << study.budgets) * (kind == .fourGoals ? 0.2 : 1)
    case .solutions(let kind, _): return kind == .fourGoals ? 200 : 5000
    }
  }

  func record(
    of study: PolicyTradeoffStudy, judged: [UInt64], tuning: [UInt64]
  ) throws -> PolicyTradeoffRecord {
    switch self {
    case .trainings(let kind, let method):
      let rate = study.rate(
        from: try tuning.map { try study.tuning(method, on: study.family(kind, seed: $0)) })
      return PolicyTradeoffRecord(
        trainings: try judged.map {
          try study.training(method, rate: rate, on: study.family(kind, seed: $0))
        })
    case .solutions(let kind, let seed):
      return PolicyTradeoffRecord(
        outcome: try study.solutions(study.family(kind, seed: seed)))
    }
  }
}

/// What a piece has yielded.
private struct PolicyTradeoffRecord: Codable {
  var trainings: [PolicyTradeoffStudy.Training]?
  var outcome: PolicyTradeoffStudy.Outcome?
}
