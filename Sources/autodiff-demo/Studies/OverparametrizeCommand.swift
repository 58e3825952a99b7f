import Foundation
import Meta
import Studies

/// What the network of `overparametrize` is.
enum NetworkKind: String, CaseIterable {
  case linear, relu
}

/// `overparametrize`: whether a network wider than the representation still learns it.
let overparametrizeCommand = Command(
  name: "overparametrize",
  summary: "Study: does width beyond the representation do harm? (Yüksel et al. 2024)",
  operands: "", operandCount: 0...0,
  options: [
    .init(name: "--method", value: "M", help: names(Method.self) + " (default fo-anil)"),
    .init(name: "--network", value: "N", help: "linear (default) or relu"),
    .init(name: "--hidden-layers", value: "N", help: "of a relu network, 1 (default) or 2"),
    .init(
      name: "--representation", value: "R",
      help: "that tasks share with a relu network: relu (default) or linear"),
    .init(name: "--dimension", value: "D", help: "of the inputs (default 50; relu 20)"),
    .init(name: "--rank", value: "K", help: "of the representation (default 5)"),
    .init(name: "--width", value: "W", help: "of the network, at least the rank (default 50)"),
    .init(name: "--inner-samples", value: "M", help: "points of the inner step (default 20)"),
    .init(name: "--outer-samples", value: "M", help: "query points of sampled tasks (default 10)"),
    .init(name: "--noise-variance", value: "S", help: "of the targets (default 4)"),
    .init(
      name: "--spectrum", value: "C,…",
      help: "eigenvalues of the heads' covariance (default 1,2,3,4,5)"),
    .init(name: "--inner-rate", value: "A", help: "of the inner step (default 0.1; relu 0.02)"),
    .init(
      name: "--outer-rate", value: "B",
      help: "of the outer steps (default 0.4; relu 0.002, by Adam)"),
    .init(
      name: "--steps", value: "T", help: "outer steps (default 10000; 1000 with --tasks; relu 4000)"
    ),
    .init(name: "--tasks", value: "N", help: "how many are sampled, or infinite (default)"),
    .init(name: "--test-tasks", value: "N", help: "new tasks to adapt to (default 1000)"),
  ] + StudyOptions.options,
  details: """
    With infinitely many tasks the meta-gradient is that of the expected loss, for fo-anil and anil.
    Signal and orthogonal are squared singular values of B*ᵀB and of (I − B*B*ᵀ)B. The limit of the signal
    is αΛ* = (m/(m+1))(1 − 1/((m+1)c/R + 1)) for each eigenvalue c, R the heads' total variance and the
    noise. Rates: in units where αBBᵀ is of order one, αβ = 0.04 lets the largest eigenvalue of
    the default spectrum grow by a fifth a step, and β < 8α keeps the head stable. Then 1000
    new tasks of 20, 30 and 100 points: the excess risk ‖Bw′ − B*w*‖² after one step, beside ridge
    regressions with the best isotropic penalty. With a relu network signal and orthogonal are of the
    first weights, 25 fresh tasks are drawn a step, and risks are errors on new points.
    """,
  example: "autodiff-demo overparametrize --width 20 --svg width.svg"
) { arguments in
  var study = OverparametrizationStudy()
  let network: NetworkKind = try arguments.choice("--network") ?? .linear
  let shared: SharedRepresentation? = try arguments.choice("--representation")
  let layers = try arguments.wholeNumber("--hidden-layers", in: 1...2)
  if network == .linear, shared != nil || layers != nil {
    throw UserError("overparametrize: --representation and --hidden-layers go with --network relu")
  }
  if network == .relu {
    (study.innerRate, study.outerRate) = (0.02, 0.002)
    (study.dimension, study.steps) = (20, 4000)
  }
  let method: Method = try arguments.choice("--method") ?? .firstOrderANIL
  study.dimension = try arguments.wholeNumber("--dimension", in: 1...200) ?? study.dimension
  study.spectrum = try spectrum(arguments)
  study.width = try arguments.wholeNumber("--width", in: 1...200) ?? study.width
  study.innerSamples =
    try arguments.wholeNumber("--inner-samples", in: 1...100_000_000) ?? study.innerSamples
  study.outerSamples =
    try arguments.wholeNumber("--outer-samples", in: 1...10_000) ?? study.outerSamples
  study.noiseVariance = try arguments.number("--noise-variance", in: 0...1e6) ?? study.noiseVariance
  study.innerRate = try arguments.number("--inner-rate", in: 1e-6...1000) ?? study.innerRate
  study.outerRate = try arguments.number("--outer-rate", in: 0...1000) ?? study.outerRate
  if let word = arguments.value("--tasks"), word != "infinite" {
    study.tasks = try arguments.wholeNumber("--tasks", in: 1...1_000_000)
    study.threads = ProcessInfo.processInfo.activeProcessorCount
    study.steps = 1000
  }
  study.steps = try arguments.wholeNumber("--steps", in: 1...10_000_000) ?? study.steps
  let testTasks = try arguments.wholeNumber("--test-tasks", in: 2...100_000) ?? 1000
  if study.rank > study.dimension {
    throw UserError(
      "overparametrize: rank \(study.rank) is over --dimension \(study.dimension)")
  }
  if study.width < study.rank {
    throw UserError("overparametrize: --width \(study.width) is under the rank \(study.rank)")
  }
  if network == .linear, study.tasks == nil, method.adaptation != .head {
    throw UserError(
      "overparametrize: --method \(method.rawValue) needs --tasks N; only fo-anil and anil have their "
        + "loss on infinitely many tasks written here")
  }
  if study.tasks != nil, study.innerSamples > 10_000 {
    throw UserError(
      "overparametrize: --inner-samples over 10000 goes with infinitely many tasks only")
  }
  let options = try StudyOptions(arguments)
  let progress = Progress(total: options.seeds.count * study.steps)
  let results = try concurrentMap(options.seeds) { [study] seed in
    if network == .relu {
      return try study.runReLU(
        method, seed: seed, hiddenLayers: layers ?? 1, representation: shared ?? .relu,
        testPoints: [20, 30, 100], testTasks: testTasks
      ) { step in
        if step % 50 == 0 { progress.advance("training", by: 50) }
      }
    }
    let run = try study.run(method, seed: seed) { step in
      if step % 50 == 0 { progress.advance("training", by: 50) }
    }
    let risks =
      run.diverged == nil
      ? [20, 30, 100].flatMap { study.risks(run, points: $0, tasks: testTasks) } : []
    return (run: run, risks: risks)
  }
  progress.finish()
  return try options.answer(
    OverparametrizeReport(
      study: study, method: method, network: network, layers: layers ?? 1,
      representation: shared ?? (network == .relu ? .relu : .linear), results: results
    ).result)
}

/// The eigenvalues, as many as the rank if both are given.
private func spectrum(_ arguments: Arguments) throws -> [Double] {
  let rank = try arguments.wholeNumber("--rank", in: 1...200)
  guard let values = try arguments.numbers("--spectrum", in: 1e-6...1e6) else {
    return (1...(rank ?? 5)).map(Double.init)
  }
  if let rank, rank != values.count {
    throw UserError(
      "overparametrize: --spectrum has \("value".counted(values.count)), but --rank is \(rank)")
  }
  return values
}
