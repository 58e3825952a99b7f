import Meta
import Studies

private let defaultRates = [0.1, 0.25, 0.5, 0.75, 1]

private let settings: [Setting<TradeoffStudy>] = [
  .init(
    "--inner-rates", "A,…",
    "of the inner step (default \(defaultRates.map(\.upToSixDigits).joined(separator: ",")))"),
  .init("--trials", "N", \.trials, in: 1...1_000_000, "draws for each cell of the map"),
  .init("--dimension", "P", \.dimension, in: 1...20, "of the inputs, up to 20"),
  .init("--scale", "B", \.scale, in: 1e-6...1e6, "largest coefficient and variance"),
]

extension TradeoffStudy {
  fileprivate var dimension: Int {
    get { tasks.dimension }
    set { tasks = RandomRegression(dimension: newValue, scale: scale) }
  }
  fileprivate var scale: Double {
    get { tasks.scale }
    set { tasks = RandomRegression(dimension: dimension, scale: newValue) }
  }
}

/// `tradeoff`: when it is worth modelling adaptation.
let tradeoffCommand = Command(
  name: "tradeoff",
  summary: "Study: modelling error against optimisation error (Gao and Sener 2020)",
  operands: "", operandCount: 0...0,
  options: settings.map(\.option) + StudyOptions.options,
  details: """
    Tasks are y = ⟨θ, x⟩ + noise with θ from U(0, scale), inputs from N(0, Q) where Q has the eigenvalues
    θ, and noise variance from U(0, scale). The map says how often MAML's solution on M tasks of 2N points
    has a lower expected loss than joint training's, before and after one step; over one half, MAML is the
    better choice. Stochastic training takes 10 fresh tasks a step; one step of MAML counts as two
    gradient evaluations a task. Several seeds are averaged.
    """,
  example: "autodiff-demo tradeoff --inner-rates 0.5 --svg tradeoff.svg"
) { arguments in
  var study = TradeoffStudy()
  try arguments.read(settings, into: &study)
  let rates = try arguments.numbers("--inner-rates", in: 0...1e6) ?? defaultRates
  let options = try StudyOptions(arguments)

  let (seeds, counts) = (options.seeds, study.counts)
  let map = seeds.flatMap { seed in
    counts.flatMap { tasks in
      counts.map { TradeoffPiece.cells(seed: seed, tasks: tasks, samples: $0) }
    }
  }
  let trainings = seeds.flatMap { seed in
    rates.map { TradeoffPiece.training(seed: seed, rate: $0) }
  }
  let checks = rates.map { TradeoffPiece.check(seed: seeds[0], rate: $0) }
  return try arguments.answer(map + trainings + checks, cost: { $0.cost(in: study) }) {
    [study] piece, _ in
    try piece.record(of: study, rates: rates)
  } report: { records in
    try options.answer(
      TradeoffReport(
        study: study, rates: rates, cells: mean(records.compactMap(\.cells), seeds.count, study),
        training: mean(records.compactMap(\.training).flatMap(\.self), rates),
        checks: records.compactMap(\.distance), seeds: seeds
      ).result)
  }
}

/// A piece of a run of `tradeoff`.
private enum TradeoffPiece {
  /// A cell of the map, at all rates.
  case cells(seed: UInt64, tasks: Int, samples: Int)
  /// Stochastic training by both methods.
  case training(seed: UInt64, rate: Double)
  /// Whether training through the engine ends at the closed forms.
  case check(seed: UInt64, rate: Double)

  /// How long it takes, relative to a trial of one task.
  func cost(in study: TradeoffStudy) -> Double {
    switch self {
    case .cells(_, let tasks, _): Double(study.trials * tasks)
    case .training: Double(9 * study.repeats * study.steps * study.batch)
    case .check: 2000
    }
  }

  func record(of study: TradeoffStudy, rates: [Double]) throws -> TradeoffRecord {
    switch self {
    case .cells(let seed, let tasks, let samples):
      return TradeoffRecord(
        cells: study.cells(rates: rates, tasks: tasks, samples: samples, seed: seed))
    case .training(let seed, let rate):
      return TradeoffRecord(training: try study.training(rate: rate, seed: seed))
    case .check(let seed, let rate):
      let distances = try [(10, 25), (25, 10)].map { tasks, samples in
        try study.distanceOfTraining(
          rate: rate, tasks: tasks, samples: max(samples, 2 * study.tasks.dimension), seed: seed)
      }
      return TradeoffRecord(distance: distances.map { max($0.joint, $0.maml) }.max())
    }
  }
}

/// What a piece has yielded.
private struct TradeoffRecord: Codable {
  var cells: [TradeoffStudy.Cell]?
  var training: [TradeoffStudy.Training]?
  var distance: Double?
}

/// The cells of each position in the map, averaged over seeds.
private func mean(
  _ cells: [[TradeoffStudy.Cell]], _ seeds: Int, _ study: TradeoffStudy
) -> [TradeoffStudy.Cell] {
  let size = study.counts.count * study.counts.count
  return (0..<size).flatMap { position in
    let same = (0..<seeds).map { cells[$0 * size + position] }
    return same[0].indices.map { rate in
      TradeoffStudy.Cell(
        innerRate: same[0][rate].innerRate, tasks: same[0][rate].tasks,
        samples: same[0][rate].samples,
        before: SampleMean(same.map { $0[rate].before }).mean,
        after: SampleMean(same.map { $0[rate].after }).mean)
    }
  }
}

/// Trainings of equal rate and method, averaged over seeds.
private func mean(
  _ all: [TradeoffStudy.Training], _ rates: [Double]
) -> [TradeoffStudy.Training] {
  rates.flatMap { rate in
    [Method.joint, .maml].compactMap { method in
      let same = all.filter { $0.innerRate == rate && $0.method == method }
      return same.first.map { first in
        first.averaged(
          excess: first.excess.indices.map { step in SampleMean(same.map { $0.excess[step] }).mean
          },
          smoothness: SampleMean(same.map(\.smoothness)).mean,
          variance: SampleMean(same.map(\.gradientVariance)).mean)
      }
    }
  }
}
