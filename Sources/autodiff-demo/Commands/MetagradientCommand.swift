import Meta
import Tape

/// `metagradient`: one meta-gradient as JSON, for checking against another framework.
let metagradientCommand = Command(
  name: "metagradient",
  summary: "Prints the meta-gradient of a problem file as JSON",
  operands: "FILE", operandCount: 1...1,
  options: [
    .init(name: "--method", value: "M", help: names(Method.self) + "; needed"),
    .init(
      name: "--last-steps", value: "K",
      help: "differentiate the last K inner steps, and cut the others"),
    .init(name: "--json", help: "accepted and without effect: the answer is always JSON"),
  ] + Command.Option.route + Command.Option.table,
  details: """
    FILE is a problem as docs/problem-files.md describes it, or with --csv a table; - is standard input.
    Answers {"method","route","loss","gradient":[{"name","rows","columns","values"}]},
    values row by row, with digits that give the same numbers back; "notSeen" with the names of what the order or
    the route says nothing of; "caveat" with what is to be known of the route; and "evidence", what is known of the
    answer by task.
    """,
  example: "autodiff-demo metagradient Tests/Fixtures/linear-1step.json --method maml"
) { arguments in
  guard let method: Method = try arguments.choice("--method") else {
    throw UserError("metagradient: --method is missing; it is one of \(names(Method.self))")
  }
  let route = try arguments.route()
  guard let named = try arguments.problemOfFile() else {
    throw UserError("metagradient: FILE is missing")
  }
  let last = try arguments.wholeNumber("--last-steps", in: 0...MetaProblem.maximumSteps)
  if last != nil, method.order != .exact {
    throw UserError(
      "metagradient: --last-steps is for exact methods, but \(method.rawValue) cuts all")
  }
  let (result, caveat) = try naming(named.place) {
    try named.problem.checkedMetaGradient(
      method, order: last.map(Order.lastSteps) ?? method.order, by: route)
  }
  return Answer(try json(MetaGradientAnswer(result: result, caveat: caveat)))
}

/// A meta-gradient, with what is to be known of its route where there is something.
private struct MetaGradientAnswer: Encodable {
  let result: MetaGradient
  let caveat: String?

  func encode(to encoder: any Encoder) throws {
    try result.encode(to: encoder)
    if let caveat {
      let object: JSONObject = ["caveat": caveat]
      try object.encode(to: encoder)
    }
  }
}
