import Meta
import Studies

private let settings: [Setting<NavigationStudy>] = [
  .init(
    "--iterations", "N", \.iterations, in: 1...1_000_000, "outer steps of MAML",
    note: "; drs takes twice as many"),
  .init("--meta-batch", "N", \.metaBatch, in: 1...10_000, "tasks in each outer step"),
  .init("--trajectories", "N", \.trajectories, in: 1...10_000, "that an update draws of a task"),
  .init("--horizon", "N", \.horizon, in: 2...10_000, "moves of a trajectory"),
  .init("--inner-rate", "A", \.innerRate, in: 0...1000, "of the update in training"),
  .init("--outer-rate", "B", \.outerRate, in: 0...1000, "of Adam"),
  .init("--width", "W", \.width, in: 1...1000, "of both hidden layers"),
  .init("--budgets", "N", \.budgets, in: 1...60, "at which a training is judged, by doubling"),
  .init("--updates", "N", \.updates, in: 1...100, "of a test"),
  .init(
    "--rates", "A,…",
    "of a test's updates, to choose from (default \(NavigationStudy().rates.map(\.upToSixDigits).joined(separator: ",")))"
  ) { study, arguments in
    study.rates = try arguments.numbers("--rates", in: 0...1000) ?? study.rates
  },
  .init("--test-tasks", "N", \.testTasks, in: 1...100_000, "fresh tasks at each budget"),
  .init(
    "--validation-tasks", "N", \.validationTasks, in: 1...100_000,
    "other tasks, by which rates are chosen"),
]

private let defaultSeeds = 5

/// `navigate`: MAML against joint training in meta-reinforcement learning.
let navigateCommand = Command(
  name: "navigate",
  summary: "Study: meta-reinforcement learning on 2-D navigation (Gao and Sener 2020)",
  operands: "", operandCount: 0...0,
  options: [
    .init(
      name: "--method", value: "M",
      help: "only this one: " + names(NavigationStudy.Method.self))
  ] + settings.map(\.option) + [
    .init(
      name: "--checkpoint", value: "FILE",
      help: "where the run is kept every few seconds; if it is there, the run goes on",
      role: .conduct)
  ] + StudyOptions.options(seeds: defaultSeeds),
  details: """
    An agent starts at 0 and looks for a goal in −½ … ½ a coordinate that it cannot see; its reward is minus
    the distance. All methods get equal environment steps, counted as if every trajectory lasted to the horizon:
    an outer step of MAML draws twice, so drs (joint training, domain randomised search) makes two. At each
    budget a policy adapts to fresh tasks, anew for each, at rates that were chosen for it on other
    tasks: one for the first update, one for those behind it. The confidence is that of Welch's one-sided
    test over seeds that maml-lvc returns more than drs. An interrupted run with --checkpoint ends with
    the same bytes.
    """,
  example:
    "autodiff-demo navigate --iterations 40 --seeds 3 --checkpoint run.json --svg navigate.svg"
) { arguments in
  var study = NavigationStudy()
  try arguments.read(settings, into: &study)
  let only: NavigationStudy.Method? = try arguments.choice("--method")
  let options = try StudyOptions(arguments, seeds: defaultSeeds)
  try requireMemory(
    study.largestMemory, "--trajectories",
    "a batch of \(study.trajectories) of \(study.horizon) moves")
  let checkpoint = try Checkpoint(path: arguments.value("--checkpoint"), study: study)

  let methods = only.map { [$0] } ?? [.dice, .lvc, .naive, .firstOrder, .joint]
  return try arguments.answer(
    methods.flatMap { method in options.seeds.map { (method: method, seed: $0) } },
    cost: \.method.relativeCost
  ) { [study] run, piece in
    let (method, seed) = run
    let step = Double(method.draws) / Double(2 * study.iterations)
    var training = checkpoint.training(method, seed) ?? study.start(method, seed: seed)
    piece.advance("training", by: step * Double(training.state.iteration))
    while !study.isFinished(training) {
      try study.train(&training) { iteration in
        piece.advance("training", by: step)
        return iteration % 10 != 0
      }
      try checkpoint.update(training.method, training.seed, isLast: study.isFinished(training)) {
        training
      }
    }
    return training
  } report: { trainings in
    try options.answer(
      NavigateReport(study: study, seeds: options.seeds, trainings: trainings).result)
  }
}

extension NavigationStudy.Method {
  /// How long a training takes, relative to a joint one: about.
  fileprivate var relativeCost: Double {
    switch self {
    case .dice, .lvc, .naive: 1.6
    case .firstOrder, .joint: 1
    }
  }
}
