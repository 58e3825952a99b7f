import Meta
import Nets
import Tape

/// `curl`: whether the update fields of the methods are gradients.
let curlCommand = Command(
  name: "curl",
  summary: "Tests whether each method's update field is a gradient: ‖J − Jᵀ‖ / ‖J‖",
  operands: "[FILE]", operandCount: 0...1,
  options: [
    .init(
      name: "--directions", value: "N",
      help: "the most that are tried (default 64); all coordinates if there are fewer"),
    .seed("of the problem made here, and of random directions"), .json,
  ] + Command.Option.table,
  details: """
    J is the Jacobian of the meta-gradient with respect to the initial parameters. It is symmetric where,
    and only where, the field is the gradient of something. Joint is the gradient of the mean query loss,
    without adaptation. With fewer directions than parameters the
    norms are estimates.
    \(NamedProblem.helpWithPolicies)
    """,
  example: "autodiff-demo curl Tests/Fixtures/linear-1step.json"
) { arguments in
  let directions = try arguments.wholeNumber("--directions", in: 1...100_000) ?? 64
  let seed = try arguments.seed()
  let (name, summary, tests) = try arguments.curls(directions: directions, seed: seed)
  if arguments.has("--json") { return Answer(try json(["tests": tests])) }
  return Answer("\(name)\n  \(summary)\n\n\(CurlTest.text(tests))")
}

extension Arguments {
  /// The curl of each method's field on a network, or of both orders' on policies.
  fileprivate func curls(
    directions: Int, seed: UInt64
  ) throws -> (name: String, summary: String, tests: [CurlTest]) {
    let file = try problemInFile()
    if let named = try policies(file, memory: 6, seedsMore: true) {
      let tests = try [Order.exact, .firstOrder].map { order in
        try named.problem.curl(
          order, directions: directions, seed: seed,
          place: "\(named.name): logits: the Jacobian of \(order)")
      }
      return (named.name, named.problem.summary, tests)
    }
    let methods = Method.allCases
    let named = try checked(network(file), for: methods, memory: 6, seedsMore: true)
    let progress = Progress(total: Double(methods.count))
    let tests = try concurrentMap(methods) { method in
      defer { progress.advance(method.rawValue) }
      return try named.curl(method, directions: directions, seed: seed)
    }
    return (named.name, named.problem.summary, tests)
  }
}

extension BilevelProblem {
  /// The curl of a field, refused where it is not finite; equal seeds give equal directions.
  fileprivate func curl(
    _ order: Order, directions: Int, seed: UInt64, place: String
  ) throws -> CurlTest {
    var generator = SeededGenerator(seed: seed)
    let test = curlTest(order: order, directions: directions, using: &generator)
    if !test.curl.isFinite || !test.jacobianNorm.isFinite {
      throw UserError("\(place) is not finite there")
    }
    return test
  }
}

extension NamedProblem {
  /// The curl of a method's field, refused where it is not finite; equal seeds give equal directions.
  func curl(_ method: Method, directions: Int, seed: UInt64) throws -> CurlTest {
    try problem.adapting(method.adaptation).curl(
      method.order, directions: directions, seed: seed,
      place: "\(name): parameters: the Jacobian of \(method.rawValue)")
  }
}
