import Meta
import Studies

private let settings: [Setting<RepresentationStudy>] = [
  .init("--dimension", "D", \.dimension, in: 1...200, "of the inputs"),
  .init("--rank", "K", \.rank, in: 1...200, "of the representation"),
  .init("--tasks", "N", \.tasks, in: 1...10_000, "fresh ones in each outer step"),
  .init("--inner-rate", "A", \.innerRate, in: 0...1000, "of the inner step"),
  .init("--outer-rate", "B", \.outerRate, in: 0...1000, "of the outer steps"),
  .init("--steps", "T", \.steps, in: 1...1_000_000, "outer steps"),
  .init("--diversity", "M", \.diversity, in: 0...1000, "deviation of the last head entry"),
  .init("--head-mean", "M", \.headMean, in: -1000...1000, "mean of every head entry"),
  .init(
    "--initial-distance", "S", "sine of the largest angle to the truth, or random (default)"
  ) { study, arguments in
    if arguments.value("--initial-distance") == "random" { return }
    study.initialDistance = try arguments.number("--initial-distance", in: 0...1)
  },
  .init("--inner-samples", "M", "support points (default: population losses)"),
  .init("--outer-samples", "M", "query points (default: population losses)"),
  .init("--noise", "S", \.noise, in: 0...1000, "standard deviation of targets of samples"),
]

/// `represent`: which methods learn the representation that linear tasks share.
let representCommand = Command(
  name: "represent",
  summary: "Study: which methods learn a shared linear representation (Collins et al. 2022)",
  operands: "", operandCount: 0...0,
  options: settings.map(\.option) + StudyOptions.options,
  details: """
    Tasks are y = ⟨B* w*, x⟩ with orthonormal B* (dimension × rank) and normal heads w*. The distance is
    the sine of the largest principal angle between B and B*: 1 is nothing learnt, 0 is all. The start
    has αBᵀB = I and w = 0. Beside it: the cosine between the exact and the first-order
    meta-gradient where each method is, the singular values of B, and the smallest eigenvalue of the
    mean of wᵢwᵢᵀ over adapted heads, which drives the representation in all directions.
    """,
  example: "autodiff-demo represent --diversity 0.3 --seeds 5 --svg represent.svg"
) { arguments in
  var study = RepresentationStudy()
  try arguments.read(settings, into: &study)
  let inner = try arguments.wholeNumber("--inner-samples", in: 1...10_000)
  let outer = try arguments.wholeNumber("--outer-samples", in: 1...10_000)
  switch (inner, outer) {
  case (nil, nil):
    if study.noise > 0 {
      throw UserError(
        "represent: --noise needs --inner-samples and --outer-samples; to population losses it adds a"
          + " constant")
    }
  case (let inner?, let outer?): study.samples = (inner, outer)
  default:
    throw UserError("represent: --inner-samples and --outer-samples go together")
  }
  if study.rank > study.dimension {
    throw UserError("represent: --rank \(study.rank) is over --dimension \(study.dimension)")
  }
  if study.initialDistance != nil, 2 * study.rank > study.dimension {
    throw UserError(
      "represent: --initial-distance needs --dimension of at least twice --rank, but they are "
        + "\(study.dimension) and \(study.rank)")
  }
  let options = try StudyOptions(arguments)
  return try arguments.answer(
    options.seeds.flatMap { seed in representMethods.map { (method: $0, seed: seed) } },
    cost: \.method.relativeCost
  ) { [study] piece, _ in
    try study.run(piece.method, seed: piece.seed)
  } report: { curves in
    try options.answer(representResult(study, curves))
  }
}

private let representMethods: [Method] = [.joint, .firstOrderANIL, .anil, .firstOrderMAML, .maml]

private func representResult(
  _ study: RepresentationStudy, _ curves: [RepresentationStudy.Curve]
) throws -> StudyResult {
  StudyResult(
    table: representTable(study, curves), verdict: representVerdict(curves),
    json: try json(representJSON(study, curves)), csv: representCSV(curves),
    figure: representFigure(curves))
}

/// Whether the method learnt the representation: for the table, the verdict and the tests.
enum Outcome: String {
  case recovered, partial, stuck, diverged

  init(_ curve: RepresentationStudy.Curve) {
    let (first, last) = (curve.distance.first ?? 1, curve.distance.last ?? 1)
    self =
      curve.diverged != nil
      ? .diverged : last < 1e-3 ? .recovered : last < 0.5 * first ? .partial : .stuck
  }
}

private func representTable(
  _ study: RepresentationStudy, _ curves: [RepresentationStudy.Curve]
) -> String {
  let losses =
    study.samples.map { "\($0.inner) + \($0.outer) samples" } ?? "population losses"
  var table = TextTable(
    header: [
      "method", "seed", "distance at start", "at a quarter", "half", "end", "least cosine",
      "outcome",
    ])
  table.leftAligned = [0, 7]
  for curve in curves {
    let count = curve.distance.count
    func at(_ share: Double) -> String {
      curve.distance[min(count - 1, Int(share * Double(count - 1)))].significant(2)
    }
    let outcome = Outcome(curve)
    table.rows.append([
      curve.method.rawValue, "\(curve.seed)", at(0), at(0.25), at(0.5), at(1),
      curve.cosine.compactMap(\.self).min()?.fixed(4) ?? "–",
      curve.diverged.map { "diverged at step \($0)" } ?? outcome.rawValue,
    ])
  }
  return """
    Representation learning, dimension \(study.dimension), rank \(study.rank), \
    \(study.tasks) tasks a step, \(losses), \(study.steps) steps

    \(table.text)
    """
}

private func representVerdict(_ curves: [RepresentationStudy.Curve]) -> String {
  func methods(_ wanted: Outcome...) -> [String] {
    representMethods.filter { method in
      let own = curves.filter { $0.method == method }
      return own.allSatisfy { wanted.contains(Outcome($0)) }
    }.map(\.rawValue)
  }
  let learnt = methods(.recovered)
  let failed = methods(.stuck, .diverged)
  let claim =
    learnt.count == 4 && failed == ["joint"]
    ? "The claim held in this run: "
    : "The claim (all but joint learn the representation) did not hold in full in this run: "
  let rest = representMethods.map(\.rawValue).filter {
    !learnt.contains($0) && !failed.contains($0)
  }
  return claim
    + [
      learnt.isEmpty ? nil : "\(learnt.list) recovered it",
      rest.isEmpty ? nil : "\(rest.list) in part or on some seeds",
      failed.isEmpty ? nil : "\(failed.list) did not",
    ].compactMap(\.self).joined(separator: "; ") + "."
}

private func representCSV(_ curves: [RepresentationStudy.Curve]) -> CSV {
  let width = curves.first?.singularValues.first?.count ?? 0
  var csv = CSV(
    header: ["method", "seed", "step", "distance", "cosine", "headDiversity"]
      + (0..<width).map { "singularValue\($0 + 1)" })
  for curve in curves {
    for index in curve.steps.indices {
      csv.rows.append(
        [
          curve.method.rawValue, "\(curve.seed)", "\(curve.steps[index])",
          CSV.cell(curve.distance[index]), curve.cosine[index].map(CSV.cell) ?? "",
          CSV.cell(curve.headDiversity[index]),
        ] + curve.singularValues[index].map(CSV.cell))
    }
  }
  return csv
}

private func representFigure(_ curves: [RepresentationStudy.Curve]) -> Figure {
  func panel(
    _ title: String, _ y: Axis, _ value: (RepresentationStudy.Curve, Int) -> Double?
  ) -> Figure.Panel {
    var panel = Figure.Panel(title: title, x: Axis(label: "outer steps", isWhole: true), y: y)
    for (index, method) in representMethods.enumerated() {
      panel.addMedian(
        .init(index),
        of: curves.filter { $0.method == method }.map { curve in
          curve.steps.indices.map { (curve.steps[$0], value(curve, $0)) }
        })
    }
    return panel
  }
  let seeds = Set(curves.map(\.seed)).count
  var figure = Figure(
    title: "Learning a shared representation"
      + (seeds > 1 ? ", median and quartiles of \(seeds) seeds" : ""),
    panels: [
      panel(
        "Distance to the truth",
        Axis(label: "sine of the largest principal angle", isLogarithmic: true)
      ) { max($0.distance[$1], 1e-16) },
      panel("First order beside exact", Axis(label: "cosine of the meta-gradients")) {
        $0.cosine[$1]
      },
      panel("Task diversity", Axis(label: "smallest eigenvalue of Ψ", isLogarithmic: true)) {
        $0.headDiversity[$1]
      },
      panel("Condition of B", Axis(label: "largest over smallest singular value")) {
        let values = $0.singularValues[$1]
        return (values.first ?? 1) / (values.last ?? 1)
      },
    ])
  figure.legend = representMethods.enumerated().map {
    .init(style: .init($0), name: $1.rawValue)
  }
  return figure
}

private func representJSON(
  _ study: RepresentationStudy, _ curves: [RepresentationStudy.Curve]
) -> JSONObject {
  var settings: JSONObject = [
    "dimension": study.dimension, "rank": study.rank, "tasks": study.tasks,
    "innerRate": study.innerRate, "outerRate": study.outerRate, "steps": study.steps,
    "diversity": study.diversity, "headMean": study.headMean, "noise": study.noise,
  ]
  settings["initialDistance"] = study.initialDistance
  settings["innerSamples"] = study.samples?.inner
  settings["outerSamples"] = study.samples?.outer
  let curves = curves.map { curve -> JSONObject in
    [
      "method": curve.method, "seed": curve.seed, "steps": curve.steps,
      "distance": curve.distance, "cosine": curve.cosine, "diverged": curve.diverged,
      "singularValues": curve.singularValues, "headDiversity": curve.headDiversity,
    ]
  }
  return ["settings": settings, "curves": curves]
}
