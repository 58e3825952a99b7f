import Meta
import Studies

/// What the network of `overparametrize` is.
enum NetworkKind: String, CaseIterable {
  case linear, relu
}

private let settings: [Setting<OverparametrizationStudy>] = [
  .init("--method", "M", names(Method.self) + " (default fo-anil)"),
  .init("--network", "N", "linear (default) or relu"),
  .init("--hidden-layers", "N", "of a relu network, 1 (default) or 2"),
  .init(
    "--representation", "R", "that tasks share with a relu network: relu (default) or linear"),
  .init("--dimension", "D", \.dimension, in: 1...200, "of the inputs", note: "; relu 20"),
  .init("--rank", "K", "of the representation (default 5)"),
  .init("--width", "W", \.width, in: 1...200, "of the network, at least the rank"),
  .init("--inner-samples", "M", \.innerSamples, in: 1...100_000_000, "points of the inner step"),
  .init(
    "--outer-samples", "M", \.outerSamples, in: 1...10_000, "query points of sampled tasks"),
  .init("--noise-variance", "S", \.noiseVariance, in: 0...1e6, "of the targets"),
  .init(
    "--spectrum", "C,…", "eigenvalues of the heads' covariance (default 1,2,3,4,5)"
  ) { $0.spectrum = try spectrum($1) },
  .init(
    "--inner-rate", "A", \.innerRate, in: 1e-6...1000, "of the inner step", note: "; relu 0.02"),
  .init(
    "--outer-rate", "B", \.outerRate, in: 0...1000, "of the outer steps",
    note: "; relu 0.002, by Adam"),
  .init(
    "--steps", "T", \.steps, in: 1...10_000_000, "outer steps",
    note: "; 1000 with --tasks; relu 4000"),
  .init("--tasks", "N", "how many are sampled, or infinite (default)"),
  .init("--test-tasks", "N", "new tasks to adapt to (default 1000)"),
]

/// `overparametrize`: whether a network wider than the representation still learns it.
let overparametrizeCommand = Command(
  name: "overparametrize",
  summary: "Study: does width beyond the representation do harm? (Yüksel et al. 2024)",
  operands: "", operandCount: 0...0,
  options: settings.map(\.option) + StudyOptions.options,
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
  if let word = arguments.value("--tasks"), word != "infinite" {
    study.tasks = try arguments.wholeNumber("--tasks", in: 1...1_000_000)
    study.steps = 1000
  }
  try arguments.read(settings, into: &study)
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
  return try arguments.answer(options.seeds) { [study] seed, piece in
    var study = study
    if study.tasks != nil { study.threads = piece.threads }
    func progress(_ step: Int) {
      if step % 50 == 0 { piece.advance("training", by: 50 / Double(study.steps)) }
    }
    if network == .relu {
      let (run, risks) = try study.runReLU(
        method, seed: seed, hiddenLayers: layers ?? 1, representation: shared ?? .relu,
        testPoints: [20, 30, 100], testTasks: testTasks, progress: progress)
      return OverparametrizeReport.Result(run: run, risks: risks)
    }
    let run = try study.run(method, seed: seed, progress: progress)
    let risks =
      run.diverged == nil
      ? [20, 30, 100].flatMap { study.risks(run, points: $0, tasks: testTasks) } : []
    return OverparametrizeReport.Result(run: run, risks: risks)
  } report: { results in
    try options.answer(
      OverparametrizeReport(
        study: study, method: method, network: network, layers: layers ?? 1,
        representation: shared ?? (network == .relu ? .relu : .linear), results: results
      ).result)
  }
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
