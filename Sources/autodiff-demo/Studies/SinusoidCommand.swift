import Meta
import Studies

private let settings: [Setting<SinusoidStudy>] = [
  .init("--iterations", "N", \.iterations, in: 1...100_000_000, "outer steps"),
  .init("--meta-batch", "N", \.metaBatch, in: 1...10_000, "tasks in each outer step"),
  .init("--points", "K", \.points, in: 1...10_000, "of support and query set in training"),
  .init("--inner-steps", "N", \.innerSteps, in: 1...1000, "in training"),
  .init("--inner-rate", "A", \.innerRate, in: 0...1000, "of the inner steps"),
  .init("--outer-rate", "B", \.outerRate, in: 0...1000, "of Adam"),
  .init("--width", "W", \.width, in: 1...1000, "of both hidden layers"),
  .init("--test-tasks", "N", \.testTasks, in: 2...1_000_000, "fresh tasks at the end"),
]

/// `sinusoid`: few-shot regression with a ReLU network, exact and first order side by side.
let sinusoidCommand = Command(
  name: "sinusoid",
  summary: "Study: sinusoid regression with a ReLU network (Finn et al. 2017)",
  operands: "", operandCount: 0...0,
  options: [
    .init(name: "--method", value: "M", help: "only this one: " + names(Method.self))
  ] + settings.map(\.option) + [
    .init(
      name: "--checkpoint", value: "FILE",
      help: "where the run is kept every few seconds; if it is there, the run goes on",
      role: .conduct)
  ] + StudyOptions.options,
  details: """
    Waves y = A sin(x − φ) with A in 0.1 … 5, φ in 0 … π, x in −5 … 5. At the end each method adapts to
    fresh tasks of 5, 10 and 20 points, all parameters or (ANIL) the head: at the rate α in as many steps
    as in training, then at the best of α, α/2, … α/64 by 200 other tasks; joint training, which has no
    inner loop, at the best throughout. The error is the mean squared one on 100 other
    points, ± 95 %. The cosine is that between the exact and the first-order
    meta-gradient of the method's family, at its own parameters and tasks. All five methods of 70000
    iterations take some minutes; an interrupted run with --checkpoint ends with the same bytes.
    """,
  example: "autodiff-demo sinusoid --iterations 5000 --checkpoint run.json --svg sinusoid.svg"
) { arguments in
  var study = SinusoidStudy()
  try arguments.read(settings, into: &study)
  let only: Method? = try arguments.choice("--method")
  let options = try StudyOptions(arguments)
  let checkpoint = try Checkpoint(path: arguments.value("--checkpoint"), study: study)

  let methods = only.map { [$0] } ?? sinusoidMethods
  return try arguments.answer(
    options.seeds.flatMap { seed in methods.map { (method: $0, seed: seed) } },
    cost: \.method.relativeCost
  ) { [study] run, piece in
    let (method, seed) = run
    let step = 1 / Double(study.iterations)
    var training = checkpoint.training(method, seed) ?? study.start(method, seed: seed)
    piece.advance("training", by: step * Double(training.state.iteration))
    while training.state.iteration < study.iterations {
      try study.train(&training) { iteration in
        piece.advance("training", by: step)
        return iteration % 500 != 0
      }
      let isLast = training.state.iteration == study.iterations
      try checkpoint.update(method, seed, isLast: isLast) { training }
    }
    return SinusoidReport.Result(
      training: training,
      errors: try [5, 10, 20].flatMap { try study.test(training, points: $0) })
  } report: { results in
    try options.answer(SinusoidReport(study: study, results: results).result)
  }
}

private let sinusoidMethods: [Method] = [.maml, .firstOrderMAML, .anil, .firstOrderANIL, .joint]
