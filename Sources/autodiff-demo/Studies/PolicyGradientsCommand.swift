import Meta
import Studies

private let settings: [Setting<PolicyGradientStudy>] = [
  .init("--processes", "N", \.processes, in: 3...1000, "how many MDPs are drawn"),
  .init("--repeats", "N", \.repeats, in: 2...100_000, "estimates of each kind in each"),
  .init(
    "--trajectories", "N", \.largestCount, in: 4...100_000,
    "the most of an estimate, from 2 on by doubling"),
  .init("--states", "S", \.states, in: 1...200, "of an MDP"),
  .init("--actions", "A", \.actions, in: 2...50, "of an MDP"),
  .init(
    "--concentration", "C", \.concentration, in: 1e-4...1e4,
    "of the Dirichlet distribution of next states"),
  .init("--horizon", "T", \.horizon, in: 2...200, "steps of a trajectory"),
  .init("--inner-rate", "A", \.innerRate, in: 0.001...1000, "of the inner step"),
]

/// `policy-gradients`: bias and variance of sampled meta-policy-gradients.
let policyGradientsCommand = Command(
  name: "policy-gradients",
  summary: "Study: bias and variance of sampled meta-policy-gradients (Liu et al. 2022)",
  operands: "", operandCount: 0...0,
  options: settings.map(\.option) + StudyOptions.options,
  details: """
    Random MDPs, discount 0.8, the uniform policy, one inner step. Estimated is the second derivative alone, from N
    trajectories, or everything, with N of the adapted policy for the outer gradient. Estimators see the same
    trajectories; the baseline is none, a ridge regression fitted to them, or the true value. Correlation is that with
    the exact meta-gradient of expected adaptation; its limit for many trajectories is that with each surrogate's expected
    second derivative. Deviation and bias are lengths relative to the exact one's. Intervals are of 95 % over MDPs.
    """,
  example: "autodiff-demo policy-gradients --trajectories 64 --svg policy-gradients.svg"
) { arguments in
  var study = PolicyGradientStudy()
  try arguments.read(settings, into: &study)
  let options = try StudyOptions(arguments)
  let processes = try concurrentMap(options.seeds) { [study] in try study.draw(seed: $0) }
    .flatMap(\.self)

  let jobs = study.counts.flatMap { count in
    processes.map { (process: $0, trajectories: count) }
  }
  return try arguments.answer(jobs, cost: { Double(10 + $0.trajectories) }) { [study] job, _ in
    study.measure(job.process, trajectories: job.trajectories)
  } report: { measurements in
    try options.answer(
      PolicyGradientsReport(
        study: study, processes: processes, jobs: measurements, seeds: options.seeds
      ).result)
  }
}
