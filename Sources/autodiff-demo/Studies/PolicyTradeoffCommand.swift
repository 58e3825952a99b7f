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
  func jobs(_ seeds: [UInt64]) -> [(kind: PolicyTradeoffStudy.Kind, seed: UInt64)] {
    study.kinds.flatMap { kind in seeds.map { (kind, $0) } }
  }
  let tuned = jobs(study.familySeeds(options.seeds[0]).tuning)
  let judged = jobs(options.seeds.flatMap { study.familySeeds($0).judged })
  let progress = Progress(total: tuned.count + judged.count)
  let tunings = try concurrentMap(tuned) { [study] kind, seed in
    defer { progress.advance("choosing rates") }
    return try study.tuning(on: study.family(kind, seed: seed))
  }
  let rates = study.kinds.indices.map { kind in
    let first = kind * study.tuningFamilies
    return study.rates(from: Array(tunings[first..<first + study.tuningFamilies]))
  }
  let perKind = judged.count / study.kinds.count
  let outcomes = try concurrentMap(Array(judged.enumerated())) { [study] index, job in
    defer { progress.advance("training") }
    return try study.outcome(
      of: study.family(job.kind, seed: job.seed), rates: rates[index / perKind])
  }
  progress.finish()
  return try options.answer(
    PolicyTradeoffReport(
      study: study, seeds: options.seeds, rates: rates,
      summaries: study.kinds.indices.map {
        PolicyTradeoffSummary(Array(outcomes[$0 * perKind..<($0 + 1) * perKind]))
      }
    ).result)
}
