import Foundation
import Meta
import Tape

/// `compare`: the main job, exact against first-order meta-gradients of MAML and ANIL.
let compareCommand = Command(
  name: "compare",
  summary: "Compares exact and first-order meta-gradients of MAML and ANIL",
  operands: "[FILE]", operandCount: 0...1,
  options: [.seed("of the problems made here"), .json] + Command.Option.table,
  details: """
    Without FILE: a linear representation problem and sinusoid regression with one and five inner
    steps, at random parameters. FILE is a problem as docs/problem-files.md describes it, or
    with --csv a table; - is standard input. Instructions and multiply-adds are of one meta-gradient over all tasks.
    """,
  example: "autodiff-demo compare Tests/Fixtures/digits-5way-1shot.json"
) { arguments in
  let reports: [ComparedProblem]
  let origin: String
  try arguments.refuseSeedWithFile()
  if let named = try arguments.problemOfFile() {
    reports = [try naming(named.place) { try ComparedProblem(named) }]
    origin = ""
  } else {
    let seed = try arguments.seed()
    reports = try defaultProblems(seed: seed).map { try ComparedProblem($0) }
    origin = " (seed \(seed))"
  }
  if arguments.has("--json") {
    return Answer(try json(["problems": reports.map(ProblemReport.init)]))
  }
  return Answer(
    """
    Meta-gradients of MAML and ANIL, exact against first order\(origin)

    \(reports.map(\.text).joined(separator: "\n"))
    Instructions, and multiply-adds of matrix products, count all tasks; peak memory, one at a time.

    \(conclusion(reports))

    """)
}

/// A problem with both families compared.
struct ComparedProblem {
  var name: String
  var problem: MetaProblem
  var comparisons: [(family: Method, comparison: MetaGradientComparison)]

  init(_ named: NamedProblem) throws {
    (name, problem) = (named.name, named.problem)
    comparisons = try Method.families.map { [problem] family in
      (
        family,
        MetaGradientComparison(
          exact: try problem.checkedMetaGradient(family.exact, by: .unrolled),
          firstOrder: try problem.checkedMetaGradient(family.firstOrder, by: .unrolled))
      )
    }
  }

  /// What is differentiated by.
  private var kind: String { problem.learning == [.parameters] ? "parameters" : "that is learned" }

  var text: String {
    var costs = TextTable(header: MetaGradient.header)
    costs.leftAligned = [0, 1]
    var gaps = TextTable(
      header: ["first order against exact", "cosine", "angle", "norm ratio", "relative error"])
    for (family, comparison) in comparisons {
      for result in [comparison.exact, comparison.firstOrder] {
        costs.rows.append(result.cells)
      }
      gaps.rows.append(["\(family.rawValue), all \(kind)"] + comparison.gap.cells)
      gaps.rows += comparison.parameterGaps.map { name, gap in
        let isSeen = !comparison.firstOrder.notSeen.contains(name)
        return ["  \(name)"] + (isSeen ? gap.cells : ["not seen", "–", "–", "–"])
      }
    }
    let cuts = comparisons.map { "\($0.family.rawValue) \($0.comparison.firstOrder.cuts.count)" }
    let unseen = comparisons.compactMap(\.comparison.firstOrder.unseenNote).map { "\n  \($0)." }
    return """
      \(name)
        \(problem.summary)

      \(costs.text)
      \(gaps.text)
        Derivative paths that first order cuts in each task: \(cuts.list).\(unseen.joined())

      """
  }
}

/// One plain sentence on what the tables show.
func conclusion(_ problems: [ComparedProblem]) -> String {
  let all = problems.flatMap { $0.comparisons.map(\.comparison) }
  if all.allSatisfy(\.firstOrder.cuts.isEmpty) {
    return nothingToCut
  }
  if let unseen = all.first(where: { $0.firstOrder.gradientNorm == 0 })?.firstOrder.unseenNote {
    return "\(unseen)."
  }
  if all.contains(where: { $0.exact.gradientNorm == 0 }) {
    return "A meta-gradient is zero here, so that there is no angle to speak of."
  }
  let angles = all.compactMap(\.gap.angle)
  let ratios = all.filter { $0.firstOrder.cost.multiplyAdds > 0 }.map {
    Double($0.exact.cost.multiplyAdds) / Double($0.firstOrder.cost.multiplyAdds)
  }
  guard let least = angles.min(), let most = angles.max(),
    let cheapest = ratios.min(), let dearest = ratios.max()
  else { return "A meta-gradient is zero here, so that there is no angle to speak of." }
  return
    "\(problems.allSatisfy { $0.problem.learning == [.parameters] } ? "All parameters" : "All that is learned") together, first order points \(range(least, most, 1))° away from the exact "
    + "meta-gradient; the exact one takes \(range(cheapest, dearest, 2)) times the multiply-adds of "
    + "first order."
}

private func range(_ low: Double, _ high: Double, _ decimals: Int) -> String {
  let (low, high) = (low.fixed(decimals), high.fixed(decimals))
  return low == high ? low : "\(low) to \(high)"
}

// MARK: - JSON

private struct ProblemReport: Encodable {
  var name: String
  var methods: [String: MethodReport]
  var gaps: [String: MetaGradientComparison]

  struct MethodReport: Encodable {
    var loss: Double
    var gradientNorm: Double
    var order: Order
    var instructions: Int
    var multiplyAdds: Int
    var peakBytes: Int
    var cuts: [String]
    /// Left out where there are none.
    var notSeen: [String]?

    init(_ result: MetaGradient) {
      (loss, gradientNorm, order) = (result.loss, result.gradientNorm, result.order)
      (instructions, multiplyAdds) = (result.cost.instructions, result.cost.multiplyAdds)
      (peakBytes, cuts) = (result.cost.peakBytes, result.cuts.map(\.description))
      notSeen = result.notSeen.isEmpty ? nil : result.notSeen
    }
  }

  init(_ compared: ComparedProblem) {
    name = compared.name
    let results = compared.comparisons.flatMap { [$0.comparison.exact, $0.comparison.firstOrder] }
    methods = Dictionary(uniqueKeysWithValues: results.map { ($0.method, MethodReport($0)) })
    gaps = Dictionary(
      uniqueKeysWithValues: compared.comparisons.map { ($0.family.rawValue, $0.comparison) })
  }
}
