import Meta
import Nets
import Studies
import Tape

private let settings: [Setting<MetaTraining>] = [
  .init("--iterations", "N", \.iterations, in: 1...100_000_000, "outer steps"),
  .init("--batch", "T", \.batch, in: 1...1_000_000, "tasks in each outer step"),
  .init("--records", "N", \.records, in: 1...100_000, "recorded points of the training"),
  .init(
    "--diagnose-every", "N", \.diagnoseEvery, in: 0...100_000_000,
    "outer steps after which first order is held against exact", note: ": never"),
]

private let whatIsTrained: [Command.Option] = [
  .init(name: "--method", value: "M", help: names(Method.self) + " (default maml)"),
  .init(
    name: "--methods", value: "M,M", help: "several side by side from the same start, or all"),
  .init(
    name: "--seeds", value: "N", help: "how many seeds, from that of --seed on (default 1)"),
]

private let howItIsTrained: [Command.Option] = [
  .init(
    name: "--optimizer", value: "O",
    help: "outside: \(names(OptimizerName.self)) (default adam)"),
  .init(name: "--outer-rate", value: "B", help: "of the optimizer (default 0.001)"),
  .init(
    name: "--outer", value: "A,B",
    help: "what is learned: \(names(Learned.self)) (default: what FILE says, or parameters)"),
  .init(name: "--meta-sgd", help: "learn a rate for each entry of each parameter"),
  .init(name: "--validate", value: "SHARE", help: "of the tasks, to watch by (default 0.1)"),
  .init(name: "--test", value: "SHARE", help: "of the tasks, to judge by (default 0.2)"),
  .init(name: "--folds", value: "N", help: "train N times, so that each task judges once"),
  .init(
    name: "--test-steps", value: "K", help: "inner steps of the test (default: as in training)"),
  .init(
    name: "--checkpoint", value: "FILE",
    help: "where the run is kept; if it is there, the run goes on", role: .conduct),
  .init(
    name: "--checkpoint-every", value: "S", help: "seconds that may be lost (default 3)",
    role: .conduct),
  .init(
    name: "--out", value: "FILE",
    help: "write the problem at the trained point; with --shard, the folder where shards are kept",
    role: .output),
  .init(
    name: "--curves", value: "FILE", help: "write the numbers as a table of commas", role: .output),
  .init(name: "--svg", value: "FILE", help: "draw them", role: .output), Command.Option.shards[0],
  .json, .seed("of what is drawn"),
]

/// `train`: meta-training on the tasks of a file or a table, judged on tasks it has not seen.
let trainCommand = Command(
  name: "train",
  summary: "Meta-trains on the tasks of a file or a table, and judges on others",
  operands: "[FILE]", operandCount: 0...1,
  options: whatIsTrained + settings.map(\.option) + howItIsTrained + Command.Option.trainingRoute
    + Command.Option.table,
  details: """
    Tasks are dealt by seed: some to train on, some to watch by, some to judge by. What is judged, and written by \
    --out, is
    the point where the loss on the validation tasks was lowest; without such tasks, the last one. Joint training, which
    adapts nothing, is judged after adapting all. Intervals are of 95 % over test tasks; orders are compared task by task.
    Interrupted, a run with --checkpoint goes on and ends with the same bytes. The pieces of shards are trainings: a method
    at a seed or on a fold.
    FILE is a problem as docs/problem-files.md describes it, or with --csv a table, scaled on the tasks to train on; - is
    standard input.
    """,
  example: """
    autodiff-demo train --csv docs/data/elnino.csv --task year --inputs month --targets temperature --methods all
    """
) { arguments in
  var training = MetaTraining()
  try arguments.read(settings, into: &training)
  training.optimizer = try arguments.optimizer()
  let methods = try arguments.methods()
  let seeds = try arguments.seeds()
  let route = try arguments.route(isOfTraining: true)
  let data = try arguments.trainingData()
  let testSteps =
    try arguments.wholeNumber("--test-steps", in: 0...MetaProblem.maximumSteps)
    ?? data[0].base.steps
  let (svg, curves) = (try arguments.output("--svg"), try arguments.output("--curves"))
  // Of a shard, --out is a folder.
  let out = arguments.has("--shard") ? nil : try arguments.output("--out")
  if out != nil, methods.count * seeds.count > 1 {
    throw UserError("train: --out is of one training, but there are \(methods.count * seeds.count)")
  }
  for data in data { try data.check(methods, by: route) }
  let study = TrainStudy(
    training: training, route: "\(route)", data: data.map(\.checksum), count: data[0].count)
  let checkpoint = try Checkpoint(
    path: arguments.value("--checkpoint"), study: study,
    every: .seconds(try arguments.number("--checkpoint-every", in: 0...86_400) ?? 3))

  // A fold has a seed of its own, so that its start is not that of the others.
  let starts =
    data.count == 1
    ? seeds.map { (data[0], $0) } : data.enumerated().map { ($1, seeds[0] &+ UInt64($0)) }
  let runs = methods.flatMap { method in starts.map { (method, $0, $1) } }
  return try arguments.answer(
    runs, data: data.map(\.checksum).joined(), cost: \.0.relativeCost
  ) { [training] run, piece in
    let (method, data, seed) = run
    let problem = try data.problem(seed).adapting(method.adaptation)
    let step = 1 / Double(training.iterations)
    var run =
      checkpoint.training(method, seed) ?? training.start(problem, method, seed: seed)
    piece.advance("training", by: step * Double(run.state.iteration))
    try training.train(
      &run, problem, by: route, tasks: data.training, validation: data.validation.map(\.data),
      threads: piece.threads
    ) { made, copy in
      piece.advance("\(method.rawValue), loss \(made.loss.significant(3))", by: step)
      try checkpoint.update(method, seed, isLast: false, copy)
      return true
    }
    try checkpoint.update(method, seed, isLast: true) { run }
    return TrainReport.Result(
      run: run, judgements: try data.judgements(of: run, steps: testSteps))
  } report: { results in
    let report = TrainReport(folds: data, training: training, route: route, results: results)
    try out?.write(data[0].trainedFile(results[0].run))
    try curves?.write(report.csv.text)
    try svg?.write(report.figure.svg)
    return Answer(
      arguments.has("--json")
        ? try json(report.document)
        : "\(report.table)\n\(report.verdict)\n")
  }
}

/// What a checkpoint of `train` must agree in.
struct TrainStudy: LongStudy {
  static let name = "train"
  var training: MetaTraining
  var route: String
  /// Of all that problem and tasks are made of.
  var data: [String]
  /// The numbers that are learned.
  var count: Int

  func fits(_ run: MetaTraining.Run) -> Bool { training.fits(run, count) }
}

extension MetaTraining.Run: LongTraining {}
extension MetaTraining: DefaultStudy {}

/// The optimizers as the command line names them.
private enum OptimizerName: String, CaseIterable {
  case adam, sgd, momentum
}

extension Arguments {
  fileprivate func optimizer() throws -> OuterOptimizer {
    let name: OptimizerName = try choice("--optimizer") ?? .adam
    let rate = try number("--outer-rate", in: 0...1e6) ?? 0.001
    return switch name {
    case .adam: .adam(AdamOptimizer(rate: rate))
    case .sgd: .descent(SteepestDescent(rate: rate))
    case .momentum: .descent(SteepestDescent(rate: rate, momentum: 0.9))
    }
  }

  fileprivate func methods() throws -> [Method] {
    let one: Method? = try choice("--method")
    guard let list = value("--methods") else { return [one ?? .maml] }
    if one != nil {
      throw UserError("\(name): --method and --methods are two ways to say one thing")
    }
    if list == "all" { return Method.allCases }
    let methods = try list.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let method = Method(rawValue: String(word)) else {
        throw UserError(
          "\(name): --methods has '\(word)', which is not one of \(names(Method.self))")
      }
      return method
    }
    if Set(methods).count < methods.count { throw UserError("\(name): --methods names one twice") }
    return methods
  }
}
