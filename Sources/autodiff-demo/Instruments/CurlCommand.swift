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
  ],
  details: """
    J is the Jacobian of the meta-gradient with respect to the initial parameters. It is symmetric where,
    and only where, the field is the gradient of something. With fewer directions than parameters the
    norms are estimates.
    \(NamedProblem.help)
    """,
  example: "autodiff-demo curl Tests/Fixtures/linear-1step.json"
) { arguments in
  let directions = try arguments.wholeNumber("--directions", in: 1...100_000) ?? 64
  let methods: [Method] = [.maml, .firstOrderMAML, .anil, .firstOrderANIL, .joint]
  let named = try arguments.problem(for: methods, seedsMore: true)
  let seed = try arguments.seed()
  let progress = Progress(total: methods.count)
  let tests = try concurrentMap(methods) { method in
    defer { progress.advance(method.rawValue) }
    var generator = SeededGenerator(seed: seed)
    return named.problem.curlTest(method, directions: directions, using: &generator)
  }
  if arguments.has("--json") {
    return Answer(try json(["tests": tests.map(CurlDocument.init)]))
  }
  var table = TextTable(header: ["method", "order", "‖J − Jᵀ‖", "‖J‖", "curl"])
  table.leftAligned = [0, 1]
  for test in tests {
    table.rows.append([
      test.method.rawValue, test.order.description, test.asymmetry.significant(3),
      test.jacobianNorm.significant(4), test.curl.significant(3),
    ])
  }
  let how =
    tests[0].isComplete
    ? "J in full, by \("direction".counted(tests[0].directions))"
    : "norms estimated along \("random direction".counted(tests[0].directions))"
  return Answer(
    """
    \(named.name)
      \(named.problem.summary)

    \(table.text)
      Curl is ‖J − Jᵀ‖ / ‖J‖, zero for the gradient of a function; \(how).

    \(curlVerdict(tests))

    """)
}

func curlVerdict(_ tests: [CurlTest]) -> String {
  let gradients = tests.filter { $0.curl < 1e-12 }.map(\.method.rawValue)
  let others = tests.filter { $0.curl >= 1e-12 }
  if others.isEmpty { return "Every field is a gradient here, to rounding." }
  return "To rounding, \(gradients.list) follow a gradient. "
    + others.map { "\($0.method.rawValue) does not (\($0.curl.significant(2)))" }
    .joined(separator: "; ") + ": no loss is what it descends."
}

private struct CurlDocument: Encodable {
  var method: String
  var order: String
  var asymmetry: Double
  var jacobianNorm: Double
  var curl: Double
  var directions: Int
  var isComplete: Bool

  init(_ test: CurlTest) {
    method = test.method.rawValue
    order = test.order.description
    asymmetry = test.asymmetry
    jacobianNorm = test.jacobianNorm
    curl = test.curl
    directions = test.directions
    isComplete = test.isComplete
  }
}
