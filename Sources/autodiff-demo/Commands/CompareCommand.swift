import Foundation
import Meta
import Tape

/// `compare`: the main job, exact against first-order meta-gradients of MAML and ANIL.
let compareCommand = Command(
  name: "compare",
  summary: "Compares exact and first-order meta-gradients of MAML and ANIL",
  operands: "[FILE]", operandCount: 0...1,
  options: [.seed("of the problems made here"), .json],
  details: """
    Without FILE: a linear representation problem and sinusoid regression with one and five inner
    steps, at random parameters. FILE is a problem as docs/problem-files.md describes it; - is
    standard input. Instructions and multiply-adds are of one meta-gradient over all tasks.
    """,
  example: "autodiff-demo compare Tests/Fixtures/digits-5way-1shot.json"
) { arguments in
  let seed = try arguments.seed()
  let problems: [NamedProblem]
  if let path = arguments.operands.first {
    if arguments.has("--seed") {
      throw UserError("compare: --seed is for the problems made here, but a FILE is given")
    }
    problems = [try .file(path)]
  } else {
    problems = try NamedProblem.all(seed: seed)
  }
  let reports = problems.map(ComparedProblem.init)
  if arguments.has("--json") {
    return Answer(try json(["problems": reports.map(ProblemReport.init)]))
  }
  let origin = arguments.operands.isEmpty ? " (seed \(seed))" : ""
  return Answer(
    "Meta-gradients of MAML and ANIL, exact against first order\(origin)\n\n"
      + reports.map(\.text).joined(separator: "\n") + "\n" + conclusion(reports) + "\n")
}

extension NamedProblem {
  fileprivate static func file(_ path: String) throws -> NamedProblem {
    let problem = try ProblemFile(path: path).problem
    for method in Family.allCases.flatMap(\.methods) {
      _ = try naming(path) { try problem.checkedMetaGradient(method, by: .unrolled) }
    }
    let name =
      path == "-"
      ? "standard input" : URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    let sizes = problem.tasks.map { "\($0.support.inputs.rows)+\($0.query.inputs.rows)" }
    let points = Set(sizes).count == 1 ? "of \(sizes[0]) points" : "of various sizes"
    let parameters = problem.parameters.descriptions.map { "\($0.name) \($0.shape)" }.list
    return NamedProblem(
      name: name,
      description:
        "\(problem.loss.rawValue), parameters \(parameters), \(problem.tasks.count) tasks \(points)",
      problem: problem)
  }
}

/// A problem with both families compared.
struct ComparedProblem {
  var source: NamedProblem
  var comparisons: [(family: Family, comparison: MetaGradientComparison)]

  init(_ source: NamedProblem) {
    self.source = source
    comparisons = Family.allCases.map { ($0, source.problem.comparison($0)) }
  }

  var text: String {
    var costs = TextTable(
      header: [
        "method", "order", "meta-loss", "‖gradient‖", "instructions", "multiply-adds",
        "peak memory",
      ])
    costs.leftAligned = [0, 1]
    var gaps = TextTable(
      header: ["first order against exact", "cosine", "angle", "norm ratio", "relative error"])
    for (family, comparison) in comparisons {
      for result in [comparison.exact, comparison.firstOrder] {
        costs.rows.append([
          result.method.rawValue, result.method.order.rawValue, result.loss.significant(5),
          result.gradientNorm.significant(5), result.cost.instructions.grouped,
          result.cost.multiplyAdds.grouped, result.cost.peakBytes.bytes,
        ])
      }
      gaps.rows.append(["\(family.rawValue), all parameters"] + comparison.gap.cells)
      gaps.rows += comparison.parameterGaps.map { ["  \($0.name)"] + $0.gap.cells }
    }
    let problem = source.problem
    let cuts = comparisons.map { family, comparison in
      "\(family.rawValue) \(comparison.firstOrder.cuts.count)"
    }
    let steps = problem.steps == 1 ? "1 inner step" : "\(problem.steps) inner steps"
    return """
      \(source.name)
        \(source.description), \(steps) of rate \(problem.learningRate)

      \(costs.text)
      \(gaps.text)
        Derivative paths that first order cuts in each task: \(cuts.list).

      """
  }
}

/// One plain sentence on what the tables show.
private func conclusion(_ problems: [ComparedProblem]) -> String {
  let all = problems.flatMap { problem in problem.comparisons.map(\.comparison) }
  let angles = all.compactMap(\.gap.angle)
  let ratios = all.filter { $0.firstOrder.cost.multiplyAdds > 0 }.map {
    Double($0.exact.cost.multiplyAdds) / Double($0.firstOrder.cost.multiplyAdds)
  }
  guard let least = angles.min(), let most = angles.max(),
    let cheapest = ratios.min(), let dearest = ratios.max()
  else { return "A meta-gradient is zero here, so that there is no angle to speak of." }
  return
    "Here first order points \(range(least, most, 1))° away from the exact meta-gradient; to be "
    + "exact takes \(range(cheapest, dearest, 2)) times its multiply-adds."
}

private func range(_ low: Double, _ high: Double, _ decimals: Int) -> String {
  let (low, high) = (low.fixed(decimals), high.fixed(decimals))
  return low == high ? low : "\(low) to \(high)"
}

extension GradientGap {
  /// The angle in degrees, from the distance of the two directions, which is exact for small ones.
  var angle: Double? {
    guard let cosine, let normRatio, let relativeError else { return nil }
    // ‖f/‖f‖ − e/‖e‖‖² = (error² − (ratio − 1)²) / ratio = 2 − 2 cos
    let chord = max(0, (relativeError * relativeError - (normRatio - 1) * (normRatio - 1)))
    let half = (chord / normRatio).squareRoot() / 2
    let angle = cosine < 0.5 ? acos(cosine) : 2 * asin(min(1, half))
    return angle * 180 / .pi
  }

  fileprivate var cells: [String] {
    [
      cosine?.fixed(4) ?? "–", angle.map { $0.fixed(1) + "°" } ?? "–",
      normRatio?.fixed(4) ?? "–", relativeError?.significant(3) ?? "–",
    ]
  }
}

extension MetaGradient {
  /// The length of the gradient, all parameters together.
  var gradientNorm: Double {
    gradient.values.flatMap(\.elements).reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}

// MARK: - JSON

private struct ProblemReport: Encodable {
  var name: String
  var methods: [String: MethodReport]
  var gaps: [String: GapReport]

  struct MethodReport: Encodable {
    var loss: Double
    var gradientNorm: Double
    var order: String
    var instructions: Int
    var multiplyAdds: Int
    var peakBytes: Int
    var cuts: [String]
  }

  struct GapReport: Encodable {
    var cosine: Double?
    var normRatio: Double?
    var relativeError: Double?
    var parameters: [ParameterReport]
  }

  struct ParameterReport: Encodable {
    var name: String
    var cosine: Double?
    var normRatio: Double?
    var relativeError: Double?
  }

  init(_ compared: ComparedProblem) {
    name = compared.source.name
    methods = [:]
    gaps = [:]
    for (family, comparison) in compared.comparisons {
      for result in [comparison.exact, comparison.firstOrder] {
        methods[result.method.rawValue] = MethodReport(
          loss: result.loss, gradientNorm: result.gradientNorm,
          order: result.method.order.rawValue, instructions: result.cost.instructions,
          multiplyAdds: result.cost.multiplyAdds, peakBytes: result.cost.peakBytes,
          cuts: result.cuts.map(\.description))
      }
      gaps[family.rawValue] = GapReport(
        cosine: comparison.gap.cosine, normRatio: comparison.gap.normRatio,
        relativeError: comparison.gap.relativeError,
        parameters: comparison.parameterGaps.map {
          ParameterReport(
            name: $0.name, cosine: $0.gap.cosine, normRatio: $0.gap.normRatio,
            relativeError: $0.gap.relativeError)
        })
    }
  }
}
