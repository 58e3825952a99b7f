import Meta
import Nets
import Tape

/// `mdp`: what each surrogate of policy gradients drops from a meta-gradient that is known exactly.
let mdpCommand = Command(
  name: "mdp",
  summary:
    "Differentiates adaptation of a policy exactly, and as four surrogates would in expectation",
  operands: "[FILE]", operandCount: 0...1,
  options: [
    .init(
      name: "--route", value: "R", help: names(PolicyRoute.self) + " (default adjoint)"),
    .init(
      name: "--trajectories", value: "N",
      help: "adapt to so many sampled trajectories, all data sets being listed"),
    .seed("of the MDPs made here"), .json,
  ],
  details: """
    FILE holds tabular MDPs as docs/reinforcement-learning.md describes them; - is standard input. Without FILE: two
    small ones at random, on which all surrogates differ. The steps of adaptation are exact in each row; what
    differs is the second derivative on the way back. Where the file has references, all is held against them, and
    the command ends with status 1 if something is off by more than 1e-10 of its largest entry.

    With --trajectories there are two objectives: A, the value after a step up the expected gradient, and B, the mean
    over data sets of the value after a step up the gradient of one. Rows are their gradients, and for each surrogate
    the derivative through the adapted policy alone (path), with that of the probability of the data (score), and with
    the score made linear. FILE needs a horizon, and 1 step; what it knows is not looked at. Without FILE: an MDP of
    2 states, 2 actions and horizon 2.
    """,
  example: "autodiff-demo mdp Tests/Fixtures/mdp/mdp-3x2.json"
) { arguments in
  let route = try arguments.choice("--route") ?? PolicyRoute.adjoint
  try arguments.refuseSeedWithFile()
  let path = arguments.operands.first
  if let count = try arguments.wholeNumber("--trajectories", in: 1...1000) {
    return try sampledAnswer(arguments, trajectories: count, route.route)
  }
  let file = try path.map { try PolicyProblemFile(path: $0) }
  let problem = try file?.problem ?? .small(seed: arguments.seed())
  let comparison = try naming(path ?? "mdp") { try problem.checkedComparison(by: route.route) }
  let agreement = file?.references.map(comparison.error)
  let status: Int32 = agreement.map { $0 <= referenceTolerance } ?? true ? 0 : 1
  if arguments.has("--json") { return Answer(try json(comparison), status: status) }
  let note = agreement.map {
    "Against the references of the file: worst relative error \($0.significant(2)), "
      + "\($0 <= referenceTolerance ? "within" : "OVER") \(referenceTolerance).\n"
  }
  let seed = try arguments.seed()
  let name = path.map(nameOfProblem) ?? "two MDPs, seed \(seed)"
  return Answer("\(name)\n\(comparison)\(note ?? "")", status: status)
}

/// Both objectives, by listing all data sets.
private func sampledAnswer(
  _ arguments: Arguments, trajectories: Int, _ route: Route
) throws -> Answer {
  let path = arguments.operands.first
  let seed = try arguments.seed()
  let expected = try path.map { try PolicyProblemFile(path: $0).problem } ?? .listable(seed: seed)
  let objectives = try naming(path ?? "mdp") {
    let problem = try SampledAdaptationProblem(expected, trajectories: trajectories)
    let objectives = problem.adaptationObjectives(by: route)
    let numbers = objectives.rows.flatMap(\.gradient.elements)
    if !(numbers + [objectives.sampledValue, objectives.expectedValue]).allSatisfy(\.isFinite) {
      throw MetaProblemError(
        "adaptation.learningRate",
        "a meta-gradient is not finite after a step of rate \(expected.learningRate)")
    }
    return objectives
  }
  if arguments.has("--json") { return Answer(try json(objectives)) }
  return Answer("\(path.map(nameOfProblem) ?? "an MDP, seed \(seed)")\n\(objectives)")
}

private let referenceTolerance = 1e-10

/// The routes that see what a surrogate changes.
private enum PolicyRoute: String, CaseIterable {
  case unrolled, adjoint, checkpointed, forward

  var route: Route {
    switch self {
    case .unrolled: .unrolled
    case .adjoint: .adjoint
    case .checkpointed: .checkpointed()
    case .forward: .forward()
    }
  }
}

extension TabularPolicyProblem {
  /// Two processes of three states and two actions, and a policy near the uniform one.
  static func small(seed: UInt64) throws -> TabularPolicyProblem {
    var generator = SeededGenerator(seed: seed)
    let mdps = try (0..<2).map { _ in
      try TabularMDP.random(states: 3, actions: 2, discount: 0.9, using: &generator)
    }
    return try TabularPolicyProblem(
      mdps, logits: .gaussian(Shape(3, 2), deviation: 0.5, using: &generator), steps: 1,
      learningRate: 0.5)
  }

  /// A process of two states, two actions and two times, which has eight trajectories, and a policy near the uniform one.
  static func listable(seed: UInt64) throws -> TabularPolicyProblem {
    var generator = SeededGenerator(seed: seed)
    let mdp = try TabularMDP.random(
      states: 2, actions: 2, discount: 0.9, horizon: 2, using: &generator)
    return try TabularPolicyProblem(
      [mdp], logits: .gaussian(Shape(2, 2), deviation: 0.5, using: &generator), learningRate: 2)
  }

  /// The comparison, refused in one line where it would not fit in memory or is not finite.
  fileprivate func checkedComparison(by route: Route) throws -> SurrogateComparison {
    var largest = self
    largest.surrogate = .naive
    try requireMemory(
      largest.predictedMemory(by: route), "adaptation.steps",
      "\(steps) steps by route \(route.name)")
    let comparison = surrogateComparison(by: route)
    if !comparison.value.isFinite || !comparison.policyGradient.elements.allSatisfy(\.isFinite) {
      throw MetaProblemError("tasks", "the value of the policy, or its gradient, is not finite")
    }
    let isFinite = comparison.rows.allSatisfy { $0.gradient.elements.allSatisfy(\.isFinite) }
    if !isFinite || !comparison.adaptedValue.isFinite {
      throw MetaProblemError(
        "adaptation.learningRate",
        "the meta-gradient is not finite after \("inner step".counted(steps)) of rate \(learningRate)"
      )
    }
    return comparison
  }
}

extension SurrogateComparison {
  /// The largest deviation from what a file knows, relative to the largest entry of each matrix; what is below
  /// 1e-14 of the value in both is rounding.
  fileprivate func error(against references: PolicyProblemFile.References) -> Double {
    let rounding = 1e-14 * abs(references.value)
    func off(_ ours: Matrix, _ theirs: Matrix) -> Double {
      let size = theirs.elements.reduce(0) { max($0, abs($1)) }
      let distance = (ours - theirs).elements.reduce(0) { max($0, abs($1)) }
      return max(distance, size) <= rounding ? 0 : distance / (size > 0 ? size : 1)
    }
    var ours = ["policyGradient": policyGradient]
    for row in rows { ours[row.name] = row.gradient }
    return references.gradients.compactMap { name, theirs in ours[name].map { off($0, theirs) } }
      .reduce(
        max(
          off(Matrix(value), Matrix(references.value)),
          off(Matrix(adaptedValue), Matrix(references.adaptedValue))), max)
  }
}
